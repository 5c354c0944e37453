"""The words that several models have in common, and whether those are enough to compare them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import EvaluationError
from .bands import ranks_of
from .known import fold

if TYPE_CHECKING:
    from ..types import Ids
    from ..vectors import Vectors

_FREQUENT, _AMONG = 1_000, 10_000
_FEW, _SOME = 0.1, 0.3
"""Shares of the frequent words below which models are refused, and doubted. Measured on 12 MB each:
English and Korean 2 % (and 545 of 22,666 words in common), English and more English 100 %."""

_ADVICE = " There is nothing to compare: give models of one language whose texts were cut alike."


@dataclass(frozen=True)
class CommonWords:
    """Words that all models know, compared without regard to case, most frequent first.

    Attributes:
        place: Of each word, folded (see `known.fold`), in this order.
        ids: (models, words) int64. The first token of each word in each model.
        ranks: (words,) int64, rising. The rank of the word in the model where it is rarest.
    """

    place: dict[str, int]
    ids: Ids
    ranks: Ids

    def find(self, rows: Sequence[tuple[str, ...]], num: int | None = None) -> Ids:
        """Return (rows, words) int64: the place of each word, -1 if not among the first `num`."""
        ids = np.array([[self.place.get(fold(word), -1) for word in row] for row in rows])
        return np.where(ids < (len(self.place) if num is None else num), ids, -1)


def common_words(models: Sequence[Vectors], names: Sequence[str]) -> tuple[CommonWords, list[str]]:
    """Return the common words, and notices about models of which few are common.

    Raises:
        EvaluationError: Two models have (nearly) nothing in common.
    """
    folded = [_first_of_each(model) for model in models]
    ranks = [ranks_of(model) for model in models]
    notices = [
        notice
        for i, j in itertools.combinations(range(len(models)), 2)
        if (notice := _doubt(names, folded, ranks, i, j)) is not None
    ]
    words = [word for word in folded[0] if all(word in other for other in folded[1:])]
    ids = np.array([[one[word] for word in words] for one in folded], dtype=np.int64)
    finite = [np.isfinite(model.norms[row]) for model, row in zip(models, ids, strict=True)]
    kept = np.flatnonzero(np.all(finite, axis=0))  # others are near to nothing
    words, ids = [words[i] for i in kept.tolist()], ids[:, kept]
    if len(words) < 2:
        raise EvaluationError(f"{', '.join(names)} have {len(words)} words in common.{_ADVICE}")
    # Where frequencies are not told, the order has to do.
    by_model = np.stack([row if r is None else r[row] for r, row in zip(ranks, ids, strict=True)])
    rarest = by_model.max(axis=0)
    order = np.lexsort((by_model.sum(axis=0), rarest))
    place = {words[i]: n for n, i in enumerate(order.tolist())}
    return CommonWords(place, ids[:, order], rarest[order]), notices


def _first_of_each(model: Vectors) -> dict[str, int]:
    first: dict[str, int] = {}
    for i, token in enumerate(model.tokens):
        first.setdefault(fold(token), i)
    return first


def _doubt(
    names: Sequence[str], folded: list[dict[str, int]], ranks: list[Ids | None], i: int, j: int
) -> str | None:
    """Return a notice if two models share few of their frequent words; refuse (nearly) none."""
    frequent = [_frequent(folded[n], ranks[n], _FREQUENT) for n in (i, j)]
    known = [_frequent(folded[n], ranks[n], _AMONG) for n in (i, j)]
    shares = [
        len(frequent[n] & known[1 - n]) / max(1, min(len(frequent[n]), len(known[1 - n])))
        for n in (0, 1)
    ]
    if min(shares) >= _SOME:
        return None
    both = len(folded[i].keys() & folded[j].keys())
    notice = (
        f"{names[i]} and {names[j]} have {both:,} words in common, but of the frequent words of "
        f"one only {min(shares):.0%} are frequent in the other: are they of different languages, "
        "or were their texts cut into different tokens?"
    )
    if min(shares) < _FEW:
        raise EvaluationError(f"{notice}{_ADVICE}")
    return notice


def _frequent(folded: dict[str, int], ranks: Ids | None, num: int) -> set[str]:
    """Return the words that are among the first `num`; all where frequencies are not told.

    A large vocabulary holds some words of every language, so that the mere number says little.
    """
    if ranks is None:
        return set(folded)
    return {word for word, i in folded.items() if ranks[i] < num}
