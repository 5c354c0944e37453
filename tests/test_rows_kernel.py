"""The compiled steps of row optimisers against their NumPy twins, whatever the threads."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sajeon.kernels import fetch as f
from sajeon.kernels import rows as k
from sajeon.kernels import steps

pytestmark = pytest.mark.skipif(not k.HAVE_NUMBA, reason="Numba is missing: only the twins exist")

RULES = {"sum": k.SUM, "sgd": k.SGD, "adagrad": k.ADAGRAD, "row": k.ROW_ADAGRAD, "adam": k.ADAM}
SETTINGS = (0.05, 1e-6, 0.1, 0.01, 0.99)
GUARD = 7.0  # stands around each table: a kernel that writes beyond a row destroys it


class Problem:
    """Small tables, ids with repeats, and perhaps shared or scaled gradients."""

    def __init__(self, seed, rows=7, dim=20, lookups=30, shared=False, scaled=False, ids=np.int64):
        rng = np.random.default_rng(seed)
        self.ids = rng.integers(rows, size=lookups).astype(ids)
        gradients = max(1, lookups // 4) if shared else lookups
        self.grads = rng.normal(size=(gradients, dim)).astype(np.float32)
        self.source = rng.integers(gradients, size=lookups if shared else 0)
        self.scale = rng.normal(size=lookups if scaled else 0).astype(np.float32)
        self.weight = rng.normal(size=(rows, dim)).astype(np.float32)
        self.state = rng.random((rows, dim), np.float32)
        self.second = rng.random((rows, dim), np.float32)
        self.dim = dim

    def groups(self, group, skipped=-1):
        """Distinct rows, first positions and chains."""
        size = len(self.ids)
        rows = np.empty(size, np.int64)
        first, last, following = np.full((3, size), -5, np.int32)
        places = np.ones(k.places_for(size), np.int32)
        count = group(self.ids, skipped, places, rows, first, last, following)
        return rows[:count], first[:count], following

    def tables(self, rule, rows):
        """Copies of weight and states, as long as the rule wants them."""
        weight = np.zeros((len(rows), self.dim), np.float32) if rule == k.SUM else self.weight
        state = self.state[:, 0] if rule == k.ROW_ADAGRAD else self.state
        return [guarded(weight), guarded(state), guarded(self.second)]


def guarded(table):
    """A contiguous copy with other numbers before and behind it."""
    held = np.full(table.size + 32, GUARD, np.float32)
    inside = held[16 : 16 + table.size].reshape(table.shape)
    inside[:] = table
    return inside


def intact(table):
    held = table.base if table.base.ndim == 1 else table.base.base
    return (held[:16] == GUARD).all() and (held[16 + table.size :] == GUARD).all()


def run_compiled(problem, rule, tables, groups, threads=1):
    taken = np.zeros(1, np.int64)
    addresses = [table.ctypes.data for table in [*tables, problem.grads]]
    given = (rule, SETTINGS, *addresses, problem.dim, *groups, problem.source, problem.scale, taken)
    helpers = [threading.Thread(target=k.update_rows, args=given) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    k.update_rows(*given)
    for helper in helpers:
        helper.join()


problems = st.builds(
    Problem,
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 40),
    dim=st.sampled_from([1, 3, 15, 16, 17, 20, 32, 50, 64]),
    lookups=st.sampled_from([1, 2, 5, 30, 200]),
    shared=st.booleans(),
    scaled=st.booleans(),
    ids=st.sampled_from([np.int64, np.int32]),
)


@given(problem=problems, skipped=st.integers(-1, 3))
def test_rows_are_grouped_as_by_the_twin(problem, skipped):
    found, expected = (
        problem.groups(k.group_rows, skipped),
        problem.groups(k.group_rows_reference, skipped),
    )
    kept = problem.ids != skipped
    assert set(found[0].tolist()) == set(problem.ids[kept].tolist())
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found[2][kept], expected[2][kept])


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(problem=problems)
@settings(max_examples=40)
def test_rows_move_as_by_the_twin(rule, problem):
    groups = problem.groups(k.group_rows)
    found, expected = problem.tables(rule, groups[0]), problem.tables(rule, groups[0])
    run_compiled(problem, rule, found, groups)
    k.update_rows_reference(
        rule, SETTINGS, *expected, problem.grads, *groups, problem.source, problem.scale
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
        assert intact(ours)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_bits_are_the_same_for_any_number_of_threads(rule):
    problem = Problem(3, rows=900, dim=24, lookups=4000, shared=True, scaled=True)
    groups = problem.groups(k.group_rows)
    results = []
    for threads in (1, 2, 3, 5):
        tables = problem.tables(rule, groups[0])
        run_compiled(problem, rule, tables, groups, threads)
        results.append(np.concatenate([table.ravel() for table in tables]))
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])
    assert not np.array_equal(results[0][:100], Problem(4).weight.ravel()[:100])


def test_sums_are_taken_in_the_order_of_the_lookups():
    """A huge gradient and its opposite swallow what comes between them, not what comes after."""
    problem = Problem(1, rows=1, dim=1, lookups=4)
    problem.grads[:, 0] = [1e8, 1.0, -1e8, 1.0]
    groups = problem.groups(k.group_rows)
    (total, _, _) = tables = problem.tables(k.SUM, groups[0])
    run_compiled(problem, k.SUM, tables, groups)
    assert total[0, 0] == 1.0


@given(problem=problems, bad=st.sampled_from([None, -1, -(2**31), "rows", 2**31 - 1]))
def test_rows_are_fetched_or_the_bad_id_is_named(problem, bad):
    rows, size = len(problem.weight), len(problem.ids)
    if bad is not None:
        problem.ids[size // 2] = rows if bad == "rows" else bad
    out, expected = (
        guarded(np.zeros((size, problem.dim), np.float32)),
        np.zeros((size, problem.dim), np.float32),
    )
    taken = np.zeros(1, np.int64)
    table = problem.weight.ctypes.data
    where = f.fetch_rows(table, rows, problem.dim, problem.ids, out.ctypes.data, taken)
    assert where == f.fetch_rows_reference(problem.weight, problem.ids, expected)
    assert intact(out)
    if bad is None:
        assert where == -1
        np.testing.assert_array_equal(out, expected)
    else:
        assert where == size // 2


@given(
    problem=problems,
    skipped=st.integers(-1, 2),
    mean=st.booleans(),
    cuts=st.lists(st.integers(0, 200), max_size=6),
    threads=st.integers(1, 3),
    bad=st.booleans(),
)
def test_bags_are_summed_as_by_the_twin(problem, skipped, mean, cuts, threads, bad):
    size = len(problem.ids)
    bounds = np.array([0, *sorted(min(cut, size) for cut in cuts)], np.int64)
    bad = bad and bounds[-1] > 0
    if bad:
        problem.ids[bounds[-1] // 2] = len(problem.weight)
    bags = len(bounds) - 1
    results = []
    for _ in range(2):
        out = guarded(np.full((bags, problem.dim), 3, np.float32))
        results.append((out, np.full(size, -9), np.full(size, -9, np.float32)))
    (out, source, share), expected = results
    taken = np.zeros(1, np.int64)
    given_bags = (problem.ids, bounds, problem.scale, skipped, mean)
    args = (problem.weight.ctypes.data, len(problem.weight), problem.dim, *given_bags)
    args = (*args, out.ctypes.data, source, share, taken)
    helpers = [threading.Thread(target=f.fetch_bags, args=args) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    where = f.fetch_bags(*args)
    for helper in helpers:
        helper.join()
    assert intact(out)
    theirs = f.fetch_bags_reference(problem.weight, *given_bags, *expected)
    if bad:
        assert theirs == bounds[-1] // 2
        assert where == theirs or threads > 1
        return
    assert where == theirs == -1
    np.testing.assert_allclose(out, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(source, expected[1])
    np.testing.assert_array_equal(share, expected[2])


def address(array):
    return array.ctypes.data if len(array) else 0


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(problem=problems, skipped=st.integers(-1, 3), spare=st.integers(0, 5))
@settings(max_examples=20)
def test_a_step_by_addresses_is_that_of_the_arrays(rule, problem, skipped, spare):
    size = len(problem.ids)
    groups = problem.groups(k.group_rows, skipped)
    expected, found = problem.tables(rule, groups[0]), problem.tables(rule, groups[0])
    run_compiled(problem, rule, expected, groups)
    room = size + spare
    scratch = np.full(steps.scratch_bytes(room) + 8, 77, np.uint8)
    wide, memory = problem.ids.dtype == np.int64, (scratch.ctypes.data, room)
    ids = problem.ids.ctypes.data
    count = steps.group_at(ids, wide, size, skipped, *memory, k.places_for(size))
    np.testing.assert_array_equal(steps.rows_in(scratch, count), groups[0])
    tables = [table.ctypes.data for table in [*found, problem.grads]]
    shared = address(problem.source), address(problem.scale), *memory
    steps.update_at(rule, SETTINGS, *tables, problem.dim, size, *shared, count, 0)
    assert (scratch[-8:] == 77).all()
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(
    offsets=st.lists(st.integers(-2, 12), min_size=1, max_size=6),
    ids=st.integers(0, 9),
    ends_with_total=st.booleans(),
    kind=st.sampled_from([np.int64, np.int32]),
)
def test_bounds_of_bags_are_told_from_what_is_none(offsets, ids, ends_with_total, kind):
    offsets = np.array(offsets, kind)
    bounds, expected = np.full((2, len(offsets) + (not ends_with_total)), -9)
    found = f.bag_bounds(offsets, ends_with_total, ids, bounds)
    assert found == f.bag_bounds_reference(offsets, ends_with_total, ids, expected)
    np.testing.assert_array_equal(bounds, expected)
