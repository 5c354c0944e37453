"""The tokens of one call by number, those included that only subwords have a vector for."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

import numpy as np

from .subwords import Subwords
from .types import Floats, Ids


class Numbering:
    """Numbers tokens: by id, and after all ids those that subwords have a vector for.

    Args:
        find: Returns the id of a token, or -1.
        rows: Returns the vectors (ids, dim) float32 of ids.
        num: How many ids there are.
        subwords: What makes vectors of other tokens, or None.
        lower: Whether a token that is not there is tried in lower case.
    """

    def __init__(
        self,
        find: Callable[[object], int],
        rows: Callable[[Ids], Floats],
        num: int,
        subwords: Subwords | None,
        *,
        lower: bool = False,
    ) -> None:
        self._find, self._rows, self._num = find, rows, num
        self._subwords, self._lower = subwords, lower
        self._known: dict[object, int] = {}
        self._made: list[Floats] = []

    def all_ids(self, tokens: Iterable[object]) -> Ids:
        """Return (tokens,) int64: the number of each, -1 for the unknown."""
        known = self._known
        numbers = []
        for token in tokens:
            i = known.get(token)
            if i is None:
                i = known[token] = self._number(token)
            numbers.append(i)
        return np.array(numbers, dtype=np.int64)

    def ids(self, tokens: Iterable[object]) -> Ids:
        """Return (known tokens,) int64."""
        ids = self.all_ids(tokens)
        known: Ids = ids[ids >= 0]
        return known

    def rows(self, ids: Ids) -> Floats:
        """Return (ids, dim) float32, a new array; `ids` are numbers given before."""
        if not self._made:
            return self._rows(ids)
        made, known = ids >= self._num, ids < self._num
        rows = np.empty((len(ids), len(self._made[0])), np.float32)
        rows[known] = self._rows(ids[known])
        rows[made] = np.stack(self._made)[ids[made] - self._num]
        return rows

    def _number(self, token: object) -> int:
        i = self._find(token)
        if i < 0 and self._lower and isinstance(token, str):
            i = self._find(token.lower())
        if i >= 0 or self._subwords is None or not isinstance(token, str):
            return i
        vector = self._subwords.vector(unicodedata.normalize("NFC", token))
        if vector is None:
            return -1
        self._made.append(vector)
        return self._num + len(self._made) - 1
