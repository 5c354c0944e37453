"""Token lists to vectors, a few at a time: what `Vectors.encode` gives, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..types import Doubles, Floats
    from ..vectors import Vectors

_LONGEST = 1000  # tokens; longer lists are left to `Vectors.encode`, which bounds their memory
_KEPT = 50_000  # ids kept by token: some 7 MB


class Encoder:
    """Averages vectors of tokens without what `Vectors.encode` prepares for many of them.

    A text of 11 words takes 16 µs in place of 110: the ids of tokens seen before are kept, and
    there is one bag of rows.

    Args:
        vectors: The model.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors
        self._ids: dict[str, int] = {}

    def encode(self, token_lists: Sequence[list[str]]) -> Floats:
        """Return (texts, dim) float32, a new array."""
        means = np.empty((len(token_lists), self._vectors.dim), np.float32)
        for i, tokens in enumerate(token_lists):
            means[i] = self._mean(tokens)
        return means

    def _mean(self, tokens: list[str]) -> Floats:
        """Return (dim,) float32."""
        ids = [self._id(token) for token in tokens]
        vectors = self._vectors
        known = [i for i in ids if i >= 0]
        # NumPy adds the rows of a single column in pairs, not one after another.
        is_left = not known or len(known) > _LONGEST or vectors.dim == 1
        if is_left or (vectors.subwords is not None and len(known) < len(ids)):
            first: Floats = vectors.encode([tokens])[0]
            return first
        rows = vectors._rows(np.array(known)).astype(np.float64)  # (known, dim)
        sums: Doubles = np.add.reduce(rows, axis=0, initial=0.0)
        return (sums / len(known)).astype(np.float32)

    def _id(self, token: str) -> int:
        i = self._ids.get(token)
        if i is None:
            if len(self._ids) >= _KEPT:
                self._ids.clear()
            i = self._ids[token] = self._vectors._find(token)
        return i
