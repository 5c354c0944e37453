"""EmbeddingTable: worked values of the notes, torch as the oracle, and what a step costs."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sajeon.encode import one_hot
from sajeon.table import EmbeddingTable
from sajeon.vocab import Vocabulary

NOTE_001 = np.array(
    [
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.2, 0.9, 0.3],
        [0.1, 0.5, 0.7],
        [0.2, 0.1, 0.8],
        [0.4, 0.1, 0.1],
        [0.1, 0.8, 0.9],
        [0.6, 0.1, 0.1],
    ]
)


@pytest.mark.parametrize(
    ("order", "rows"),
    [
        ("code you know to need how", [[0.1, 0.5, 0.7], [0.1, 0.8, 0.9], [0.4, 0.1, 0.1]]),
        ("need how you to know code", [[0.2, 0.1, 0.8], [0.2, 0.9, 0.3], [0.4, 0.1, 0.1]]),
    ],
    ids=["note 001", "note 003"],
)
def test_notes_001_and_003_look_the_rows_up_each_from_its_own_mapping(order, rows):
    mapping = {"<unk>": 0, "<pad>": 1, **{word: i + 2 for i, word in enumerate(order.split())}}
    vocab = Vocabulary(mapping, unk="<unk>")
    table = EmbeddingTable(8, 3, weight=NOTE_001)
    vectors = table.forward(vocab.encode("you need to run"))
    np.testing.assert_array_equal(vectors, [*rows, [0.0, 0.0, 0.0]])


def test_note_000_words_outside_the_vocabulary_share_the_unk_row():
    table = EmbeddingTable(7, 4, seed=0)
    vectors = table.forward([0, 3, 4, 5, 0, 6, 0, 0])
    assert vectors.shape == (8, 4)
    for i in (4, 6, 7):
        np.testing.assert_array_equal(vectors[0], vectors[i])
    assert not np.array_equal(vectors[0], vectors[1])


def test_note_004_repeated_ids_add_up():
    table = EmbeddingTable(4, 2)
    table.forward([1, 3, 1])
    assert table.backward([[1, 2], [10, 20], [100, 200]]) is None
    np.testing.assert_array_equal(table.grads[0], [[0, 0], [101, 202], [0, 0], [10, 20]])
    assert table.grad_rows.tolist() == [1, 3]


def test_note_004_a_batch_of_two_by_four_gives_two_by_four_vectors():
    assert EmbeddingTable(10, 3).forward([[1, 2, 4, 5], [4, 3, 2, 9]]).shape == (2, 4, 3)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@st.composite
def problems(draw):
    """Small tables and ids of any shape, with repeats."""
    num_embeddings, dim = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    padding_idx = draw(st.none() | st.integers(0, num_embeddings - 1))
    batches = [rng.integers(num_embeddings, size=shape) for _ in range(2)]
    return rng.normal(size=(num_embeddings, dim)), batches, padding_idx, rng


@given(problems())
def test_forward_and_gradient_agree_with_torch(torch, problem):
    weight, batches, padding_idx, rng = problem
    table = EmbeddingTable(*weight.shape, weight=weight, padding_idx=padding_idx)
    for ids in batches:  # the second gradient takes the place of the first
        layer = torch.nn.Embedding(
            *weight.shape, padding_idx=padding_idx, _weight=torch.from_numpy(weight.copy())
        )
        out = table.forward(ids)
        expected = layer(torch.from_numpy(ids))
        np.testing.assert_array_equal(out, expected.detach().numpy())
        d_out = rng.normal(size=out.shape)
        table.backward(d_out)
        expected.backward(torch.from_numpy(d_out))
        np.testing.assert_allclose(
            table.grads[0], layer.weight.grad.numpy(), rtol=1e-12, atol=1e-14
        )
        untouched = np.setdiff1d(np.arange(len(weight)), table.grad_rows)
        assert not table.grads[0][untouched].any()


@given(problems())
def test_the_gradient_is_that_of_the_one_hot_product(problem):
    weight, (ids, _), _, rng = problem
    table = EmbeddingTable(*weight.shape, weight=weight)
    d_out = rng.normal(size=table.forward(ids).shape)
    table.backward(d_out)
    product = one_hot(ids.ravel(), len(weight), float).T @ d_out.reshape(-1, weight.shape[1])
    np.testing.assert_allclose(table.grads[0], product, rtol=1e-12, atol=1e-14)


def test_the_padding_row_starts_at_zero_and_gets_no_gradient():
    table = EmbeddingTable(4, 3, padding_idx=1)
    assert not table.weight[1].any()
    assert table.weight[[0, 2, 3]].all()
    table.forward([1, 2, 1])
    table.backward(np.ones((3, 3)))
    assert not table.grads[0][1].any()
    assert table.grad_rows.tolist() == [2]


def test_the_same_seed_gives_the_same_table_of_standard_normal_numbers():
    table = EmbeddingTable(1000, 50, seed=3)
    np.testing.assert_array_equal(table.weight, EmbeddingTable(1000, 50, seed=3).weight)
    assert not np.array_equal(table.weight, EmbeddingTable(1000, 50, seed=4).weight)
    assert table.weight.dtype == np.float32
    assert abs(table.weight.mean()) < 0.02  # 50,000 numbers: standard errors .0045 and .0032
    assert abs(table.weight.std() - 1.0) < 0.02


def test_a_given_table_is_copied():
    weight = np.ones((2, 2), dtype=np.float32)
    table = EmbeddingTable(2, 2, weight=weight)
    table.weight[0] = 7
    assert (weight == 1).all()


def test_vectors_are_a_copy_and_later_changes_of_the_ids_do_not_matter():
    table = EmbeddingTable(3, 2)
    ids = np.array([0, 1])
    table.forward(ids)[:] = 99
    assert not (table.weight == 99).any()
    ids[:] = 2
    table.backward(np.ones((2, 2)))
    assert table.grad_rows.tolist() == [0, 1]


def test_gradient_descent_on_the_touched_rows_learns():
    table, goal = EmbeddingTable(5, 3, seed=0), np.arange(15.0).reshape(5, 3)
    ids = np.array([0, 2, 4])
    start = table.weight.copy()
    for _ in range(200):
        table.backward(table.forward(ids) - goal[ids])
        rows = table.grad_rows
        table.params[0][rows] -= 0.1 * table.grads[0][rows]
    np.testing.assert_allclose(table.weight[ids], goal[ids], atol=1e-4)
    np.testing.assert_array_equal(table.weight[[1, 3]], start[[1, 3]])


def test_only_touched_rows_are_visited():
    table = EmbeddingTable(6, 2)
    table.grads[0][5] = 7  # a row that no step below reads: setting all to zero would reach it
    for ids in ([0, 1], [1, 2]):
        table.forward(ids)
        table.backward(np.ones((2, 2)))
    np.testing.assert_array_equal(table.grads[0][:, 0], [0, 1, 1, 0, 0, 7])


def test_a_step_needs_no_memory_that_grows_with_the_table():
    def peak_bytes(num_embeddings):
        table = EmbeddingTable(num_embeddings, 16)
        d_out = np.ones((256, 16), dtype=np.float32)
        tracemalloc.start()
        for step in range(3):
            table.forward(np.random.default_rng(step).integers(num_embeddings, size=256))
            table.backward(d_out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(1_000)  # whatever is allocated once
    assert peak_bytes(1_000_000) < 2 * peak_bytes(1_000)


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda t: t.forward([0.0, 1.0]), TypeError, "integers, got float64.*not computed with"),
        (lambda t: t.forward([0, 3]), IndexError, "range 0 to 2, got 3 at position 1"),
        (lambda t: t.forward([[0, -1]]), IndexError, r"got -1 at position \(0, 1\)"),
        (lambda t: t.forward(["a"]), TypeError, "vocab.encode"),
        (lambda t: t.backward([[1, 2]]), RuntimeError, "forward"),
        (lambda t: (t.forward([0]), t.backward([1, 2])), ValueError, r"\(1, 2\), got \(2,\)"),
        (lambda t: EmbeddingTable(3, 2, padding_idx=3), ValueError, "0 to 2, or None, got 3"),
        (lambda t: EmbeddingTable(3, 2, padding_idx=-1), ValueError, "got -1"),
        (lambda t: EmbeddingTable(3, 2, weight=np.ones((2, 3))), ValueError, r"got \(2, 3\)"),
        (lambda t: EmbeddingTable(-3, 2), ValueError, "-3 rows"),
    ],
)
def test_what_cannot_be_looked_up_is_named(act, error, message):
    with pytest.raises(error, match=message):
        act(EmbeddingTable(3, 2))


def test_repr_names_rows_and_columns():
    table = EmbeddingTable(3, 2, padding_idx=0)
    assert repr(table) == "EmbeddingTable(3, 2, padding_idx=0)"
    assert (table.num_embeddings, table.dim) == (3, 2)
