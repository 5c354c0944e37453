"""The largest singular values of a sparse matrix and their vectors.

Randomised subspace iteration (Halko, Martinsson and Tropp 2011, "Finding structure with
randomness", algorithm 4.4): a few more random columns than are wanted are multiplied by the matrix
and its transpose in turn, and made orthonormal in between, until the singular values stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError
from ..kernels import dense, draw, sparse
from ..kernels._compile import HAVE_NUMBA
from ..kernels.simd import aligned_zeros, padded
from ..types import Doubles, Floats, Ids, Ids32
from .cooccurrence import cut_rows
from .spill import in_order
from .word2vec import fill_evenly, fill_evenly_reference

MOST_STEPS = 30
TOLERANCE = 1e-2
"""Singular values stay if none of those wanted changes by more than this part of itself.

That is early: where the spectrum is flat, the last values are low by 3 % and the last dozen
directions mixed (10 MB of English, 100 of 20,290 dimensions, SciPy's `svds` beside). Cosines over
WordSim-353 / MEN are .581 / .575; with 1e-3, which takes 37 products in place of 15, .588 / .581;
with `svds`, which took four times the CPU seconds, .596 / .584.
Tried: a Chebyshev filter of A A' in place of A A' (Zhou et al. 2006). Single precision holds only
degrees up to 3 where the first value is ten times the last; 1 % after 17 products.
"""

_MORE = 0.2  # random columns besides those wanted, a share of these
_FEWEST_MORE = 10
_SMALLEST = 1e-5  # float32 knows nothing of singular values below this part of the largest
_ROWS_AT_ONCE = 1 << 12
_STREAM = 1 << 42  # keys the random columns, apart from every other draw


@dataclass(frozen=True)
class Sparse:
    """A matrix, row after row.

    Attributes:
        begins: (rows + 1,) int64.
        columns: (entries,) int32.
        values: (entries,) float32.
        num_columns: How many columns it has.
    """

    begins: Ids
    columns: Ids32
    values: Floats
    num_columns: int

    @property
    def num_rows(self) -> int:
        """How many rows it has."""
        return len(self.begins) - 1

    def transposed(self) -> Sparse:
        """Return the transpose."""
        begins = np.zeros(self.num_columns + 1, np.int64)
        columns, values = np.empty_like(self.columns), np.empty_like(self.values)
        write = sparse.transpose if HAVE_NUMBA else sparse.transpose_reference
        write(self.begins, self.columns, self.values, begins, columns, values)
        return Sparse(begins, columns, values, self.num_rows)

    def times(self, x: Floats, threads: int) -> Floats:
        """Return the product with (num_columns, stride) float32: (num_rows, stride) float32.

        Each row is summed in the order of its entries, whichever thread does it. `stride` is a
        multiple of sixteen.
        """
        out = aligned_zeros(self.num_rows, x.shape[1])
        multiply = sparse.multiply if HAVE_NUMBA else sparse.multiply_reference

        def some(task: tuple[int, int]) -> None:
            multiply(self.begins, self.columns, self.values, *task, x, out)

        for _ in in_order(some, cut_rows(np.diff(self.begins)), threads):
            pass
        return out


def largest_singular(
    matrix: Sparse,
    count: int,
    *,
    seed: int,
    threads: int,
    note: Callable[[str], None] = lambda text: None,
) -> tuple[Doubles, Floats]:
    """Return the largest singular values and their left vectors.

    The sign of each vector is such that its largest number is positive.

    Args:
        matrix: What to decompose; not all of it zero.
        count: How many.
        seed: Key of the random columns.
        threads: How many to multiply with; the result does not depend on it.
        note: Told if the values still change after `MOST_STEPS` steps: the vectors then span nearly
            the right space, but the last of them are mixed.

    Returns:
        (n,) float64 values, falling, and (num_rows, n) float32 vectors; n is `count`, or the rank
        where that is less.

    Raises:
        TrainingError: The matrix holds what is no number.
    """
    width = count + max(_FEWEST_MORE, int(count * _MORE))
    width = min(width, matrix.num_rows, matrix.num_columns)
    back = matrix.transposed()
    vectors = _random_columns(matrix.num_columns, width, seed)
    before, change = np.zeros(count), 0.0
    for _ in range(MOST_STEPS):
        vectors, values = _orthonormal(matrix.times(vectors, threads), width, threads)
        shared = min(count, len(before), len(values))
        change = float(np.abs(before[:shared] / values[:shared] - 1).max())
        if change <= TOLERANCE:
            break
        before = values
        vectors, _ = _orthonormal(back.times(vectors, threads), width, threads)
    else:
        note(
            f"warning: the decomposition did not converge: after {MOST_STEPS} steps a singular "
            f"value still changes by {change:.2%}; a smaller --dim will"
        )
    values, vectors = values[:count], vectors[:, : min(count, len(values))]
    largest = np.abs(vectors).argmax(axis=0)
    return values, vectors * np.sign(vectors[largest, np.arange(len(values))])


def _random_columns(rows: int, width: int, seed: int) -> Floats:
    key = np.uint64(draw.block_key_reference(seed, 0, _STREAM))
    columns = aligned_zeros(rows, padded(width))
    fill = fill_evenly if HAVE_NUMBA else fill_evenly_reference
    fill(columns[:, :width], key, 1.0)
    return columns


def _orthonormal(columns: Floats, width: int, threads: int) -> tuple[Floats, Doubles]:
    """Return the left singular vectors and the singular values of a tall matrix, falling.

    By the eigenvalues of its small square, summed in float64. (LAPACK's QR of (20,000, 120) took
    3 s on a busy machine, the square with LAPACK's eigenvalues 0.9 s.)
    Values below `_SMALLEST` of the largest count as zero.
    """
    powers, turned = _eigen(_square(columns, width, threads))
    order = np.argsort(-powers, kind="stable")
    kept = order[powers[order] > powers.max() * _SMALLEST**2]
    values = np.sqrt(powers[kept])
    scaled: Floats = np.ascontiguousarray((turned[kept] / values[:, None]).T, np.float32)
    out = aligned_zeros(len(columns), columns.shape[1])
    turn = dense.turn if HAVE_NUMBA else dense.turn_reference
    for _ in in_order(lambda some: turn(columns, *some, scaled, out), _blocks(columns), threads):
        pass
    return out, values


def _square(columns: Floats, width: int, threads: int) -> Doubles:
    """Return the small square, the upper half at least: sums of blocks, in their order."""
    add = dense.square if HAVE_NUMBA else dense.square_reference

    def part(some: tuple[int, int]) -> Doubles:
        out = np.zeros((width, width))
        add(columns, *some, out)
        return out

    total = np.zeros((width, width))
    for block in in_order(part, _blocks(columns), threads):
        total += block
    return total


def _eigen(square: Doubles) -> tuple[Doubles, Doubles]:
    if not np.isfinite(square).all():
        raise TrainingError("the decomposition failed: the matrix holds what is no number")
    return dense.eigen(square) if HAVE_NUMBA else dense.eigen_reference(square)


def _blocks(columns: Floats) -> list[tuple[int, int]]:
    """Cut the rows into blocks, whose sums are added in this order: part of the result."""
    starts = range(0, len(columns), _ROWS_AT_ONCE)
    return [(row, min(row + _ROWS_AT_ONCE, len(columns))) for row in starts]
