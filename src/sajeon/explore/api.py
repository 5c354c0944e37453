"""What the page can ask: a path and parameters in, JSON or the bytes of an array out.

No question changes anything but the background layout, so answers may be kept (`saving.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EvaluationError, SajeonError, UnknownTokenError
from .arithmetic import arithmetic
from .comparing import compared
from .lookup import lookup
from .maps import MOST_CLUSTERS, Maps
from .training import training_step, why_not

if TYPE_CHECKING:
    from .subject import Subject

MOST_TEXT = 20_000  # characters of a parameter
_MOST_NEIGHBOURS = 100
_NEIGHBOURS = 12
_CLUSTERS = 12
_EXAMPLES = [
    (("king", "man", "woman"), "the king and the queen of the old city"),
    (("왕", "남자", "여자"), "왕 과 왕비 는 오래된 도시 에서 함께 살았다"),
]

Parameters = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What goes back to the page.

    Attributes:
        status: Of HTTP.
        body: The bytes.
        kind: Their media type.
    """

    status: int
    body: bytes
    kind: str = "application/json"

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Answer:
        """Return a JSON answer; numbers that JSON has no word for were made null before."""
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
        return cls(status, text.encode(errors="replace"))

    @classmethod
    def array(cls, array: Any) -> Answer:
        """Return an array as its bytes, numbers little-endian."""
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        return cls(200, little.tobytes(), "application/octet-stream")


class Api:
    """Answers the page's questions about one or two models.

    Args:
        subjects: The models; the views that show one show the first.
    """

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self.subjects = list(subjects)
        self._maps = [Maps(subject) for subject in subjects]
        self._heavy = Lock()  # one long computation at a time: a page may ask twice
        self._routes: dict[str, Callable[[Parameters], Any]] = {
            "about": self._about,
            "points": self._points,
            "positions": self._positions,
            "clusters": self._groups,
            "tsne": self._tsne,
            "nearest": self._nearest,
            "lookup": self._lookup,
            "training": self._training,
            "arithmetic": self._arithmetic,
            "compare": self._compare,
        }
        self._orders: dict[str, Callable[[Parameters], Any]] = {
            "tsne/start": self._start,
            "tsne/stop": self._stop,
        }

    def ask(self, name: str, parameters: Parameters) -> Answer:
        """Answer a question; whatever is wrong with it becomes an answer, too."""
        return self._answered(self._routes.get(name), name, parameters)

    def order(self, name: str) -> Answer:
        """Start or stop the layout in the background."""
        return self._answered(self._orders.get(name), name, {})

    def _answered(
        self, route: Callable[[Parameters], Any] | None, name: str, parameters: Parameters
    ) -> Answer:
        if route is None:
            return Answer.json({"error": f"there is nothing called {name[:60]!r}."}, 404)
        long = [key for key, value in parameters.items() if len(value) > MOST_TEXT]
        if long:
            return Answer.json(
                {"error": f"{long[0][:20]} must have at most {MOST_TEXT:,} characters."}, 413
            )
        try:
            found = route(parameters)
        except UnknownTokenError as error:
            return Answer.json({"error": str(error), "suggestions": error.suggestions}, 404)
        except (SajeonError, ValueError, TypeError) as error:
            return Answer.json({"error": str(error)}, 400)
        return found if isinstance(found, Answer) else Answer.json(found)

    def _about(self, _: Parameters) -> dict[str, Any]:
        first = self.subjects[0]
        return {
            "models": [subject.about() for subject in self.subjects],
            "training": why_not(first.vectors) or "",
            "variance": self._maps[0].pca[1],
            "example": self._example,
        }

    @cached_property
    def _example(self) -> dict[str, str]:
        return example(self.subjects[0])

    def _points(self, _: Parameters) -> dict[str, Any]:
        first = self.subjects[0]
        return {"tokens": first.tokens, "counts": first.counts}

    def _positions(self, parameters: Parameters) -> Answer:
        with self._heavy:
            placed = self._maps[0].placed(parameters.get("layout", "pca"))
        if placed is None:
            return Answer.json({"error": "there is no t-SNE yet: start it first."}, 404)
        return Answer.array(placed)

    def _groups(self, parameters: Parameters) -> Answer:
        k = number(parameters, "k", _CLUSTERS, 1, MOST_CLUSTERS)
        with self._heavy:
            return Answer.array(self._maps[0].clusters(k))

    def _tsne(self, _: Parameters) -> dict[str, Any]:
        return self._maps[0].tsne.state

    def _start(self, _: Parameters) -> dict[str, Any]:
        return self._maps[0].tsne.start()

    def _stop(self, _: Parameters) -> dict[str, Any]:
        return self._maps[0].tsne.stop()

    def _nearest(self, parameters: Parameters) -> dict[str, Any]:
        place = number(parameters, "model", 0, 0, len(self.subjects) - 1)
        k = number(parameters, "k", _NEIGHBOURS, 1, _MOST_NEIGHBOURS)
        token = text(parameters, "token")
        subject = self.subjects[place]
        vectors = subject.vectors
        found = vectors.nearest(token, k)
        own = vectors._find(token)
        counts = vectors.counts
        return {
            "token": token,
            "id": own,
            "count": None if counts is None or own < 0 else int(counts[own]),
            "nearest": [
                {"token": other, "cosine": cosine, "id": vectors._find(other)}
                for other, cosine in found
            ],
        }

    def _lookup(self, parameters: Parameters) -> dict[str, Any]:
        pick = number(parameters, "pick", 0, 0, 10_000)
        return lookup(self.subjects[0], text(parameters, "text"), pick)

    def _training(self, parameters: Parameters) -> dict[str, Any]:
        return training_step(
            self.subjects[0],
            text(parameters, "text"),
            word=number(parameters, "word", 0, 0, 10_000),
            draw=number(parameters, "draw", 0, 0, 2**31 - 1),
            steps=number(parameters, "steps", 0, 0, 10_000),
            lr=decimal(parameters, "lr", 0.0),
        )

    def _arithmetic(self, parameters: Parameters) -> dict[str, Any]:
        return arithmetic(self.subjects[0].vectors, text(parameters, "expression"))

    def _compare(self, _: Parameters) -> dict[str, Any]:
        if len(self.subjects) < 2:
            raise EvaluationError("one model alone: sajeon explore MODEL MODEL2 compares two.")
        with self._heavy:
            return self._compared

    @cached_property
    def _compared(self) -> dict[str, Any]:
        return compared(*self.subjects[:2])


def text(parameters: Parameters, name: str) -> str:
    """Return a parameter that must be there and not blank.

    Raises:
        ValueError: It is not.
    """
    value = parameters.get(name, "")
    if not value.strip():
        raise ValueError(f"{name} must not be empty.")
    return value


def number(parameters: Parameters, name: str, default: int, least: int, most: int) -> int:
    """Return a parameter as a whole number.

    Raises:
        ValueError: It is none, or out of range.
    """
    value = parameters.get(name)
    if value is None:
        return default
    try:
        found = int(value[:20])
    except ValueError:
        found = least - 1
    if not least <= found <= most:
        raise ValueError(
            f"{name} must be a whole number from {least} to {most}, got {value[:20]!r}."
        )
    return found


def decimal(parameters: Parameters, name: str, default: float) -> float:
    """Return a parameter as a finite number.

    Raises:
        ValueError: It is none.
    """
    value = parameters.get(name)
    if value is None:
        return default
    try:
        found = float(value[:40])
    except ValueError:
        found = np.nan
    if not np.isfinite(found):
        raise ValueError(f"{name} must be a number, got {value[:40]!r}.")
    return found


def example(subject: Subject) -> dict[str, str]:
    """Return texts to begin with, of words that the model has; in the language it knows best."""
    vectors = subject.vectors
    known = [one for one in _EXAMPLES if all(word in vectors for word in one[0])]
    if known:
        (first, second, third), sentence = min(
            known, key=lambda one: int(subject.ids(list(one[0])).max())
        )
    else:
        frequent = subject.tokens[: min(200, subject.points)]
        spread = frequent[:: max(1, len(frequent) // 6)][:6]
        (first, second, third), sentence = (spread * 3)[:3], " ".join(spread)
    return {
        "token": first,
        "sentence": sentence,
        "texts": f"{sentence}\n{first} {second} zzxqy",
        "expression": f"{first} - {second} + {third}",
    }


def _finite(value: Any) -> Any:
    """Return a JSON value with None for NaN and infinity, which JSON cannot say."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
