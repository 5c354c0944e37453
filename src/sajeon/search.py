"""Exact nearest rows by cosine, over arrays.

float32 products find candidates, float64 decides among them. The error of a float32 product of
unit vectors is at most about dim / 2^24 (Higham, Accuracy and Stability of Numerical Algorithms,
section 3.1), so every row that could belong to the answer is a candidate, and the answer depends on
no BLAS library, number of threads or size of blocks. Equal rows score equally to the bit and then
stand in id order. The table is read in place: a memory-mapped one is never copied.
"""

import numpy as np

from .types import Array, Bools, Doubles, Floats, Ids

_CHUNK = 1 << 20  # numbers of the table converted to float64 at once: 8 MB
_BLOCK = 1 << 24  # scores held at once for many queries: 64 MB
_FOLD = 64  # columns of scores whose maximum is taken first, see `_candidates`
_TINY, _HUGE = 1e-25, 1e30  # between these lengths a float32 product cannot over- or underflow
_SPARE = 4  # candidates beyond k, to prove that none was missed


def row_norms(matrix: Floats) -> Doubles:
    """Return (num_embeddings,) float64: the Euclidean length of each row of `matrix`."""
    norms = np.empty(len(matrix))
    step = max(1, _CHUNK // max(1, matrix.shape[1]))
    for start in range(0, len(matrix), step):
        rows = matrix[start : start + step].astype(np.float64)
        norms[start : start + step] = np.sqrt(np.square(rows).sum(axis=1))
    return norms


def unit(vectors: Array) -> Doubles:
    """Return float64 vectors (..., dim) of length 1; zero vectors stay zero."""
    doubles = np.asarray(vectors, dtype=np.float64)
    lengths = np.sqrt(np.square(doubles).sum(axis=-1, keepdims=True))
    units: Doubles = doubles / np.where(lengths > 0, lengths, 1)
    return units


def cosine(a: Array, b: Array) -> Doubles:
    """Return (...,) float64: the cosine of vectors (..., dim), 0 where one of them is zero."""
    cosines: Doubles = np.clip((unit(a) * unit(b)).sum(axis=-1), -1, 1)
    return cosines


def nearest(
    matrix: Floats, norms: Doubles, query: Array, k: int, exclude: Ids | None = None
) -> tuple[Ids, Doubles]:
    """Find the `k` rows with the highest cosine to one query.

    Args:
        matrix: (num_embeddings, dim) float32.
        norms: (num_embeddings,) float64, of `row_norms`.
        query: (dim,) of any length; the zero vector has cosine 0 to every row.
        k: How many; more than there are gives all there are.
        exclude: (any,) int64. Rows left out.

    Returns:
        (found,) int64 ids and (found,) float64 cosines, best first, equal ones in id order.
        ``found`` is `k`, or less where fewer rows are left. Rows that hold NaN are never found.
    """
    direction = unit(query)  # (dim,)
    scores = _approximate(matrix, norms, direction.astype(np.float32)[None])[0]
    if exclude is not None:
        scores[exclude] = -np.inf
    k = min(k, int(np.isfinite(scores).sum()))
    if k <= 0:
        return np.zeros(0, np.int64), np.zeros(0)
    least = -np.partition(-scores, k - 1)[k - 1]  # the k-th best
    candidates = np.flatnonzero(scores >= least - 2 * _error(matrix))
    exact = _exact_in_chunks(matrix, norms, candidates, direction)
    order = np.argsort(-exact, kind="stable")[:k]  # stable: candidates rise, so ties do by id
    return candidates[order], exact[order]


def nearest_many(
    matrix: Floats, norms: Doubles, queries: Array, k: int, exclude: Ids | None = None
) -> tuple[Ids, Doubles]:
    """Find the `k` rows with the highest cosine to each of many queries, as `nearest` does.

    Args:
        matrix: (num_embeddings, dim) float32.
        norms: (num_embeddings,) float64, of `row_norms`.
        queries: (queries, dim).
        k: How many for each.
        exclude: (queries, any) int64. Rows left out for each query; -1 stands for none.

    Returns:
        (queries, found) int64 ids and (queries, found) float64 cosines with ``found`` =
        ``min(k, num_embeddings)``. Where fewer rows are left the id is -1 and the cosine -inf.
    """
    found = max(0, min(k, len(matrix)))
    ids = np.full((len(queries), found), -1, dtype=np.int64)
    scores = np.full((len(queries), found), -np.inf)
    if found == 0:
        return ids, scores
    directions = unit(queries)
    step = max(1, _BLOCK // max(len(matrix), (found + _SPARE) * matrix.shape[1]))
    for start in range(0, len(queries), step):
        block = slice(start, start + step)
        left_out = None if exclude is None else exclude[block]
        proven = _nearest_block(
            matrix, norms, directions[block], left_out, ids[block], scores[block]
        )
        for i in start + np.flatnonzero(~proven):  # rare: near ties around the k-th place
            banned = None if exclude is None else exclude[i][exclude[i] >= 0]
            best, best_scores = nearest(matrix, norms, queries[i], k, banned)
            ids[i], scores[i] = -1, -np.inf
            ids[i, : len(best)], scores[i, : len(best)] = best, best_scores
    return ids, scores


def _nearest_block(
    matrix: Floats,
    norms: Doubles,
    directions: Doubles,
    exclude: Ids | None,
    ids: Ids,
    scores: Doubles,
) -> Bools:
    """Fill `ids` and `scores` (block, k); return (block,) whether the answer is proven."""
    k = ids.shape[1]
    approximate = _approximate(matrix, norms, directions.astype(np.float32), pad=_FOLD)
    if exclude is not None:
        row, column = np.nonzero(exclude >= 0)
        approximate[row, exclude[row, column]] = -np.inf
    candidates, least = _candidates(approximate, k + _SPARE)  # (block, c), (block,)
    left = np.isfinite(np.take_along_axis(approximate, candidates, axis=1))
    rows = np.where(left, candidates, 0)
    with np.errstate(invalid="ignore"):  # row 0, which stands for those left out, may hold NaN
        exact = (matrix[rows].astype(np.float64) * directions[:, None, :]).sum(axis=-1)
        exact = np.where(left, _as_cosines(exact, norms[rows]), -np.inf)
    order = np.lexsort((candidates, -exact), axis=-1)[:, :k]
    ids[:] = np.take_along_axis(np.where(left, candidates, -1), order, axis=1)
    scores[:] = np.take_along_axis(exact, order, axis=1)
    proven: Bools = (scores[:, -1] > least + _error(matrix)) | (least == -np.inf)
    return proven


def _approximate(matrix: Floats, norms: Doubles, directions: Floats, pad: int = 1) -> Floats:
    """Return cosines (queries, num_embeddings rounded up to a multiple of `pad`) in float32.

    Rows that hold NaN, and the columns that fill up, have -inf.
    """
    num = len(matrix)
    scores = np.full((len(directions), -(-num // pad) * pad), -np.inf, dtype=np.float32)
    usual = (norms > _TINY) & (norms < _HUGE)  # (num,)
    inverse = (1 / np.where(usual, norms, np.inf)).astype(np.float32)  # zero rows: 0
    step = num if len(directions) > 1 else max(1, _CHUNK // max(1, matrix.shape[1]))
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, num, step):
            part = slice(start, min(start + step, num))
            np.matmul(directions, matrix[part].T, out=scores[:, part])
        scores[:, :num] *= inverse
        odd = np.flatnonzero(~usual & (norms != 0))
        if odd.size:
            products = directions.astype(np.float64) @ matrix[odd].T.astype(np.float64)
            scores[:, odd] = np.where(np.isfinite(norms[odd]), products / norms[odd], -np.inf)
    return scores


def _candidates(scores: Floats, number: int) -> tuple[Ids, Floats]:
    """Return the columns of the `number` highest scores of each row, and a bound for all others.

    Selecting among n scores costs about 10 ns each, a maximum 0.2 ns. So columns are first folded
    into groups, column c into group c mod n/64; the highest `number` scores lie in the `number`
    groups with the highest maxima.

    Args:
        scores: (queries, n) float32, n a multiple of `_FOLD`.
        number: How many.

    Returns:
        (queries, c) int64 columns, c = `number` or n if that is less, in no order; and (queries,):
        no other column has a higher score than this (-inf where there is no other).
    """
    num_queries, width = scores.shape
    groups = width // _FOLD
    if number >= width:
        all_columns = np.broadcast_to(np.arange(width), scores.shape).copy()
        return all_columns, np.full(num_queries, -np.inf, dtype=np.float32)
    columns = np.broadcast_to(np.arange(width), scores.shape)
    gathered = scores
    if number < groups:
        maxima = scores.reshape(num_queries, _FOLD, groups).max(axis=1)
        best = np.argpartition(maxima, groups - number, axis=1)[:, -number:]  # (queries, number)
        columns = (best[:, :, None] + np.arange(_FOLD) * groups).reshape(num_queries, -1)
        gathered = np.take_along_axis(scores, columns, axis=1)
    chosen = np.argpartition(gathered, gathered.shape[1] - number, axis=1)[:, -number:]
    least = np.take_along_axis(gathered, chosen, axis=1).min(axis=1)
    return np.take_along_axis(columns, chosen, axis=1), least


def _exact_in_chunks(matrix: Floats, norms: Doubles, ids: Ids, direction: Doubles) -> Doubles:
    """Return (len(ids),) float64 cosines of rows `ids` with a unit vector."""
    scores = np.empty(len(ids))
    step = max(1, _CHUNK // max(1, matrix.shape[1]))
    for start in range(0, len(ids), step):
        rows = matrix[ids[start : start + step]].astype(np.float64)
        scores[start : start + step] = (rows * direction).sum(axis=1)
    return _as_cosines(scores, norms[ids])


def _as_cosines(products: Doubles, norms: Doubles) -> Doubles:
    """Divide by the norms; zero rows have cosine 0. Rounding may not lead past 1."""
    return np.clip(products / np.where(norms > 0, norms, 1), -1, 1)


def _error(matrix: Floats) -> float:
    """Return a bound for the error of `_approximate`: twice the one in the module's docstring."""
    return float(matrix.shape[1] + 8) * 2.0**-23
