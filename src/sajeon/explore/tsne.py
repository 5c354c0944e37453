"""t-SNE: neighbours stay neighbours, in the plane. Made in the background, kept in the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cores import available_cores
from ..errors import MissingExtraError
from . import cache
from .layout import pca, principal_axes

if TYPE_CHECKING:
    from ..types import Floats

_PERPLEXITY = 30
_EXAGGERATED, _PLAIN = 250, 500  # iterations, openTSNE's defaults
_EVERY = 10  # iterations between reports
_DIMENSIONS = 50  # vectors are reduced to by PCA first, as van der Maaten and Hinton (2008) did
_WORTH_THREADS = 5000  # rows
_FEWEST = 4  # rows; fewer have no neighbours to speak of

Report = Callable[[int, int, "Floats | None"], bool]
"""Called with iterations done, all of them, and (num, 2) positions; true asks to stop."""


def installed() -> bool:
    """Return whether openTSNE is there, without importing it, which takes a second."""
    return find_spec("openTSNE") is not None


def tsne(rows: Floats, report: Report | None = None) -> Floats | None:
    """Lay rows out by t-SNE (van der Maaten and Hinton, JMLR 2008), beginning with their PCA.

    Args:
        rows: (num, dim) float32, of length 1, so that distances rise as cosines fall.
        report: Called every few iterations.

    Returns:
        (num, 2) float32, a new array; None if `report` asked to stop.

    Raises:
        MissingExtraError: openTSNE is not installed.
    """
    start, _ = pca(rows)
    if len(rows) < _FEWEST:
        return start
    if not installed():
        raise MissingExtraError("t-SNE", "explore")
    from openTSNE import TSNEEmbedding, affinity

    stopped = report is not None and report(0, _EXAGGERATED + _PLAIN, None)
    if stopped:
        return None
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    reduced = rows if rows.shape[1] <= _DIMENSIONS else _reduced(rows)
    # Threads wait for each other in each of 750 rounds: 40 rows took 43 s on two busy cores.
    threads = available_cores() if len(rows) >= _WORTH_THREADS else 1
    near = affinity.PerplexityBasedNN(
        reduced, perplexity=perplexity, n_jobs=threads, random_state=1
    )
    scale = max(float(start[:, 0].std()), 1e-12)
    placed = TSNEEmbedding(
        start / scale * 1e-4, near, negative_gradient_method="auto", n_jobs=threads, random_state=1
    )
    for first, num, settings in (
        (0, _EXAGGERATED, {"exaggeration": 12, "momentum": 0.5}),
        (_EXAGGERATED, _PLAIN, {"momentum": 0.8}),
    ):
        placed = _optimised(placed, first, num, settings, report)
        if placed is None:
            return None
    return np.array(placed, np.float32)


def _reduced(rows: Floats) -> Floats:
    axes, _ = principal_axes(rows, _DIMENSIONS)
    reduced: Floats = (rows - rows.mean(axis=0)) @ axes.astype(np.float32)
    return reduced


def _optimised(
    placed: Any, first: int, num: int, settings: dict[str, Any], report: Report | None
) -> Any:
    """Run `num` iterations, after `first` earlier ones; None if the report asked to stop."""
    stopped = False

    def look(iteration: int, _: float, now: Any) -> bool:
        nonlocal stopped
        total = _EXAGGERATED + _PLAIN
        stopped = report is not None and report(first + iteration, total, np.array(now, np.float32))
        return stopped

    from openTSNE.tsne import OptimizationInterrupt

    try:
        moved = placed.optimize(num, callbacks=look, callbacks_every_iters=_EVERY, **settings)
    except OptimizationInterrupt:
        return None
    return None if stopped else moved


class BackgroundTsne:
    """A t-SNE that a page can watch, stop, and find again in the cache.

    Args:
        rows: (num, dim) float32, of length 1.
    """

    def __init__(self, rows: Floats) -> None:
        self._rows = rows
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {"state": "none", "done": 0, "total": 0, "version": 0}
        self._placed: Floats | None = None
        self._stop = threading.Event()
        self._file = cache.layout_file("tsne", rows)
        kept = cache.read_layout(self._file, len(rows))
        if kept is not None:
            self._set(kept, state="done")
        elif not installed() and len(rows) >= _FEWEST:
            self._set(None, state="unavailable", note=str(MissingExtraError("t-SNE", "explore")))

    @property
    def state(self) -> dict[str, Any]:
        """What it is at: "none", "running", "done", "stopped", "failed" or "unavailable"."""
        with self._lock:
            return dict(self._state)

    @property
    def placed(self) -> Floats | None:
        """(num, 2) float32: the words as they lie now, or None."""
        with self._lock:
            return self._placed

    def start(self) -> dict[str, Any]:
        """Begin, unless it runs or is done; return the state."""
        with self._lock:
            if self._state["state"] not in ("none", "stopped", "failed"):
                return dict(self._state)
            self._state |= {"state": "running", "done": 0, "total": 0, "note": None}
            self._stop.clear()
        threading.Thread(target=self._run, daemon=True, name="t-SNE").start()
        return self.state

    def stop(self) -> dict[str, Any]:
        """Ask it to stop, which it does within some iterations; return the state."""
        self._stop.set()
        return self.state

    def _run(self) -> None:
        try:
            placed = tsne(self._rows, self._report)
        except Exception as error:  # shown on the page: nobody else would see it
            self._set(None, state="failed", note=f"{type(error).__name__}: {error}")
            return
        if placed is None:
            self._set(None, state="stopped")
            return
        note = None
        try:
            cache.write_layout(self._file, placed)
        except OSError as error:
            note = f"not kept for next time: {error}"
        self._set(placed, state="done", note=note)

    def _report(self, done: int, total: int, placed: Floats | None) -> bool:
        self._set(placed, done=done, total=total)
        return self._stop.is_set()

    def _set(self, placed: Floats | None, **changes: Any) -> None:
        with self._lock:
            self._state |= changes
            if placed is not None:
                self._placed = placed
                self._state["version"] += 1
