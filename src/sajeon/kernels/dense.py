"""The few dense products of a decomposition, with the same bits on any machine and any threads.

The linear algebra that NumPy comes with sums in another order where it may use more cores (seen:
other vectors with one thread of OpenBLAS than with two), and it has threads of its own besides
those that were asked for.
"""

from __future__ import annotations

import numpy as np

from ..types import Array, Doubles, Floats
from ._compile import jit

_SWEEPS = 30
_SMALL = 1e-14  # an entry so small beside its diagonal is zero
_NOTHING = 1e-18  # or beside the largest of the diagonal


@jit
def square(columns, row, end, out):
    """Add the rows `row` to `end` (exclusive) of ``columns.T @ columns``, its upper half.

    Args:
        columns: (rows, stride) float32.
        row: First row.
        end: One past the last.
        out: (width, width) float64, `width` at most the stride. Added to.
    """
    width = len(out)
    for r in range(row, end):
        for i in range(width):
            x = np.float64(columns[r, i])
            for j in range(i, width):
                out[i, j] += x * np.float64(columns[r, j])


def square_reference(columns: Floats, row: int, end: int, out: Doubles) -> None:
    """`square` in NumPy; fills both halves."""
    some = columns[row:end, : len(out)].astype(np.float64)
    out += some.T @ some


@jit
def turn(columns, row, end, turned, out):
    """Fill the rows `row` to `end` (exclusive) of ``out = columns @ turned``.

    Args:
        columns: (rows, stride) float32.
        row: First row.
        end: One past the last.
        turned: (width, kept) float32.
        out: (rows, stride') float32, zeros.
    """
    width, kept = turned.shape
    for r in range(row, end):
        for i in range(width):
            x = columns[r, i]
            for j in range(kept):
                out[r, j] += x * turned[i, j]


def turn_reference(columns: Floats, row: int, end: int, turned: Floats, out: Floats) -> None:
    """`turn` in NumPy."""
    width, kept = turned.shape
    out[row:end, :kept] = columns[row:end, :width] @ turned


@jit
def eigen(matrix):
    """Return the eigenvalues of a symmetric matrix without negative ones, and its eigenvectors.

    By Jacobi's rotations, which are few where the matrix is nearly diagonal, as it is when a
    decomposition has nearly converged.

    Args:
        matrix: (n, n) float64, of which the upper half is read; overwritten.

    Returns:
        (n,) and (n, n) float64: values in no order, and a vector in each row.
    """
    n = len(matrix)
    vectors = np.eye(n)
    largest = 0.0
    for p in range(n):
        largest = max(largest, matrix[p, p])
        for q in range(p):
            matrix[p, q] = matrix[q, p]
    for _ in range(_SWEEPS):
        rotations = 0
        for p in range(n - 1):
            for q in range(p + 1, n):
                x, y, z = matrix[p, p], matrix[q, q], matrix[p, q]
                if abs(z) <= max(_SMALL * np.sqrt(abs(x * y)), _NOTHING * largest):
                    continue
                rotations += 1
                half = (y - x) / (2.0 * z)
                tangent = 1.0 / (abs(half) + np.sqrt(half * half + 1.0))
                if half < 0.0:
                    tangent = -tangent
                cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
                _rotate(matrix[p], matrix[q], cosine, tangent * cosine)
                _rotate(matrix[:, p], matrix[:, q], cosine, tangent * cosine)
                _rotate(vectors[p], vectors[q], cosine, tangent * cosine)
        if rotations == 0:
            break
    return np.diag(matrix).copy(), vectors


@jit
def _rotate(one, other, cosine, sine):
    for k in range(len(one)):
        x, y = one[k], other[k]
        one[k], other[k] = cosine * x - sine * y, sine * x + cosine * y


def eigen_reference(matrix: Doubles) -> tuple[Array, Array]:
    """`eigen` in NumPy."""
    values, vectors = np.linalg.eigh(matrix, UPLO="U")
    return values, vectors.T
