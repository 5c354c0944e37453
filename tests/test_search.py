"""Exact nearest rows: against a plain computation in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sajeon import search, stored


def plain_nearest(matrix, query, k, exclude=()):
    """All cosines in float64, sorted by falling cosine, then by id."""
    doubles = matrix.astype(np.float64)
    lengths = np.sqrt((doubles * doubles).sum(axis=1)) * np.sqrt((query * query).sum())
    products = (doubles * query).sum(axis=1)
    scores = np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), 0)
    ids = [i for i in np.lexsort((np.arange(len(matrix)), -scores)) if i not in set(exclude)][:k]
    return np.array(ids, dtype=np.int64), scores[ids]


@st.composite
def problems(draw):
    """Tables with equal and zero rows, where ties live; queries, often rows; ids left out."""
    rows, dim, queries = draw(st.integers(1, 200)), draw(st.integers(1, 9)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distinct = rng.integers(-2, 3, size=(draw(st.integers(1, rows)), dim)).astype(np.float32)
    scale = np.float32(draw(st.sampled_from([1, 1e-3])))
    matrix = distinct[rng.integers(len(distinct), size=rows)] * scale
    asked = matrix[rng.integers(rows, size=queries)].astype(np.float64)
    exclude = rng.integers(-1, rows, size=(queries, draw(st.integers(0, 4))))
    return matrix, asked, draw(st.integers(1, 12)), exclude


@settings(max_examples=300)
@given(problem=problems())
def test_nearest_is_the_plain_sort(problem):
    matrix, queries, k, exclude = problem
    norms = search.row_norms(matrix)
    for query, row in zip(queries, exclude, strict=True):
        banned = row[row >= 0]
        ids, scores = search.nearest(matrix, norms, query, k, banned)
        _, expected = plain_nearest(matrix, query, k, banned)
        np.testing.assert_allclose(scores, expected, atol=1e-14)
        assert not set(ids.tolist()) & set(banned.tolist())
        for one in range(len(ids) - 1):
            assert (scores[one], -ids[one]) > (scores[one + 1], -ids[one + 1])
        left = np.setdiff1d(np.arange(len(matrix)), np.concatenate([ids, banned]))
        for i in left[(matrix[left] == matrix[ids[-1]]).all(axis=1)] if len(ids) else []:
            assert i > ids[-1]  # of equal rows those with the lowest ids are found


@settings(max_examples=300)
@given(problem=problems())
def test_many_queries_give_what_one_gives(problem):
    matrix, queries, k, exclude = problem
    norms = search.row_norms(matrix)
    ids, scores = search.nearest_many(matrix, norms, queries, k, exclude)
    assert ids.shape == scores.shape == (len(queries), min(k, len(matrix)))
    for row in range(len(queries)):
        expected, expected_scores = search.nearest(
            matrix, norms, queries[row], k, exclude[row][exclude[row] >= 0]
        )
        num = len(expected)
        np.testing.assert_array_equal(ids[row, :num], expected)
        np.testing.assert_array_equal(scores[row, :num], expected_scores)
        assert (ids[row, num:] == -1).all()
        assert (scores[row, num:] == -np.inf).all()


@pytest.mark.parametrize("dim", [1, 7, 100])
def test_a_large_table_is_searched_exactly_too(dim):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(5000, dim)).astype(np.float32)
    matrix[4000:] = matrix[:1000]  # every early row twice
    queries = np.concatenate([matrix[:20], rng.normal(size=(20, dim))]).astype(np.float64)
    norms = search.row_norms(matrix)
    ids, scores = search.nearest_many(matrix, norms, queries, 7)
    for row, query in enumerate(queries):
        expected, expected_scores = plain_nearest(matrix, query, 7)
        np.testing.assert_allclose(scores[row], expected_scores, atol=1e-14)
        if dim > 1:  # in one dimension all cosines are 1, -1 up to rounding
            np.testing.assert_array_equal(ids[row], expected)


def test_many_queries_are_rarely_searched_one_by_one(monkeypatch):
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(3000, 50)).astype(np.float32)
    calls = []
    real = search.nearest
    monkeypatch.setattr(search, "nearest", lambda *args: calls.append(args) or real(*args))
    search.nearest_many(matrix, search.row_norms(matrix), rng.normal(size=(300, 50)), 5)
    assert len(calls) < 3


def test_equal_rows_stand_in_id_order_wherever_they_are():
    rng = np.random.default_rng(1)
    for dim in (3, 50, 101):
        matrix = np.repeat(rng.normal(size=(1, dim)), 1003, axis=0).astype(np.float32)
        norms = search.row_norms(matrix)
        ids, scores = search.nearest(matrix, norms, rng.normal(size=dim), 10)
        assert ids.tolist() == list(range(10))
        assert len(set(scores.tolist())) == 1
        many, _ = search.nearest_many(matrix, norms, rng.normal(size=(3, dim)), 10)
        assert many.tolist() == [list(range(10))] * 3


def test_zero_vectors_have_cosine_zero_and_rows_with_nan_are_never_found():
    matrix = np.array([[0, 0], [1, 0], [np.nan, 1], [-1, 0], [np.inf, 0]], np.float32)
    norms = search.row_norms(matrix)
    ids, scores = search.nearest(matrix, norms, np.array([2.0, 0.0]), 9)
    assert ids.tolist() == [1, 0, 3]
    assert scores.tolist() == [1, 0, -1]
    ids, scores = search.nearest_many(matrix, norms, np.zeros((1, 2)), 9)
    assert ids.tolist() == [[0, 1, 3, -1, -1]]
    assert scores[0, :3].tolist() == [0, 0, 0]
    assert search.cosine(np.zeros(2), np.ones(2)) == 0


def test_very_short_and_very_long_rows_are_compared_by_direction_alone():
    directions = np.random.default_rng(2).normal(size=(6, 4))
    matrix = (directions.T * [1e-42, 1e-30, 1, 1e15, 1e30, 1e37]).T.astype(np.float32)
    norms = search.row_norms(matrix)
    for i, direction in enumerate(directions):
        assert search.nearest(matrix, norms, direction, 1)[0].tolist() == [i]
        expected, _ = plain_nearest(matrix, direction, 3)
        assert search.nearest(matrix, norms, direction, 3)[0].tolist() == expected.tolist()
    many, _ = search.nearest_many(matrix, norms, directions, 1)
    assert many.tolist() == [[i] for i in range(6)]


def test_a_memory_mapped_table_is_searched_without_a_copy(tmp_path):
    import tracemalloc

    table = np.memmap(tmp_path / "t", np.float32, "w+", shape=(100_000, 100))  # 40 MB
    table[:] = np.random.default_rng(0).normal(size=(1, 100))
    table[:, 0] += np.arange(100_000)
    matrix = np.asarray(table)
    tracemalloc.start()
    norms = search.row_norms(matrix)
    search.nearest(matrix, norms, matrix[7], 10)
    search.nearest_many(matrix, norms, matrix[:20].astype(float), 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 33_000_000


def test_nothing_is_found_where_nothing_is():
    matrix = np.zeros((0, 3), np.float32)
    ids, scores = search.nearest(matrix, np.zeros(0), np.ones(3), 5)
    assert len(ids) == len(scores) == 0
    assert search.nearest_many(matrix, np.zeros(0), np.ones((2, 3)), 5)[0].shape == (2, 0)
    matrix = np.ones((2, 3), np.float32)
    everything = np.array([0, 1])
    assert len(search.nearest(matrix, search.row_norms(matrix), np.ones(3), 5, everything)[0]) == 0


# Tables of other dtypes, and what no table may do to the answer.

DTYPES = ["float32", "float16", "int8"]
SPECIAL = [0, np.nan, np.inf, -np.inf, 6e-8, 65504, 1e-6]


def found_plainly(matrix, query, k, exclude=(), allowed=None):
    """All cosines in float64; rows that hold NaN or infinity never count."""
    doubles = matrix.astype(np.float64)
    out = ~np.isfinite(doubles).all(axis=1)
    out[[i for i in exclude if 0 <= i < len(matrix)]] = True
    if allowed is not None:
        out |= ~allowed
    doubles[out] = 0
    _, scores = plain_nearest(doubles, query, len(matrix))
    ids, _ = plain_nearest(doubles, query, len(matrix))
    kept = ~out[ids]
    return ids[kept][:k], scores[kept][:k]


@st.composite
def tables(draw):
    """Tables of all dtypes with equal, zero, tiny, huge, infinite and NaN rows."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rows, dim = draw(st.integers(1, 150)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distinct = rng.integers(-3, 4, size=(draw(st.integers(1, rows)), dim)).astype(dtype)
    matrix = distinct[rng.integers(len(distinct), size=rows)]
    if dtype.kind == "f":
        lengths = [1, 1e-3, 1e-30, 1e33] if dtype == np.float32 else [1, 1e-3, 1e4]
        matrix = matrix * rng.choice(np.array(lengths, dtype), size=(rows, 1))
        for _ in range(draw(st.integers(0, 3))):
            row, column = rng.integers(rows), rng.integers(dim)
            matrix[row, column] = draw(st.sampled_from(SPECIAL))
    queries = rng.normal(size=(draw(st.sampled_from([1, 3, 5, 40])), dim))
    exclude = rng.integers(-1, rows + 2, size=(len(queries), draw(st.integers(0, 3))))
    allowed = rng.random(rows) < 0.7 if draw(st.booleans()) else None
    return matrix, queries, draw(st.integers(1, 12)), exclude, allowed


@settings(max_examples=200)
@given(table=tables())
def test_any_table_is_searched_as_in_float64(table):
    matrix, queries, k, exclude, allowed = table
    norms = search.row_norms(matrix)
    with np.errstate(invalid="ignore"):
        lengths = np.sqrt(np.square(matrix.astype(np.float64)).sum(axis=1))
    np.testing.assert_allclose(norms, lengths, rtol=1e-14)
    many, many_scores = search.nearest_many(matrix, norms, queries, k, exclude, allowed)
    for row, query in enumerate(queries):
        ids, scores = search.nearest(matrix, norms, query, k, exclude[row], allowed)
        _, expected = found_plainly(matrix, query, k, exclude[row], allowed)
        np.testing.assert_allclose(scores, expected, atol=1e-13)
        every_id, exact = found_plainly(matrix, query, len(matrix))
        place = dict(zip(every_id.tolist(), exact.tolist(), strict=True))
        np.testing.assert_allclose(scores, [place[i] for i in ids.tolist()], atol=1e-13)
        assert not set(ids.tolist()) & set(exclude[row].tolist())
        assert allowed is None or allowed[ids].all()
        np.testing.assert_array_equal(many[row, : len(ids)], ids)
        np.testing.assert_array_equal(many_scores[row, : len(ids)], scores)
        assert (many[row, len(ids) :] == -1).all()
        assert (many_scores[row, len(ids) :] == -np.inf).all()


def test_every_float16_is_read_as_what_it_is():
    bits = np.arange(1 << 16, dtype=np.uint16).view(np.float16)[:, None]
    found = stored.floats(bits).astype(np.float64) * stored.HALF_SCALE
    finite = np.isfinite(bits)
    np.testing.assert_array_equal(found[finite], bits[finite].astype(np.float64))
    assert (np.abs(found[~finite]) >= 2**16).all()
    norms = search.row_norms(bits)
    np.testing.assert_array_equal(norms, np.abs(bits[:, 0].astype(np.float64)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("queries", [1, 5, 40])
def test_threads_and_sizes_of_parts_change_no_bit(monkeypatch, dtype, queries):
    rng = np.random.default_rng(4)
    matrix = (20 * rng.normal(size=(2000, 30))).astype(dtype)
    matrix[1500:] = matrix[:500]
    asked = np.concatenate([matrix[: queries - 1].astype(float), rng.normal(size=(1, 30))])
    answers = []
    for threads, size in ((1, 1 << 22), (2, 500), (3, 7000)):
        monkeypatch.setattr(stored, "available_cores", lambda threads=threads: threads)
        monkeypatch.setattr(stored, "_THREADED", 1)
        for name in ("_READ", "_CHUNK", "_SCORES"):
            monkeypatch.setattr(search, name, size)
        norms = search.row_norms(matrix)
        one = search.nearest(matrix, norms, asked[-1], 9)
        answers.append([norms, *search.nearest_many(matrix, norms, asked, 9), *one])
    for other in answers[1:]:
        for array, expected in zip(other, answers[0], strict=True):
            np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_order_of_a_table_in_memory_changes_no_bit(monkeypatch, dtype):
    rng = np.random.default_rng(8)
    matrix = (20 * rng.normal(size=(91, 33))).astype(dtype)
    padded = np.zeros((91, 48), dtype)
    padded[:, :33] = matrix
    queries = rng.normal(size=(40, 33))
    monkeypatch.setattr(search, "_CHUNK", 330)  # the last part has one row
    expected = search.nearest_many(matrix, search.row_norms(matrix), queries, 9)
    for other in (np.asfortranarray(matrix), padded[:, :33]):
        norms = search.row_norms(other)
        np.testing.assert_array_equal(norms, search.row_norms(matrix))
        for found, array in zip(
            search.nearest_many(other, norms, queries, 9), expected, strict=True
        ):
            np.testing.assert_array_equal(found, array)
        ids, scores = search.nearest(other, norms, queries[0], 9)
        np.testing.assert_array_equal(ids, expected[0][0])
        np.testing.assert_array_equal(scores, expected[1][0])


def test_a_failure_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setattr(stored, "available_cores", lambda: 3)

    def fail(part):
        if part.start:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        stored.in_parts(np.zeros((1 << 18, 64), np.int8), fail, 1 << 18)


@pytest.mark.parametrize("number", [31, 32])
def test_many_queries_without_numba_give_the_same(monkeypatch, number):
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(500, 20)).astype(np.float32)
    norms, queries = search.row_norms(matrix), rng.normal(size=(number, 20))
    expected = search.nearest_many(matrix, norms, queries, 7)
    monkeypatch.setattr(search, "_have_numba", lambda: False)
    monkeypatch.setattr(search, "_HELD", 3000)
    for found, wanted in zip(search.nearest_many(matrix, norms, queries, 7), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_a_mapped_table_of_another_dtype_is_not_unpacked(tmp_path, dtype):
    import tracemalloc

    table = np.memmap(tmp_path / "t", dtype, "w+", shape=(200_000, 100))  # 80 MB as float32
    table[:] = np.random.default_rng(0).integers(-99, 99, size=(1, 100))
    table[:, 0] = np.arange(200_000) % 199 - 99
    matrix = np.asarray(table)
    search.nearest_many(matrix[:99], search.row_norms(matrix[:99]), matrix[:40].astype(float), 10)
    tracemalloc.start()
    norms = search.row_norms(matrix)
    search.nearest(matrix, norms, matrix[7], 10)
    search.nearest_many(matrix, norms, np.random.default_rng(1).normal(size=(40, 100)), 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000_000


@st.composite
def streams(draw):
    """Products of one table in blocks, with equal and NaN scores."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    queries, rows, width = (
        draw(st.integers(1, 4)),
        draw(st.integers(1, 300)),
        draw(st.integers(1, 12)),
    )
    products = rng.integers(-9, 9, size=(queries, rows)).astype(np.float32)
    inverse = rng.choice(np.array([0.5, 1, np.nan, 0], np.float32), size=rows)
    return products, inverse, width, draw(st.integers(1, 150))


@settings(max_examples=200)
@given(stream=streams())
def test_the_kernel_keeps_what_its_twin_keeps(stream):
    from sajeon.kernels import topk

    products, inverse, width, step = stream
    queries, rows = products.shape
    kept = {}
    python = getattr(topk.keep_best, "py_func", topk.keep_best)
    for keep in (topk.keep_best, topk.keep_best_reference, python):
        ids = np.full((queries, width), -1)
        scores = np.full((queries, width), -np.inf, np.float32)
        for first in range(0, rows, step):
            part = slice(first, first + step)
            keep(np.ascontiguousarray(products[:, part]), inverse[part], first, ids, scores)
        for q in range(queries):
            assert scores[q, 0] == scores[q].min()
        order = np.lexsort((ids, -scores), axis=-1)
        kept[keep] = [np.take_along_axis(array, order, axis=1) for array in (ids, scores)]
    first, *others = kept.values()
    for other in others:
        np.testing.assert_array_equal(other[0], first[0])
        np.testing.assert_array_equal(other[1], first[1])
    all_scores = np.where(np.isnan(inverse), -np.inf, products * np.nan_to_num(inverse))
    expected = -np.sort(-all_scores, axis=1)[:, :width]
    np.testing.assert_array_equal(first[1][:, : expected.shape[1]], expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_product_of_similarities_is_the_formula(dtype):
    rng = np.random.default_rng(6)
    matrix = (20 * rng.normal(size=(300, 12))).astype(dtype)
    matrix[200:] = matrix[100:200]
    matrix[50] = 0
    norms = search.row_norms(matrix)
    doubles = matrix.astype(np.float64)
    units = doubles / np.where(norms > 0, norms, 1)[:, None]
    for a, b, c in rng.integers(0, 100, size=(30, 3)):
        similar = [(1 + units @ units[i]) / 2 for i in (a, b, c)]
        scores = similar[1] * similar[2] / (similar[0] + 0.001)
        scores[[a, b, c]] = -np.inf
        expected = np.lexsort((np.arange(300), -scores.round(12)))[:8]
        ids, found = search.nearest_by_product(
            matrix, norms, doubles[[b, c]], doubles[[a]], 8, np.array([a, b, c])
        )
        assert ids.tolist() == expected.tolist()
        np.testing.assert_allclose(found, scores[expected], rtol=1e-11)


@pytest.mark.parametrize("dtype", DTYPES)
def test_closer_rows_are_those_with_a_higher_cosine(dtype):
    rng = np.random.default_rng(7)
    matrix = (3 * rng.normal(size=(400, 5))).astype(dtype)  # many equal rows in int8
    matrix[300:] = matrix[:100]
    norms = search.row_norms(matrix)
    units = search.unit(matrix)
    for query, row in rng.integers(0, 400, size=(40, 2)):
        scores = units @ units[query]
        found = set(search.closer(matrix, norms, matrix[query], row).tolist())
        assert found >= set(np.flatnonzero(scores > scores[row] + 1e-13).tolist())
        assert found <= set(np.flatnonzero(scores > scores[row] - 1e-13).tolist())
        equal = np.flatnonzero((matrix == matrix[row]).all(axis=1))
        assert not found & set(equal.tolist())  # to the bit, wherever they stand
