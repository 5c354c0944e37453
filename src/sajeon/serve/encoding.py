"""Token lists to vectors, a few at a time: what `Vectors.encode` gives, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..types import Floats
    from ..vectors import Vectors

_LONGEST = 1000  # tokens; longer lists are left to `Vectors.encode`, which bounds their memory


class Encoder:
    """Averages vectors of tokens without what `Vectors.encode` prepares for many of them.

    A text of 9 words takes 20 µs in place of 102: there is one bag of rows.

    Args:
        vectors: The model.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def encode(self, token_lists: Sequence[list[str]]) -> Floats:
        """Return (texts, dim) float32, a new array."""
        if len(token_lists) == 1:
            return self._mean(token_lists[0])[None]
        means = np.empty((len(token_lists), self._vectors.dim), np.float32)
        for i, tokens in enumerate(token_lists):
            means[i] = self._mean(tokens)
        return means

    def _mean(self, tokens: list[str]) -> Floats:
        """Return (dim,) float32."""
        find = self._vectors._find
        known = [i for i in map(find, tokens) if i >= 0]
        # NumPy adds the rows of a single column in pairs, not one after another.
        is_left = not known or len(known) > _LONGEST or self._vectors.dim == 1
        if is_left or (len(known) < len(tokens) and self._vectors.subwords is not None):
            left: Floats = self._vectors.encode([tokens])[0]
            return left
        rows = self._vectors._rows(np.array(known)).astype(np.float64)  # (known, dim)
        sums = np.add.reduce(rows, axis=0, initial=0.0)
        sums /= len(known)
        mean: Floats = sums.astype(np.float32)
        return mean
