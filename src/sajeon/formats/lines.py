"""Vectors as text, a line each: word2vec's and fastText's ``.vec`` with a header, GloVe's without.

    2 3                     how many rows, and how many numbers in each; GloVe has no such line
    cat 0.1 -0.2 0.3
    new york 1 2e-05 3      blanks in a token: the last numbers of a line are the vector

Sources: the word2vec C program (``-binary 0``), fastText's ``saveVectors``, GloVe's ``-binary 0``.
Fields are parted by blanks and tabs; blanks around a token are dropped, as are blank lines. A line
may end in blanks and in CR LF, and the last one without any end. U+00A0 is part of a token.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

import numpy as np

from ..errors import FormatError
from ..kernels import decimals, digits
from ..kernels._compile import HAVE_NUMBA
from ..types import Array, Floats
from .beginning import MOST_DIM, Beginning, beginning_of, fields_of, number_of
from .source import Source
from .vectorfile import Chunk, VectorFile, rows_per_chunk

_LONGEST_TOKEN = 1 << 16
_LONGEST_NUMBER = 64
_PARSED_AT_ONCE = 1 << 23  # bytes of text
_MOST_ROWS = 1 << 16  # parsed at once


def open_lines(source: Source, *, strict: bool = True) -> VectorFile:
    """Open vectors in text form, with or without a header.

    Args:
        source: The text.
        strict: Whether another number of rows than the header says is an error.

    Raises:
        FormatError: The first line is neither a header nor a token and its numbers.
    """
    beginning = beginning_of(source.head)
    if beginning is None:
        shown = source.head[:60].split(b"\n")[0]
        raise FormatError(
            f"{source.name}:1: expected a token and its numbers with blanks between, or a header "
            f"of two counts like '50000 300', got {shown!r}."
        )
    num_rows, dim, _ = beginning
    if num_rows is not None:
        _check_promise(source, num_rows, dim, strict)
    return VectorFile(
        format="glove" if num_rows is None else "word2vec-text",
        name=source.name,
        dim=dim,
        num_rows=num_rows,
        stored=source.stored,
        chunks=lambda: _Lines(source, beginning, strict).chunks(),
    )


def _check_promise(source: Source, num_rows: int, dim: int, strict: bool) -> None:
    if not 0 < dim <= MOST_DIM:
        raise FormatError(f"{source.name}:1: expected 1 to {MOST_DIM:,} numbers a row, got {dim}.")
    needed = num_rows * (2 * dim + 1)  # a blank and a digit for each number, and the end
    if strict and source.size is not None and needed > source.size + 1:
        raise FormatError(
            f"{source.name}:1: the header promises {num_rows:,} rows of {dim} numbers, which take "
            f"at least {needed:,} bytes; the file has {source.size:,}. It was cut short, or the "
            "header is wrong: strict=False (--lenient) takes the rows that are there."
        )


class _Parsed(NamedTuple):
    """Rows, where the text goes on, whether there are more to parse, and what is wrong there."""

    tokens: list[bytes]
    rows: Floats
    position: int
    more: bool
    wrong: str | None


class _Lines:
    """Parses one text, piece by piece."""

    def __init__(self, source: Source, beginning: Beginning, strict: bool) -> None:
        self._name, self._source, self._strict = source.name, source, strict
        self._promised, self._dim, self._start = beginning
        self._line = 1 if self._promised is None else 2  # number of the next line
        self._rows = 0
        capacity = min(rows_per_chunk(self._dim), _MOST_ROWS)
        self._buffer = np.empty((capacity, self._dim), np.float32)
        self._bounds = np.empty((capacity, 2), np.int64)
        self._uncertain = np.empty((max(1024, self._dim), 4), np.int64)

    def chunks(self) -> Iterator[Chunk]:
        for text, done, at_end in self._pieces():
            position, more = 0, bool(text)
            while more:
                parsed = self._parsed(text, position, at_end)
                self._rows += len(parsed.tokens)
                if parsed.tokens:
                    yield Chunk(parsed.tokens, parsed.rows, done)
                if parsed.wrong is not None:
                    raise FormatError(parsed.wrong)
                position, more = parsed.position, parsed.more
            self._rest = text[position:]
        self._check_number()

    def _pieces(self) -> Iterator[tuple[bytes, int, bool]]:
        """Yield the text in pieces that begin at a line; `_rest` is what was left of the last."""
        self._rest, parts, size, skip, done = b"", list[bytes](), 0, self._start, 0
        for block, done in self._source.blocks():
            skipped, skip = block[skip:], max(0, skip - len(block))
            parts.append(skipped)
            size += len(skipped)
            if size >= _PARSED_AT_ONCE:
                yield b"".join([self._rest, *parts]), done, False
                self._check_length()
                parts, size = [], 0
        yield b"".join([self._rest, *parts]), done, True

    def _check_length(self) -> None:
        if len(self._rest) > _LONGEST_TOKEN + _LONGEST_NUMBER * self._dim:
            raise FormatError(
                f"{self._name}:{self._line}: the line has over {len(self._rest):,} bytes; expected "
                f"a token and {self._dim} numbers."
            )

    def _parsed(self, text: bytes, position: int, at_end: bool) -> _Parsed:
        """Parse what fits into the buffer."""
        if not HAVE_NUMBA:
            return self._parsed_plainly(text, position, at_end)
        data = np.frombuffer(text, np.uint8)
        why, filled, unsure, position, lines = decimals.parse_rows(
            data, position, len(data), at_end, self._buffer, self._bounds, self._uncertain
        )
        first_line, wrong = self._line, None
        self._line += lines
        if why == decimals.WRONG_FIELDS:
            wrong = self._wrong(text[position : position + 300].partition(b"\n")[0])
        for row, column, begin, end in self._uncertain[:unsure].tolist():
            try:
                self._buffer[row, column] = number_of(text[begin:end])
            except ValueError:
                wrong, filled = self._no_number(text, begin, end, first_line, row), row
                break
        tokens = [text[begin:end] for begin, end in self._bounds[:filled].tolist()]
        more = why == decimals.FULL
        return _Parsed(tokens, self._buffer[:filled], position, more, wrong)

    def _no_number(self, text: bytes, begin: int, end: int, first_line: int, row: int) -> str:
        start = text.rfind(b"\n", 0, begin) + 1
        return (
            f"{self._name}:{self._line_of(text, begin, first_line, row)}: expected a number, got "
            f"{text[begin : min(end, begin + 40)]!r} after {text[start : start + 40]!r}; "
            f"each line has a token and {self._dim} numbers."
        )

    def _line_of(self, text: bytes, at: int, line: int, row: int) -> int:
        """Return the number of the line with byte `at`, row `row` of those from `line` on."""
        first = int(self._bounds[0, 0])
        return line + text.count(b"\n", first, at) if row else line

    def _wrong(self, line: bytes) -> str:
        return (
            f"{self._name}:{self._line}: expected a token and {self._dim} numbers, got "
            f"{max(0, len(fields_of(line)) - 1)} numbers: {line[:60]!r}."
        )

    def _parsed_plainly(self, text: bytes, position: int, at_end: bool) -> _Parsed:
        end = len(text) if at_end else text.rfind(b"\n") + 1
        tokens, rows, wrong = list[bytes](), list[Array](), None
        for line in text[position:end].removesuffix(b"\n").split(b"\n"):
            try:
                token, row = decimals.parse_rows_reference([line], self._dim)
            except ValueError:
                wrong = self._wrong(line)
                break
            tokens += token
            rows += list(row)
            self._line += 1
        matrix = np.array(rows, np.float32).reshape(len(tokens), self._dim)
        return _Parsed(tokens, matrix, end, False, wrong)

    def _check_number(self) -> None:
        if self._strict and self._promised is not None and self._rows != self._promised:
            raise FormatError(
                f"{self._name}:1: the header promises {self._promised:,} rows, the file has "
                f"{self._rows:,}. It was cut short, or the header is wrong: strict=False "
                "(--lenient) takes the rows that are there."
            )


def write_lines(file: IO[bytes], tokens: Sequence[bytes], rows: Array) -> None:
    """Write rows as text; what is read back has the same bits.

    Args:
        file: Open for writing.
        tokens: (rows,) UTF-8.
        rows: (rows, dim) float32.

    Raises:
        FormatError: A token that would not be read back: with a line end, or blanks around it.
    """
    for token in tokens:
        if token.strip(b" \t\r") != token or b"\n" in token:
            raise FormatError(
                f"the token {token.decode('utf-8', 'replace')!r} cannot be written as text, where "
                "a line ends a row and blanks part fields: choose another format."
            )
    lines = zip(tokens, formatted(np.ascontiguousarray(rows, np.float32)), strict=True)
    file.write(b"".join(b"%s%s\n" % line for line in lines))


def formatted(rows: Floats) -> list[bytes]:
    """Return the numbers of each row with a blank before each."""
    if not HAVE_NUMBA:
        return digits.format_rows_reference(rows)
    out = np.empty(rows.size * digits.LONGEST, np.uint8)
    ends = np.empty(len(rows), np.int64)
    used = digits.format_rows(rows, out, ends)
    text, bounds = out[:used].tobytes(), [0, *ends.tolist()]
    return [text[a:b] for a, b in itertools.pairwise(bounds)]
