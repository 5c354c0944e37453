"""A reporter that passes everything on and remembers how fast the training was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..learn.progress import Relay, Reporter

if TYPE_CHECKING:
    from ..learn.trainer import Progress


class Hearing(Relay):
    """Stands between a training and the reporter that shows it.

    Args:
        inner: Shows the progress.

    Attributes:
        words_per_second: Of the training so far; 0 before the first report.
    """

    def __init__(self, inner: Reporter) -> None:
        super().__init__(inner)
        self.words_per_second = 0.0

    def training(self, progress: Progress) -> None:
        """Remember the speed, pass it on."""
        self.words_per_second = progress.words_per_second
        super().training(progress)
