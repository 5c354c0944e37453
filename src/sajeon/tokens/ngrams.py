"""Character n-grams of tokens and the buckets they share, as fastText counts them.

A token stands between ``<`` and ``>``, so that beginnings and ends are told from the middle. Its
n-grams are hashed into a fixed number of buckets, each of which has one row of a table.
Source: Bojanowski, Grave, Joulin and Mikolov, "Enriching Word Vectors with Subword Information"
(2017), section 3.2; details as fastText 0.9.3 has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..types import Array, Floats, Ids

END_OF_LINE = b"</s>"
"""fastText's token for the end of a line. It has no n-grams."""

COMPILED_FROM = 20_000
"""n-grams. Below this, loading Numba takes longer than it saves."""

_BASIS, _PRIME = 2166136261, 16777619
_ROWS_TOGETHER = 4096  # bounds the memory that a group of any size takes


def ngrams(token: str, min_n: int, max_n: int) -> list[str]:
    """Return the n-grams of a token, by first character, then by length.

    ``<`` or ``>`` alone says nothing and is left out.

    >>> ngrams("뜰", 1, 3)
    ['<뜰', '<뜰>', '뜰', '뜰>']
    """
    pieces = _pieces(token.encode(errors="surrogatepass"), min_n, max_n)
    return [piece.decode(errors="surrogatepass") for piece in pieces]


def fasttext_hash(data: bytes) -> int:
    """Return fastText's hash, from 0 to 2**32 - 1: 32-bit FNV-1a, but with signed bytes.

    Bytes from 128 on count as negative numbers, whose upper 24 bits are ones. It was a slip once,
    and is kept by every program that reads these files.
    """
    key = _BASIS
    for byte in data:
        key = (key ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * _PRIME & 0xFFFFFFFF
    return key


def bucket_ids(token: str | bytes, min_n: int, max_n: int, num_buckets: int) -> Ids:
    """Return (n,) int64: the buckets of a token's n-grams, in the order of `ngrams`.

    Args:
        token: Text, or bytes that need not be UTF-8: a character then goes to the next byte that
            does not continue one.
        min_n: Characters of the shortest n-gram.
        max_n: Characters of the longest n-gram; 0 for none.
        num_buckets: From 1; with 0 there are no n-grams.
    """
    if num_buckets < 1:
        return np.zeros(0, np.int64)
    data = token.encode(errors="surrogatepass") if isinstance(token, str) else token
    keys = [fasttext_hash(piece) % num_buckets for piece in _pieces(data, min_n, max_n)]
    return np.array(keys, np.int64)


def bucket_ids_of(
    tokens: Sequence[bytes], min_n: int, max_n: int, num_buckets: int
) -> tuple[Ids, Ids]:
    """Return the buckets of the n-grams of many tokens; see `bucket_ids`.

    From about `COMPILED_FROM` n-grams on it is compiled, or done in NumPy where Numba is missing.
    Measured side by side, µs a word of 24 n-grams: compiled 3, NumPy 9, one after another 270.

    Returns:
        (total,) int64, the buckets of all tokens one after another, and (tokens + 1,) int64
        offsets: token ``t`` has ``ids[offsets[t]:offsets[t + 1]]``.
    """
    if num_buckets < 1 or max_n < 1:
        return np.zeros(0, np.int64), np.zeros(len(tokens) + 1, np.int64)
    if (sum(map(len, tokens)) + len(tokens)) * max_n >= COMPILED_FROM:
        from ..kernels._compile import HAVE_NUMBA

        of_many = _compiled if HAVE_NUMBA else _vectorised
        return of_many(tokens, min_n, max_n, num_buckets)
    each = [bucket_ids(token, min_n, max_n, num_buckets) for token in tokens]
    ids = np.concatenate([np.zeros(0, np.int64), *each])
    return ids, _offsets([len(some) for some in each])


def rows_of_buckets(rows: Array, ids: Ids, offsets: Ids) -> tuple[Ids, Ids]:
    """Turn buckets into their rows, and leave those out that have none any more.

    Args:
        rows: (num_buckets,) integers. Row of each bucket, or -1.
        ids: (total,) int64. Buckets, in groups.
        offsets: (groups + 1,) int64. Group ``g`` is ``ids[offsets[g]:offsets[g + 1]]``.

    Returns:
        The rows and the offsets of the groups among them, both int64.
    """
    found = rows[ids]
    kept = found >= 0
    return found[kept].astype(np.int64), _offsets(kept)[offsets]


def mean_of_rows(matrix: Floats, ids: Ids, offsets: Ids) -> Floats:
    """Return (groups, dim) float32: means of rows of a (num_embeddings, dim) float32 matrix.

    Rows are added in order and the sum is multiplied by one over their number, as fastText does,
    so that means have its very bits. An empty group gives zeros.

    Args:
        matrix: (num_embeddings, dim) float32.
        ids: (total,) int64. Rows of `matrix`.
        offsets: (groups + 1,) int64. Group ``g`` is ``ids[offsets[g]:offsets[g + 1]]``.
    """
    means = np.zeros((len(offsets) - 1, matrix.shape[1]), np.float32)
    if len(ids) >= COMPILED_FROM:
        from ..kernels import ngrams as kernel
        from ..kernels._compile import HAVE_NUMBA

        if HAVE_NUMBA:
            kernel.mean_of_rows(matrix, ids, offsets, means)
            return means
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged table may hold anything
        _add_rows(matrix, ids, offsets, means)
        means *= (1 / np.maximum(np.diff(offsets), 1)).astype(np.float32)[:, None]
    return means


def _add_rows(matrix: Floats, ids: Ids, offsets: Ids, sums: Floats) -> None:
    sizes = np.diff(offsets)
    most = int(sizes.max(initial=0))
    if len(sums) < most:
        for g in range(len(sums)):
            sums[g] = _sum_in_order(matrix, ids[offsets[g] : offsets[g + 1]])
        return
    for k in range(most):  # the k-th row of every group that has one
        some = np.flatnonzero(sizes > k)
        sums[some] += matrix[ids[offsets[some] + k]]


def _sum_in_order(matrix: Floats, ids: Ids) -> Floats:
    """Return (dim,) float32. `np.sum` would add in pairs."""
    total = np.zeros(matrix.shape[1], np.float32)
    for start in range(0, len(ids), _ROWS_TOGETHER):
        rows = matrix[ids[start : start + _ROWS_TOGETHER]]
        total = np.add.accumulate(np.vstack([total, rows]), axis=0)[-1]
    return total


def _pieces(token: bytes, min_n: int, max_n: int) -> Iterator[bytes]:
    """Yield the n-grams of a token as bytes."""
    if token == END_OF_LINE:
        return
    data = b"<" + token + b">"
    starts = [i for i, byte in enumerate(data) if byte & 0xC0 != 0x80]
    ends = [*starts[1:], len(data)]
    for first, start in enumerate(starts):
        for last in range(first + max(min_n, 1), min(first + max_n, len(starts)) + 1):
            alone = last - first == 1 and (first == 0 or last == len(starts))
            if not alone:
                yield data[start : ends[last - 1]]


def _compiled(tokens: Sequence[bytes], min_n: int, max_n: int, num_buckets: int) -> tuple[Ids, Ids]:
    from ..kernels.ngrams import fill_buckets

    data, starts, offsets = _laid_out(tokens, min_n, max_n)
    ids = np.empty(offsets[-1], np.int64)
    fill_buckets(data, starts, min_n, max_n, num_buckets, offsets, ids)
    return ids, offsets


def _vectorised(
    tokens: Sequence[bytes], min_n: int, max_n: int, num_buckets: int
) -> tuple[Ids, Ids]:
    data, starts, offsets = _laid_out(tokens, min_n, max_n)
    signed = data.view(np.int8).astype(np.uint32)
    firsts = np.append(np.flatnonzero(data & 0xC0 != 0x80), len(data))  # (characters + 1,)
    token = np.repeat(np.arange(len(tokens)), np.diff(np.searchsorted(firsts, starts)))
    last = np.searchsorted(firsts, starts[1:])[token]  # the first character of the next token
    with_ngrams = (np.diff(offsets) > 0)[token]
    keys = np.full(len(token), _BASIS, np.uint32)  # of the n-gram that begins at each character
    ids, kept = [], []
    for n in range(1, max_n + 1):
        going = np.flatnonzero(with_ngrams & (np.arange(len(token)) + n <= last))
        if not len(going):
            break
        _go_on(keys, going, firsts[going + n - 1], firsts[going + n], signed)
        if n >= min_n:
            chosen = np.zeros(len(token), np.bool_)
            chosen[going] = True
            if n == 1:
                chosen[firsts[:-1] == starts[token]] = chosen[np.arange(len(token)) + 1 == last] = 0
            ids.append(keys % num_buckets)
            kept.append(chosen)
    if not ids:
        return np.zeros(0, np.int64), offsets
    return np.stack(ids, axis=1)[np.stack(kept, axis=1)].astype(np.int64), offsets


def _go_on(keys: Array, going: Ids, begin: Ids, end: Ids, signed: Array) -> None:
    """Hash one character more, bytes `begin` to `end`, into the keys at `going`, in place."""
    while len(going):
        keys[going] = (keys[going] ^ signed[begin]) * np.uint32(_PRIME)
        more = begin + 1 < end
        going, begin, end = going[more], begin[more] + 1, end[more]


def _laid_out(tokens: Sequence[bytes], min_n: int, max_n: int) -> tuple[Array, Ids, Ids]:
    """Return what `kernels.ngrams.fill_buckets` reads: data, starts and offsets."""
    data = np.frombuffer(b"<" + b"><".join(tokens) + b">", np.uint8)
    starts = _offsets([len(token) + 2 for token in tokens])
    sizes = _num_ngrams(data, starts, min_n, max_n)
    sizes[[t for t, token in enumerate(tokens) if token == END_OF_LINE]] = 0
    return data, starts, _offsets(sizes)


def _num_ngrams(data: Array, starts: Ids, min_n: int, max_n: int) -> Ids:
    """Return (tokens,) int64: how many n-grams each token has, told by its characters alone."""
    characters = np.add.reduceat(data & 0xC0 != 0x80, starts[:-1], dtype=np.int64)
    most = np.minimum(characters, max_n)
    lengths = np.maximum(most - max(min_n, 1) + 1, 0)  # how many lengths n there are
    # The sum of characters - n + 1 over n from max(min_n, 1) to most.
    sizes = lengths * (2 * (characters + 1) - max(min_n, 1) - most) // 2
    return np.asarray(sizes - 2 * ((min_n <= 1) & (lengths > 0)), np.int64)


def _offsets(sizes: Sequence[int] | Array) -> Ids:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
