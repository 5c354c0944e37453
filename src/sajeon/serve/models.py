"""The models that are served, and how a newer one on disk takes the place of an older.

Requests hold the model that they began with, so replacing one drops none. Whatever is wrong with
the newer one, the older goes on: its files stay mapped even where their names are gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SajeonError
from ..formats.atomic import existing
from ..loading import load
from .encoding import Encoder
from .errors import RefusedError, shown, wrong
from .logs import log

if TYPE_CHECKING:
    from ..vectors import Vectors

_QUICK = {"words", "whitespace"}  # tokenizers that take microseconds, and any thread at any time
_PARTS = ("config.json", "model.safetensors")

Identity = tuple[tuple[int, int, int, int], ...]


class Model:
    """A model as it was opened once.

    Args:
        name: What requests call it.
        path: Where it is.

    Raises:
        OSError, SajeonError: It cannot be opened.

    Attributes:
        identity: What changes when the files do.
        created: When they were made, seconds since 1970.
        cutting: Held while texts are cut by a tokenizer that may not be used by two threads.
        is_quick: Whether texts are cut so quickly that requests need not wait in a thread.
    """

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.identity = identity(path)  # taken first: what changes meanwhile is seen afterwards
        self.vectors: Vectors = load(path)
        self.encoder = Encoder(self.vectors)
        self.created = self._made(path)
        self.cutting = threading.Lock()
        tokenizer = self.vectors.tokenizer
        self.is_quick = tokenizer is None or tokenizer.name in _QUICK
        self.facts = {
            "id": name,
            "object": "model",
            "created": self.created,
            "owned_by": "sajeon",
            "tokens": len(self.vectors),
            "dim": self.vectors.dim,
        }

    def _made(self, path: str) -> int:
        return int(self.identity[0][2] / 1e9) if self.identity else int(time.time())


class Models:
    """The models by name.

    Args:
        paths: Where each is.

    Raises:
        OSError, SajeonError: One cannot be opened.

    Attributes:
        problems: Why a newer model of a name is not taken up.
    """

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = dict(paths)
        self._models = {name: Model(name, path) for name, path in paths.items()}
        self._tried = {name: model.identity for name, model in self._models.items()}
        self.problems: dict[str, str] = {}
        self._loading = threading.Lock()

    def __getitem__(self, name: str | None) -> Model:
        """Return a model; without a name the only one.

        Raises:
            RefusedError: There is no such, or there are several.
        """
        if name is None:
            if len(self._models) > 1:
                raise wrong(f"model is missing: this server has {self._names}.", "model")
            return next(iter(self._models.values()))
        model = self._models.get(name)
        if model is None:
            message = f"there is no model {shown(name)}; this server has {self._names}."
            raise RefusedError(404, message, "model", "model_not_found")
        return model

    def all(self) -> list[Model]:
        """Return the models in the order in which they were given."""
        return list(self._models.values())

    def refresh(self, *, force: bool = False) -> None:
        """Open what has changed on disk; with `force`, all."""
        with self._loading:
            for name, path in self._paths.items():
                self._refresh(name, path, force)

    @property
    def _names(self) -> str:
        return ", ".join(map(shown, self._models))

    def _refresh(self, name: str, path: str, force: bool) -> None:
        now = identity(path)
        if not now:
            return self._keep(name, f"{path} is gone")
        if now == self._models[name].identity and not force:
            self.problems.pop(name, None)  # it was gone for a moment, or put back
            self._tried[name] = now
            return None
        if now == self._tried[name] and name in self.problems and not force:
            return None  # what could not be opened has not changed
        self._tried[name] = now
        try:
            self._models[name] = Model(name, path)
        except (OSError, SajeonError, ValueError) as error:
            return self._keep(name, str(error))
        self.problems.pop(name, None)
        return log("info", "model reloaded", model=name, tokens=len(self._models[name].vectors))

    def _keep(self, name: str, problem: str) -> None:
        if self.problems.get(name) != problem:
            log("warning", "model kept: the one on disk cannot be opened", model=name, why=problem)
        self.problems[name] = problem


def identity(path: str) -> Identity:
    """Return what changes when a model's files do; empty where there is nothing."""
    root = existing(Path(path))
    try:
        stats: list[Any] = [root.stat()]
        if root.is_dir():
            stats += [(root / part).stat() for part in _PARTS if (root / part).exists()]
    except OSError:
        return ()
    return tuple((s.st_dev, s.st_ino, s.st_mtime_ns, s.st_size) for s in stats)
