"""`sajeon.classify`: the classifier from outside."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import sajeon
from sajeon.classify import BagClassifier
from sajeon.errors import CorpusError, FormatError, NotFittedError, TrainingError

GOOD = ["a joy to watch", "warm and funny", "a funny joy", "warm, a delight", "delight and joy"]
BAD = ["dull and slow", "a slow bore", "cold and dull", "a bore", "slow, cold, a bore"]
TEXTS = GOOD + BAD
LABELS = ["good"] * len(GOOD) + ["bad"] * len(BAD)
LOSSES = ["softmax", "ova", "hs"]


def fitted(texts=TEXTS, labels=LABELS, **settings):
    settings = {"dim": 10, "epochs": 200, "progress": False} | settings
    return BagClassifier(**settings).fit(texts, labels)


def made_up(num_texts, num_labels, seed=0, words_of_label=8, noise=200):
    """Texts of which each holds three words of its label among five that any may hold."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_labels, num_texts)
    texts = []
    for label in labels.tolist():
        own = [f"l{label}w{i}" for i in rng.integers(0, words_of_label, 3)]
        texts.append(
            " ".join(rng.permutation([*own, *(f"n{i}" for i in rng.integers(0, noise, 5))]))
        )
    return texts, labels


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("features", [{}, {"word_ngrams": 1}, {"min_n": 2, "max_n": 4}], ids=str)
def test_it_learns_what_it_is_shown(loss, features):
    model = fitted(loss=loss, **features)
    assert model.classes_.tolist() == ["bad", "good"]
    assert model.predict(TEXTS).tolist() == LABELS
    assert model.score(TEXTS, LABELS) == 1.0
    assert model.score(TEXTS, ["bad"] * len(TEXTS)) == 0.5
    assert model.predict(["what a joy", "such a bore"]).tolist() == ["good", "bad"]
    probabilities = model.predict_proba(TEXTS)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (10, 2)
    if loss != "ova":
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_labels_keep_their_type():
    model = fitted(labels=[3] * 5 + [1] * 5)
    assert model.classes_.dtype.kind == "i"
    assert model.predict(["a joy"]).tolist() == [3]
    assert model.top(["a joy"], k=2)[0][0][0] == 3
    assert type(model.top(["a joy"])[0][0][0]) is int
    flags = fitted(labels=np.array([True] * 5 + [False] * 5))
    assert flags.predict(["a bore"]).tolist() == [False]


@pytest.mark.parametrize("loss", ["softmax", "hs"])
def test_many_labels(loss):
    texts, labels = made_up(20_000, 300)
    model = fitted(texts, labels, loss=loss, dim=30, epochs=8, word_ngrams=1, lr=1.0)
    others, truth = made_up(1000, 300, seed=1)
    assert model.score(others, truth) > 0.95
    top = model.top(others, k=5)
    probabilities = model.predict_proba(others)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :5]
    assert [[label for label, _ in row] for row in top] == model.classes_[best].tolist()
    np.testing.assert_allclose(
        [[p for _, p in row] for row in top], np.take_along_axis(probabilities, best, 1)
    )
    assert [row[0][0] for row in top] == model.predict(others).tolist()


def test_several_labels_a_text():
    texts, one = made_up(4000, 12)
    more, two = made_up(4000, 12, seed=1)
    both = [f"{a} {b}" for a, b in zip(texts, more, strict=True)]
    labels = [{f"L{a}", f"L{b}"} for a, b in zip(one, two, strict=True)]
    model = fitted(both, labels, loss="ova", dim=30, epochs=20, word_ngrams=1)
    predicted = model.predict(both[:50])
    assert predicted.shape == (50, 12)
    assert set(np.unique(predicted)) == {0, 1}
    assert model.score(both, labels) > 0.95
    found = [{label for label, _ in row} for row in model.top(both[:50], k=12, threshold=0.5)]
    assert np.mean([f == expected for f, expected in zip(found, labels, strict=False)]) > 0.9
    indicator = np.array([[f"L{c}" in row for c in range(12)] for row in labels], int)
    same = fitted(both, indicator, loss="ova", dim=30, epochs=20, word_ngrams=1)
    assert same.classes_.tolist() == list(range(12))
    assert same.score(both, indicator) > 0.95


@pytest.mark.parametrize("loss", ["softmax", "hs"])
def test_of_several_labels_softmax_learns_each(loss):
    labels = [("x", "good")] * 5 + [("bad",)] * 5
    model = fitted(TEXTS * 40, labels * 40, loss=loss, epochs=20, lr=0.2)
    probabilities = dict(model.top(TEXTS[:1], k=3)[0])
    assert probabilities["bad"] < 0.1
    assert probabilities["x"] == pytest.approx(probabilities["good"], abs=0.2)
    assert model.score(TEXTS, labels) == 1.0


def test_files_sorted_by_label_are_shuffled():
    """In the order of the file, the last label would win."""
    texts, labels = made_up(6000, 3, noise=50)
    order = np.argsort(labels, kind="stable")
    texts, labels = [texts[i] for i in order], labels[order]
    model = fitted(texts, labels, epochs=2, word_ngrams=1)
    counts = np.bincount(model.predict(made_up(600, 3, seed=2)[0]), minlength=3)
    assert counts.min() > 100


def test_token_lists_and_texts_give_the_same():
    lists = [sajeon.Vocabulary([]).tokenizer.tokens(text) for text in TEXTS]
    settings = {"min_n": 2, "max_n": 3}
    of_texts, of_lists = fitted(**settings), fitted(lists, **settings)
    ours, theirs = (m.to_vectors().matrix for m in (of_texts, of_lists))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(
        of_texts.predict_proba(TEXTS), of_lists.predict_proba(lists), rtol=1e-5
    )
    arrays = [np.array(tokens) for tokens in lists]
    np.testing.assert_array_equal(of_lists.predict(arrays), of_lists.predict(lists))


def test_any_number_of_threads_gives_the_same_file(tmp_path):
    texts, labels = made_up(9000, 5)
    for threads in (1, 2, 3):
        fitted(texts, labels, epochs=2, threads=threads).save(tmp_path / str(threads))
    files = [
        [path.read_bytes() for path in sorted((tmp_path / str(n)).iterdir())] for n in (1, 2, 3)
    ]
    assert files[0] == files[1] == files[2]
    fitted(texts, labels, epochs=2, seed=2).save(tmp_path / "other")
    assert (tmp_path / "other" / "model.safetensors").read_bytes() not in files[0]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dim", [5, 40])
def test_saved_and_loaded_it_is_the_same(tmp_path, loss, dim):
    model = fitted(loss=loss, dim=dim, min_n=2, max_n=3, tokens="words:case=keep", seed=7)
    model.save(tmp_path / "m")
    loaded = sajeon.classify.load(tmp_path / "m")
    some = [*TEXTS, "joyous new words", "Joy", ""]
    np.testing.assert_array_equal(loaded.predict_proba(some), model.predict_proba(some))
    np.testing.assert_array_equal(loaded.classes_, model.classes_)
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.get_params()["seed"] == 7
    assert loaded.loss == loss
    loaded.save(tmp_path / "again")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "m" / name).read_bytes()
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["sajeon"]["kind"] == "classifier"


def test_each_kind_of_folder_says_how_it_is_opened(tmp_path):
    model = fitted()
    model.save(tmp_path / "classifier")
    model.to_vectors().save(tmp_path / "vectors")
    with pytest.raises(FormatError, match=r"'classifier'.*sajeon\.classify\.load"):
        sajeon.load(tmp_path / "classifier")
    with pytest.raises(FormatError, match=r"'vectors'.*sajeon\.load"):
        sajeon.classify.load(tmp_path / "vectors")
    with pytest.raises(FileNotFoundError, match="nothing"):
        sajeon.classify.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    "damage",
    [
        lambda config: config["training"].pop("labels"),
        lambda config: config["training"].update(loss="other"),
        lambda config: config["training"].update(num_buckets=3),
        lambda config: config["training"]["labels"].update(values=["one", "two", "three"]),
        lambda config: config["training"]["labels"].update(dtype="O"),
        lambda config: config["training"].update(dim="many"),
        lambda config: config.update(tokenizer=None),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, damage):
    fitted().save(tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text())
    damage(config["sajeon"])
    path.write_text(json.dumps(config))
    with pytest.raises(FormatError):
        sajeon.classify.load(tmp_path / "m")


def test_rows_of_words_as_vectors():
    vectors = fitted(word_ngrams=1).to_vectors()
    assert vectors.dim == 10
    assert vectors.tokens[0] == "a"
    assert vectors.counts[0] == sum("a" in text.replace(",", "").split() for text in TEXTS)
    assert vectors.similarity("joy", "funny") > vectors.similarity("joy", "bore")


def test_it_starts_from_pretrained_rows():
    start = sajeon.Vectors(["joy", "bore"], np.eye(2, 8, dtype=np.float32) * 3)
    model = fitted(dim=None, pretrained=start, epochs=1, lr=1e-6)
    assert model.to_vectors().dim == 8
    np.testing.assert_allclose(model.to_vectors()[["joy", "bore"]], start.matrix, atol=1e-4)
    assert model.to_vectors()["dull"].any()
    with pytest.raises(ValueError, match="dim must be that of pretrained, 8"):
        fitted(dim=10, pretrained=start)
    with pytest.raises(TypeError, match="pretrained must be Vectors"):
        fitted(pretrained="vectors")


def test_rare_words_have_no_row_but_their_ngrams_have():
    model = fitted(["ab ab abc", "cd cd cde"] * 3, ["x", "y"] * 3, min_count=4, max_n=2)
    assert sorted(model.to_vectors().tokens) == ["ab", "cd"]
    assert model.predict(["abd", "cdd"]).tolist() == ["x", "y"]


def test_empty_and_unknown_texts_are_answered():
    model = fitted()
    assert model.predict_proba(["", "...", "nothing known"]).tolist() == [[0.5, 0.5]] * 3
    assert model.predict([""]).shape == (1,)
    assert model.predict([]).shape == (0,)
    assert model.predict_proba([]).shape == (0, 2)
    assert model.top([]) == []


def test_a_text_may_hold_line_ends():
    model = fitted()
    texts = ["a joy\nto watch\n", "dull\r\nand slow"]
    expected = model.predict_proba([" ".join(text.split()) for text in texts])
    np.testing.assert_array_equal(model.predict_proba(texts), expected)


@pytest.mark.parametrize(
    ("texts", "labels", "error", "message"),
    [
        (TEXTS, ["one"] * 10, CorpusError, "at least two classes.*got 1 class: .*one"),
        ([], [], CorpusError, "at least two classes"),
        (TEXTS, LABELS[:-1], ValueError, "9 labels and 10 texts"),
        (["", "!?"], ["a", "b"], CorpusError, "all of them are empty"),
        ("a text", ["a"], TypeError, r"write \[text\]"),
        (None, ["a"], TypeError, "got NoneType"),
        (TEXTS, None, TypeError, "labels must be a sequence.*got None"),
        (TEXTS, "labels", TypeError, "labels must be a sequence.*got str"),
        (TEXTS, ["a"] * 9 + [None], TypeError, "all str or all int, got NoneType and str"),
        (TEXTS, ["a"] * 9 + [1], TypeError, "all str or all int, got int and str"),
        (TEXTS, [1.0] * 9 + [float("nan")], ValueError, "NaN"),
        (TEXTS, [["a"]] * 9 + ["b"], TypeError, "text 9: expected a collection"),
        (TEXTS, [["a", "b"]] * 9 + [[]], ValueError, "text 9 has no label"),
        ([*TEXTS[:9], 3], LABELS, TypeError, "text 9: expected a str like the first, got int"),
        ([["a"], "b"] * 5, LABELS, TypeError, "text 1: expected a list of tokens"),
        ([["a", 3]] * 10, LABELS, TypeError, "a token must be a str, got 3"),
        ([*TEXTS[:9], "\ud800"], LABELS, FormatError, "text 9: holds a lone surrogate"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(texts, labels, error, message):
    with pytest.raises(error, match=message):
        fitted(texts, labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "hinge"}, "loss must be one of softmax, ova, hs; got 'hinge'"),
        ({"dim": 0}, "dim must be a whole number of at least 1; got 0"),
        ({"epochs": 1.5}, "epochs must be"),
        ({"lr": 0}, "lr must be above 0"),
        ({"lr": "fast"}, "lr must be a number"),
        ({"min_n": 4, "max_n": 3}, "min_n must be at most max_n"),
        ({"num_buckets": 2**31}, "num_buckets must be at most"),
        ({"seed": -1}, "seed must be"),
        ({"threads": 0}, "threads must be"),
        ({"tokens": "syllables"}, "there is no tokenizer 'syllables'"),
        ({"min_count": 99}, "every word is rarer than min_count=99"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings, message):
    model = BagClassifier(**settings)  # as scikit-learn wants it, nothing is checked here
    assert all(model.get_params()[name] == value for name, value in settings.items())
    with pytest.raises(ValueError, match=message):
        model.fit(TEXTS, LABELS)


def test_divergence_names_its_cause():
    with pytest.raises(TrainingError, match="learning rate 500000 is too high"):
        fitted(lr=5e5, epochs=500)


def test_nothing_can_be_asked_before_fit(tmp_path):
    model = BagClassifier()
    for ask in (model.predict, model.predict_proba, model.top):
        with pytest.raises(NotFittedError, match="call fit"):
            ask(TEXTS)
    with pytest.raises(NotFittedError):
        model.score(TEXTS, LABELS)
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
    with pytest.raises(NotFittedError):
        model.to_vectors()


def test_parameters_are_got_and_set():
    model = BagClassifier(dim=7, loss="ova")
    assert model.get_params()["dim"] == 7
    assert model.set_params(dim=9, lr=0.1) is model
    assert (model.dim, model.lr) == (9, 0.1)
    with pytest.raises(ValueError, match="has no parameter 'size'; it has dim"):
        model.set_params(size=3)
    assert repr(model) == "BagClassifier(dim=9, lr=0.1, loss='ova')"


def test_copies_and_pickles_answer_alike():
    model = fitted(max_n=3)
    expected = model.predict_proba(TEXTS)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict_proba(TEXTS), expected)


def test_a_tokenizer_of_ones_own(tmp_path):
    model = fitted(tokens=str.split, word_ngrams=1)
    assert model.predict(["joy", "bore"]).tolist() == ["good", "bad"]
    model.save(tmp_path / "m")
    loaded = sajeon.classify.load(tmp_path / "m")
    assert loaded.predict([["joy"], ["bore"]]).tolist() == ["good", "bad"]
    with pytest.raises(TypeError, match="function of your own"):
        loaded.predict(["joy"])


def test_without_numba_the_twins_give_the_same():
    code = f"""
import warnings, json
warnings.simplefilter("ignore")
from sajeon.kernels._compile import HAVE_NUMBA
from sajeon.classify import BagClassifier
assert not HAVE_NUMBA
model = BagClassifier(dim=10, epochs=20, max_n=3, progress=False).fit({TEXTS!r}, {LABELS!r})
print(json.dumps(model.predict_proba({TEXTS!r}).tolist()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={"NUMBA_DISABLE_JIT": "1"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = fitted(epochs=20, max_n=3).predict_proba(TEXTS)
    np.testing.assert_allclose(json.loads(done.stdout), expected, rtol=1e-3)


def test_reviews_are_told_apart(data):
    """MR, the split of the notes: Naive Bayes on words alone reaches 77 %."""
    train, test = [], []
    for label in ("pos", "neg"):
        path = data / "sentiment" / f"rt-polarity.{label}.txt"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            (test if number % 10 == 0 else train).append((line, label))
    model = BagClassifier(progress=False).fit(*zip(*train, strict=True))
    assert model.score(*zip(*test, strict=True)) > 0.745
