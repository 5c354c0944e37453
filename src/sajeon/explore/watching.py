"""A training to watch: the page while it runs, and the explorer of the model once it is there."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..formats.tokentable import TokenTable
from ..learn.progress import Relay, Reporter
from ..vectors import Vectors
from .api import Answer, Api
from .layout import followed, projected, unit_rows
from .subject import Subject

if TYPE_CHECKING:
    from ..learn.trainer import Progress
    from ..types import Counts, Floats

_LOOK_SECONDS = 2.0  # between looks at the rows, at least
_LOOK_SHARE = 0.01  # of the time, at most, for which training waits for them
_LOOKED_AT = 10_000  # words, the most frequent: the others hardly have a place yet
_FIRST_STEPS = 10  # towards the axes of the first look; the rows are still near chance then
_MOST = 400  # places of the curve; when there are more, every other goes
_FIRST_INTERVAL = 0.2  # seconds between them at first


@dataclass(frozen=True)
class Seen:
    """Frequent words in the middle of a training.

    Attributes:
        version: How many looks there were.
        tokens: The words.
        counts: (words,) int64. How often each occurs.
        rows: (words, dim) float32, a copy.
    """

    version: int
    tokens: TokenTable
    counts: Counts
    rows: Floats


class Watching(Relay):
    """A reporter that keeps what a page shows, and passes everything on.

    Args:
        inner: Shows the progress on the terminal.
    """

    def __init__(self, inner: Reporter) -> None:
        super().__init__(inner)
        self._lock = Lock()
        self._places: list[dict[str, float | None]] = []
        self._interval = _FIRST_INTERVAL
        self._latest: Progress | None = None
        self._read: tuple[int, int | None] = (0, None)
        self._notes: list[str] = []
        self._words: tuple[TokenTable, Counts] | None = None
        self._look_again = 0.0  # seconds of training
        self._asked = 0.0  # when a pause was asked for
        self._seen: Seen | None = None

    def reading(self, done: int, total: int | None) -> None:
        """Keep it, pass it on."""
        self._read = done, total
        super().reading(done, total)

    def began(self, tokens: Sequence[str], counts: Counts) -> None:
        """Keep the frequent ones, pass them on."""
        table = TokenTable.from_tokens(tokens[:_LOOKED_AT])
        self._words = table, counts[:_LOOKED_AT].copy()
        super().began(tokens, counts)

    def due(self, progress: Progress) -> bool:
        """Ask for a pause every few seconds, less often where one takes long."""
        wanted = progress.seconds >= self._look_again
        if wanted:
            self._asked = time.perf_counter()
            self._look_again = progress.seconds + _LOOK_SECONDS
        return super().due(progress) or wanted

    def look(self, tables: Mapping[str, Floats]) -> None:
        """Copy the rows of frequent words, and no more: training waits meanwhile."""
        rows = tables.get("input")
        whole = "ngrams" not in tables  # else a vector is a mean with rows of n-grams
        if rows is not None and whole and self._words is not None:
            version = 1 if self._seen is None else self._seen.version + 1
            self._seen = Seen(version, *self._words, rows[:_LOOKED_AT].copy())
        took = time.perf_counter() - self._asked
        self._look_again += took / _LOOK_SHARE
        super().look(tables)

    @property
    def seen(self) -> Seen | None:
        """The rows at the last look; None before there was one, and where words have no rows."""
        return self._seen

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
        super().training(progress)

    def note(self, text: str) -> None:
        """Keep it, pass it on."""
        with self._lock:
            self._notes.append(text)
        super().note(text)

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
                "version": 0 if self._seen is None else self._seen.version,
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
        self._lock = Lock()
        self._shown = 0  # version
        self._forming: Api | None = None
        self._axes: Floats | None = None
        self._placed: Floats | None = None

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
        with self._lock:
            forming = self._now()
            if name == "positions" and self._placed is not None:
                return Answer.array(self._placed)
        if forming is not None and name in ("points", "nearest"):
            return forming.ask(name, parameters)
        return Answer.json({"error": "the model is still learning."}, 404)

    def _now(self) -> Api | None:
        """Return what answers for the rows at the last look, and place its words."""
        seen = self._watching.seen
        if seen is not None and seen.version != self._shown:
            vectors = Vectors(seen.tokens, seen.rows, seen.counts)
            self._placed = self._place(vectors)
            self._shown, self._forming = seen.version, Api([Subject(vectors, self._name)])
        return self._forming

    def _place(self, vectors: Vectors) -> Floats:
        """Return (words, 2) float32: the words on two axes that follow the principal ones."""
        rows = unit_rows(vectors, len(vectors))
        rows -= rows.mean(axis=0)
        steps = 1
        if self._axes is None:
            self._axes, steps = np.eye(vectors.dim, 2, dtype=np.float32), _FIRST_STEPS
        for _ in range(steps):
            self._axes = followed(rows, self._axes)
        return projected(rows, self._axes)

    def order(self, name: str) -> Answer:
        """See `Api.order`."""
        if self._api is not None:
            return self._api.order(name)
        return Answer.json({"error": "the model is still learning."}, 404)
