"""Matrices in fastText's files, dense and in product quantisation, and bytes taken off a file."""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple

import numpy as np

from ..errors import FormatError
from ..tokens.ngrams import mean_of_rows
from ..types import Array, Floats, Ids

_MOST_GROWTH = 200  # times: two numbers to a byte, as is usual, grow 8 times
_GROWTH_CHECKED_FROM = 1 << 26  # bytes
_CENTROIDS = 256


class Cursor:
    """Takes numbers and arrays off mapped bytes, one after another."""

    def __init__(self, name: str, data: Array) -> None:
        self.name, self.data = name, data
        self.at = 0

    def array(self, dtype: str, count: int, what: str) -> Array:
        """Return (count,), a view; an error where the file is too short for it."""
        size = count * np.dtype(dtype).itemsize
        if size > len(self.data) - self.at:
            raise self.wrong(
                self.at,
                f"{size:,} bytes of {what}",
                f"{len(self.data) - self.at:,}",
                "the file was cut short or is damaged",
            )
        self.at += size
        return self.data[self.at - size : self.at].view(dtype)

    def numbers(self, code: str | struct.Struct, what: str) -> tuple[Any, ...]:
        """Return numbers in the code of `struct`, without gaps."""
        layout = code if isinstance(code, struct.Struct) else struct.Struct("<" + code)
        return layout.unpack(self.array("u1", layout.size, what).tobytes())

    def flag(self, what: str) -> bool:
        """Return whether the next byte is 1."""
        (value,) = self.numbers("B", what)
        self.check(value <= 1, self.at - 1, f"0 or 1, {what}", value)
        return bool(value)

    def check(self, good: bool, at: int, expected: str, got: object) -> None:
        """Raise an error that names byte `at` unless all is good."""
        if not good:
            raise self.wrong(at, expected, got, "the file is damaged")

    def wrong(self, at: int, expected: str, got: object, so: str) -> FormatError:
        """Return the error for byte `at`; `so` is what follows from it."""
        return FormatError(f"{self.name}: byte {at}: expected {expected}, got {got}; {so}.")


class Dense(NamedTuple):
    """A matrix as it stands in the file, (rows, dim) float32."""

    matrix: Floats

    def rows(self, first: int, last: int) -> Floats:
        """Return rows from `first` to before `last`, a view."""
        return self.matrix[first:last]

    def means(self, ids: Ids, offsets: Ids) -> Floats:
        """Return means of groups of rows; see `mean_of_rows`."""
        return mean_of_rows(self.matrix, ids, offsets)


class Quantised(NamedTuple):
    """A matrix in product quantisation: each part of a row is one of 256 centroids of that part.

    Layout: a byte, whether norms are kept apart; int64 rows, int64 columns, int32 number of codes;
    the codes; a quantiser; with norms the codes of those, and a quantiser for one column. A
    quantiser is int32 columns, parts, width of a part and of the last one, then the centroids.
    Source: Joulin et al., "FastText.zip: Compressing text classification models" (2016).

    Attributes:
        codes: (rows, parts) uint8.
        centroids: For each part (256, width) float32.
        norms: (rows, 1), with which rows are multiplied; None if they are not.
    """

    codes: Array
    centroids: list[Floats]
    norms: Quantised | None

    def rows(self, first: int, last: int) -> Floats:
        """Return rows from `first` to before `last`, a new array."""
        return self.taken(slice(first, last))

    def means(self, ids: Ids, offsets: Ids) -> Floats:
        """Return means of groups of rows, of which each is made once; see `mean_of_rows`."""
        distinct, ids = np.unique(ids, return_inverse=True)
        return mean_of_rows(self.taken(distinct), ids, offsets)

    def taken(self, ids: Ids | slice) -> Floats:
        """Return (ids, dim) float32, a new array."""
        codes = self.codes[ids]
        parts = [centroids[codes[:, m]] for m, centroids in enumerate(self.centroids)]
        rows = np.concatenate(parts, axis=1)
        if self.norms is not None:
            rows *= self.norms.taken(ids)
        return rows


def _read_shape(cursor: Cursor, num_rows: int | None, dim: int, what: str) -> int:
    """Return the number of rows, which must be `num_rows` where that is known."""
    start = cursor.at
    rows, columns = cursor.numbers("2q", f"shape of the {what} matrix")
    wanted = rows if num_rows is None else num_rows
    good = rows >= 0 and (rows, columns) == (wanted, dim)
    expected = f"an {what} matrix of {'some' if num_rows is None else num_rows} rows and {dim}"
    cursor.check(good, start, f"{expected} columns", f"{rows} and {columns}")
    return int(rows)


def read_dense(cursor: Cursor, num_rows: int | None, dim: int, what: str) -> Dense:
    """Read a dense matrix.

    Args:
        cursor: At its beginning; afterwards at its end.
        num_rows: How many rows it must have; None if any number is right.
        dim: How many columns it must have.
        what: Which matrix it is, for messages.

    Raises:
        FormatError: It has another shape, or the file is too short for it.
    """
    rows = _read_shape(cursor, num_rows, dim, what)
    values = cursor.array("<f4", rows * dim, f"the {what} matrix, {rows} rows of {dim} numbers")
    return Dense(values.reshape(rows, dim))


def read_quantised(cursor: Cursor, num_rows: int | None, dim: int, what: str) -> Quantised:
    """Read a quantised matrix; see `read_dense`.

    Raises:
        FormatError: As there; or its parts do not fit together; or its rows would take far more
            memory than the file.
    """
    start = cursor.at
    with_norms = cursor.flag(f"whether the {what} matrix has norms apart")
    rows = _read_shape(cursor, num_rows, dim, what)
    (num_codes,) = cursor.numbers("i", "number of codes")
    codes = cursor.array("u1", max(0, num_codes), f"codes of the {what} matrix")
    centroids = _read_centroids(cursor, dim)
    good = num_codes == rows * len(centroids)
    expected = f"{rows} x {len(centroids)} codes of the {what} matrix"
    cursor.check(good, start + 17, expected, num_codes)
    size = 4 * rows * dim
    good = size <= max(_GROWTH_CHECKED_FROM, _MOST_GROWTH * len(cursor.data))
    cursor.check(good, start, f"less than {_MOST_GROWTH} x the file", f"{size:,} bytes of rows")
    norms = None
    if with_norms:
        codes_of_norms = cursor.array("u1", rows, f"norms of the {what} matrix").reshape(rows, 1)
        norms = Quantised(codes_of_norms, _read_centroids(cursor, 1), None)
    return Quantised(codes.reshape(rows, len(centroids)), centroids, norms)


def _read_centroids(cursor: Cursor, dim: int) -> list[Floats]:
    """Return for each part (256, width) float32, a view; widths add up to `dim`."""
    start = cursor.at
    columns, parts, width, last = cursor.numbers("4i", "shape of a quantiser")
    good = columns == dim and width > 0 and parts == math.ceil(dim / width)
    good = good and last == dim - width * (parts - 1)
    expected = f"a quantiser of {dim} columns, with parts that cover them"
    got = f"{columns} columns in {parts} parts, {width} wide, the last {last}"
    cursor.check(good, start, expected, got)
    values = cursor.array("<f4", dim * _CENTROIDS, "centroids")
    whole = width * _CENTROIDS
    pieces = [values[m * whole : (m + 1) * whole] for m in range(parts)]
    return [piece.reshape(_CENTROIDS, -1) for piece in pieces]
