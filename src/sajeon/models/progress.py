"""What a fit says while it runs: nothing, a line an epoch, or what a function of yours says."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """How far a fit has come.

    Attributes:
        epoch: The epoch that runs or has just ended, from 1.
        epochs: How many there are to be; early stopping may leave some out.
        examples: Examples trained in this epoch.
        num_examples: Examples of an epoch.
        loss: Mean loss of an example in this epoch so far, nats.
        validation_loss: Mean loss on the held-out data after this epoch; None before its end, and
            where there are no such data.
    """

    epoch: int
    epochs: int
    examples: int
    num_examples: int
    loss: float
    validation_loss: float | None = None


Report: TypeAlias = Callable[[Progress], None]
Spec: TypeAlias = "bool | Report | None"


class Reporter:
    """Passes on what happens: at the end of each epoch, and about ten times a second before it.

    Args:
        progress: True or False to write a line an epoch to standard error or not, None to write it
            where that is a terminal. Or a function, called with each `Progress`.

    Raises:
        TypeError: It is none of these.
    """

    def __init__(self, progress: Spec) -> None:
        if not (progress is None or isinstance(progress, bool) or callable(progress)):
            raise TypeError(f"progress must be True, False or a function, got {progress!r}.")
        if progress is None:
            progress = sys.stderr.isatty()
        self._report: Report | None = _write_line if progress is True else progress or None
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Tell how far it is, unless that was told a moment ago."""
        now = time.monotonic()
        ended = progress.examples == progress.num_examples
        if self._report is not None and (ended or now - self._last > _SECONDS):
            self._last = now
            self._report(progress)


def _write_line(progress: Progress) -> None:
    if progress.examples < progress.num_examples:
        return
    held_out = progress.validation_loss
    more = "" if held_out is None else f", held out {held_out:.4f}"
    line = f"sajeon: epoch {progress.epoch} of {progress.epochs}: loss {progress.loss:.4f}{more}\n"
    with suppress(OSError):  # a full disk or a closed pipe there is no reason to stop
        sys.stderr.write(line)
