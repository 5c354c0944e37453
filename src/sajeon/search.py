"""Exact nearest rows by cosine, over arrays.

float32 products find candidates, float64 decides among them. The error of a float32 product of
unit vectors is at most about dim / 2^24 (Higham, Accuracy and Stability of Numerical Algorithms,
section 3.1), so every row that could belong to the answer is a candidate, and the answer depends on
no BLAS library, number of threads or size of blocks. Equal rows score equally to the bit and then
stand in id order.

Tables are float32, float16 or int8, in memory or mapped. They are read in place; where a product
needs float32, a few megabytes are converted at a time. An int8 table has a scale for each row,
which does not matter here: a cosine does not depend on the length of a vector.
"""

import numpy as np

from .stored import HALF_SCALE, doubles, floats, in_parts, inverse_lengths, ready, scale
from .types import Array, Bools, Doubles, Floats, Ids

_CHUNK = 1 << 18  # numbers converted at once: 1 MB of float32, 2 MB of float64
_READ = 1 << 22  # numbers of a float32 table, which need no conversion, multiplied at once: 16 MB
_SCORES = 1 << 21  # products held at once for many queries: 8 MB, see `_best`
_HELD = 1 << 24  # scores held at once for a few: 64 MB
_QUERIES = 512  # of them in one matrix product
_EINSUM = 3  # queries up to which products are not left to BLAS
_COMPILED = 32  # queries from which on the compiled selection is worth importing Numba
_SPARE = 4  # candidates beyond k, to prove that none was missed
_COLUMNS = 2048  # rows of a table at most, fewer where there are many words, and
_QUESTIONS = 64  # questions, scored at once by `best_by_product`: 1 MB
_TIE = 1e-9  # below it a difference of logarithms in float64 proves nothing


def row_norms(matrix: Array) -> Doubles:
    """Return (num_embeddings,) float64: the Euclidean length of each row of `matrix`.

    0.12 s of one core for 400,000 x 300; squaring and summing as two steps took 0.36.
    """
    norms = np.empty(len(matrix))

    def measure(part: slice) -> None:
        rows = doubles(matrix[part])
        np.sqrt(np.einsum("ij,ij->i", rows, rows), out=norms[part])

    def measure_halves(part: slice) -> None:
        rows = doubles(floats(matrix[part]))
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows)) * HALF_SCALE
        norms[part] = lengths
        for i in np.flatnonzero(lengths >= 2.0**16):  # infinity and NaN look like 2^16 and more
            norms[part][i] = np.sqrt(np.square(matrix[part][i].astype(np.float64)).sum())

    in_parts(matrix, measure_halves if matrix.dtype == np.float16 else measure, _CHUNK)
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
    matrix: Array,
    norms: Doubles,
    query: Array,
    k: int,
    exclude: Ids | None = None,
    allowed: Bools | None = None,
) -> tuple[Ids, Doubles]:
    """Find the `k` rows with the highest cosine to one query.

    Args:
        matrix: (num_embeddings, dim) float32, float16 or int8.
        norms: (num_embeddings,) float64, of `row_norms`.
        query: (dim,) of any length; the zero vector has cosine 0 to every row.
        k: How many; more than there are gives all there are.
        exclude: (any,) int64. Rows left out; ids beyond the table say nothing.
        allowed: (num_embeddings,) bool. The only rows that can be found; None: all.

    Returns:
        (found,) int64 ids and (found,) float64 cosines, best first, equal ones in id order.
        ``found`` is `k`, or less where fewer rows are left. Rows that hold NaN are never found.
    """
    direction = unit(query)  # (dim,)
    scores = _approximate(matrix, norms, direction[None], allowed)[0]
    return _choose(matrix, norms, direction, scores, k, exclude)


def nearest_by_product(
    matrix: Array,
    norms: Doubles,
    positive: Array,
    negative: Array,
    k: int,
    exclude: Ids | None = None,
) -> tuple[Ids, Doubles]:
    """Find the rows with the highest product of similarities, 3CosMul where there are 2 and 1.

    The score of a row is the product of its similarities to the positive queries over that to the
    negative ones plus 0.001, a similarity being (1 + cosine) / 2: Levy and Goldberg, CoNLL 2014,
    equation 4 and footnote 7.

    Args:
        matrix: (num_embeddings, dim) float32, float16 or int8.
        norms: (num_embeddings,) float64, of `row_norms`.
        positive: (any, dim).
        negative: (any, dim).
        k: How many.
        exclude: (any,) int64. Rows left out; ids beyond the table say nothing.

    Returns:
        (found,) int64 ids and (found,) float64 scores, as of `nearest`.
    """
    directions = unit(np.concatenate([positive, negative]))
    cosines = _approximate(matrix, norms, directions).astype(np.float64)
    sign = np.repeat([1.0, -1.0], [len(positive), len(negative)])[:, None]
    # The score rises with each positive cosine and falls with each negative one.
    low = _product(cosines - sign * _error(matrix), len(positive))
    high = _product(cosines + sign * _error(matrix), len(positive))
    lost = cosines[0] == -np.inf
    low[lost] = high[lost] = -np.inf
    _leave_out(low, exclude)
    _leave_out(high, exclude)
    k = min(k, int(np.isfinite(low).sum()))
    if k <= 0:
        return np.zeros(0, np.int64), np.zeros(0)
    candidates = np.flatnonzero(high >= _kth_best(low, k) * (1 - 1e-12))
    exact = np.stack([_exact_in_chunks(matrix, norms, candidates, one) for one in directions])
    scores = _product(exact, len(positive))
    order = np.argsort(-scores, kind="stable")[:k]
    return candidates[order], scores[order]


def best_by_product(
    matrix: Array, norms: Doubles, words: Array, questions: Ids, exclude: Ids
) -> Ids:
    """Find the best row by `nearest_by_product` for many questions "a is to b as c is to ...".

    The logarithms of the similarities of few words, of which many questions are made, are computed
    once; a score is then the sum of three. 19,544 questions of 905 words, 30,000 x 100: 5 s of one
    core, where one search for each would take 150.

    Args:
        matrix: (num_embeddings, dim) float32, float16 or int8.
        norms: (num_embeddings,) float64, of `row_norms`.
        words: (words, dim).
        questions: (questions, 3) int64. Rows of `words`: a, b and c.
        exclude: (questions, any) int64. Rows left out for each question; -1 stands for none.

    Returns:
        (questions,) int64 ids, of equal scores the lowest; -1 where no row is left.
    """
    best = _Best(len(questions))
    step = min(_COLUMNS, max(1, _SCORES // max(1, len(words))))
    for start in range(0, len(matrix), step):
        part = slice(start, start + step)
        plus, minus = _logarithms(matrix[part], norms[part], unit(words))
        for first in range(0, len(questions), _QUESTIONS):
            block = slice(first, first + _QUESTIONS)
            a, b, c = questions[block].T
            scores = plus[b] + plus[c]
            scores -= minus[a]
            local = exclude[block] - start
            row, column = np.nonzero((local >= 0) & (local < scores.shape[1]))
            scores[row, local[row, column]] = -np.inf
            best.see(scores, block, start)
    for i in np.flatnonzero(best.unsure()).tolist():
        a, b, c = words[questions[i]]
        found, _ = nearest_by_product(matrix, norms, np.stack([b, c]), a[None], 1, exclude[i])
        best.ids[i] = found[0] if len(found) else -1
    return best.ids


def _logarithms(matrix: Array, norms: Doubles, units: Doubles) -> tuple[Doubles, Doubles]:
    """Return (words, rows) each: log of a similarity, and of a similarity plus 0.001; see 3CosMul.

    Rows that hold NaN or infinity have -inf in the first and 0 in the second.
    """
    with np.errstate(all="ignore"):
        cosines = _as_cosines(units @ doubles(matrix).T, norms)
        similarities = (1 + cosines) / 2
        plus, minus = np.log(similarities), np.log(similarities + 0.001)
    odd = ~np.isfinite(norms)
    plus[:, odd], minus[:, odd] = -np.inf, 0
    return plus, minus


class _Best:
    """The best row for each question so far, and how near another one came."""

    def __init__(self, num: int) -> None:
        self.ids: Ids = np.full(num, -1, dtype=np.int64)
        self._first, self._second = np.full(num, -np.inf), np.full(num, -np.inf)

    def see(self, scores: Doubles, block: slice, start: int) -> None:
        """Look at further rows, from `start` on; scores (block, rows) are changed."""
        rows = np.arange(len(scores))
        place = scores.argmax(axis=1)
        top = scores[rows, place]
        scores[rows, place] = -np.inf
        before = self._first[block]
        second = np.maximum(self._second[block], scores.max(axis=1))
        self._second[block] = np.maximum(second, np.minimum(before, top))
        self.ids[block] = np.where(top > before, place + start, self.ids[block])
        self._first[block] = np.maximum(before, top)

    def unsure(self) -> Bools:
        """Return (questions,) bool: where rounding could have decided, or no score is finite."""
        lost = self._first == -np.inf
        unsure: Bools = lost | (self._second >= np.where(lost, 0, self._first) - _TIE)
        return unsure


def closer(matrix: Array, norms: Doubles, query: Array, row: int) -> Ids:
    """Return (found,) int64, rising: the rows with a higher cosine to `query` than `row` has."""
    direction = unit(query)
    limit = _exact_in_chunks(matrix, norms, np.array([row]), direction)[0]
    scores = _approximate(matrix, norms, direction[None])[0]
    candidates = np.flatnonzero(scores >= limit - _error(matrix))
    unsure = np.flatnonzero(scores[candidates] <= limit + _error(matrix))
    exact = _exact_in_chunks(matrix, norms, candidates[unsure], direction)
    ids: Ids = np.delete(candidates, unsure[exact <= limit])
    return ids


def nearest_many(
    matrix: Array,
    norms: Doubles,
    queries: Array,
    k: int,
    exclude: Ids | None = None,
    allowed: Bools | None = None,
) -> tuple[Ids, Doubles]:
    """Find the `k` rows with the highest cosine to each of many queries, as `nearest` does.

    Args:
        matrix: (num_embeddings, dim) float32, float16 or int8.
        norms: (num_embeddings,) float64, of `row_norms`.
        queries: (queries, dim).
        k: How many for each.
        exclude: (queries, any) int64. Rows left out for each query; -1 stands for none.
        allowed: (num_embeddings,) bool. The only rows that can be found; None: all.

    Returns:
        (queries, found) int64 ids and (queries, found) float64 cosines with ``found`` =
        ``min(k, num_embeddings)``. Where fewer rows are left the id is -1 and the cosine -inf.
    """
    found = max(0, min(k, len(matrix)))
    ids = np.full((len(queries), found), -1, dtype=np.int64)
    scores = np.full((len(queries), found), -np.inf)
    if found == 0 or len(queries) == 0:
        return ids, scores
    if exclude is None:
        exclude = np.zeros((len(queries), 0), dtype=np.int64)
    if len(queries) >= _COMPILED and _have_numba():
        proven = _search_compiled(matrix, norms, queries, exclude, allowed, ids, scores)
        for i in np.flatnonzero(~proven).tolist():  # rare: near ties around the k-th place
            best = nearest(matrix, norms, queries[i], k, exclude[i], allowed)
            _fill(ids[i], scores[i], *best)
        return ids, scores
    step = max(1, _HELD // len(matrix))
    for start in range(0, len(queries), step):
        directions = unit(queries[start : start + step])
        block = _approximate(matrix, norms, directions, allowed)
        for i, one in enumerate(block, start):
            best = _choose(matrix, norms, directions[i - start], one, k, exclude[i])
            _fill(ids[i], scores[i], *best)
    return ids, scores


def _choose(
    matrix: Array, norms: Doubles, direction: Doubles, scores: Floats, k: int, exclude: Ids | None
) -> tuple[Ids, Doubles]:
    """Return what `nearest` does, given the approximate scores (num_embeddings,), changed."""
    _leave_out(scores, exclude)
    k = min(k, int(np.count_nonzero(scores > -np.inf)))
    if k <= 0:
        return np.zeros(0, np.int64), np.zeros(0)
    candidates = np.flatnonzero(scores >= _kth_best(scores, k) - 2 * _error(matrix))
    exact = _exact_in_chunks(matrix, norms, candidates, direction)
    order = np.argsort(-exact, kind="stable")[:k]  # stable: candidates rise, so ties do by id
    return candidates[order], exact[order]


def _fill(ids: Ids, scores: Doubles, best: Ids, best_scores: Doubles) -> None:
    ids[:], scores[:] = -1, -np.inf
    ids[: len(best)], scores[: len(best)] = best, best_scores


def _have_numba() -> bool:
    """Import Numba, half a second, if it is there."""
    from .kernels.topk import HAVE_NUMBA

    return HAVE_NUMBA


def _search_compiled(
    matrix: Array,
    norms: Doubles,
    queries: Array,
    exclude: Ids,
    allowed: Bools | None,
    ids: Ids,
    scores: Doubles,
) -> Bools:
    """Fill `ids` and `scores` (queries, k); return (queries,) whether the answer is proven."""
    directions = unit(queries)
    # Rows left out are few: let them compete, and have as many in reserve.
    width = min(ids.shape[1] + _SPARE + exclude.shape[1], len(matrix))
    candidates, approximate = _best(matrix, norms, directions, width, allowed)
    least = approximate.min(axis=1)  # no other row has more; -inf: there is no other
    for column in exclude.T:
        candidates[candidates == column[:, None]] = -1
    step = max(1, _CHUNK // (width * matrix.shape[1]))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        _decide(matrix, norms, directions[part], candidates[part], ids[part], scores[part])
    proven: Bools = scores[:, -1] > least + _error(matrix)
    proven |= (least == -np.inf) | (width == len(matrix))
    return proven


def _best(
    matrix: Array, norms: Doubles, directions: Doubles, width: int, allowed: Bools | None
) -> tuple[Ids, Floats]:
    """Return (queries, width) ids and float32 cosines of the best rows; -1 and -inf where none.

    Blocks of rows times blocks of queries, so that the products stay near the processor: a product
    with the whole table writes 1.6 GB for 1,000 queries and 400,000 rows, and reads them again. The
    matrix product, on the threads that the BLAS library has, is nine tenths of the time, the
    selection a twentieth. Processor seconds for 1,000 queries x 100,000 rows x 300: 2.16; with
    blocks of 256 queries and 4 MB 2.40, of 1 MB 3.89, of 1,000 and 16 MB 2.06. Tried: a product of
    our own on packed rows, `kernels.simd`; 22 GFLOP/s of one core where OpenBLAS has 32.
    """
    from .kernels.topk import keep_best

    ids = np.full((len(directions), width), -1, dtype=np.int64)
    scores = np.full((len(directions), width), -np.inf, dtype=np.float32)
    scaled = (directions * scale(matrix)).astype(np.float32)
    block = min(len(directions), _QUERIES)
    step = max(1, _SCORES // max(block, matrix.shape[1]))  # so do the rows, once converted
    products = np.empty((block, min(step, len(matrix))), dtype=np.float32)
    inverse, odd = inverse_lengths(norms, allowed)
    for start in range(0, len(matrix), step):
        with np.errstate(all="ignore"):
            rows = ready(matrix, norms, odd, slice(start, start + step))
            for first in range(0, len(directions), block):
                part = slice(first, min(first + block, len(directions)))
                out = products[: part.stop - first, : len(rows)]
                np.matmul(scaled[part], rows.T, out=out)
                keep_best(out, inverse[start : start + step], start, ids[part], scores[part])
    return ids, scores


def _decide(
    matrix: Array, norms: Doubles, directions: Doubles, candidates: Ids, ids: Ids, scores: Doubles
) -> None:
    """Fill `ids` and `scores` (block, k) with the best of the candidates (block, width)."""
    k = ids.shape[1]
    left = candidates >= 0
    rows = np.where(left, candidates, 0)
    with np.errstate(invalid="ignore"):  # row 0, which stands for those left out, may hold NaN
        exact = (doubles(matrix[rows]) * directions[:, None, :]).sum(axis=-1)
        exact = np.where(left, _as_cosines(exact, norms[rows]), -np.inf)
    order = np.lexsort((candidates, -exact), axis=-1)[:, :k]
    ids[:] = np.take_along_axis(candidates, order, axis=1)
    scores[:] = np.take_along_axis(exact, order, axis=1)


def _approximate(
    matrix: Array, norms: Doubles, directions: Doubles, allowed: Bools | None = None
) -> Floats:
    """Return cosines (queries, num_embeddings) in float32; -inf for rows that cannot be found.

    einsum, not BLAS: both take as long as reading the table does, but on two busy cores the threads
    of OpenBLAS, which wait for each other in every product, made parts of 1 MB 3 to 8 times slower.
    Processor ms for one query, 400,000 x 300: float32 49, of them 44 in einsum, where a maximum of
    the table takes 35 and OpenBLAS's product 42; int8 67, float16 117 (345 by NumPy's conversion).
    Two threads take 34 ms for float32 on idle cores, one 49; on busy ones there is no difference.
    """
    scores = np.empty((len(directions), len(matrix)), dtype=np.float32)
    scaled = (directions * scale(matrix)).astype(np.float32)
    inverse, odd = inverse_lengths(norms, allowed)

    def multiply(part: slice) -> None:
        rows = ready(matrix, norms, odd, part)
        for direction, row in zip(scaled, scores[:, part], strict=True):
            np.einsum("ij,j->i", rows, direction, out=row)

    def multiply_many(part: slice) -> None:
        np.matmul(scaled, ready(matrix, norms, odd, part).T, out=scores[:, part])

    numbers = _READ if matrix.dtype == np.float32 else _CHUNK
    if len(directions) > _EINSUM:
        in_parts(matrix, multiply_many, numbers, threads=1)  # BLAS has its own
    else:
        in_parts(matrix, multiply, numbers)
    with np.errstate(all="ignore"):
        scores *= inverse
    return np.fmax(scores, -np.inf, out=scores)  # NaN becomes -inf


def _product(cosines: Doubles, num_positive: int) -> Doubles:
    """Return (n,) 3CosMul scores of (positive + negative, n) cosines."""
    shifted = (1 + np.clip(cosines, -1, 1)) / 2
    numerator, denominator = shifted[:num_positive], shifted[num_positive:]
    scores: Doubles = numerator.prod(axis=0) / (denominator.prod(axis=0) + 0.001)
    return scores


def _leave_out(scores: Array, exclude: Ids | None) -> None:
    if exclude is not None:
        scores[exclude[(exclude >= 0) & (exclude < len(scores))]] = -np.inf


def _kth_best(scores: Array, k: int) -> float:
    place = len(scores) - k
    return float(np.partition(scores, place)[place])


def _exact_in_chunks(matrix: Array, norms: Doubles, ids: Ids, direction: Doubles) -> Doubles:
    """Return (len(ids),) float64 cosines of rows `ids` with a unit vector."""
    scores = np.empty(len(ids))
    step = max(1, _CHUNK // max(1, matrix.shape[1]))
    for start in range(0, len(ids), step):
        rows = doubles(matrix[ids[start : start + step]])
        scores[start : start + step] = (rows * direction).sum(axis=1)
    return _as_cosines(scores, norms[ids])


def _as_cosines(products: Doubles, norms: Doubles) -> Doubles:
    """Divide by the norms; zero rows have cosine 0. Rounding may not lead past 1."""
    return np.clip(products / np.where(norms > 0, norms, 1), -1, 1)


def _error(matrix: Array) -> float:
    """Return a bound for the error of `_approximate`: twice the one in the module's docstring."""
    return float(matrix.shape[1] + 8) * 2.0**-23
