"""A reporter that passes everything on and remembers how fast the training was."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..learn.progress import Reporter

if TYPE_CHECKING:
    from ..learn.trainer import Progress


class Hearing(Reporter):
    """Stands between a training and the reporter that shows it.

    Args:
        inner: Shows the progress.

    Attributes:
        words_per_second: Of the training so far; 0 before the first report.
    """

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner
        self.words_per_second = 0.0

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put away what is shown."""
        self._inner.__exit__(kind, error, trace)

    def reading(self, done: int, total: int | None) -> None:
        """Pass it on."""
        self._inner.reading(done, total)

    def training(self, progress: Progress) -> None:
        """Remember the speed, pass it on."""
        self.words_per_second = progress.words_per_second
        self._inner.training(progress)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._inner.note(text)
