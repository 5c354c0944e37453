"""What a training says while it runs: nothing, a bar on a terminal, or lines in a log."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from ..types import Counts, Floats
    from .trainer import Progress

_LINE_SECONDS = 30.0


class Reporter:
    """Receives what happens; this one keeps quiet. Subclass it to show progress your own way."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put away whatever is shown."""

    def reading(self, done: int, total: int | None) -> None:
        """Called while the source is read, with bytes done and in all (None: not known)."""

    def began(self, tokens: Sequence[str], counts: Counts) -> None:
        """Called before training, with the words that are learned, most frequent first.

        Args:
            tokens: The n words.
            counts: (n,) int64. How often each occurs.
        """

    def training(self, progress: Progress) -> None:
        """Called about ten times a second while training."""

    def due(self, progress: Progress) -> bool:
        """Return whether to pause at the end of the round, for `look`; asked as often."""
        return False

    def look(self, tables: Mapping[str, Floats]) -> None:
        """Called in a pause that `due` asked for.

        Args:
            tables: (rows, dim) float32 by name, views that change when this returns.
        """

    def note(self, text: str) -> None:
        """Called with a sentence for the user."""


class Relay(Reporter):
    """Passes everything on: for what stands between a training and whatever shows it.

    Args:
        inner: Shows the progress.
    """

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Pass it on."""
        self._inner.__exit__(kind, error, trace)

    def reading(self, done: int, total: int | None) -> None:
        """Pass it on."""
        self._inner.reading(done, total)

    def began(self, tokens: Sequence[str], counts: Counts) -> None:
        """Pass it on."""
        self._inner.began(tokens, counts)

    def training(self, progress: Progress) -> None:
        """Pass it on."""
        self._inner.training(progress)

    def due(self, progress: Progress) -> bool:
        """Pass it on."""
        return self._inner.due(progress)

    def look(self, tables: Mapping[str, Floats]) -> None:
        """Pass it on."""
        self._inner.look(tables)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._inner.note(text)


class Lines(Reporter):
    """A line on standard error now and then: for logs and pipes."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def note(self, text: str) -> None:
        """Write the sentence, or not: a full disk or a closed pipe there is no reason to stop."""
        with suppress(OSError):
            sys.stderr.write(f"sajeon: {text}\n")

    def training(self, progress: Progress) -> None:
        """Write a line every half minute."""
        if time.monotonic() - self._last < _LINE_SECONDS:
            return
        self._last = time.monotonic()
        share = progress.tokens / max(progress.total_tokens, 1)
        self.note(f"{share:.0%} trained, {_describe(progress)}")


class Bar(Lines):
    """A bar with words a second, loss, learning rate and time left."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        self._bars: Bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._reading = self._bars.add_task("reading", total=None, visible=False, figures="")
        self._training = self._bars.add_task("training", total=None, visible=False, figures="")
        self._read_at = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar off the screen; what remains is what was noted."""
        self._bars.stop()

    def reading(self, done: int, total: int | None) -> None:
        """Move the bar of the reading."""
        if time.monotonic() - self._read_at < 0.1 and done != total:
            return
        self._read_at = time.monotonic()
        share = f"{done / total:4.0%} " if total else ""
        self._bars.update(
            self._reading,
            completed=done,
            total=total,
            visible=True,
            figures=f"{share}{done / 1e6:,.1f}M",
        )

    def training(self, progress: Progress) -> None:
        """Move the bar of the training."""
        self._bars.update(self._reading, visible=False)
        self._bars.update(
            self._training,
            completed=progress.tokens,
            total=progress.total_tokens,
            visible=True,
            figures=f"{progress.tokens / max(progress.total_tokens, 1):4.0%} {_describe(progress)}",
        )
        if progress.tokens >= progress.total_tokens:
            self._bars.update(self._training, visible=False)

    def note(self, text: str) -> None:
        """Write the sentence above the bar."""
        self._bars.console.print(f"sajeon: {text}", highlight=False, markup=False, soft_wrap=True)


def reporter_for(progress: bool | Reporter | None) -> Reporter:
    """Return what shows progress: see `sajeon.train`."""
    if isinstance(progress, Reporter):
        return progress
    if progress is False:
        return Reporter()
    if sys.stderr.isatty():
        return Bar()
    return Lines() if progress else Reporter()


def _describe(progress: Progress) -> str:
    loss = "" if math.isnan(progress.loss) else f", loss {progress.loss:.3f}"
    left = "?" if math.isinf(progress.seconds_left) else clock(progress.seconds_left)
    return (
        f"{progress.words_per_second / 1e6:.2f}M words/s{loss}, lr {progress.lr:.4f}, {left} left"
    )


def clock(seconds: float) -> str:
    """Return a time as 1:23:45, or 3:45 where it is less than an hour."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
