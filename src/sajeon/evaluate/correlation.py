"""Correlations by value and by rank, of all items and of items drawn with replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..types import Array, Doubles, Ids


def spearman(x: Array, y: Array) -> float:
    """Return Spearman's rank correlation of (n,) and (n,); equal values share their mean rank."""
    return pearson(mean_ranks(x), mean_ranks(y))


def pearson(x: Array, y: Array) -> float:
    """Return Pearson's correlation of (n,) and (n,), NaN where one of them is constant."""
    a, b = (np.asarray(values, dtype=np.float64) - np.mean(values) for values in (x, y))
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.clip(a @ b / lengths, -1, 1)) if lengths > 0 else float("nan")


def mean_ranks(values: Array) -> Doubles:
    """Return (n,) ranks from 1; equal values share their mean rank."""
    _, place, sizes = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)  # the rank of the last of each group of equals
    ranks: Doubles = (last - (sizes - 1) / 2)[place]
    return ranks


class WeightedRanks:
    """Ranks of items of which each stands there as often as a weight says.

    Sorted once: the ranks of a resample are then sums of weights.

    Args:
        values: (items,). Equal values share their mean rank.
    """

    def __init__(self, values: Array) -> None:
        self._order: Ids = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._starts: Ids = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._sizes: Ids = np.diff(np.r_[self._starts, len(values)])

    def __call__(self, weights: Array) -> Doubles:
        """Return (resamples, items) ranks less their mean, for weights of that shape, 0 or more."""
        groups = weights[:, self._order]
        if len(self._starts) < groups.shape[1]:
            groups = np.add.reduceat(groups, self._starts, axis=1)
        middles = np.cumsum(groups, axis=1, dtype=np.float64)
        # The mean of all ranks is (total + 1) / 2, that of a group is (size - 1) / 2 less than its
        # last: the difference is this.
        middles -= groups / 2 + middles[:, -1:] / 2
        if len(self._starts) < weights.shape[1]:
            middles = np.repeat(middles, self._sizes, axis=1)
        ranks = np.empty(weights.shape)
        ranks[:, self._order] = middles
        return ranks


def weighted_spearman(x: WeightedRanks, y: WeightedRanks, weights: Array) -> Doubles:
    """Return (resamples,) rank correlations of items under weights (resamples, items).

    NaN where all items drawn are equal in one of the two.
    """
    a, b = x(weights), y(weights)
    weighted = weights * a
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.einsum("ri,ri->r", weighted, a)
        products = np.einsum("ri,ri->r", weighted, b)
        b *= b
        correlations: Doubles = products / np.sqrt(squares * np.einsum("ri,ri->r", weights, b))
    return np.clip(correlations, -1, 1)


def weighted_pearson(x: Array, y: Array, weights: Array) -> Doubles:
    """Return (resamples,) correlations of x and y (items,) under weights (resamples, items)."""
    x, y = x - x.mean(), y - y.mean()  # near zero, so that the differences below lose no digits
    sums = weights @ np.stack([x, y, x * x, y * y, x * y], axis=1)  # (resamples, 5)
    mx, my, xx, yy, xy = sums.T / weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        variances = np.maximum(xx - mx * mx, 0) * np.maximum(yy - my * my, 0)
        correlations: Doubles = (xy - mx * my) / np.sqrt(variances)
    return np.clip(correlations, -1, 1)
