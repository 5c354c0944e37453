"""Rows of word2vec's binary form: a token, a blank, and numbers as they lie in memory."""

from __future__ import annotations

from ..types import Array
from ._compile import jit

_BLANK, _NEWLINE, _RETURN = 32, 10, 13


def split_records_reference(
    data: Array, position: int, longest: int, rows: Array, tokens: Array
) -> tuple[int, int, int]:
    """Part whole records into tokens and numbers.

    Args:
        data: (bytes,) uint8.
        position: Where the first record begins.
        longest: Bytes of the longest token, at most.
        rows: (capacity, row bytes) uint8, changed.
        tokens: (at least the bytes of all tokens and as many blanks,) uint8, changed: the tokens,
            a blank behind each, without the line end that may stand before it.

    Returns:
        How many rows are filled; how many bytes of `tokens` are used; and where the next record
        begins. It ends where `rows` is full, the data end within a record, or a token has no end.
    """
    text, length, used = data.tobytes(), rows.shape[1], 0
    for filled in range(len(rows)):
        blank = text.find(b" ", position, position + longest)
        end = blank + 1 + length
        if blank < 0 or end > len(text):
            return filled, used, position
        token = text[position : blank + 1].lstrip(b"\r\n")
        tokens[used : used + len(token)] = list(token)
        rows[filled] = data[blank + 1 : end]
        used, position = used + len(token), end
    return len(rows), used, position


@jit
def split_records(
    data: Array, position: int, longest: int, rows: Array, tokens: Array
) -> tuple[int, int, int]:
    """See `split_records_reference`."""
    length, used = rows.shape[1], 0
    for filled in range(rows.shape[0]):
        blank, limit = position, min(len(data), position + longest)
        while blank < limit and data[blank] != _BLANK:
            blank += 1
        start = blank + 1
        if blank == limit or start + length > len(data):
            return filled, used, position
        while data[position] == _NEWLINE or data[position] == _RETURN:
            position += 1
        for k in range(position, start):
            tokens[used] = data[k]
            used += 1
        for k in range(length):  # not a slice, which costs a microsecond
            rows[filled, k] = data[start + k]
        position = start + length
    return rows.shape[0], used, position
