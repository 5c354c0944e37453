"""`BagClassifier` among scikit-learn's tools, and scikit-learn's own checks of estimators.

The checks give every estimator a matrix of numbers. So they run on a subclass that writes each row
as a text; what is left of them is what they say of parameters, labels, cloning, pickling, repeated
fits, one sample or one label, and how answers agree with each other.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from sajeon.classify import BagClassifier

TEXTS = ["a fine film", "a dull film", "fine actors", "dull plot", "it is fine", "it is dull"] * 10
LABELS = ["good", "bad"] * 30


class OfNumbers(BagClassifier):
    """Takes a matrix: each number becomes a word that names its column and half it falls in."""

    def fit(self, X, y):  # noqa: N803
        X, y = validate_data(self, X, y, multi_output=True)  # noqa: N806
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return super().fit(as_texts(X), y)

    def predict(self, X):  # noqa: N803
        return super().predict(self._texts_of(X))

    def predict_proba(self, X):  # noqa: N803
        return super().predict_proba(self._texts_of(X))

    def score(self, X, y):  # noqa: N803
        return super().score(self._texts_of(X), y)

    def _texts_of(self, X):  # noqa: N803
        if isinstance(X, list) and all(isinstance(text, str) for text in X):
            return X  # from a method that called `as_texts` before
        self._fitted()
        return as_texts(validate_data(self, X, reset=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = tags.input_tags.string = False
        tags.input_tags.two_d_array = True
        return tags


def as_texts(X):  # noqa: N803
    return [" ".join(f"f{j}v{round(float(v) * 2)}" for j, v in enumerate(row)) for row in X]


def expected_failures(estimator):
    failures = {
        "check_estimators_unfitted": "raises a NotFittedError of its own, also a ValueError and an "
        "AttributeError as scikit-learn's: no module of ours imports scikit-learn",
    }
    if estimator.loss == "ova":
        failures["check_classifiers_train"] = (
            "wants the probabilities of a text to add up to 1; here each label has its own"
        )
    return failures


with warnings.catch_warnings():
    # That it does not inherit from BaseEstimator; then it would have to import scikit-learn.
    warnings.filterwarnings("ignore", ".*does not inherit from `sklearn.base.BaseEstimator`")
    all_checks = parametrize_with_checks(
        [OfNumbers(dim=8, epochs=20, loss=loss, threads=1) for loss in ("softmax", "ova", "hs")],
        expected_failed_checks=expected_failures,
    )


@all_checks
@pytest.mark.filterwarnings("ignore:.*does not inherit from `sklearn.base.BaseEstimator`")
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_it_is_a_classifier_of_texts():
    assert is_classifier(BagClassifier())
    tags = BagClassifier().__sklearn_tags__()
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array


def test_a_pipeline_hands_texts_on():
    shout = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = make_pipeline(shout, BagClassifier(dim=8))
    pipeline.fit(TEXTS, LABELS)
    alone = BagClassifier(dim=8).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(pipeline.predict_proba(TEXTS), alone.predict_proba(TEXTS))
    assert pipeline.score(TEXTS, LABELS) == 1
    assert pipeline.classes_.tolist() == ["bad", "good"]


def test_a_grid_search_finds_the_settings_that_matter():
    """Only the order of two words tells, so pairs of words are needed."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=200)
    texts = [f"w{rng.integers(9)} {'one two' if label else 'two one'}" for label in labels]
    pipeline = Pipeline([("classifier", BagClassifier(dim=8, seed=1))])
    grid = {"classifier__word_ngrams": [1, 2], "classifier__lr": [0.5]}
    found = GridSearchCV(pipeline, grid, cv=2, scoring="f1_macro").fit(texts, labels)
    assert found.best_params_["classifier__word_ngrams"] == 2
    assert found.best_score_ > 0.9
    assert found.predict(texts).dtype == labels.dtype


def test_in_other_processes_the_answers_are_the_same():
    model = BagClassifier(dim=8)
    one, two = (cross_val_predict(model, TEXTS, LABELS, cv=2, n_jobs=n) for n in (1, 2))
    assert (one == two).all()


def test_cross_validation_with_arrays_of_texts():
    scores = cross_val_score(BagClassifier(dim=8), np.array(TEXTS), np.array(LABELS), cv=3)
    assert scores.tolist() == [1, 1, 1]
    probabilities = cross_val_score(
        BagClassifier(dim=8), TEXTS, LABELS, cv=3, scoring="neg_log_loss"
    )
    assert (probabilities > -0.7).all()


def test_one_classifier_for_each_label():
    model = OneVsRestClassifier(BagClassifier(dim=8)).fit(TEXTS, LABELS)
    assert model.predict(TEXTS).tolist() == LABELS


def test_a_clone_has_the_settings_and_nothing_learned():
    fitted = BagClassifier(dim=8, lr=0.3, tokens=str.split).fit(TEXTS, LABELS)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "classes_")
    assert repr(BagClassifier(dim=8)) == "BagClassifier(dim=8)"


def test_a_fitted_one_can_be_pickled():
    fitted = BagClassifier(dim=8).fit(TEXTS, LABELS)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_nothing_of_ours_imports_scikit_learn():
    code = (
        "import sys; from sajeon.classify import BagClassifier\n"
        "BagClassifier(dim=4, epochs=1).fit(['a b', 'c d'], [0, 1]).predict(['a'])\n"
        "assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
