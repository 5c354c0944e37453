"""A reporter that passes everything on and remembers how fast the training was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..learn.progress import Reporter

if TYPE_CHECKING:
    from ..learn.trainer import Progress
    from ..types import Counts, Floats


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

    def began(self, tokens: Sequence[str], counts: Counts) -> None:
        """Pass it on."""
        self._inner.began(tokens, counts)

    def due(self, progress: Progress) -> bool:
        """Pass it on."""
        return self._inner.due(progress)

    def look(self, tables: Mapping[str, Floats]) -> None:
        """Pass it on."""
        self._inner.look(tables)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._inner.note(text)
