"""Kneser-Ney as `nltk.lm.KneserNeyInterpolated` has it, with its sums made once.

nltk goes through all n-grams for each probability, which for a quarter of a million words would
take hours. `benchmarks/ngram.py` checks on a sample that both give the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

BEGIN, END = "<s>", "</s>"
Gram = tuple[str, ...]


def padded(text: Sequence[str], order: int) -> list[str]:
    """Return a text as it is counted: its beginning filled up, its end once."""
    return [BEGIN] * (order - 1) + [*text, END]


def grams(texts: Sequence[Sequence[str]], order: int) -> Iterator[Gram]:
    """Yield an n-gram for each word of the texts and for the end of each."""
    for text in texts:
        tokens = padded(text, order)
        yield from zip(*(tokens[i:] for i in range(order)), strict=False)


class KneserNey:
    """Interpolated Kneser-Ney of one discount (Chen and Goodman 1999, equation 26 and section 3.3).

    Args:
        texts: Token lists.
        order: Words of an n-gram.
        discount: What each count loses.
    """

    def __init__(self, texts: Sequence[Sequence[str]], order: int, discount: float) -> None:
        self.order, self.discount = order, discount
        seen: dict[int, Counter[Gram]] = {}
        for n in range(1, order + 1):
            seen[n] = Counter()
            for text in texts:
                tokens = padded(text, order)
                seen[n].update(zip(*(tokens[i:] for i in range(n)), strict=False))
        # Of the longest n-grams the number of occurrences, of others that of words before them.
        self._counts = {n: Counter(gram[1:] for gram in seen[n + 1]) for n in range(1, order)}
        self._counts[order] = seen[order]
        self._totals: dict[int, Counter[Gram]] = {n: Counter() for n in seen}
        self._types: dict[int, Counter[Gram]] = {n: Counter() for n in seen}
        for n, counts in self._counts.items():
            for gram, count in counts.items():
                self._totals[n][gram[:-1]] += count
            for gram in seen[n]:
                self._types[n][gram[:-1]] += 1

    def probability(self, gram: Gram) -> float:
        """Return the probability of the last word after the others."""
        chance = self._counts[1][gram[-1:]] / self._totals[1][()]
        for n in range(2, self.order + 1):
            part, context = gram[-n:], gram[-n:-1]
            total = self._totals[n][context]
            if total:
                kept = max(self._counts[n][part] - self.discount, 0.0) / total
                chance = kept + self.discount * self._types[n][context] / total * chance
        return chance

    def probabilities(self, texts: Sequence[Sequence[str]]) -> np.ndarray:
        """Return (words and ends,) float64: the probability of each."""
        return np.array([self.probability(gram) for gram in grams(texts, self.order)])
