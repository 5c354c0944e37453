r"""word2vec's binary form.

    400000 300\n              how many rows, and how many numbers in each, as text
    cat SPACE 300 x float32  little-endian; a line end may follow (the C program writes one, gensim
                             does not)

Source: the word2vec C program (``-binary 1``, and ``distance.c``, which reads it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np

from ..errors import FormatError
from ..files import read_ahead
from ..types import Array
from .beginning import MOST_DIM, header_of
from .source import Source
from .vectorfile import Chunk, VectorFile, rows_per_chunk

_LONGEST_TOKEN = 1 << 16
_MOST_ROWS = 1 << 16  # taken at once
_BUFFERS = 6  # of rows: a thread reads ahead while others are waited for or used
_COMPILED_FROM = 1 << 27  # bytes


def open_word2vec(source: Source, *, strict: bool = True) -> VectorFile:
    """Open vectors in word2vec's binary form.

    Args:
        source: The bytes.
        strict: Whether fewer rows than the header says, or more bytes, are an error.

    Raises:
        FormatError: The header is missing, or promises more than the file could hold.
    """
    header = header_of(source.head)
    if header is None:
        raise FormatError(
            f"{source.name}: byte 0: expected a line of two counts like '50000 300', "
            f"got {source.head[:40]!r}."
        )
    num_rows, dim, start = header
    if not 0 < dim <= MOST_DIM:
        raise FormatError(
            f"{source.name}: byte 0: expected 1 to {MOST_DIM:,} numbers a row, got {dim}."
        )
    least = num_rows * (4 * dim + 1)
    if strict and source.size is not None and least > source.size - start:
        raise FormatError(
            f"{source.name}: byte 0: the header promises {num_rows:,} rows of {dim} numbers, which "
            f"take at least {least:,} bytes; {source.size - start:,} follow. It was cut short, or "
            "the header is wrong: strict=False (--lenient) takes the rows that are there."
        )
    return VectorFile(
        format="word2vec",
        name=source.name,
        dim=dim,
        num_rows=num_rows,
        num_rows_certain=strict and source.size is not None,
        stored=source.stored,
        chunks=lambda: read_ahead(_chunks(source, num_rows, dim, start, strict)),
    )


def _chunks(source: Source, num_rows: int, dim: int, start: int, strict: bool) -> Iterator[Chunk]:
    rest, at, found, done = b"", 0, 0, 0  # `at`: where `rest` begins in the content
    take = _Taker(dim, source.size)
    for block, done in source.blocks():
        data, position = rest + block, start if at == 0 and not rest else 0
        while found < num_rows:
            tokens, rows, position = take(data, position, num_rows - found)
            if not tokens:
                break
            found += len(tokens)
            yield Chunk(tokens, rows, done)
        at, rest = at + position, data[position:]
        if found == num_rows:
            break
        _check_token(source, rest, at, dim)
    if not strict:
        return
    if found < num_rows:
        raise FormatError(
            f"{source.name}: byte {at}: the header promises {num_rows:,} rows, the file ends in "
            f"row {found + 1:,}. It was cut short: strict=False (--lenient) takes what is there."
        )
    if rest.strip(b"\r\n") or (source.size or 0) > at + len(rest) + 1:
        raise FormatError(
            f"{source.name}: byte {at}: after the {num_rows:,} rows that the header promises the "
            "file goes on: the header is wrong, or a token holds a blank, which this form cannot. "
            "strict=False (--lenient) takes those rows."
        )


class _Taker:
    """Takes whole rows from a piece of the content.

    Compiled for files so large that it makes up for importing Numba: three times the speed.
    """

    def __init__(self, dim: int, size: int | None) -> None:
        capacity = min(rows_per_chunk(dim), _MOST_ROWS)
        self._buffers = [np.empty((capacity, dim), "<f4") for _ in range(_BUFFERS)]
        self._tokens = np.empty(0, np.uint8)
        self._split = None
        if size is None or size >= _COMPILED_FROM:
            from ..kernels import records
            from ..kernels._compile import HAVE_NUMBA

            self._split = records.split_records if HAVE_NUMBA else None

    def __call__(self, data: bytes, position: int, most: int) -> tuple[list[bytes], Array, int]:
        """Return tokens, their rows, and where to go on."""
        rows = self._buffers[0][:most]
        if self._split is None:
            tokens, position = _split_plainly(data, position, rows)
        else:
            if len(self._tokens) < len(data):
                self._tokens = np.empty(len(data), np.uint8)
            filled, used, position = self._split(
                np.frombuffer(data, np.uint8), position, _LONGEST_TOKEN, rows.view(np.uint8),
                self._tokens,
            )  # fmt: skip
            tokens = self._tokens[:used].tobytes().split(b" ")[:filled]
        if tokens:
            self._buffers.append(self._buffers.pop(0))
        return tokens, rows[: len(tokens)], position


def _split_plainly(data: bytes, position: int, rows: Array) -> tuple[list[bytes], int]:
    tokens, length = list[bytes](), rows.shape[1] * 4
    out, view, written = memoryview(rows.data).cast("B"), memoryview(data), 0
    for _ in range(len(rows)):
        blank = data.find(b" ", position, position + _LONGEST_TOKEN)
        end = blank + 1 + length
        if blank < 0 or end > len(data):
            break
        tokens.append(data[position:blank].lstrip(b"\r\n"))
        out[written : written + length] = view[blank + 1 : end]
        written += length
        position = end
    return tokens, position


def _check_token(source: Source, rest: bytes, at: int, dim: int) -> None:
    if len(rest) > _LONGEST_TOKEN and rest.find(b" ", 0, _LONGEST_TOKEN) < 0:
        raise FormatError(
            f"{source.name}: byte {at}: expected a token, a blank and {dim} float32; there is no "
            f"blank in {_LONGEST_TOKEN:,} bytes."
        )


def write_rows(file: IO[bytes], tokens: Sequence[bytes], rows: Array) -> None:
    """Write rows in binary form.

    Args:
        file: Open for writing.
        tokens: (rows,) UTF-8.
        rows: (rows, dim) float32.

    Raises:
        FormatError: A token that this form cannot hold: with a blank or line end in it.
    """
    values = np.ascontiguousarray(rows, "<f4")
    parts = list[bytes]()
    for token, row in zip(tokens, values, strict=True):
        if b" " in token or b"\n" in token or b"\r" in token:
            raise FormatError(
                f"the token {token.decode('utf-8', 'replace')!r} cannot be written in word2vec's "
                "binary form, where a blank ends a token: choose another format, or "
                "--blanks _ to write _ in place of each."
            )
        parts += (token, b" ", row.tobytes(), b"\n")
    file.write(b"".join(parts))
