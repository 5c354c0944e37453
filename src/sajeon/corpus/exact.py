"""Token lists to ids through the compiled scan, with their exact strings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from ..tokens.characters import Exact
from .listing import check_token, in_batches
from .scanner import Position, Scanner
from .spool import Spool

BATCH = 1 << 16  # tokens joined for one scan
_ESCAPE = "\x01"
_EMPTY = "\x01\x04"


class ListScanner:
    """Counts and encodes token lists, joined by NUL and cut again by the scan.

    Without the writing to disk, 16M English words in lists took 1.8 to 2.1 s of CPU joined and
    scanned between blanks, and 3.4 to 4.3 s through a dict (`Lister`). A token that is
    empty or holds NUL is escaped on the way.
    """

    def __init__(self, spool: Spool) -> None:
        self._scanner, self._spool = Scanner(Exact(), spool), spool

    @property
    def num_types(self) -> int:
        """How many distinct tokens there were."""
        return self._scanner.num_types

    def tokens(self, ids: Any) -> list[str]:
        """Return the spelling of each id."""
        return [_unescaped(token) for token in self._scanner.tokens(ids)]

    def add_token_lists(self, lists: Iterable[list[str]]) -> Iterator[int]:
        """Read token lists: each is a sequence. Yields the tokens done."""
        for batch in in_batches(lists, BATCH):
            self._add(batch)
            yield self._spool.num_tokens

    def _add(self, batch: list[list[str]]) -> None:
        ends = np.cumsum([len(tokens) for tokens in batch], dtype=np.int64)
        if len(ends):
            self._scanner.scan(_joined(batch, int(ends[-1])), Position(None), normalised=True)
            self._spool.add(np.empty(0, np.int32), ends - ends[-1])


def _joined(batch: list[list[str]], num_tokens: int) -> bytes:
    """All tokens as UTF-8, each ended by NUL."""
    try:
        # Between two NULs, so that an empty token shows as two of them anywhere.
        text = "\0".join(["", *chain.from_iterable(batch), ""])
        if text.count("\0") != num_tokens + 1 or "\0\0" in text or _ESCAPE in text:
            text = "\0".join([*map(_escaped, chain.from_iterable(batch)), ""])
        return text.encode()
    except (TypeError, UnicodeEncodeError):
        for token in chain.from_iterable(batch):
            check_token(token)
        raise


def _escaped(token: str) -> str:
    return token.replace(_ESCAPE, "\x01\x02").replace("\0", "\x01\x03") or _EMPTY


def _unescaped(token: str) -> str:
    if _ESCAPE not in token:
        return token
    if token == _EMPTY:
        return ""
    return token.replace("\x01\x03", "\0").replace("\x01\x02", _ESCAPE)
