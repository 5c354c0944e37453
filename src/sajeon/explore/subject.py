"""The model that is looked at, and what the page wants to know of it first."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..formats.atomic import existing

if TYPE_CHECKING:
    from ..types import Ids
    from ..vectors import Vectors

MAX_POINTS = 100_000
"""Words on a map, the most frequent. More are neither drawn fluently nor told apart."""


class Subject:
    """A model that is looked at.

    Args:
        vectors: The model.
        name: What the page calls it.
        path: Where it was opened; None: it has no file.
        points: How many of its words stand on the map, the first ones.
    """

    def __init__(
        self,
        vectors: Vectors,
        name: str,
        path: str | os.PathLike[str] | None = None,
        *,
        points: int = MAX_POINTS,
    ) -> None:
        self.vectors, self.name = vectors, name
        self.points = min(points, len(vectors))
        self._path = None if path is None else Path(path)
        self._opened = self._identity()

    @classmethod
    def open(cls, path: str, *, points: int = MAX_POINTS) -> Subject:
        """Open a model in any format that `sajeon.load` knows."""
        from ..loading import load

        return cls(load(path), Path(path).resolve().name, path, points=points)

    @property
    def on_disk(self) -> str:
        """Whether the file is what was opened: "same", "replaced" or "gone".

        What was opened stays readable in both of the other cases, since it is mapped or in memory.
        """
        if self._opened is None:
            return "same"
        now = self._identity()
        return "gone" if now is None else "same" if now == self._opened else "replaced"

    @cached_property
    def tokens(self) -> list[str]:
        """The words on the map."""
        return list(self.vectors.tokens[: self.points])

    @cached_property
    def counts(self) -> list[int] | None:
        """How often each of them occurs, or None."""
        counts = self.vectors.counts
        return None if counts is None else counts[: self.points].tolist()

    def ids(self, tokens: list[str]) -> Ids:
        """Return (tokens,) int64: the row of each, -1 for those that have none."""
        return np.array([self.vectors._find(token) for token in tokens], dtype=np.int64)

    def cut(self, text: str) -> tuple[list[str], str | None]:
        """Return the tokens of a text, and a remark where the model does not say how to cut it."""
        tokenizer = self.vectors.tokenizer
        if tokenizer is None or tokenizer.reads != "text" or tokenizer.name == "custom":
            return text.split(), "the model has no tokenizer for text, so this is cut at blanks"
        return tokenizer.tokens(text), None

    def about(self) -> dict[str, Any]:
        """Return the facts that the page begins with."""
        vectors = self.vectors
        settings = {k: v for k, v in vectors.settings.items() if not isinstance(v, dict)}
        return {
            "name": self.name,
            "tokens": len(vectors),
            "dim": vectors.dim,
            "points": self.points,
            "counted": vectors.counts is not None,
            "numbers": vectors.matrix.dtype.name,
            "settings": settings,
            "on_disk": self.on_disk,
        }

    def _identity(self) -> tuple[int, int, int] | None:
        """Return what changes when the file or folder is replaced; None where there is none."""
        if self._path is None:
            return None
        try:
            stat = existing(self._path).stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino, stat.st_mtime_ns
