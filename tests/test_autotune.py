"""The search for settings: its order, its end, and that it finds what is better."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sajeon import autotune as module
from sajeon.autotune import CHARS, SEARCHED, autotune
from sajeon.classify import BagClassifier
from sajeon.errors import TrainingError

TEXTS, LABELS = ["a", "b"], ["x", "y"]


class Clock:
    """Stands still but for what trainings take."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def world(monkeypatch):
    """A classifier that only pretends: its score is a smooth function of its settings."""
    clock = Clock()

    class Pretending(BagClassifier):
        def fit(self, texts, labels):
            if self.lr > 3:
                raise TrainingError("diverged")
            features = self.word_ngrams + 3 * (self.max_n > 0) * (1 + self.max_n - self.min_n)
            clock.now += features * (200 + self.epochs * (10 + self.dim)) / 1500
            return self

        def score(self, texts, labels):
            far = abs(math.log2(self.lr / 0.8)) + abs(math.log2(self.epochs / 20))
            return math.exp(-far / 4 - abs(self.word_ngrams - 2) / 3 - (self.max_n != 4) / 4)

    monkeypatch.setattr(module, "BagClassifier", Pretending)
    monkeypatch.setattr(module, "time", clock)
    return clock


def search(seconds=100.0, **more):
    return autotune(TEXTS, LABELS, (TEXTS, LABELS), seconds=seconds, **more)


def settings_of(tuned):
    return [trial.settings for trial in tuned.trials]


def test_the_first_trial_is_the_defaults(world):
    defaults = BagClassifier().get_params()
    first = search(seconds=0.0)
    assert settings_of(first) == [{name: defaults[name] for name in SEARCHED} | {"dim": 100}]
    assert first.settings == first.trials[0].settings


def test_the_order_depends_on_the_seed_alone(world):
    short, long, other = search(1000.0), search(2000.0), search(1000.0, seed=2)
    assert 20 < len(short.trials) < len(long.trials)
    certain = len(short.trials) // 2  # near the end, trials are left out that take too long
    assert settings_of(short)[:certain] == settings_of(long)[:certain]
    assert settings_of(search(1000.0)) == settings_of(short)
    assert settings_of(other) != settings_of(short)


def test_it_finds_what_is_better(world):
    tuned = search(2000.0)
    best = max(tuned.trials, key=lambda trial: trial.score)
    assert tuned.score == best.score > tuned.trials[0].score + 0.1
    assert tuned.settings == best.settings
    assert tuned.classifier.get_params() | tuned.settings == tuned.classifier.get_params()


@pytest.mark.parametrize("seconds", [20.0, 60.0, 150.0])
def test_it_ends_in_time(world, seconds):
    begun = world.now
    search(seconds)
    assert world.now - begun <= 1.3 * seconds  # what a trial takes can only be estimated


def test_no_setting_is_tried_twice_and_all_are_in_range(world):
    settings = settings_of(search(1000.0))
    distinct = {tuple(sorted(one.items())) for one in settings}
    assert len(distinct) == len(settings)
    for one in settings:
        assert 4 <= one["dim"] <= 300
        assert 0.005 <= one["lr"] <= 5
        assert 1 <= one["epochs"] <= 100
        assert 1 <= one["word_ngrams"] <= 5
        assert (one["min_n"], one["max_n"]) in CHARS


def test_what_is_fixed_stays(world):
    tuned = search(300.0, fixed={"dim": 33, "min_n": 3, "max_n": 3, "seed": 7})
    for one in settings_of(tuned):
        assert (one["dim"], one["min_n"], one["max_n"], one["seed"]) == (33, 3, 3, 7)
    assert len({one["lr"] for one in settings_of(tuned)}) > 3


def test_progress_hears_of_each_trial(world):
    heard = []
    tuned = search(progress=heard.append)
    assert tuple(heard) == tuned.trials
    assert [trial.number for trial in heard] == list(range(1, len(heard) + 1))
    best = 0.0
    for trial in heard:
        assert trial.is_best == (trial.score > best)
        best = max(best, trial.score)


def test_a_training_that_diverges_is_one_trial_less(world):
    with pytest.raises(TrainingError, match="none of 1 trials"):
        search(seconds=0.0, fixed={"lr": 4.0})
    tuned = search(3000.0)
    assert any(trial.score == 0 for trial in tuned.trials)


def test_a_validation_set_that_does_not_fit():
    with pytest.raises(ValueError, match="the validation set is empty"):
        autotune(TEXTS, LABELS, ([], []))
    with pytest.raises(ValueError, match="no training text has: 'z'"):
        autotune(TEXTS, LABELS, (["a"], ["z"]))
    with pytest.raises(ValueError, match="no training text has: 'z'"):
        autotune(TEXTS, [("x",), ("x", "y")], (["a"], [("x", "z")]))


def test_real_trainings():
    """The order of words alone tells: only n-grams of words can, and they are found."""
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for _ in range(300):
        label = int(rng.integers(2))
        pair = "one two" if label else "two one"
        texts.append(f"w{rng.integers(9)} {pair} w{rng.integers(9)}")
        labels.append(label)
    cut = 200
    tuned = autotune(
        texts[:cut], labels[:cut], (texts[cut:], labels[cut:]), seconds=2.0, fixed={"dim": 8}
    )
    assert tuned.score > 0.95
    assert tuned.settings["word_ngrams"] > 1
    assert tuned.measure == "accuracy"
    assert tuned.classifier.score(texts[cut:], labels[cut:]) == tuned.score


def test_several_labels_are_scored_by_f1():
    texts = ["x y", "x z", "y w"] * 20
    labels = [("a", "b"), ("a",), ("b",)] * 20
    fixed = {"loss": "ova", "dim": 8, "epochs": 50, "lr": 0.5}
    tuned = autotune(texts, labels, (texts, labels), seconds=0.0, fixed=fixed)
    assert (tuned.measure, tuned.score) == ("F1", 1.0)
