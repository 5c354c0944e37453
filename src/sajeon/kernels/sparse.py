"""A sparse matrix times a few dozen columns, and its transpose.

The matrix is stored row by row (CSR): the entries of row r are ``begins[r]`` to ``begins[r + 1]``
of `columns` and `values`.
"""

from __future__ import annotations

import numpy as np

from ..types import Array, Floats, Ids, Ids32
from ._compile import jit
from .simd import VECTOR_BYTES, fma, load, load_splat, prefetch, store, zero

_AHEAD = 4  # entries whose rows are asked for


@jit
def multiply(begins, columns, values, row, end, x, out):
    """Fill rows `row` to `end` (exclusive) of ``out = matrix @ x``.

    Args:
        begins: (rows + 1,) int64.
        columns: (entries,) int32.
        values: (entries,) float32.
        row: First row.
        end: One past the last.
        x: (columns, stride) float32, `stride` a multiple of sixteen.
        out: (rows, stride) float32.
    """
    row_bytes = x.shape[1] * 4
    source, weights = np.int64(x.ctypes.data), np.int64(values.ctypes.data)
    for r in range(row, end):
        target = np.int64(out.ctypes.data) + r * row_bytes
        for k in range(0, row_bytes, VECTOR_BYTES):
            store(target + k, zero())
        last = begins[r + 1]
        for e in range(begins[r], last):
            ahead = source + columns[min(e + _AHEAD, last - 1)] * row_bytes
            for k in range(0, row_bytes, VECTOR_BYTES):
                prefetch(ahead + k)
            weight, other = load_splat(weights + e * 4), source + columns[e] * row_bytes
            for k in range(0, row_bytes, VECTOR_BYTES):
                store(target + k, fma(weight, load(other + k), load(target + k)))


def multiply_reference(
    begins: Ids, columns: Ids32, values: Floats, row: int, end: int, x: Floats, out: Floats
) -> None:
    """`multiply` in NumPy."""
    for r in range(row, end):
        some = slice(begins[r], begins[r + 1])
        out[r] = values[some] @ x[columns[some]]


@jit
def transpose(begins, columns, values, to_begins, to_columns, to_values):
    """Write the transpose of a matrix.

    Args:
        begins: (rows + 1,) int64.
        columns: (entries,) int32.
        values: (entries,) float32.
        to_begins: (columns + 1,) int64. Zeros; filled.
        to_columns: (entries,) int32. Filled.
        to_values: (entries,) float32. Filled.
    """
    for e in range(len(columns)):
        to_begins[columns[e] + 1] += 1
    for c in range(1, len(to_begins)):
        to_begins[c] += to_begins[c - 1]
    following = to_begins[:-1].copy()
    for r in range(len(begins) - 1):
        for e in range(begins[r], begins[r + 1]):
            at = following[columns[e]]
            to_columns[at], to_values[at] = r, values[e]
            following[columns[e]] += 1


def transpose_reference(
    begins: Ids, columns: Ids32, values: Floats, to_begins: Ids, to_columns: Array, to_values: Array
) -> None:
    """`transpose` in NumPy."""
    order = np.argsort(columns, kind="stable")
    sizes = np.bincount(columns, minlength=len(to_begins) - 1)
    to_begins[1:] = np.cumsum(sizes)
    to_columns[:] = np.repeat(np.arange(len(begins) - 1, dtype=np.int32), np.diff(begins))[order]
    to_values[:] = values[order]
