"""Rows as a table stores them, made ready for products with float32 queries, part by part."""

import itertools
import threading
from collections.abc import Callable

import numpy as np

from .cores import available_cores
from .types import Array, Bools, Doubles, Floats, Ids

HALF_SCALE = 2.0**112
"""By which `floats` divides float16."""

_THREADED = 1 << 22  # numbers of a table for which threads are worth starting
_TINY, _HUGE = 1e-25, 1e30  # between these lengths a float32 product cannot over- or underflow


def inverse_lengths(norms: Doubles, allowed: Bools | None) -> tuple[Floats, Ids]:
    """Return what makes products with rows cosines, and which rows are odd.

    Returns:
        (num_embeddings,) float32: one over the length; 0 for zero rows, 1 for odd ones, NaN for
        rows that hold NaN or infinity or are not allowed. And (any,) int64, rising: rows too short
        or too long for float32 products, see `ready`.
    """
    odd = np.zeros(0, np.int64)
    lengths = norms
    if len(norms) and not (norms.min() > _TINY and norms.max() < _HUGE):  # NaN, or such a row
        lengths = np.where(norms == 0, np.inf, np.where(norms == np.inf, np.nan, norms))
        odd = np.flatnonzero((lengths <= _TINY) | ((lengths >= _HUGE) & (norms > 0)))
        lengths[odd] = 1
    if allowed is not None:
        lengths = np.where(allowed, lengths, np.nan)
    return (1 / lengths).astype(np.float32), odd


def ready(matrix: Array, norms: Doubles, odd: Ids, part: slice) -> Floats:
    """Return (rows, dim) as of `floats`, the odd rows scaled to length 1."""
    rows = floats(matrix[part])
    if odd.size:
        here = odd[np.searchsorted(odd, part.start) : np.searchsorted(odd, part.stop)]
        if here.size:
            rows = rows.copy()
            rows[here - part.start] = matrix[here].astype(np.float64) / norms[here, None]
    return rows


def floats(rows: Array) -> Floats:
    """Return rows as float32: float32 as they are, int8 converted, float16 times 2^-112.

    The bits of a float16, moved to where float32 has them, are that number times 2^-112, the
    difference of the exponents' biases; NaN and infinity become numbers of at least 2^16 times
    that. NumPy's own conversion takes 2.5 ns a number, this 0.3.
    """
    if rows.dtype != np.float16:
        floats: Floats = rows.astype(np.float32, copy=False)
        return floats
    bits = rows.view(np.int16).astype(np.int32)  # the sign fills the upper half
    bits <<= 13
    bits &= np.int32(0x8FFFE000 - (1 << 32))
    return bits.view(np.float32)


def doubles(rows: Array) -> Doubles:
    """Return rows as float64 in C order: another order would sum a row in another way."""
    return rows.astype(np.float64, order="C")


def scale(matrix: Array) -> float:
    """Return what makes up for the scale of `floats`; queries are multiplied by it."""
    return HALF_SCALE if matrix.dtype == np.float16 else 1.0


def in_parts(
    matrix: Array, work: Callable[[slice], None], numbers: int, threads: int | None = None
) -> None:
    """Call `work` for parts of the rows, so many numbers each, on several threads if it is large.

    Parts are handed out as threads get free, and none depends on another.
    """
    step = max(1, numbers // max(1, matrix.shape[1]))
    starts = itertools.count(0, step)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with np.errstate(all="ignore"):  # a setting of each thread
                while not failures and (start := next(starts)) < len(matrix):
                    work(slice(start, min(start + step, len(matrix))))
        except BaseException as failure:
            failures.append(failure)

    number = threads or (available_cores() if matrix.size >= _THREADED else 1)
    helpers = [threading.Thread(target=run) for _ in range(number - 1)]
    for helper in helpers:
        helper.start()
    run()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
