"""Tokens as three arrays: their bytes, where each begins, and a hash table to find one.

A model of three million tokens opens in a few milliseconds, since the arrays are memory-mapped and
no Python object is made for a token until somebody asks for it.

The hash table: token ``i`` hashes to a home slot, ``home(crc32(bytes of i))``. Tokens are placed
by falling home order, each in its home slot or the next free one after it (linear probing, Knuth,
The Art of Computer Programming 3, section 6.4, algorithm L). There is no wrap-around: the table is
as much longer than the `num_slots` home slots as the last tokens need, and its last entry is empty,
so a search always ends.
"""

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..types import Array, Ids, Ids32

EMPTY = -1
"""A table entry that holds no token."""

_MIX = 2654435769  # 2^32 / golden ratio, odd: CRC is linear, numerals would pile up without it
_LOW = 0xFFFFFFFF
_DECODED_AT_ONCE = 4096


def num_slots(num_tokens: int) -> int:
    """Return how many home slots the table of `num_tokens` tokens has: about half stay free."""
    return 2 * num_tokens + 1


class TokenTable(Sequence[str]):
    """A read-only sequence of distinct tokens that knows the id of each.

    Behaves as a tuple of str: length, indexing, slicing, iteration, ``in``, equality with any
    list, tuple or other table. Tokens are decoded when asked for.

    Attributes:
        data: (bytes,) uint8. The UTF-8 of all tokens, one after another.
        offsets: (len(self) + 1,) int64. Token ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
        table: (num_slots(len(self)) + tail,) int32. Ids by slot, `EMPTY` where there is none.
    """

    __slots__ = ("_buffer", "data", "offsets", "table")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, data: NDArray[np.uint8], offsets: Ids, table: Ids32) -> None:
        """Hold the three arrays as they are; see `from_tokens` to make them.

        Raises:
            FormatError: The arrays cannot belong together. What would take a pass over all tokens
                to see is noticed when the token in question is used.
        """
        _check_arrays(data, offsets, table)
        self.data, self.offsets, self.table = data, offsets, table
        self._buffer = np.ascontiguousarray(data).data.toreadonly()

    @classmethod
    def from_tokens(cls, tokens: Iterable[str]) -> "TokenTable":
        """Build the arrays from tokens in id order.

        Raises:
            ValueError: A token stands twice, or is not text that UTF-8 can hold.
        """
        return cls.from_encoded([_encoded(i, word) for i, word in enumerate(tokens)])

    @classmethod
    def from_encoded(cls, encoded: list[bytes], *, distinct: bool = False) -> "TokenTable":
        """Build the arrays from tokens in id order, each in UTF-8, which is not checked.

        Args:
            encoded: The tokens.
            distinct: Whether they are known to be distinct.

        Raises:
            ValueError: A token stands twice.
        """
        if not distinct and len(set(encoded)) != len(encoded):
            raise ValueError(f"tokens must be distinct, {_first_repeated(encoded)!r} stands twice.")
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
        data = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        hashes = np.fromiter(map(zlib.crc32, encoded), np.uint32, len(encoded))
        return cls(data, offsets, _build_table(hashes))

    def find(self, token: object) -> int:
        """Return the id of `token`, or -1 where there is none."""
        if not isinstance(token, str):
            return -1
        try:
            key = token.encode()
        except UnicodeEncodeError:  # half a surrogate pair: no stored token can be this
            return -1
        offsets, table = self.offsets, self.table
        home = (zlib.crc32(key) * _MIX & _LOW) * num_slots(len(self)) >> 32
        for slot in range(home, len(table)):
            i = table.item(slot)
            if i == EMPTY:
                return -1
            if not 0 <= i < len(self):
                raise FormatError(f"the vocabulary's table holds id {i} of {len(self):,} tokens.")
            if self._buffer[offsets.item(i) : offsets.item(i + 1)] == key:
                return i
        return -1

    def ids(self, tokens: Iterable[object]) -> Ids:
        """Return (number of tokens,) int64: the id of each, -1 for those that are not here."""
        return np.array([self.find(token) for token in tokens], dtype=np.int64)

    def lengths(self) -> Ids:
        """Return (len(self),) int64: the bytes of each token."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._decoded(i) for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]  # negative and too large ones, as a tuple treats them
        return self._decoded(i)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _DECODED_AT_ONCE):
            bounds = self.offsets[start : start + _DECODED_AT_ONCE + 1].tolist()
            for begin, end in itertools.pairwise(bounds):
                yield self._text(begin, end)

    def __contains__(self, token: object) -> bool:
        return self.find(token) >= 0

    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """Return the id of `value`, as a tuple's ``index`` does; ValueError where there is none."""
        i = self.find(value)
        if i not in range(*slice(start, stop).indices(len(self))):
            raise ValueError(f"{value!r} is not in the tokens.")
        return i

    def count(self, value: object) -> int:
        """Return 1 for a token that is here and 0 for any other."""
        return int(value in self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TokenTable):
            return np.array_equal(self.offsets, other.offsets) and np.array_equal(
                self.data, other.data
            )
        if not isinstance(other, (list, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(
            mine == theirs for mine, theirs in zip(self, other, strict=True)
        )

    def __repr__(self) -> str:
        shown = ", ".join(repr(token) for token in self[:3])
        return f"<{len(self):,} tokens: {shown}{', …' if len(self) > 3 else ''}>"

    def __reduce__(self) -> tuple[object, ...]:
        return TokenTable, (self.data, self.offsets, self.table)

    def _decoded(self, i: int) -> str:
        return self._text(self.offsets.item(i), self.offsets.item(i + 1))

    def _text(self, begin: int, end: int) -> str:
        if not 0 <= begin <= end <= len(self.data):
            raise FormatError(
                f"the vocabulary's offsets {begin} to {end} lie outside of its "
                f"{len(self.data):,} bytes."
            )
        try:
            return str(self._buffer[begin:end], "utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"the vocabulary's bytes {begin} to {end}: {error}.") from error


def _encoded(i: int, token: str) -> bytes:
    try:
        return token.encode()
    except (UnicodeEncodeError, AttributeError) as error:
        raise ValueError(f"token {i} must be a str that UTF-8 can hold, got {token!r}.") from error


def _first_repeated(encoded: list[bytes]) -> str:
    seen: set[bytes] = set()
    repeated = next(token for token in encoded if token in seen or seen.add(token))  # type: ignore[func-returns-value]
    return repeated.decode("utf-8", "replace")


def _build_table(hashes: NDArray[np.uint32]) -> Ids32:
    """Place ids by their hashes, all at once.

    Sorted by home slot, token number ``r`` goes to ``max(home[r], place[r - 1] + 1)``; and
    ``place[r] - r`` is then the running maximum of ``home[r] - r``.
    """
    num = len(hashes)
    mixed = hashes * np.uint32(_MIX)  # modulo 2^32
    home = (mixed.astype(np.uint64) * np.uint64(num_slots(num)) >> np.uint64(32)).astype(np.int64)
    order = np.argsort(home, kind="stable")  # (num,)
    rank = np.arange(num)
    place = np.maximum.accumulate(home[order] - rank) + rank  # (num,)
    table = np.full(max(num_slots(num), 1 + int(place.max(initial=0))) + 1, EMPTY, dtype=np.int32)
    table[place] = order
    return table


def _check_arrays(data: Array, offsets: Array, table: Array) -> None:
    expected = [("bytes", data, "uint8"), ("offsets", offsets, "int64"), ("table", table, "int32")]
    for name, array, dtype in expected:
        if array.ndim != 1 or array.dtype != np.dtype(dtype):
            raise FormatError(
                f"the vocabulary's {name} must be one row of {dtype}, "
                f"got {array.dtype} of shape {array.shape}."
            )
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(data):
        raise FormatError(
            f"the vocabulary's offsets must run from 0 to its {len(data):,} bytes, "
            f"got {offsets[:1].tolist()} to {offsets[-1:].tolist()}."
        )
    slots = num_slots(len(offsets) - 1)
    if len(table) <= slots or table[-1] != EMPTY:
        raise FormatError(
            f"the vocabulary's table has {len(table):,} entries; {len(offsets) - 1:,} tokens need "
            f"more than {slots:,}, the last one empty."
        )
