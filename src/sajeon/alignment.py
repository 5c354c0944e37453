"""Two models in one space: a rotation that brings the vectors of one near those of the other."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from .csls import csls, ranks
from .formats.dictionary import read_dictionary
from .search import unit
from .subwords import Subwords
from .types import Array, Bools, Doubles, Floats, Ids
from .vectors import Vectors

Dictionary: TypeAlias = "str | os.PathLike[str] | Iterable[tuple[str, str]] | Mapping[str, str]"

_CHUNK = 1 << 13  # rows worked on at a time
_MOST_TESTED = 1000


@dataclass(frozen=True)
class Precision:
    """How often the right word of the target is among the nearest to a word of the source.

    Measured on words that were held out while the rotation was learned.

    Attributes:
        words: Words of the source that were looked up.
        among: Words of the target among which the answer was looked for.
        nearest_1: Share whose nearest word by cosine is right.
        nearest_5: Share with a right word among the 5 nearest.
        csls_1: As `nearest_1`, by CSLS, which takes off that some words are near to all.
        csls_5: As `nearest_5`, by CSLS.
    """

    words: int
    among: int
    nearest_1: float
    nearest_5: float
    csls_1: float
    csls_5: float


@dataclass(frozen=True)
class Alignment:
    """What `align` gives.

    Attributes:
        vectors: The source in the space of the target; tokens, counts and tokenizer are its own.
        rotation: (source dim, target dim) float64, with orthonormal rows.
        pairs: How many pairs the rotation was learned from.
        lost: Pairs of the dictionary of which a word is in neither model, or has no direction.
        precision: None where too few pairs are known to hold any out.
    """

    vectors: Vectors
    rotation: Doubles
    pairs: int
    lost: int
    precision: Precision | None


def align(
    source: Vectors,
    target: Vectors,
    dictionary: Dictionary | None = None,
    *,
    centre: bool = False,
    held_out: float = 0.1,
    restrict: int = 20_000,
    seed: int = 1,
) -> Alignment:
    """Rotate the vectors of one model into the space of another.

    The rotation W minimises the sum of ``|x W - y|^2`` over the pairs of a dictionary, their
    vectors scaled to length 1 (Xing et al., 2015): with ``U S V' = X' Y`` it is ``U V'``
    (Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966). Cosines
    within the source stay what they are, unless `centre` is set.

    Args:
        source: What is rotated.
        target: Into whose space; of the same dimension or a larger one.
        dictionary: Pairs of a word of the source and one of the target: a file (two words a line,
            a tab or blanks between), a list of pairs or a mapping. None: the tokens that both
            have, for two models of one language (Hamilton, Leskovec and Jurafsky, 2016).
        centre: First subtract from the unit vectors of each model their mean, and give the rotated
            ones that of the target (Artetxe, Labaka and Agirre, 2016). Subwords are then lost,
            since the map is no longer linear.
        held_out: Share of the words of the dictionary, 0 to below 1, at most 1,000, that the
            precision is measured on. They are held out for that only: the rotation returned is of
            all pairs.
        restrict: The precision is measured among the first so many tokens of each model.
        seed: Of the draw of the words held out.

    Raises:
        FormatError: A line of the file is no pair.
        ValueError: No pair is known; the source has more dimensions than the target; or a setting
            cannot be used.

    Warns:
        RuntimeWarning: There are fewer pairs than dimensions: the rotation is not determined.
    """
    _check(source, target, held_out, restrict)
    pairs, lost = _known_pairs(source, target, dictionary)
    spaces = _Space(source, centre=centre), _Space(target, centre=centre)
    tested = _drawn(pairs, held_out, restrict, seed)
    some, rest = (_products(spaces, pairs[which]) for which in (tested, ~tested))
    precision = None
    if tested.any():
        precision = _precision(spaces, _rotation(rest), pairs[tested], restrict)
    if len(pairs) < source.dim:
        warnings.warn(
            f"{len(pairs):,} pairs are known for {source.dim} dimensions: the rotation is not "
            "determined by them; give at least as many, better ten times as many",
            RuntimeWarning,
            stacklevel=2,
        )
    rotation = _rotation(some + rest)
    return Alignment(_rotated(spaces, rotation, len(pairs)), rotation, len(pairs), lost, precision)


def _check(source: Vectors, target: Vectors, held_out: float, restrict: int) -> None:
    if source.dim > target.dim:
        raise ValueError(
            f"the source has {source.dim} dimensions and the target {target.dim}: a rotation into "
            "fewer loses some; align the other way round, or train both with the same dim."
        )
    if not 0 <= held_out < 1:
        raise ValueError(f"held_out must be a share from 0 to below 1, got {held_out!r}")
    if restrict < 1:
        raise ValueError(f"restrict must be 1 or more, got {restrict!r}")


class _Space:
    """The unit vectors of a model, with their mean taken off if so wished."""

    def __init__(self, vectors: Vectors, *, centre: bool) -> None:
        self.vectors, self.centre = vectors, centre
        self.mean: Doubles = np.zeros(vectors.dim)
        if centre:
            for ids in self.chunks():
                self.mean += unit(_finite(self.vectors._rows(ids))).sum(axis=0)
            self.mean /= len(vectors)

    def chunks(self) -> Iterator[Ids]:
        """Yield all ids, some thousand at a time."""
        for start in range(0, len(self.vectors), _CHUNK):
            yield np.arange(start, min(start + _CHUNK, len(self.vectors)))

    def units(self, ids: Ids) -> Doubles:
        """Return what the rotation is of: (ids, dim) float64, of length 1 before any mean."""
        units: Doubles = unit(_finite(self.vectors._rows(ids))) - self.mean
        return units


def _known_pairs(
    source: Vectors, target: Vectors, dictionary: Dictionary | None
) -> tuple[Ids, int]:
    """Return the distinct pairs of which both words have a direction, by ids: (pairs, 2)."""
    if dictionary is None:
        theirs = {token: i for i, token in enumerate(target.tokens)}
        shared = ((i, theirs.get(token, -1)) for i, token in enumerate(source.tokens))
        pairs = [pair for pair in shared if pair[1] >= 0]
        words: list[tuple[str, str]] = []
    else:
        words = list(dict.fromkeys(_read(dictionary)))
        pairs = [(source._find(a), target._find(b)) for a, b in words]
    ids = np.array(pairs, np.int64).reshape(-1, 2)
    known = (ids >= 0).all(axis=1)
    for model, column in zip((source, target), ids.T, strict=True):
        norms = model.norms[np.where(known, column, 0)]
        known &= np.isfinite(norms) & (norms > 0)
    if not known.any():
        raise ValueError(_why_none(source, target, words, given=dictionary is not None))
    return ids[known], int((~known).sum())


def _read(dictionary: Dictionary) -> Iterator[tuple[str, str]]:
    if isinstance(dictionary, str | os.PathLike):
        yield from read_dictionary(dictionary)
        return
    pairs = dictionary.items() if isinstance(dictionary, Mapping) else dictionary
    for number, pair in enumerate(pairs, 1):
        words = (pair,) if isinstance(pair, str) else tuple(pair)
        if len(words) != 2 or not all(isinstance(word, str) for word in words):
            raise ValueError(f"pair {number}: expected two words, got {str(pair)[:60]!r}")
        yield words[0], words[1]


def _why_none(
    source: Vectors, target: Vectors, words: list[tuple[str, str]], *, given: bool
) -> str:
    if not given:
        return (
            f"the {len(source):,} tokens of the source and the {len(target):,} of the target have "
            "none in common; two languages need a dictionary of pairs."
        )
    turned = sum(a in target and b in source for a, b in words)
    hint = f" The other way round {turned:,} are: turn the pairs." if turned else ""
    return (
        f"none of {len(words):,} pairs has its first word among the {len(source):,} tokens of the "
        f"source and its second among the {len(target):,} of the target.{hint}"
    )


def _drawn(pairs: Ids, share: float, restrict: int, seed: int) -> Bools:
    """Return (pairs,) bool: those of the source words that are held out, frequent on both sides."""
    frequent = np.unique(pairs[(pairs < restrict).all(axis=1), 0])
    number = min(int(share * len(np.unique(pairs[:, 0]))), len(frequent), _MOST_TESTED)
    drawn = np.random.default_rng(seed).choice(frequent, number, replace=False)
    return np.isin(pairs[:, 0], drawn)


def _products(spaces: tuple[_Space, _Space], pairs: Ids) -> Doubles:
    """Return X' Y, (source dim, target dim) float64, for pairs of ids (pairs, 2)."""
    source, target = spaces
    total: Doubles = np.zeros((source.vectors.dim, target.vectors.dim))
    for start in range(0, len(pairs), _CHUNK):
        one, other = pairs[start : start + _CHUNK].T
        total += source.units(one).T @ target.units(other)
    return total


def _rotation(products: Doubles) -> Doubles:
    """Return the rotation that makes the most of X' Y: (source dim, target dim) float64."""
    left, _, right = np.linalg.svd(products, full_matrices=False)
    rotation: Doubles = left @ right
    return rotation


def _mapped(spaces: tuple[_Space, _Space], rotation: Doubles, ids: Ids) -> Doubles:
    source, target = spaces
    mapped: Doubles = source.units(ids) @ rotation + target.mean
    return mapped


def _rotated(spaces: tuple[_Space, _Space], rotation: Doubles, pairs: int) -> Vectors:
    """Return the source's vectors, each as long as it was, in the target's space."""
    source, centre = spaces[0].vectors, spaces[0].centre
    matrix = np.empty((len(source), rotation.shape[1]), np.float32)
    for ids in spaces[0].chunks():
        rows = source._rows(ids)
        if centre:
            lengths = np.linalg.norm(_finite(rows).astype(np.float64), axis=1, keepdims=True)
            matrix[ids] = lengths * _mapped(spaces, rotation, ids)
        else:
            with np.errstate(invalid="ignore"):  # a row that is not finite stays so
                matrix[ids] = rows @ rotation
    return Vectors(
        source.tokens,
        matrix,
        source.counts,
        tokenizer=source._tokenizer_spec,
        settings={**source.settings, "aligned": {"pairs": pairs, "centre": centre}},
        subwords=None if centre else _rotated_subwords(source.subwords, rotation),
    )


def _rotated_subwords(subwords: Subwords | None, rotation: Doubles) -> Subwords | None:
    """Rotate the rows of n-grams, of whose means vectors of other tokens are made."""
    if subwords is None:
        return None
    matrix = np.empty((len(subwords.matrix), rotation.shape[1]), np.float32)
    for start in range(0, len(matrix), _CHUNK):
        part = slice(start, start + _CHUNK)
        matrix[part] = subwords.matrix[part] @ rotation
    return Subwords(matrix, subwords.ngrams, subwords.rows)


def _precision(
    spaces: tuple[_Space, _Space], rotation: Doubles, pairs: Ids, restrict: int
) -> Precision:
    """Look words of the source up in the target.

    Args:
        spaces: Source and target.
        rotation: Learned from other pairs.
        pairs: (pairs, 2) int64. A word of the source may have several answers.
        restrict: Tokens of each model that are looked at.
    """
    source, target = (np.arange(min(restrict, len(space.vectors))) for space in spaces)
    mapped = unit(_mapped(spaces, rotation, source)).astype(np.float32)
    answers = unit(_finite(spaces[1].vectors._rows(target))).astype(np.float32)
    words, place = np.unique(pairs[:, 0], return_inverse=True)
    right = [pairs[place == i, 1] for i in range(len(words))]
    right = [ids[ids < len(target)] for ids in right]
    scores: Array = mapped[words] @ answers.T
    near = ranks(scores, right)
    local = ranks(csls(mapped[words], mapped, answers), right)
    shares = [float((found < k).mean()) for found in (near, local) for k in (1, 5)]
    return Precision(len(words), len(target), *shares)


def _finite(rows: Floats) -> Floats:
    """Return rows with zeros in place of those that hold NaN or infinity: they have no direction.

    >>> _finite(np.array([[1, np.nan], [1, 2]], np.float32))
    array([[0., 0.],
           [1., 2.]], dtype=float32)
    """
    finite: Floats = np.where(np.isfinite(rows).all(axis=1, keepdims=True), rows, np.float32(0))
    return finite
