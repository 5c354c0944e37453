"""How far a score would move with other items of the same kind: the percentile bootstrap.

Items are drawn with replacement, as many as there are, and scored again; the middle 95 % of the
scores are the interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
The draws depend on nothing but the number of items (and NumPy's generator), so the same vectors get
the same interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .correlation import WeightedRanks, weighted_pearson, weighted_spearman

if TYPE_CHECKING:
    from ..types import Array, Doubles, Ids

RESAMPLES = 1000
FEWEST = 10
"""Items below which there is no interval: a few items drawn again are hardly ever other items."""

_SEED = 1
_AT_ONCE = 1 << 18  # weights held at once: 2 MB, near the processor


class Interval(NamedTuple):
    """The 95 % interval of a score."""

    low: float
    high: float


def interval_of(scores: Doubles) -> Interval | None:
    """Return the middle 95 % of resampled scores; None where none of them is defined."""
    defined = scores[~np.isnan(scores)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, (0.025, 0.975))
    return Interval(float(low), float(high))


def drawn(num: int, seed: int = _SEED) -> Iterator[Ids]:
    """Yield (part, num) int64: how often each item is in a resample, `RESAMPLES` rows in all."""
    rng = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // num)
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        items = rng.integers(num, size=(size, num)) + np.arange(size)[:, None] * num
        yield np.bincount(items.ravel(), minlength=size * num).reshape(size, num)


def resampled(num: int, score: Callable[[Ids], Doubles], seed: int = _SEED) -> Doubles:
    """Return the scores of all resamples of `num` items, (resamples, ...) float64.

    Args:
        num: Items.
        score: Of weights (part, num), see `drawn`: (part, ...).
        seed: Of the draws; items that are not the same ones need another.
    """
    return np.concatenate([score(weights) for weights in drawn(num, seed)])


def spearman_interval(x: Array, y: Array) -> Interval | None:
    """Return the interval of a rank correlation of (n,) and (n,); None for fewer than `FEWEST`."""
    if len(x) < FEWEST:
        return None
    one, other = WeightedRanks(x), WeightedRanks(y)
    return interval_of(resampled(len(x), lambda w: weighted_spearman(one, other, w)))


def pearson_interval(x: Array, y: Array) -> Interval | None:
    """Return the interval of a linear correlation, as `spearman_interval` does."""
    if len(x) < FEWEST:
        return None
    return interval_of(resampled(len(x), lambda w: weighted_pearson(x, y, w)))


def share_interval(correct: int, total: int) -> Interval | None:
    """Return the interval of a share; None for fewer than `FEWEST` items.

    Of items drawn with replacement the right ones are binomially distributed, so they are drawn at
    once.
    """
    if total < FEWEST:
        return None
    rng = np.random.default_rng(_SEED)
    return interval_of(rng.binomial(total, correct / total, size=RESAMPLES) / total)


def resampled_means(values: Doubles, seed: int = _SEED) -> Doubles:
    """Return (resamples,) means of (n,) values."""
    return resampled(len(values), lambda weights: weights @ values / len(values), seed)
