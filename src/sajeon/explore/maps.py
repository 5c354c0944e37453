"""The map of one model: where its words lie and what groups they form, made when asked for."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from .cache import layout_file, read_layout, write_layout
from .clusters import cluster
from .layout import pca, unit_rows
from .tsne import BackgroundTsne, tsne

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..types import Floats
    from .subject import Subject
    from .tsne import Report

LAYOUTS = ("pca", "tsne")
MOST_CLUSTERS = 24


class Maps:
    """The layouts and groups of the words of a model.

    Args:
        subject: The model.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._clusters = lru_cache(maxsize=MOST_CLUSTERS)(lambda k: cluster(self.rows, k))

    @cached_property
    def rows(self) -> Floats:
        """(points, dim) float32, of length 1."""
        return unit_rows(self._subject.vectors, self._subject.points)

    @cached_property
    def pca(self) -> tuple[Floats, float]:
        """See `layout.pca`."""
        return pca(self.rows)

    @cached_property
    def tsne(self) -> BackgroundTsne:
        """The t-SNE, found in the cache or not begun."""
        return BackgroundTsne(self.rows)

    def wait_for_tsne(self, report: Report | None = None) -> Floats:
        """Return (points, 2) float32: the t-SNE, from the cache, or made now and kept there.

        Raises:
            MissingExtraError: It has to be made, and openTSNE is not installed.
            KeyboardInterrupt: The report asked to stop.
        """
        file = layout_file("tsne", self.rows)
        placed = read_layout(file, len(self.rows))
        if placed is None:
            placed = tsne(self.rows, report)
            if placed is None:
                raise KeyboardInterrupt
            with suppress(OSError):  # then it is made again next time
                write_layout(file, placed)
        return placed

    def clusters(self, k: int) -> NDArray[np.uint8]:
        """Return (points,) uint8; see `clusters.cluster`."""
        groups: NDArray[np.uint8] = self._clusters(k)
        return groups

    def placed(self, layout: str) -> Floats | None:
        """Return (points, 2) float32, None where t-SNE has none yet.

        Raises:
            ValueError: There is no such layout.
        """
        if layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}.")
        return self.pca[0] if layout == "pca" else self.tsne.placed
