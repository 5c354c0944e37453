"""Padding, ragged batches and one-hot vectors against loops that cannot be wrong."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sajeon.encode import flatten, lengths, one_hot, pad, unflatten
from sajeon.ids import as_ids

batches = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=6)
sides = st.sampled_from(["left", "right"])


def pad_one(seq, length, value, side, truncate):
    seq = seq[:length] if truncate == "right" else seq[max(len(seq) - length, 0) :]
    filling = [value] * (length - len(seq))
    return seq + filling if side == "right" else filling + seq


@given(batches, st.none() | st.integers(0, 8), st.integers(-5, 9), sides, sides)
def test_pad_agrees_with_padding_one_list_at_a_time(seqs, length, value, side, truncate):
    out, mask = pad(seqs, length, value, side, truncate, return_mask=True)
    if length is None:
        length = max(map(len, seqs), default=0)
    assert out.tolist() == [pad_one(seq, length, value, side, truncate) for seq in seqs]
    ones = [[1] * len(seq) for seq in seqs]
    assert mask.astype(int).tolist() == [pad_one(o, length, 0, side, truncate) for o in ones]
    assert out.shape == mask.shape == (len(seqs), length)
    assert (out.dtype, mask.dtype) == (np.int64, np.bool_)
    assert np.array_equal(out, pad(seqs, length, value, side, truncate))


@given(batches)
def test_flatten_and_back(seqs):
    ids, offsets = flatten(seqs)
    assert (ids.dtype, offsets.dtype) == (np.int64, np.int64)
    assert [ids[a:b].tolist() for a, b in pairwise(offsets)] == seqs
    assert [seq.tolist() for seq in unflatten(ids, offsets)] == seqs
    assert lengths(seqs).tolist() == np.diff(offsets).tolist() == [len(seq) for seq in seqs]


def test_a_batch_may_mix_lists_arrays_tuples_and_generators():
    seqs = [[1, 2], np.array([3], dtype=np.int32), (), (i for i in (4, 5)), np.uint8([6])]
    ids, offsets = flatten(iter(seqs))
    assert ids.tolist() == [1, 2, 3, 4, 5, 6]
    assert offsets.tolist() == [0, 2, 3, 3, 5, 6]


def test_flattened_ids_are_a_copy():
    seq = np.array([1, 2])
    ids, _ = flatten([seq])
    ids[0] = 9
    assert seq.tolist() == [1, 2]


def test_nothing_gives_empty_arrays():
    assert pad([]).shape == (0, 0)
    assert pad([], length=3).shape == (0, 3)
    assert pad([[], []]).shape == (2, 0)
    assert flatten([])[1].tolist() == [0]


@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=0, max_dims=3), elements=st.integers(0, 6)))
def test_one_hot_times_the_table_is_the_lookup(ids):
    weight = np.random.default_rng(0).normal(size=(7, 3))
    vectors = one_hot(ids, 7, dtype=np.float64)
    assert vectors.shape == (*ids.shape, 7)
    np.testing.assert_array_equal(vectors @ weight, weight[ids])


def test_one_hot_agrees_with_torch():
    torch = pytest.importorskip("torch")
    ids = np.random.default_rng(0).integers(5, size=(3, 4))
    expected = torch.nn.functional.one_hot(torch.from_numpy(ids), 5).numpy()
    np.testing.assert_array_equal(one_hot(ids, 5), expected)
    assert one_hot(ids, 5).dtype == np.float32
    assert one_hot(ids, 5, dtype=bool).dtype == np.bool_
    np.testing.assert_array_equal(one_hot(torch.from_numpy(ids), 5), expected)


def test_one_hot_of_no_ids():
    assert one_hot([], 4).shape == (0, 4)
    assert one_hot(np.zeros((2, 0), dtype=np.int64), 4).shape == (2, 0, 4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pad([[1], [2.0, 3.5]]), TypeError, r"sequence 1 must be integers, got float64"),
        (lambda: pad([np.zeros(2)]), TypeError, "astype"),
        (lambda: pad([["a"]]), TypeError, "vocab.encode"),
        (lambda: pad(["ab"]), TypeError, "got the text 'ab'"),
        (lambda: pad("ab"), TypeError, "got the text 'ab'"),
        (lambda: pad([1, 2]), TypeError, r"element 0 is the single id 1.*\[ids\]"),
        (lambda: pad([[[1]]]), ValueError, r"one axis, got the shape \(1, 1\)"),
        (lambda: pad([[[1], [1, 2]]]), ValueError, "parts that differ"),
        (lambda: pad([[1]], side="behind"), ValueError, "side must be 'left' or 'right'"),
        (lambda: pad([[1]], truncate="end"), ValueError, "truncate must be"),
        (lambda: pad([[1]], length=-1), ValueError, "length must not be negative, got -1"),
        (lambda: unflatten([1, 2], [0, 1]), ValueError, "from 0 to 2"),
        (lambda: unflatten([1, 2], [0, 2, 1, 2]), ValueError, "never fall"),
        (lambda: one_hot([0, 3], 3), IndexError, "range 0 to 2, got 3 at position 1"),
        (lambda: one_hot([[0, 1], [-1, 0]], 3), IndexError, r"got -1 at position \(1, 0\)"),
        (lambda: one_hot(5, 3), IndexError, r"range 0 to 2, got 5\. "),
        (lambda: one_hot([0], 0), IndexError, "there are no rows"),
        (lambda: one_hot([0], -1), ValueError, "got -1"),
        (lambda: one_hot([1.0], 3), TypeError, "looked up, not computed with"),
        (lambda: one_hot([True], 3), TypeError, "must be integers, got bool"),
        (lambda: as_ids([2**63]), IndexError, "fit into int64"),
        (lambda: as_ids([2**70]), TypeError, "must be integers"),
        (lambda: as_ids(None), TypeError, "must be integers"),
    ],
)
def test_what_is_no_batch_of_ids_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
