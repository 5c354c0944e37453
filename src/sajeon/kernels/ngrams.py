"""Buckets of the character n-grams of many tokens, and means of table rows.

The plain twins are in `sajeon.tokens.ngrams`, which decides what is right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Array, Floats, Ids
from ._compile import jit

_PRIME = 16777619  # FNV-1a, 32 bits
_BASIS = 2166136261
_MASK = 0xFFFFFFFF
_SIGN = 0xFFFFFF00  # what a byte from 128 on brings along as a signed char


@jit
def fill_buckets(
    data: Array,
    starts: Ids,
    min_n: int,
    max_n: int,
    num_buckets: int,
    offsets: Ids,
    ids: Ids,
) -> None:
    """Write the buckets of each token's n-grams, by first character, then by length.

    An n-gram's hash goes on from that of the one a character shorter, so that it costs one step
    for each byte of its last character.

    Args:
        data: (bytes,) uint8. The tokens one after another, each between ``<`` and ``>``.
        starts: (tokens + 1,) int64. Token ``t`` is ``data[starts[t]:starts[t + 1]]``.
        min_n: Characters of the shortest n-gram.
        max_n: Characters of the longest n-gram.
        num_buckets: From 1.
        offsets: (tokens + 1,) int64. Token ``t`` fills ``ids[offsets[t]:offsets[t + 1]]``, which is
            as long as it has n-grams, or empty to leave the token out.
        ids: (offsets[-1],) int64, changed.
    """
    for t in range(len(starts) - 1):
        at, end = offsets[t], starts[t + 1]
        if at == offsets[t + 1]:
            continue
        for first in range(starts[t], end):
            if data[first] & 0xC0 == 0x80:
                continue
            key: Any = _BASIS
            n, i = 0, first
            while i < end and n < max_n:
                n += 1
                inside = False
                while i < end and (not inside or data[i] & 0xC0 == 0x80):
                    byte = np.int64(data[i])
                    signed = byte | _SIGN if byte >= 128 else byte
                    key = (key ^ signed) * _PRIME & _MASK
                    inside = True
                    i += 1
                alone = n == 1 and (first == starts[t] or i == end)
                if n >= min_n and not alone:
                    ids[at] = key % num_buckets
                    at += 1


@jit
def mean_of_rows(matrix: Floats, ids: Ids, offsets: Ids, means: Floats) -> None:
    """Write the mean of each group of rows: summed in order, then times one over their number.

    Args:
        matrix: (num_embeddings, dim) float32.
        ids: (total,) int64. Rows of `matrix`.
        offsets: (groups + 1,) int64. Group ``g`` is ``ids[offsets[g]:offsets[g + 1]]``.
        means: (groups, dim) float32, changed. Zeros where a group is empty.
    """
    dim = matrix.shape[1]
    for g in range(len(offsets) - 1):
        first, last = offsets[g], offsets[g + 1]
        for d in range(dim):
            means[g, d] = 0
        for k in range(first, last):
            row = ids[k]
            for d in range(dim):
                means[g, d] += matrix[row, d]
        if last > first:
            scale = np.float32(1.0 / (last - first))
            for d in range(dim):
                means[g, d] *= scale
