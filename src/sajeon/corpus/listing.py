"""Token lists to ids, in plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from ..errors import FormatError
from .spool import Spool

_BATCH = 1 << 16  # tokens handed to the spool at a time


class _Ids(dict[str, int]):
    """Ids in order of appearance; a token not met before gets the next."""

    def __missing__(self, token: str) -> int:
        check_token(token)
        self[token] = number = len(self)
        return number


class Lister:
    """Counts and encodes token lists, where Numba is missing."""

    def __init__(self, spool: Spool) -> None:
        self._spool, self._ids = spool, _Ids()

    @property
    def num_types(self) -> int:
        """How many distinct tokens there were."""
        return len(self._ids)

    def tokens(self, ids: Any) -> list[str]:
        """Return the spelling of each id."""
        spellings = list(self._ids)
        return [spellings[i] for i in ids]

    def add_token_lists(self, lists: Iterable[list[str]]) -> Iterator[int]:
        """Read token lists: each is a sequence. Yields the tokens done."""
        for batch in in_batches(lists, _BATCH):
            self._add(batch)
            yield self._spool.num_tokens

    def _add(self, batch: list[list[str]]) -> None:
        ends = np.cumsum([len(tokens) for tokens in batch], dtype=np.int64)
        found = map(self._ids.__getitem__, chain.from_iterable(batch))
        total = int(ends[-1]) if batch else 0
        self._spool.add(np.fromiter(found, np.int32, total), ends)


def in_batches(lists: Iterable[list[str]], size: int) -> Iterator[list[list[str]]]:
    """Yield the lists in batches of at least `size` tokens; the last may hold fewer, or none."""
    batch: list[list[str]] = []
    held = 0
    for tokens in lists:
        batch.append(tokens)
        held += len(tokens)
        if held >= size:
            yield batch
            batch, held = [], 0
    yield batch


def check_token(token: object) -> None:
    """Refuse what no token can be.

    Raises:
        TypeError: It is not a str.
        FormatError: It holds a lone surrogate and could not be saved.
    """
    if not isinstance(token, str):
        raise TypeError(f"a token must be a str, got {token!r} ({type(token).__name__})")
    if not is_text(token):
        raise FormatError(f"token {token!r}: holds a lone surrogate, which is no character")


def is_text(text: str) -> bool:
    """Return whether a str can be written as UTF-8, that is, holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def not_utf8(name: str | None, line: int, offset: int) -> FormatError:
    """The error for bytes, or characters of a text, that are not UTF-8.

    Args:
        name: Of the file; None: it is one of several texts.
        line: Line of the file or number of the text, from 1.
        offset: Byte of the file.
    """
    where = f"{name}:{line}: byte offset {offset:,}: not UTF-8"
    if name is None:
        where = f"text {line}: holds a lone surrogate, which is no character"
    return FormatError(f"{where}; to go on, --encoding-errors replace (encoding_errors='replace')")
