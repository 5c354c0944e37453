"""Pauses of a training: for checkpoints, and for whoever wants to see the rows as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .progress import Reporter
    from .trainer import Keeper, Progress, Snapshot


class Pauses:
    """A `trainer.Keeper` for two: it pauses where either asks, and gives each what it asked for.

    Args:
        keeper: Keeps checkpoints, or None.
        report: May look at the rows.
    """

    def __init__(self, keeper: Keeper | None, report: Reporter) -> None:
        self._keeper, self._report = keeper, report
        self._keep = self._look = False

    def due(self, progress: Progress) -> bool:
        """See `trainer.Keeper`; asked again until the round ends, so an answer holds till then."""
        self._keep = self._keep or (self._keeper is not None and self._keeper.due(progress))
        self._look = self._look or self._report.due(progress)
        return self._keep or self._look

    def keep(self, snapshot: Snapshot) -> None:
        """See `trainer.Keeper`."""
        if self._keep and self._keeper is not None:
            self._keeper.keep(snapshot)
        if self._look:
            self._report.look(snapshot.tables)
        self._keep = self._look = False

    def interrupted(self, snapshot: Snapshot, progress: Progress) -> None:
        """See `trainer.Keeper`."""
        if self._keeper is not None:
            self._keeper.interrupted(snapshot, progress)

    def finished(self, snapshot: Snapshot, progress: Progress) -> None:
        """See `trainer.Keeper`."""
        if self._keeper is not None:
            self._keeper.finished(snapshot, progress)
