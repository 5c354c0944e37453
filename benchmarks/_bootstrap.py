"""The rule for "not worse": intervals of a difference, paired over items and seeds.

A resample draws items and seeds with replacement, the same for both sides. It is kept as weights,
how often each item was drawn: then nothing needs to be sorted again, and an item drawn twice is a
pair of equal values, which share their mean rank as always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sajeon.types import Array, Doubles

ONE_SET, MEAN_OF_SETS = -0.015, -0.005
"""Lower end of the 95 % interval of (ours - theirs) that "not worse" asks for."""

_NUMBERS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class Items:
    """One test set, item by item, for several seeds of both sides.

    Attributes:
        name: Of the set.
        ours: (seeds, items). Cosines of word pairs, or 1.0 and 0.0 for right and wrong answers.
        theirs: (seeds, items), likewise. Row for row paired with `ours`.
        human: (items,). People's scores of word pairs; None for answers.
        lost: Items left out since a word is unknown.
    """

    name: str
    ours: Doubles
    theirs: Doubles
    human: Doubles | None
    lost: int


@dataclass(frozen=True)
class Comparison:
    """Scores of both sides, means over seeds, and the 95 % interval of ours - theirs."""

    name: str
    ours: float
    theirs: float
    low: float
    high: float
    floor: float

    @property
    def not_worse(self) -> bool:
        """Whether the rule is met."""
        return self.low > self.floor


def compare(sets: Sequence[Items], resamples: int, seed: int = 0) -> list[Comparison]:
    """Compare on each set, and last on the mean of the sets.

    A resample uses the same seeds for all sets, since all sets look at the same vectors.
    """
    rng = np.random.default_rng(seed)
    num_seeds = len(sets[0].ours)
    drawn = rng.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), size=resamples)
    rows, of_sets = [], []
    for one in sets:
        ours, theirs = (scores(x, one.human).mean() for x in (one.ours, one.theirs))
        of_seeds = differences(one, resamples, rng)  # (resamples, seeds)
        of_sets.append((drawn * of_seeds).sum(axis=1) / num_seeds)
        rows.append(Comparison(one.name, ours, theirs, *interval(of_sets[-1]), ONE_SET))
    ours, theirs = (float(np.mean([getattr(row, s) for row in rows])) for s in ("ours", "theirs"))
    ends = interval(np.mean(of_sets, axis=0))
    return [*rows, Comparison("mean of the sets", ours, theirs, *ends, MEAN_OF_SETS)]


def interval(values: Doubles) -> tuple[float, float]:
    """Return the ends of the middle 95 % of values."""
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def differences(items: Items, resamples: int, rng: np.random.Generator) -> Doubles:
    """Return (resamples, seeds): the score of ours less that of theirs on resampled items."""
    both = np.concatenate([items.ours, items.theirs])
    ours, theirs = np.split(resampled(both, items.human, resamples, rng), [len(items.ours)], axis=1)
    return ours - theirs


def resampled(
    values: Doubles, human: Doubles | None, resamples: int, rng: np.random.Generator
) -> Doubles:
    """Return (resamples, seeds): the scores of (seeds, items) `values` on resampled items."""
    num_seeds, num_items = values.shape
    result = np.empty((resamples, num_seeds))
    step = max(1, _NUMBERS_AT_ONCE // num_items)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        weights = rng.multinomial(num_items, np.full(num_items, 1 / num_items), size=size)
        result[start : start + size] = scores(values, human, weights).T
    return result


def scores(values: Doubles, human: Doubles | None, weights: Array | None = None) -> Doubles:
    """Score items under weights: Spearman's correlation, or the share of right answers.

    Args:
        values: (seeds, items).
        human: (items,) or None, see `Items`.
        weights: (resamples, items) int64. None: each item once, one resample.

    Returns:
        (seeds, resamples) float64.
    """
    if weights is None:
        weights = np.ones((1, values.shape[1]), np.int64)
    if human is None:
        shares: Doubles = values @ weights.T / weights.sum(axis=1)
        return shares
    ranks = weighted_ranks(human, weights)
    return np.array([_weighted_pearson(weighted_ranks(x, weights), ranks, weights) for x in values])


def weighted_ranks(values: Doubles, weights: Array) -> Doubles:
    """Return (resamples, items): ranks where each item stands there as often as its weight says.

    Args:
        values: (items,). Equal values share their mean rank.
        weights: (resamples, items) int64, 0 or more.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(values)])
    groups = np.add.reduceat(weights[:, order], starts, axis=1)
    middles = np.cumsum(groups, axis=1) - (groups - 1) / 2
    ranks = np.empty(weights.shape)
    ranks[:, order] = np.repeat(middles, sizes, axis=1)
    return ranks


def _weighted_pearson(x: Doubles, y: Doubles, weights: Array) -> Doubles:
    """Return (resamples,) correlations of the rows of x and y, all (resamples, items)."""
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    products = [np.einsum("ri,ri,ri->r", weights, a, b) for a, b in ((x, y), (x, x), (y, y))]
    correlations: Doubles = products[0] / np.sqrt(products[1] * products[2])
    return correlations
