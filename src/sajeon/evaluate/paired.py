"""Is one model better than another, or is it chance? Tests on the same items, scored by both."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .bootstrap import FEWEST, Interval, interval_of, resampled
from .correlation import WeightedRanks, mean_ranks, spearman, weighted_spearman

if TYPE_CHECKING:
    from ..types import Array, Bools, Doubles, Ids

PERMUTATIONS = 10_000

_SEED = 1
_AT_ONCE = 1 << 20  # swaps held at once: 8 MB


@dataclass(frozen=True)
class Items:
    """One test set, item by item, for several models.

    Attributes:
        name: Of the test set.
        measure: "spearman", "3CosAdd" or "3CosMul".
        values: (models, items) float64. Cosines of word pairs, or 1 and 0 for right and wrong.
        human: (items,) float64. People's scores of word pairs; None for answers.
        lost: Items left out, since some model does not know a word.
    """

    name: str
    measure: str
    values: Doubles
    human: Doubles | None
    lost: int

    @property
    def num(self) -> int:
        """How many items there are."""
        return len(self.values[0])

    def scores(self) -> Doubles:
        """Return (models,) float64."""
        if self.human is None:
            means: Doubles = self.values.mean(axis=1)
            return means
        return np.array([spearman(one, self.human) for one in self.values])

    def resampled(self) -> Doubles:
        """Return (resamples, models) scores of items drawn with replacement, for all models alike.

        No row for fewer than ten items.
        """
        if self.num < FEWEST:
            return np.zeros((0, len(self.values)))
        return resampled(self.num, self._scorer())

    def _scorer(self) -> Callable[[Ids], Doubles]:
        if self.human is None:
            return lambda weights: weights @ self.values.T / self.num
        human, models = WeightedRanks(self.human), [WeightedRanks(one) for one in self.values]
        return lambda weights: np.stack(
            [weighted_spearman(one, human, weights) for one in models], axis=1
        )

    def p_value(self, i: int, j: int) -> float:
        """Return the chance of a difference as large, if models `i` and `j` were equally good."""
        a, b = self.values[i], self.values[j]
        if self.human is None:
            return p_of_answers(a > 0, b > 0)
        return p_of_correlations(a, b, self.human)


@dataclass(frozen=True)
class Difference:
    """By how much a model is better than another on one test set.

    Attributes:
        name: Of the test set.
        a: One model.
        b: The other.
        difference: Score of `a` less that of `b`.
        interval: 95 % bootstrap interval of it, over items; None for fewer than ten items.
        p: Of a permutation test, two-sided.
        p_holm: `p` corrected for the number of differences in the table (Holm, 1979): if all models
            were equally good, any of them would be below 0.05 in one such table of twenty.
    """

    name: str
    a: str
    b: str
    difference: float
    interval: Interval | None
    p: float
    p_holm: float

    @property
    def beyond_chance(self) -> bool:
        """Whether `p_holm` is below 0.05."""
        return self.p_holm < 0.05


def differences(
    sets: Sequence[Items], names: Sequence[str], draws: Sequence[Doubles]
) -> tuple[Difference, ...]:
    """Compare each model with each other on every test set.

    Args:
        sets: The test sets.
        names: Of the models.
        draws: What `Items.resampled` gives for each set.
    """
    rows = []
    for items, drawn in zip(sets, draws, strict=True):
        scores = items.scores()
        for i, j in itertools.combinations(range(len(names)), 2):
            interval = interval_of(drawn[:, i] - drawn[:, j])
            p = items.p_value(i, j)
            rows.append((items.name, names[i], names[j], float(scores[i] - scores[j]), interval, p))
    corrected = holm(np.array([row[-1] for row in rows]))
    return tuple(Difference(*row, p) for row, p in zip(rows, corrected.tolist(), strict=True))


def p_of_answers(a: Bools, b: Bools) -> float:
    """Return McNemar's exact p-value of right and wrong answers (items,) of two models.

    Questions that only one of them gets right count: under chance half of them go to either.
    Swapping the two models' answers at random leads to the same. Source: McNemar, Psychometrika
    1947, in the exact form by the binomial distribution.
    """
    one, other = int((a & ~b).sum()), int((b & ~a).sum())
    num, least = one + other, min(one, other)
    k = np.arange(1, least + 1)
    # Logarithms of the binomial coefficients, each from the one before.
    logs = np.concatenate([[0.0], np.cumsum(np.log((num - k + 1) / k))]) - num * np.log(2)
    return float(min(1.0, 2 * np.exp(logs).sum()))


def p_of_correlations(a: Array, b: Array, human: Array) -> float:
    """Return the p-value of a difference of two rank correlations with the same scores.

    A permutation test: the ranks that the two models give a pair are swapped at random, which
    changes nothing if the models are equally good. Ranks, since cosines of two models need not be
    on one scale. The swapped correlations are sums over the pairs that are swapped, so that all
    `PERMUTATIONS` are a few matrix products.

    Args:
        a: (items,) cosines of one model.
        b: (items,) cosines of the other.
        human: (items,).
    """
    x, y, h = (ranks - ranks.mean() for ranks in map(mean_ranks, (a, b, human)))
    sums = np.stack([(y - x) * h, y - x, y * y - x * x], axis=1)  # (items, 3)
    rng, large, num = np.random.default_rng(_SEED), 0, len(h)
    limit = abs(_difference(x, y, h, np.zeros((1, 3)))[0]) - 1e-12  # rounding is no difference
    step = max(1, _AT_ONCE // num)
    for start in range(0, PERMUTATIONS, step):
        size = min(step, PERMUTATIONS - start)
        swaps = rng.integers(2, size=(size, num), dtype=np.int8).astype(np.float64)
        large += int((np.abs(_difference(x, y, h, swaps @ sums)) >= limit).sum())
    return (1 + large) / (1 + PERMUTATIONS)


def _difference(x: Doubles, y: Doubles, h: Doubles, moved: Doubles) -> Doubles:
    """Return (permutations,) differences of correlations, from what the swaps move to `x`.

    Args:
        x: (items,) ranks with mean 0.
        y: (items,) likewise, and
        h: (items,) likewise.
        moved: (permutations, 3). Sums over the swapped items of (y - x) h, y - x and y^2 - x^2.
    """
    product, total, square = moved.T
    means = total * total / len(h)
    with np.errstate(invalid="ignore", divide="ignore"):
        one = (x @ h + product) / np.sqrt(x @ x + square - means)
        other = (y @ h - product) / np.sqrt(y @ y - square - means)
        result: Doubles = (one - other) / np.sqrt(h @ h)
    return np.nan_to_num(result)


def holm(p: Doubles) -> Doubles:
    """Return (n,) p-values corrected for their number: Holm, Scandinavian J. Statistics 1979."""
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1)
    return corrected
