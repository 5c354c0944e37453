"""The tokens of one call by number, those included that only subwords have a vector for."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from .formats.tokentable import TokenTable
from .subwords import Subwords
from .types import Array, Floats, Ids

if TYPE_CHECKING:
    from .tokens.protocol import Tokenizer


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
        self._next = num  # the number of the next token that subwords make a vector of

    def all_ids(self, tokens: Iterable[object]) -> Ids:
        """Return (tokens,) int64: the number of each, -1 for the unknown."""
        known, tokens = self._known, list(tokens)
        if new := [token for token in dict.fromkeys(tokens) if token not in known]:
            self._number(new)
        return np.array([known[token] for token in tokens], dtype=np.int64)

    def ids(self, tokens: Iterable[object]) -> Ids:
        """Return (known tokens,) int64."""
        ids = self.all_ids(tokens)
        known: Ids = ids[ids >= 0]
        return known

    def ids_of_texts(
        self, texts: Sequence[str], tokenizer: Tokenizer, tokens: TokenTable
    ) -> tuple[Ids, Ids]:
        """Number the tokens of many texts, compiled where the tokenizer is.

        Args:
            texts: Texts.
            tokenizer: What cuts them.
            tokens: The tokens that have an id.

        Returns:
            (total,) int64, text after text, -1 for the unknown, and (texts + 1,) int64 offsets.

        Raises:
            FormatError: A text holds a lone surrogate.
        """
        from .bags import number_texts

        numbered = number_texts(texts, tokenizer)
        return self._spelled(numbered.data, numbered.spans, tokens)[numbered.ids], numbered.offsets

    def rows(self, ids: Ids) -> Floats:
        """Return (ids, dim) float32, a new array; `ids` are numbers given before."""
        if not self._made:
            return self._rows(ids)
        if len(self._made) > 1:
            self._made = [np.concatenate(self._made)]
        made, known = ids >= self._num, ids < self._num
        rows = np.empty((len(ids), self._made[0].shape[1]), np.float32)
        rows[known] = self._rows(ids[known])
        rows[made] = self._made[0][ids[made] - self._num]
        return rows

    def _spelled(self, data: Array, spans: Ids, tokens: TokenTable) -> Ids:
        """Return (types,) int64: the number of each token spelled in `data`, -1 for the unknown."""
        from .kernels.find import UNSURE, find_tokens

        ids = np.empty(len(spans) - 1, np.int64)
        given = _read_only(data), _read_only(spans)
        known = _read_only(tokens.data), _read_only(tokens.offsets), _read_only(tokens.table)
        find_tokens(*given, *known, ids)
        asked = np.flatnonzero(ids == UNSURE if self._subwords is None else ids < 0)
        raw, begins, ends = data.tobytes(), spans[asked].tolist(), spans[asked + 1].tolist()
        bounds = zip(begins, ends, strict=True)
        ids[asked] = self.all_ids(raw[begin:end].decode() for begin, end in bounds)
        return ids

    def _number(self, tokens: list[object]) -> None:
        """Number tokens that have no number yet."""
        self._known.update((token, self._found(token)) for token in tokens)
        if self._subwords is None:
            return
        left = [token for token in tokens if isinstance(token, str) and self._known[token] < 0]
        if not left:
            return
        forms = [unicodedata.normalize("NFC", token) for token in left]
        vectors, has_vector = self._subwords.vectors(forms)
        numbers = self._next + np.arange(np.count_nonzero(has_vector))
        self._known.update(zip(compress(left, has_vector), numbers.tolist(), strict=True))
        self._made.append(vectors[has_vector])
        self._next += len(numbers)

    def _found(self, token: object) -> int:
        i = self._find(token)
        if i < 0 and self._lower and isinstance(token, str):
            i = self._find(token.lower())
        return i


def _read_only(array: Array) -> Array:
    """Return a view: kernels are compiled for one kind of array, and those of a file are this."""
    view = array.view()
    view.flags.writeable = False
    return view
