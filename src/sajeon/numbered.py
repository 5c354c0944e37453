"""The tokens of one call by number, those included that only subwords have a vector for."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from .formats.tokentable import TokenTable
from .subwords import Subwords
from .types import Array, Floats, Ids

if TYPE_CHECKING:
    from .tokens.protocol import Tokenizer

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


class Numbering:
    """Numbers tokens: by id, and after all ids those that subwords have a vector for.

    Args:
        find: Returns the id of a token, or -1: in `tokens`, in either Unicode form.
        tokens: The tokens that have an id.
        rows: Returns the vectors (ids, dim) float32 of ids.
        subwords: What makes vectors of other tokens, or None.
        lower: Whether a token that is not there is tried in lower case.
    """

    def __init__(
        self,
        find: Callable[[object], int],
        tokens: TokenTable,
        rows: Callable[[Ids], Floats],
        subwords: Subwords | None,
        *,
        lower: bool = False,
    ) -> None:
        self._find, self._tokens, self._rows = find, tokens, rows
        self._subwords, self._lower = subwords, lower
        self._known: dict[object, int] = {}
        self._made: list[Floats] = []
        self._next = len(tokens)  # the number of the next token that subwords make a vector of

    def all_ids(self, tokens: Iterable[object], *, compiled: bool = False) -> Ids:
        """Return (tokens,) int64: the number of each, -1 for the unknown.

        Args:
            tokens: Tokens; what is no str is unknown.
            compiled: Whether to look them up with a kernel, which pays for thousands.
        """
        known, tokens = self._known, list(tokens)
        if new := [token for token in dict.fromkeys(tokens) if token not in known]:
            self._number(new, self._find_many(new) if compiled else map(self._found, new))
        return np.array([known[token] for token in tokens], dtype=np.int64)

    def ids(self, tokens: Iterable[object]) -> Ids:
        """Return (known tokens,) int64."""
        ids = self.all_ids(tokens)
        known: Ids = ids[ids >= 0]
        return known

    def ids_of_texts(self, texts: Sequence[str], tokenizer: Tokenizer) -> tuple[Ids, Ids]:
        """Number the tokens of many texts, compiled.

        Args:
            texts: Texts.
            tokenizer: What cuts them, one that has a compiled scan.

        Returns:
            (total,) int64, text after text, -1 for the unknown, and (texts + 1,) int64 offsets.

        Raises:
            FormatError: A text holds a lone surrogate.
        """
        from .bags import number_texts

        numbered = number_texts(texts, tokenizer)
        ids = self._search(numbered.data, numbered.spans)
        missing = np.flatnonzero(ids < 0)  # those alone become str: that takes longest
        raw = numbered.data.tobytes()
        begins, ends = numbered.spans[missing].tolist(), numbered.spans[missing + 1].tolist()
        words = [raw[begin:end].decode() for begin, end in zip(begins, ends, strict=True)]
        ids[missing] = self.all_ids(words, compiled=True)
        return ids[numbered.ids], numbered.offsets

    def rows(self, ids: Ids) -> Floats:
        """Return (ids, dim) float32, a new array; `ids` are numbers given before."""
        if not self._made:
            return self._rows(ids)
        if len(self._made) > 1:
            self._made = [np.concatenate(self._made)]
        num = len(self._tokens)
        made, known = ids >= num, ids < num
        rows = np.empty((len(ids), self._made[0].shape[1]), np.float32)
        rows[known] = self._rows(ids[known])
        rows[made] = self._made[0][ids[made] - num]
        return rows

    def _number(self, tokens: list[object], ids: Iterable[int]) -> None:
        """Keep the ids of tokens, and number those without one that subwords have a vector for."""
        self._known.update(zip(tokens, ids, strict=True))
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

    def _find_many(self, tokens: list[object]) -> list[int]:
        """Return what `_found` does for each; 222,000 Korean words: 0.44 s in place of 3.7."""
        if self._lower or not all(isinstance(token, str) for token in tokens):
            return [self._found(token) for token in tokens]
        words = cast("list[str]", tokens)
        ids = self._search_words(words)
        other = [i for i in np.flatnonzero(ids < 0).tolist() if not words[i].isascii()]
        missing = [words[i] for i in other]
        for form in _FORMS:
            if (formed := _in_form(form, missing)) != missing:
                ids[other] = np.maximum(ids[other], self._search_words(formed))
        return list(ids.tolist())

    def _search_words(self, words: list[str]) -> Ids:
        from .bags import spell

        return self._search(*spell([word.encode(errors="surrogatepass") for word in words]))

    def _search(self, data: Array, spans: Ids) -> Ids:
        """Return (words,) int64: ids of words as `spell` has them, -1: not there in this form."""
        from .kernels.find import DAMAGED, find_tokens

        tokens, ids = self._tokens, np.empty(len(spans) - 1, np.int64)
        known = _read_only(tokens.data), _read_only(tokens.offsets), _read_only(tokens.table)
        find_tokens(_read_only(data), spans, *known, ids)
        for i in np.flatnonzero(ids == DAMAGED).tolist():
            word = data[spans[i] : spans[i + 1]].tobytes().decode(errors="surrogatepass")
            ids[i] = tokens.find(word)  # raises the error, or passes over it as ever
        return ids


def _in_form(form: Literal["NFC", "NFD"], words: list[str]) -> list[str]:
    """Normalise words, where none holds a newline all at once: no rule reaches across one."""
    text = "\n".join(words)
    if text.count("\n") >= len(words):
        return [unicodedata.normalize(form, word) for word in words]
    return unicodedata.normalize(form, text).split("\n") if words else []


def _read_only(array: Array) -> Array:
    """Return a view: kernels are compiled for one kind of array, and those of a file are this."""
    view = array.view()
    view.flags.writeable = False
    return view
