"""Turn the vectors of one model into the space of another, so that words can be compared across.

The best rotation in the sense of least squares is W = U Vᵀ, where U S Vᵀ is the singular value
decomposition of Xᵀ Y, rows of X and Y being the vectors of pairs of words, of length 1 (Schönemann,
"A generalized solution of the orthogonal Procrustes problem", 1966; length 1: Xing, Wang, Liu and
Lin, NAACL 2015). A rotation keeps all that the vectors say among themselves.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import search
from .errors import EvaluationError, FormatError
from .vectors import Vectors

if TYPE_CHECKING:
    from .types import Array, Bools, Doubles, Floats, Ids

    Pairs = Iterable[tuple[str, str]]

_HELD_OUT, _MOST_HELD_OUT = 0.1, 1000
_AMONG = 20_000
_NEIGHBOURS = 10  # of CSLS
_AT_ONCE = 1 << 24  # cosines held at once


@dataclass(frozen=True)
class Alignment:
    """Vectors turned into another space, and how well that went.

    Attributes:
        vectors: The source's tokens with their new vectors; cosines among them are unchanged.
        rotation: (dim, dim) float64. New rows are old rows times this.
        pairs: Pairs of words that it was found from.
        lost: Pairs of the dictionary of which a word is in neither model.
        held_out: Pairs that were left out once, to see whether they are found.
        precision: Of those, the share whose partner is the nearest word by cosine, is among the
            five nearest, and the same by CSLS; None where none was held out. Sought among the
            first 20,000 tokens of the target.
    """

    vectors: Vectors
    rotation: Doubles
    pairs: int
    lost: int
    held_out: int
    precision: dict[str, float] | None


def align(
    source: Vectors,
    target: Vectors,
    dictionary: str | os.PathLike[str] | Pairs | None = None,
    *,
    seed: int = 1,
) -> Alignment:
    """Turn `source` into the space of `target`.

    Args:
        source: Vectors to turn.
        target: Vectors of the same dim, of another language, time or seed.
        dictionary: Pairs (word of the source, word of the target), or a file with a pair a line,
            parted by a tab or a blank. None: words that both have, as for two models of one
            language (Hamilton, Leskovec and Jurafsky, ACL 2016).
        seed: Of the draw of the pairs that are held out: a tenth, at most 1,000.

    Raises:
        ValueError: The dims differ.
        EvaluationError: No pair has both words in the models.
        FormatError: A line of the file holds no pair.
        OSError: The file cannot be read.
    """
    if source.dim != target.dim:
        raise ValueError(
            f"both models must have the same dim, got {source.dim} and {target.dim}: train one of "
            "them anew with the dim of the other"
        )
    ids, lost = _ids_of(source, target, dictionary)
    if len(ids) < source.dim:
        warnings.warn(
            f"{len(ids):,} pairs do not determine a rotation in {source.dim} dimensions; use more "
            "pairs, or models of a smaller dim",
            RuntimeWarning,
            stacklevel=2,
        )
    x, y = _units(source, ids[:, 0]), _units(target, ids[:, 1])
    out = _held_out(ids, target, seed)
    precision = None
    if out.any() and not out.all():
        precision = _precision(source, target, ids[out], procrustes(x[~out], y[~out]))
    rotation = procrustes(x, y)
    return Alignment(
        vectors=Vectors(
            source.tokens, _rows(source) @ rotation.astype(np.float32), source.counts,
            tokenizer=source.tokenizer,
        ),
        rotation=rotation, pairs=len(ids), lost=lost, held_out=int(out.sum()), precision=precision,
    )  # fmt: skip


def procrustes(x: Array, y: Array) -> Doubles:
    """Return (dim, dim) float64: the orthogonal W that makes |X W - Y| smallest.

    Args:
        x: (pairs, dim).
        y: (pairs, dim).
    """
    u, _, vt = np.linalg.svd(x.T.astype(np.float64) @ y)
    rotation: Doubles = u @ vt
    return rotation


def read_dictionary(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Read a pair a line, parted by a tab or, where there is none, by a blank.

    Raises:
        FormatError: A line holds no pair; or there is none at all.
        OSError: The file cannot be read.
    """
    pairs = []
    for number, line in enumerate(Path(path).read_bytes().split(b"\n"), 1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError as error:
            raise FormatError(f"{path}:{number}: not UTF-8.") from error
        words = text.split("\t" if "\t" in text else None)
        if len(words) == 2:
            pairs.append((words[0].strip(), words[1].strip()))
        elif words:
            raise FormatError(
                f"{path}:{number}: expected two words, parted by a tab or a blank, got "
                f"{text[:60]!r}."
            )
    if not pairs:
        raise FormatError(f"{path}:1: expected pairs of words, the file holds none.")
    return pairs


def _ids_of(
    source: Vectors, target: Vectors, dictionary: str | os.PathLike[str] | Pairs | None
) -> tuple[Ids, int]:
    """Return the pairs that have vectors, (pairs, 2) int64, and how many have none."""
    if dictionary is None:
        pairs: Sequence[tuple[str, str]] = [(t, t) for t in source.tokens if t in target]
    elif isinstance(dictionary, str | os.PathLike):
        pairs = read_dictionary(dictionary)
    else:
        pairs = list(dictionary)
    found = np.array(
        [(source.tokens.find(a), target.tokens.find(b)) for a, b in pairs], np.int64
    ).reshape(-1, 2)
    used = (found >= 0).all(axis=1)
    if not used.any():
        raise EvaluationError(
            "the models have no word in common: give a dictionary of pairs (dictionary=, "
            "--dictionary)."
            if dictionary is None
            else f"of {len(pairs):,} pairs of the dictionary none has its first word in the source "
            "and its second in the target. Are they the other way round?"
        )
    return found[used], int((~used).sum())


def _rows(vectors: Vectors) -> Floats:
    rows: Floats = vectors.matrix.astype(np.float32)
    return rows if vectors.scales is None else rows * vectors.scales[:, None]


def _units(vectors: Vectors, ids: Ids) -> Array:
    return search.unit(vectors.matrix[ids])


def _held_out(ids: Ids, target: Vectors, seed: int) -> Bools:
    """Choose pairs whose partner is among the words that are sought among."""
    fit = np.flatnonzero(ids[:, 1] < _AMONG)
    num = min(_MOST_HELD_OUT, int(_HELD_OUT * len(fit)))
    out = np.zeros(len(ids), np.bool_)
    out[np.random.default_rng(seed).permutation(fit)[:num]] = True
    # A word with several translations is held out with all of them.
    return out | np.isin(ids[:, 0], ids[out, 0])


def _precision(source: Vectors, target: Vectors, ids: Ids, rotation: Doubles) -> dict[str, float]:
    words, place = np.unique(ids[:, 0], return_inverse=True)
    queries = _units(source, words) @ rotation
    among = search.unit(target.matrix[:_AMONG])
    own = search.unit(source.matrix[:_AMONG]) @ rotation
    density = _mean_of_nearest(among, own)  # (among,): how crowded each target word is
    cosines = queries @ among.T
    scores = {"cosine": cosines, "csls": 2 * cosines - density}
    result = {}
    for name, table in scores.items():
        order = np.argsort(-table, axis=1, kind="stable")[:, :5]
        hits = order[place] == ids[:, 1:]  # (pairs, 5)
        for k in (1, 5):
            right = np.zeros(len(words), np.bool_)
            np.logical_or.at(right, place, hits[:, :k].any(axis=1))
            result[f"{name}@{k}"] = float(right.mean())
    return result


def _mean_of_nearest(rows: Array, others: Array) -> Array:
    """Return (rows,): the mean cosine of each row with its ten nearest among others, all units.

    The r of CSLS (Conneau, Lample, Ranzato, Denoyer and Jégou, ICLR 2018, section 2.3). The r of
    the query itself is the same for all its answers, and so left out.
    """
    k = min(_NEIGHBOURS, len(others))
    step = max(1, _AT_ONCE // len(others))
    parts = [
        np.partition(rows[start : start + step] @ others.T, -k, axis=1)[:, -k:].mean(axis=1)
        for start in range(0, len(rows), step)
    ]
    return np.concatenate(parts)
