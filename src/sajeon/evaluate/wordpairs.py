"""Word similarity: do cosines order pairs of words as people do?"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import search
from ..errors import EvaluationError
from ..formats import testsets
from .bands import bands_of, ranks_of
from .bootstrap import pearson_interval, spearman_interval
from .correlation import pearson, spearman
from .known import fold, ids_of
from .results import SimilarityBand, SimilarityResult

if TYPE_CHECKING:
    from ..types import Bools, Doubles, Ids
    from ..vectors import Vectors


def similarity(
    vectors: Vectors,
    pairs: str | os.PathLike[str] | Iterable[tuple[str, str, float]],
    *,
    name: str | None = None,
    restrict: int | None = None,
    subwords: bool = False,
) -> SimilarityResult:
    """Correlate the cosines of word pairs with people's scores.

    Pairs with an unknown word are left out, as gensim's ``evaluate_word_pairs`` does. A model that
    knows few words, and those well, looks good by that; so there is a second score, of all pairs,
    in which the lost ones have cosine 0, as with gensim's ``dummy4unknown=True``. Most cosines of
    a trained model being above 0, that is to say: the model finds nothing in common. It costs where
    people found much, and is right by luck where they found nothing, so read both.

    Args:
        vectors: What to evaluate.
        pairs: A file (see `formats.testsets`) or ``(word, word, score)``.
        name: Of the test set; None: that of the file.
        restrict: Only the first so many tokens are known, gensim's ``restrict_vocab``. None: all.
        subwords: Whether words that are no tokens get a vector of their n-grams, where the vectors
            have such. gensim's do not.

    Raises:
        FormatError: A line of the file is malformed, or it holds no pair.
        EvaluationError: Fewer than two pairs have both words among the tokens, or all cosines or
            all scores are equal, so that there is no correlation.
        OSError: The file cannot be read.
    """
    rows, name = read(pairs, name)
    asked = Asked.of(vectors, rows, restrict, subwords=subwords)
    human = np.array([row.score for row in rows])
    _check(name, asked, human, len(vectors))
    used = asked.used
    cosines, scores = asked.cosines[used], human[used]
    return SimilarityResult(
        spearman=spearman(cosines, scores),
        pearson=pearson(cosines, scores),
        pairs_used=int(used.sum()),
        pairs_lost=int((~used).sum()),
        name=name,
        spearman_interval=spearman_interval(cosines, scores),
        pearson_interval=pearson_interval(cosines, scores),
        spearman_all=spearman(asked.cosines, human),
        spearman_all_interval=spearman_interval(asked.cosines, human),
        pearson_all=pearson(asked.cosines, human),
        pearson_all_interval=pearson_interval(asked.cosines, human),
        pairs_made=int((used & (asked.ids < 0).any(axis=1)).sum()),
        bands=_bands(vectors, asked, human),
    )


def read(
    pairs: str | os.PathLike[str] | Iterable[tuple[str, str, float]], name: str | None
) -> tuple[list[testsets.Pair], str]:
    """Return the pairs and the name of a test set."""
    if isinstance(pairs, (str, os.PathLike)):
        return testsets.read_pairs(pairs), name or Path(pairs).name
    return [testsets.Pair(*row) for row in pairs], name or "pairs"


@dataclass(frozen=True)
class Asked:
    """What vectors say of word pairs.

    Attributes:
        ids: (pairs, 2) int64. The tokens, -1 for none.
        used: (pairs,) bool. Whether there is a vector for both words, of finite numbers.
        cosines: (pairs,) float64, 0 where not.
    """

    ids: Ids
    used: Bools
    cosines: Doubles

    @classmethod
    def of(
        cls,
        vectors: Vectors,
        rows: list[testsets.Pair],
        restrict: int | None = None,
        *,
        subwords: bool = False,
    ) -> Asked:
        """Look up the words of pairs; for the arguments see `similarity`."""
        ids = ids_of(vectors, [(row.a, row.b) for row in rows], restrict)
        used: Bools = np.all(ids >= 0, axis=1)
        cosines = np.zeros(len(rows))
        with np.errstate(invalid="ignore"):  # a vector may hold infinity or NaN
            cosines[used] = search.cosine(*vectors.matrix[ids[used].T])
        used &= ~np.isnan(cosines)
        if subwords and vectors.subwords is not None:
            made = np.flatnonzero(~used)
            used[made], cosines[made] = _made(vectors, [rows[i] for i in made.tolist()], ids[made])
        return cls(ids, used, np.where(used, cosines, 0.0))


def _made(vectors: Vectors, rows: list[testsets.Pair], ids: Ids) -> tuple[Bools, Doubles]:
    """Return which pairs (pairs,) have vectors once subwords make those that miss, and cosines."""
    found = np.ones(len(rows), dtype=bool)
    sides = []
    for side in (0, 1):
        asked = [(row.a, row.b)[side] for row in rows]
        words = [
            vectors.tokens[i] if i >= 0 else _as_token(vectors, word)
            for word, i in zip(asked, ids[:, side].tolist(), strict=True)
        ]
        matrix, known = vectors.embedding_matrix(words)
        sides.append(matrix)
        found &= known
    return found, np.where(found, search.cosine(*sides), 0.0)


def _as_token(vectors: Vectors, word: str) -> str:
    """Return a word as the model's tokenizer spells it, in lower case for example."""
    tokenizer = vectors.tokenizer
    if tokenizer is None or tokenizer.name == "custom" or tokenizer.reads != "text":
        return word
    tokens = tokenizer.tokens(word)
    return tokens[0] if len(tokens) == 1 and fold(tokens[0]) == fold(word) else word


def _check(name: str, asked: Asked, human: Doubles, num_tokens: int) -> None:
    """Refuse what has no correlation."""
    used = asked.used
    if used.sum() < 2:
        raise EvaluationError(
            f"{name}: both words of {used.sum()} of {len(used)} pairs are among the "
            f"{num_tokens:,} tokens; at least 2 are needed. Is it the same language?"
        )
    for what, values in (("cosines", asked.cosines[used]), ("scores", human[used])):
        if (values == values[0]).all():
            raise EvaluationError(f"{name}: all {used.sum()} {what} are equal: no correlation.")


def _bands(vectors: Vectors, asked: Asked, human: Doubles) -> tuple[SimilarityBand, ...]:
    ranks = ranks_of(vectors)
    known = np.flatnonzero((asked.ids >= 0).all(axis=1) & asked.used)
    if ranks is None:
        return ()
    bands = bands_of(ranks[asked.ids[known]].max(axis=1))
    return tuple(
        _band(name, asked.cosines[known[where]], human[known[where]]) for name, where in bands
    )


def _band(name: str, cosines: Doubles, human: Doubles) -> SimilarityBand:
    if len(cosines) < 2 or np.ptp(cosines) == 0 or np.ptp(human) == 0:
        return SimilarityBand(name, None, None, len(cosines))
    score, interval = spearman(cosines, human), spearman_interval(cosines, human)
    return SimilarityBand(name, score, interval, len(cosines))
