"""Token lists to vectors, a few at a time: what `Vectors.encode` gives, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING

import numpy as np

from ..kernels._compile import HAVE_NUMBA
from ..kernels.means import mean_bags

if TYPE_CHECKING:
    from ..types import Floats
    from ..vectors import Vectors

_MANY = 100_000  # tokens; more are left to `Vectors.encode`, which uses all cores


class Encoder:
    """Averages vectors of tokens without what `Vectors.encode` prepares for many of them.

    The kernel adds rows where they lie. Between requests every call of NumPy finds the caches cold:
    a text takes a server 65 µs so, and took 105 with six such calls.

    Args:
        vectors: The model.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        is_plain = vectors.matrix.dtype == np.float32 and vectors.scales is None
        self._is_compiled = HAVE_NUMBA and is_plain
        self.encode([[]])  # compiles, or loads what was compiled: not while a client waits

    def encode(self, token_lists: Sequence[list[str]]) -> Floats:
        """Return (texts, dim) float32, a new array."""
        vectors, offsets = self._vectors, [0, *accumulate(map(len, token_lists))]
        if not self._is_compiled or offsets[-1] > _MANY:
            return vectors.encode(token_lists)
        ids = np.array(list(map(vectors._find, chain.from_iterable(token_lists))), np.int32)
        if vectors.subwords is not None and (ids < 0).any():
            return vectors.encode(token_lists)
        means = np.empty((len(token_lists), vectors.dim), np.float32)
        bounds = np.array(offsets, np.int64)
        mean_bags(vectors.matrix, ids, bounds, 0, len(means), means)
        return means
