"""What storing rows in fewer bytes does to neighbours, seen while the rows pass by."""

from __future__ import annotations

import numpy as np

from .search import unit
from .types import Array, Floats, Ids

SAMPLE = 100
"""Rows whose neighbours are looked at, from the first ones: usually the most frequent tokens."""

K = 10


class KeptNeighbours:
    """The share of the `K` nearest neighbours that are found in the smaller rows as well.

    Each row is compared with the sample as it was and as it is stored now; of both the `K` nearest
    so far are kept. So one pass is enough, and no table is held.
    """

    def __init__(self) -> None:
        self._best: tuple[_Best, _Best] | None = None
        self._num = 0

    def see(self, before: Floats, after: Floats) -> None:
        """Look at further rows.

        Args:
            before: (rows, dim) float32.
            after: (rows, dim) float32: what is stored of them.
        """
        if self._best is None:
            sample = np.unique(np.linspace(0, len(before) - 1, SAMPLE).astype(np.int64))
            self._best = _Best(before, sample), _Best(after, sample)
        for best, rows in zip(self._best, (before, after), strict=True):
            best.see(rows, self._num)
        self._num += len(before)

    def share(self) -> float:
        """Return the share, 0 to 1; 1 where there is nothing to compare."""
        if self._best is None or self._num < 2:
            return 1.0
        before, after = (best.ids for best in self._best)
        there = before >= 0
        kept = (before[:, :, None] == after[:, None, :]).any(axis=2) & there
        return float(kept.sum() / max(1, there.sum()))


class _Best:
    """The nearest rows so far of each row of the sample, which is not its own neighbour."""

    def __init__(self, rows: Floats, sample: Ids) -> None:
        self._sample = sample
        self._queries = _units(rows[sample])
        self.ids: Ids = np.full((len(sample), K), -1)
        self._scores = np.full((len(sample), K), -np.inf, np.float32)

    def see(self, rows: Floats, first: int) -> None:
        scores = self._queries @ _units(rows).T  # (sample, rows)
        own = self._sample - first
        here = np.flatnonzero((own >= 0) & (own < len(rows)))
        scores[here, own[here]] = -np.inf
        scores[np.isnan(scores)] = -np.inf
        ids = np.broadcast_to(np.arange(first, first + len(rows)), scores.shape)
        scores = np.concatenate([self._scores, scores], axis=1)
        ids = np.concatenate([self.ids, ids], axis=1)
        top = np.argpartition(-scores, K - 1, axis=1)[:, :K]
        self._scores = np.take_along_axis(scores, top, axis=1)
        found = np.take_along_axis(ids, top, axis=1)
        self.ids = np.where(np.isfinite(self._scores), found, -1)


def _units(rows: Array) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        return unit(rows).astype(np.float32)
