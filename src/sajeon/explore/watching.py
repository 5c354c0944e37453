"""A training to watch: the page while it runs, and the explorer of the model once it is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..learn.progress import Reporter
from .api import Answer, Api

if TYPE_CHECKING:
    from ..learn.trainer import Progress
    from .subject import Subject

_MOST = 400  # places of the curve; when there are more, every other goes
_FIRST_INTERVAL = 0.2  # seconds between them at first


class Watching(Reporter):
    """A reporter that keeps what a page shows, and passes everything on.

    Args:
        inner: Shows the progress on the terminal.
    """

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner
        self._lock = Lock()
        self._places: list[dict[str, float | None]] = []
        self._interval = _FIRST_INTERVAL
        self._latest: Progress | None = None
        self._read: tuple[int, int | None] = (0, None)
        self._notes: list[str] = []

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
        """Keep it, pass it on."""
        self._read = done, total
        self._inner.reading(done, total)

    def training(self, progress: Progress) -> None:
        """Keep it, pass it on: ten times a second, so nothing is computed here."""
        with self._lock:
            self._latest = progress
            last = self._places[-1]["seconds"] if self._places else None
            ended = progress.tokens >= progress.total_tokens
            if last is None or ended or progress.seconds - last >= self._interval:
                self._places.append(_place(progress))
            if len(self._places) > _MOST:
                del self._places[1:-1:2]
                self._interval *= 2
        self._inner.training(progress)

    def note(self, text: str) -> None:
        """Keep it, pass it on."""
        with self._lock:
            self._notes.append(text)
        self._inner.note(text)

    @property
    def state(self) -> dict[str, Any]:
        """What the page shows: how far it is, and the curve so far."""
        with self._lock:
            latest = self._latest
            return {
                "read": self._read,
                "now": None if latest is None else _place(latest),
                "seconds_left": None if latest is None else _finite(latest.seconds_left),
                "places": list(self._places),
                "notes": list(self._notes),
            }


def _place(progress: Progress) -> dict[str, float | None]:
    return {
        "seconds": progress.seconds,
        "share": progress.tokens / max(progress.total_tokens, 1),
        "loss": _finite(progress.loss),
        "lr": progress.lr,
        "speed": progress.words_per_second,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


class WatchedApi:
    """Answers as `Api` does, before there is a model as well.

    Args:
        watching: The training.
        name: Of the model that is to be.
    """

    def __init__(self, watching: Watching, name: str) -> None:
        self._watching, self._name = watching, name
        self._api: Api | None = None

    def finished(self, subject: Subject) -> None:
        """Show this model from now on."""
        self._api = Api([subject])

    def ask(self, name: str, parameters: Mapping[str, str]) -> Answer:
        """See `Api.ask`."""
        if name == "watch":
            return Answer.json(self._watching.state | {"done": self._api is not None})
        if self._api is not None:
            return self._api.ask(name, parameters)
        if name == "about":
            return Answer.json({"models": [], "watched": self._name})
        return Answer.json({"error": "the model is still learning."}, 404)

    def order(self, name: str) -> Answer:
        """See `Api.order`."""
        if self._api is not None:
            return self._api.order(name)
        return Answer.json({"error": "the model is still learning."}, 404)
