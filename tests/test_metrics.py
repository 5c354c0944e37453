"""Metrics: those of scikit-learn, to the last digit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as theirs
from sklearn.preprocessing import MultiLabelBinarizer

from sajeon import metrics

LABELS = st.sampled_from(["a", "b", "c", "d"])
SINGLE = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60)
SETS = st.lists(LABELS, max_size=3, unique=True)
SEVERAL = st.lists(st.tuples(SETS, SETS), min_size=1, max_size=40)


def theirs_of(true, predicted, average):
    found = theirs.precision_recall_fscore_support(
        true, predicted, average=average, zero_division=0.0
    )
    return found[:3] if average else found


@given(pairs=SINGLE)
def test_single_labels(pairs):
    true, predicted = map(list, zip(*pairs, strict=True))
    found = metrics.report(true, predicted)
    assert found.accuracy == theirs.accuracy_score(true, predicted)
    assert found.num_texts == len(pairs)
    for mean in ("macro", "micro"):
        assert getattr(found, mean) == theirs_of(true, predicted, mean)
    expected = np.array(theirs_of(true, predicted, None))
    ours = [(one.precision, one.recall, one.f1, one.support) for one in found.labels]
    np.testing.assert_array_equal(np.array(ours).T, expected)
    assert [one.label for one in found.labels] == sorted({*true, *predicted})
    if len(found.labels) > 1:  # theirs warns of a table of one
        expected = theirs.confusion_matrix(true, predicted)
        np.testing.assert_array_equal(found.confusion, expected)
    assert [one.predicted for one in found.labels] == found.confusion.sum(axis=0).tolist()


@given(pairs=SEVERAL)
def test_several_labels(pairs):
    true, predicted = map(list, zip(*pairs, strict=True))
    if not any(names for pair in pairs for names in pair):
        return
    binarizer = MultiLabelBinarizer().fit([*true, *predicted])
    y, p = binarizer.transform(true), binarizer.transform(predicted)
    found = metrics.report([tuple(names) for names in true], [set(names) for names in predicted])
    assert found.accuracy == theirs.accuracy_score(y, p)
    if y.shape[1] > 1:  # a single column would be taken for single labels
        assert found.macro == theirs_of(y, p, "macro")
        assert found.micro == theirs_of(y, p, "micro")
    single = all(len(names) == 1 for pair in pairs for names in pair)
    assert (found.confusion is not None) == single


@given(
    rows=st.lists(st.tuples(SETS.filter(bool), st.permutations("abcd")), min_size=1),
    k=st.integers(1, 4),
)
def test_at_k(rows, k):
    true = [names for names, _ in rows]
    ranked = [order[:k] for _, order in rows]
    binarizer = MultiLabelBinarizer(classes=list("abcd"))
    y, p = binarizer.fit_transform(true), binarizer.transform(ranked)
    assert metrics.at_k(true, ranked) == theirs_of(y, p, "micro")


def test_at_k_of_single_labels_is_top_k_accuracy():
    rng = np.random.default_rng(0)
    scores = rng.random((50, 4))
    true = rng.integers(4, size=50)
    ranked = np.argsort(-scores, axis=1)[:, :2]
    expected = theirs.top_k_accuracy_score(true, scores, k=2)
    found = metrics.at_k(true.tolist(), ranked.tolist())
    assert found.recall == pytest.approx(expected, abs=1e-15)
    assert found.precision == pytest.approx(expected / 2, abs=1e-15)


def test_at_k_with_fewer_labels_than_k():
    found = metrics.at_k(["a", "b"], [["a", "b"], []])
    assert found == (0.5, 0.5, 0.5)


def test_a_worked_example():
    """Two of three "x" found, one "y" taken for "x": precision 2/3, recall 2/3."""
    found = metrics.report(["x", "x", "x", "y"], ["x", "x", "y", "x"])
    x, y = found.labels
    assert (x.precision, x.recall, x.f1, x.support, x.predicted) == (2 / 3, 2 / 3, 2 / 3, 3, 3)
    assert (y.precision, y.recall, y.f1, y.support, y.predicted) == (0, 0, 0, 1, 1)
    assert found.accuracy == 0.5
    assert found.macro == (1 / 3, 1 / 3, 1 / 3)
    assert found.confusion.tolist() == [[2, 1], [1, 0]]


def test_numbers_as_labels():
    found = metrics.report(np.array([0, 1, 1]), np.array([0, 1, 0]))
    assert [one.label for one in found.labels] == [0, 1]


@pytest.mark.parametrize("function", [metrics.report, metrics.at_k])
def test_what_cannot_be_compared(function):
    with pytest.raises(ValueError, match="got 2 true labels but 1 predicted"):
        function(["a", "b"], [["a"]])
    with pytest.raises(ValueError, match="got none"):
        function([], [])
