"""Count which words stand near each other: rows of a sparse matrix, a word at a time.

The corpus is copied once into a flat list of ids in which sequences are kept apart by a separator.
An index of it lists, for each word, where it stands. So a row of the matrix is made in one go: look
around each place of the word, add the weights of what stands there to one sum for each column, then
write the sums that are not zero. Rows come out in order, each column of a row once: nothing is
sorted and merged unless the corpus is larger than memory (`learn/cooccurrence.py`).

Weights are whole numbers, so that sums do not depend on their order.
"""

from __future__ import annotations

import numpy as np

from ..types import Array, Counts, Ids, Ids32
from ._compile import inline, jit
from .draw import block_key, block_key_reference, draw, draw_reference
from .windows import TOKEN_STREAM

SEPARATOR = -1

_SCANNED_SHARE = 256
"""A row that holds more than one column in so many is written by looking at every column, else its
columns are sorted."""


@jit
def flatten(ids, offsets, sequence, start, stop, keep, seed, out):
    """Copy tokens `start` to `stop` into `out`, thinned out, a separator after each sequence.

    Args:
        ids: (num_tokens,) int32. The corpus.
        offsets: (num_sequences + 1,) int64. Where each sequence begins.
        sequence: The one that holds token `start`.
        start: First token.
        stop: One past the last.
        keep: (V,) uint32. A token stays if its draw is at most this (`kernels/windows.py`).
        seed: Key of the draws.
        out: (2 * tokens,) int32, filled.

    Returns:
        How many places of `out` are filled.
    """
    key = block_key(seed, 0, TOKEN_STREAM)
    n = np.int64(0)
    for p in range(start, stop):
        if offsets[sequence + 1] <= p:
            while offsets[sequence + 1] <= p:
                sequence += 1
            out[n] = SEPARATOR
            n += 1
        word = ids[p]
        out[n] = word
        n += np.int64(np.uint32(draw(key, np.uint64(p)) >> np.uint64(32)) <= keep[word])
    return n


def flatten_reference(
    ids: Ids32, offsets: Ids, sequence: int, start: int, stop: int, keep: Array, seed: int,
    out: Ids32,
) -> int:  # fmt: skip
    """`flatten` in NumPy; finds the sequence itself."""
    position = np.arange(start, stop)
    key = block_key_reference(seed, 0, TOKEN_STREAM)
    stays = (draw_reference(key, position) >> np.uint64(32)) <= keep[ids[start:stop]]
    of = np.searchsorted(offsets, position, side="right") - 1
    new = np.diff(of, prepend=sequence) > 0
    pairs = np.full((stop - start, 2), SEPARATOR, np.int32)
    pairs[:, 1] = ids[start:stop]
    flat = pairs[np.stack([new, stays], axis=1)]
    out[: len(flat)] = flat
    return len(flat)


@jit
def index_words(flat, begins, order):
    """List where each word stands, by a counting sort.

    Args:
        flat: (places,) int32. Ids and separators.
        begins: (V + 1,) int64. Zeros; filled: where the places of each word begin in `order`.
        order: (words,) int32, filled: places of the first word, of the second, and so on.
    """
    for p in range(len(flat)):
        if flat[p] >= 0:
            begins[flat[p] + 1] += 1
    for w in range(1, len(begins)):
        begins[w] += begins[w - 1]
    following = begins[:-1].copy()
    for p in range(len(flat)):
        word = flat[p]
        if word >= 0:
            order[following[word]] = p
            following[word] += 1


@jit
def count_rows(
    flat, first, begins, order, row, end, weights, sums, touched, sizes, columns, values
):
    """Count the rows `row` to `end` (exclusive) of the matrix.

    Args:
        flat: (places,) int32. The whole corpus, a separator at both ends.
        first: The place in it that place 0 of `order` means.
        begins: (V + 1,) int64. From `index_words`.
        order: (words,) int32. Likewise.
        row: First row.
        end: One past the last.
        weights: (window + 1,) int64. Weight of a word so many places away, above 0.
        sums: (V,) int64. Zeros, and again on return.
        touched: (V,) int32. Scratch.
        sizes: (end - row,) int64. Filled: how many entries each row has.
        columns: (capacity,) int32. Filled: the columns of each row in order.
        values: (capacity,) int64. Filled: the summed weights.

    Returns:
        How many entries.
    """
    window = len(weights) - 1
    filled = np.int64(0)
    for r in range(row, end):
        n = np.int64(0)
        for i in range(begins[r], begins[r + 1]):
            p = first + np.int64(order[i])
            for d in range(1, window + 1):
                word = flat[p - d]
                if word < 0:
                    break
                touched[n] = word
                n += np.int64(sums[word] == 0)
                sums[word] += weights[d]
            for d in range(1, window + 1):
                word = flat[p + d]
                if word < 0:
                    break
                touched[n] = word
                n += np.int64(sums[word] == 0)
                sums[word] += weights[d]
        _write_row(sums, touched, n, columns, values, filled)
        sizes[r - row] = n
        filled += n
    return filled


@jit
def merge_rows(bounds, given_columns, given_values, sums, touched, sizes, columns, values):
    """Add rows that were counted in several parts of the corpus.

    Args:
        bounds: (parts, rows + 1) int64. Where each row of each part begins in what is given.
        given_columns: (entries,) int32.
        given_values: (entries,) int64.
        sums: See `count_rows`, as all that follows.
        touched: Scratch.
        sizes: Filled.
        columns: Filled.
        values: Filled.

    Returns:
        How many entries.
    """
    filled = np.int64(0)
    for r in range(len(sizes)):
        n = np.int64(0)
        for part in range(len(bounds)):
            for e in range(bounds[part, r], bounds[part, r + 1]):
                word = given_columns[e]
                touched[n] = word
                n += np.int64(sums[word] == 0)
                sums[word] += given_values[e]
        _write_row(sums, touched, n, columns, values, filled)
        sizes[r] = n
        filled += n
    return filled


@jit
def count_documents(ids, offsets, sums, touched, sizes, columns, values):
    """Count the words of each sequence.

    Args:
        ids: (num_tokens,) int32. The corpus.
        offsets: (rows + 1,) int64. Where each sequence begins.
        sums: See `count_rows`, as all that follows.
        touched: Scratch.
        sizes: Filled.
        columns: Filled.
        values: Filled.

    Returns:
        How many entries.
    """
    filled = np.int64(0)
    for r in range(len(sizes)):
        n = np.int64(0)
        for p in range(offsets[r], offsets[r + 1]):
            word = ids[p]
            touched[n] = word
            n += np.int64(sums[word] == 0)
            sums[word] += 1
        _write_row(sums, touched, n, columns, values, filled)
        sizes[r] = n
        filled += n
    return filled


def count_documents_reference(
    ids: Ids32, offsets: Ids, sums: Counts, touched: Ids32, sizes: Counts, columns: Ids32,
    values: Counts,
) -> int:  # fmt: skip
    """`count_documents` in NumPy."""
    filled = 0
    for r in range(len(sizes)):
        words, counts = np.unique(ids[offsets[r] : offsets[r + 1]], return_counts=True)
        sizes[r] = len(words)
        columns[filled : filled + len(words)] = words
        values[filled : filled + len(words)] = counts
        filled += len(words)
    return filled


@inline
def _write_row(sums, touched, n, columns, values, filled):
    if n * _SCANNED_SHARE < len(sums):
        touched[:n].sort()
        for i in range(n):
            word = touched[i]
            columns[filled + i] = word
            values[filled + i] = sums[word]
            sums[word] = 0
    else:
        for word in range(len(sums)):
            if sums[word] != 0:
                columns[filled] = word
                values[filled] = sums[word]
                sums[word] = 0
                filled += 1


def count_reference(flat: Ids32, num_words: int, weights: Counts) -> tuple[Ids, Ids32, Counts]:
    """Count all rows in NumPy.

    Args:
        flat: (places,) int32. Ids and separators.
        num_words: V.
        weights: (window + 1,) int64.

    Returns:
        Where each row begins, (V + 1,) int64; columns, (entries,) int32; values, (entries,) int64.
    """
    sequence = np.cumsum(flat < 0)
    keys, added = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for d in range(1, len(weights)):
        left, right = flat[:-d].astype(np.int64), flat[d:].astype(np.int64)
        both = (left >= 0) & (sequence[:-d] == sequence[d:])
        left, right = left[both], right[both]
        keys += [left * num_words + right, right * num_words + left]
        added.append(np.full(2 * len(left), weights[d]))
    distinct, place = np.unique(np.concatenate(keys), return_inverse=True)
    values = np.zeros(len(distinct), np.int64)
    np.add.at(values, place, np.concatenate(added))
    begins = np.searchsorted(distinct, np.arange(num_words + 1) * num_words)
    return begins, (distinct % num_words).astype(np.int32), values
