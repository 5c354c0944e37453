"""Small classifiers: what they weigh, and what they still know."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sajeon import classify
from sajeon.classify import BagClassifier
from sajeon.quantized import quantize


def examples(num, num_labels=2, seed=0):
    """Texts of words that every label has, some that one has, and many that say nothing."""
    rng = random.Random(seed)
    texts, labels = [], []
    for _ in range(num):
        label = rng.randrange(num_labels)
        words = [f"own{label}x{rng.randrange(5)}", *(f"w{rng.randrange(3000)}" for _ in range(8))]
        rng.shuffle(words)
        texts.append(" ".join(words))
        labels.append(f"label {label}")
    return texts, labels


@pytest.fixture(scope="module")
def fitted():
    return BagClassifier(dim=20, seed=2).fit(*examples(1500))


def bytes_of(folder):
    return sum(file.stat().st_size for file in folder.iterdir())


@pytest.mark.parametrize("max_bytes", [5_000, 20_000, 100_000, 2_000_000])
def test_the_folder_has_at_most_so_many_bytes(fitted, tmp_path, max_bytes):
    small = quantize(fitted, max_bytes)
    small.classifier.save(tmp_path / "m")
    assert bytes_of(tmp_path / "m") == small.num_bytes <= max_bytes
    assert (small.before, small.after) == (None, None)


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs"])
@pytest.mark.parametrize("num_labels", [2, 5])
def test_with_room_enough_scores_stay_as_they_were(loss, num_labels):
    """The directions that no label sees are all that goes: a projection loses nothing."""
    fitted = BagClassifier(dim=16, loss=loss, min_n=2, max_n=3).fit(*examples(300, num_labels))
    texts, labels = examples(200, num_labels, seed=1)
    small = quantize(fitted, 10_000_000, texts, labels)
    ours, theirs = small.classifier.predict_proba(texts), fitted.predict_proba(texts)
    np.testing.assert_allclose(ours, theirs, atol=3e-3)  # float16 has eleven bits
    assert small.before == fitted.score(texts, labels)
    assert abs(small.before - small.after) <= 0.01


def test_two_labels_need_one_number_a_row(fitted):
    words = quantize(fitted, 10_000_000).classifier.to_vectors()
    assert words.dim == 1
    assert len(words) == len(fitted.to_vectors())


def test_what_matters_stays(fitted):
    """In a hundredth of the bytes, the ten words that tell are still there."""
    texts, labels = examples(500, seed=1)
    small = quantize(fitted, 5_000, texts, labels, counted_on=examples(1500)[0])
    assert small.after >= small.before - 0.01 > 0.9
    own = {f"own{label}x{k}" for label in range(2) for k in range(5)}
    assert own <= set(small.classifier.to_vectors().tokens)


def test_a_small_model_is_loaded_as_any_other(fitted, tmp_path):
    texts, labels = examples(300, seed=1)
    small = quantize(fitted, 20_000).classifier
    small.save(tmp_path / "m")
    loaded = classify.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict_proba(texts), small.predict_proba(texts))
    assert loaded.top(texts[:3], 2) == small.top(texts[:3], 2)
    token_lists = [text.split() for text in texts]
    np.testing.assert_array_equal(loaded.predict(token_lists), loaded.predict(texts))
    again = quantize(loaded, 10_000, texts, labels)
    assert again.num_bytes <= 10_000
    loaded.save(tmp_path / "n")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "n" / name).read_bytes()


def test_the_original_is_not_changed(fitted):
    texts, _ = examples(50)
    before = fitted.predict_proba(texts)
    quantize(fitted, 5_000)
    np.testing.assert_array_equal(fitted.predict_proba(texts), before)


def test_the_same_model_gives_the_same_bytes(fitted, tmp_path):
    for name in ("a", "b"):
        quantize(fitted, 20_000).classifier.save(tmp_path / name)
    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b"))
    assert a == b


def test_many_labels_and_little_room(tmp_path):
    texts, labels = examples(3000, 50)
    fitted = BagClassifier(dim=30, epochs=20).fit(texts, labels)
    small = quantize(fitted, 60_000, *examples(500, 50, seed=1), counted_on=texts)
    assert small.num_bytes <= 60_000
    assert small.after > 0.8 * small.before > 0.5


def test_labels_alone_may_be_too_much(fitted):
    with pytest.raises(ValueError, match=r"max_bytes must be at least [\d,]+ for these 2 labels"):
        quantize(fitted, 300)


def test_several_labels(tmp_path):
    texts, labels = ["x y", "x z", "y w"] * 20, [("a", "b"), ("a",), ("b",)] * 20
    fitted = BagClassifier(dim=8, epochs=50, loss="ova").fit(texts, labels)
    small = quantize(fitted, 50_000, texts, labels)
    assert small.before == small.after == 1
    np.testing.assert_array_equal(small.classifier.predict(texts), fitted.predict(texts))
