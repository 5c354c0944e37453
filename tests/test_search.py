"""Exact nearest rows: against a plain computation in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sajeon import search


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
