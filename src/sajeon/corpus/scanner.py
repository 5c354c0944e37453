"""Bytes to ids through the compiled kernels: what they cannot do alone is done here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import FormatError
from ..kernels import scan as kernel
from ..kernels.lookup import lookup, rehash
from ..tokens import Whitespace, Words
from ..tokens.characters import CharacterTable, Exact
from ..tokens.readers import stretches
from ..types import Array, Counts, Ids32
from .listing import not_utf8
from .spool import Spool

# Bytes scanned before they are looked up: the tokens in between stay in the processor's cache.
PIECE = 1 << 16
TEXT_BATCH = 1 << 20  # characters of texts that are joined for one scan
# Bytes normalised in Python at a time, from a word that needs it on. To the end of the line cost
# 14.7 s of CPU for 100 MB of English in one line, in place of 3.3 to 3.8: few words need it.
NORMALISED_PART = 2048
_SPACES = (b" ", b"\t")


class TokenTable:
    """The distinct tokens of a corpus, in order of appearance, as `kernels.lookup` keeps them."""

    def __init__(self) -> None:
        self.num_types = 0
        self._slots: Array = np.zeros(1 << 17, np.uint64)
        self._starts: Counts = np.zeros(1 << 15, np.int64)
        self._arena: Array = np.zeros(1 << 16, np.uint64)

    def ids(self, words: Array, ends: Counts) -> Ids32:
        """Return the ids of tokens as `kernels.scan` leaves them: (tokens,) int32."""
        ids = np.empty(len(ends), np.int32)
        done = 0
        while True:
            done, self.num_types = lookup(
                words, ends, done, len(ends), self._slots, self._arena, self._starts,
                self.num_types, ids,
            )  # fmt: skip
            if done == len(ends):
                return ids
            before = int(ends[done - 1]) if done else 0
            self._grow(int(ends[done]) - before)

    def tokens(self, ids: Any) -> list[str]:
        """Return the spelling of each id."""
        ids = np.asarray(ids, np.int64)
        begins, ends = (8 * self._starts[ids]).tolist(), (8 * self._starts[ids + 1]).tolist()
        data = self._arena[: self._starts[self.num_types]].tobytes()
        spans = zip(begins, ends, strict=True)
        return [data[begin:end].rstrip(b"\0").decode() for begin, end in spans]

    def arrays(self) -> tuple[Array, Array, Counts]:
        """Return slots, arena, starts: see `kernels.lookup.lookup`. Another token may move them."""
        return self._slots, self._arena, self._starts

    def _grow(self, words: int) -> None:
        """Make room for one more token of so many words in whichever array lacks it."""
        used = int(self._starts[self.num_types])
        if used + words > len(self._arena):
            size = 2 * max(len(self._arena), used + words)
            self._arena = _enlarged(self._arena, size)
        if self.num_types + 1 >= len(self._starts):
            self._starts = _enlarged(self._starts, 2 * len(self._starts))
        if 4 * self.num_types >= len(self._slots):
            slots = np.zeros(2 * len(self._slots), np.uint64)
            rehash(self._slots, slots)
            self._slots = slots


class Scanner:
    """Counts and encodes text with one of the built-in tokenizers, compiled.

    Args:
        tokenizer: `Words` or `Whitespace`; `Exact` where tokens are cut already.
        spool: Where the ids go.
        encoding_errors: "strict": bytes that are not UTF-8 raise. "replace": they become U+FFFD.
    """

    def __init__(
        self, tokenizer: Words | Whitespace | Exact, spool: Spool, encoding_errors: str = "strict"
    ) -> None:
        self._tokenizer, self._spool, self._errors = tokenizer, spool, encoding_errors
        self._characters = CharacterTable(tokenizer)
        self._table = TokenTable()
        self._words: Array = np.empty(0, np.uint64)
        self._ends: Counts = np.empty(0, np.int64)
        self._lines: Counts = np.empty(0, np.int64)

    @property
    def num_types(self) -> int:
        """How many distinct tokens there were."""
        return self._table.num_types

    def add_file(self, blocks: Iterable[bytes], name: str) -> None:
        """Read a file: each of its lines is a sequence."""
        position = Position(name)
        rest, coming, size = b"", [], 0
        open_line = False
        for block in blocks:
            coming.append(block)
            size += len(block)
            open_line = not block.endswith(b"\n")
            if size < len(rest):  # a unit longer than a block: come back when twice as much is here
                continue
            data = b"".join([rest, *coming])
            rest = data[self.scan(data, position) :]
            position.start += len(data) - len(rest)
            coming, size = [], 0
        data = b"".join([rest, *coming, b"\n" if open_line else b""])
        self.scan(data, position)

    def add_texts(self, texts: Iterable[str]) -> Iterator[int]:
        """Read texts: each is a sequence, whatever newlines it holds. Yields bytes done."""
        position = Position(None)
        for batch in stretches(texts, TEXT_BATCH):
            data = joined(batch)
            self.scan(data, position)
            position.start += len(data)
            yield position.start

    def tokens(self, ids: Any) -> list[str]:
        """Return the spelling of each id."""
        return self._table.tokens(ids)

    def scan(self, data: bytes, position: Position, *, normalised: bool = False) -> int:
        """Read all whole units of `data`; return how many bytes that were."""
        array, start = np.frombuffer(data, np.uint8), 0
        while True:
            self._reserve(len(data) - start)
            status, start, tokens, lines, detail = kernel.scan(
                array, start, start + PIECE, normalised,
                self._characters.entries, self._characters.letters,
                self._words, self._ends, self._lines,
            )  # fmt: skip
            ids = self._table.ids(self._words, self._ends[:tokens])
            self._spool.add(ids, self._lines[:lines])
            position.line += lines
            if status == kernel.OUT_OF_DATA:
                return start
            if status == kernel.UNKNOWN:
                self._characters.fill(detail)
            elif status != kernel.PAUSED:
                if status == kernel.NOT_UTF8 and self._errors == "strict":
                    raise position.not_utf8(detail)
                end = _end_of_part(data, detail)
                if end < 0:
                    return start
                self._scan_normalised(data, start, end, position)
                start = end

    def _scan_normalised(self, data: bytes, start: int, end: int, position: Position) -> None:
        """Read a part of a line after normalising it as the tokenizer does."""
        try:
            text = data[start:end].decode("utf-8", self._errors)
        except UnicodeDecodeError as error:
            raise position.not_utf8(start + error.start) from error
        folded = self._tokenizer.normalise(text) + " "
        self.scan(folded.encode("utf-8"), position, normalised=True)

    def _reserve(self, num_bytes: int) -> None:
        """Have room for the tokens of the worst text; untouched pages cost no memory."""
        if len(self._words) <= num_bytes:
            self._words = np.empty(num_bytes + 1, np.uint64)
            self._ends = np.empty(num_bytes + 1, np.int64)
            self._lines = np.empty(num_bytes + 1, np.int64)


class Position:
    """Where in a file, or which text, a piece of data is: for messages."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.start = 0  # bytes before the data
        self.line = 1

    def not_utf8(self, offset: int) -> FormatError:
        """The error for a byte of the data that is no UTF-8."""
        return not_utf8(self.name, self.line, self.start + offset)


def joined(texts: Sequence[str]) -> bytes:
    """Return texts as lines, each ended; a newline inside of one becomes a blank.

    A lone surrogate passes, so that the scan finds it and names its text.
    """
    text = "\n".join(texts)
    if text.count("\n") >= len(texts):
        text = "\n".join([text.replace("\n", " ") for text in texts])
    return (text + "\n").encode("utf-8", "surrogatepass")


def _end_of_part(data: bytes, position: int) -> int:
    """Where to end the part of a line that is normalised; -1 if the data end before."""
    limit = position + NORMALISED_PART
    line_end = data.find(b"\n", position, limit)
    if line_end >= 0:
        return line_end
    end = max(data.rfind(space, position, limit) for space in _SPACES)
    if end < 0:  # a very long word
        ends = [data.find(space, limit) for space in (b"\n", *_SPACES)]
        end = min((found for found in ends if found >= 0), default=-1)
    return end


def _enlarged(array: Any, size: int) -> Any:
    larger = np.zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger
