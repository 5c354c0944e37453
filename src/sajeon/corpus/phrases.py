"""Phrases of a corpus that is ids already: found, and merged, pass by pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..tokens import Tokenizer
from ..tokens.collocations import Merger
from ..tokens.phrases import Phrases, columns_of
from ..types import Ids
from .spool import Spool


class Reader(Protocol):
    """What knows the tokens of provisional ids."""

    @property
    def num_types(self) -> int: ...  # noqa: D102

    def tokens(self, ids: Any) -> list[str]: ...  # noqa: D102


class Types:
    """The tokens of a reader, and the phrases made of them, which get the ids behind.

    A phrase that is spelled like another token is that token.

    Args:
        reader: Has read all there is.
        joiner: Of the phrases.
    """

    def __init__(self, reader: Reader, joiner: str) -> None:
        self._reader, self._num_read = reader, reader.num_types
        self._phrases: list[str] = []
        read = reader.tokens(range(self._num_read))
        self._ids = {token: i for i, token in enumerate(read) if joiner in token}

    @property
    def num_types(self) -> int:
        """How many there are."""
        return self._num_read + len(self._phrases)

    def tokens(self, ids: Any) -> list[str]:
        """Return the spelling of each id."""
        ids = np.asarray(ids, np.int64)
        read = iter(self._reader.tokens(ids[ids < self._num_read]))
        behind = (ids - self._num_read).tolist()
        return [self._phrases[i] if i >= 0 else next(read) for i in behind]

    def add(self, phrases: Sequence[str]) -> Ids:
        """Return the id of each phrase, (phrases,) int64; new ones get the next."""
        ids = [self._id(phrase) for phrase in phrases]
        return np.array(ids, np.int64)

    def _id(self, phrase: str) -> int:
        number = self._ids.setdefault(phrase, self.num_types)
        if number == self.num_types:
            self._phrases.append(phrase)
        return number

    def pairs(self, first: Sequence[str], second: Sequence[str]) -> tuple[Ids, Ids]:
        """Return the ids of pairs of tokens, each (pairs,) int64; -1 for what is not here."""
        wanted = {*first, *second}
        every = self.tokens(range(self.num_types))
        ids = {token: i for i, token in enumerate(every) if token in wanted}
        one, other = ([ids.get(token, -1) for token in tokens] for tokens in (first, second))
        return np.array(one, np.int64), np.array(other, np.int64)


def join_phrases(
    phrases: Phrases, of: Tokenizer, reader: Reader, spool: Spool, directory: Path | None
) -> tuple[Phrases, Types]:
    """Find phrases in a corpus, or take those that were found before, and merge them.

    While a pass merges, the ids lie on disk twice, as they were and as they will be.

    Args:
        phrases: How to find them, or the phrases.
        of: What cut the corpus, trained.
        reader: Knows the tokens.
        spool: Holds the ids, changed.
        directory: On whose disk merged ids go.

    Returns:
        The tokenizer with its phrases; and the tokens, phrases among them.
    """
    types = Types(reader, phrases.joiner)
    merging = _Merging(phrases, types, spool, directory)
    if phrases.untrained:
        return phrases.with_found(list(merging.find()), of), types
    merging.apply()
    return phrases, types


class _Merging:
    """See `join_phrases`."""

    def __init__(
        self, phrases: Phrases, types: Types, spool: Spool, directory: Path | None
    ) -> None:
        self._phrases, self._types = phrases, types
        self._spool, self._directory = spool, directory

    def find(self) -> Iterator[dict[str, Any]]:
        """Yield the phrases that each pass found, once they are merged."""
        for _ in range(self._phrases.passes):
            counts = self._spool.counts(self._types.num_types)
            pairs = self._phrases.find(*self._spool.view(), counts)
            if len(pairs.first) == 0:
                return
            columns = columns_of(pairs, self._types.tokens)
            names = zip(columns["first"], columns["second"], strict=True)
            joined = [self._phrases.joiner.join(pair) for pair in names]
            self._merge(pairs.first, pairs.second, joined)
            yield columns

    def apply(self) -> None:
        """Merge the phrases that were found before."""
        for phrases in self._phrases.found or ():
            first, second = [p.first for p in phrases], [p.second for p in phrases]
            self._merge(*self._types.pairs(first, second), [p.token for p in phrases])

    def _merge(self, first: Ids, second: Ids, names: list[str]) -> None:
        """Write the ids anew, phrases in place of pairs; pairs with an id below 0 do not occur."""
        known = np.flatnonzero((first >= 0) & (second >= 0))
        if len(known) == 0:
            return
        num_types = self._types.num_types
        new_ids = self._types.add([names[i] for i in known.tolist()])
        merger = Merger(first[known], second[known], new_ids, num_types)
        merged = Spool(self._directory)
        try:
            for ids, ends in merger.blocks(*self._spool.view()):
                merged.add(ids, ends)
        except BaseException:
            merged.discard()
            raise
        self._spool.take(merged)
