"""Settings of a classifier, found by trying: those that label a validation set best.

As in fastText's autotune (https://fasttext.cc/docs/en/autotune.html) most trials change the best
settings so far a little, and less as time goes on; some begin anew. The first trial is the
defaults, and the next change one thing each. Which trial follows which depends on the seed and the
scores, never on the clock; how many there are, and which are too slow for the time left, does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .classify import DEFAULT_DIM, BagClassifier
from .errors import TrainingError
from .metrics import names_of, report

Settings: TypeAlias = "dict[str, Any]"
Move: TypeAlias = "Callable[[tuple[Any, ...], np.random.Generator, float], tuple[Any, ...]]"

CHARS = ((0, 0), (1, 2), (1, 3), (2, 3), (2, 4), (2, 5), (3, 5), (3, 6))
"""Lengths of character n-grams that are tried; neighbours are alike."""

_OPENINGS: tuple[Settings, ...] = (
    {"word_ngrams": 2},
    {"min_n": 2, "max_n": 4},
    {"word_ngrams": 2, "min_n": 2, "max_n": 4},
    {"epochs": 15},
    {"dim": 30},
)
_RESTART = 0.15  # of the proposals
_MOVED = 0.5  # of the settings in a proposal
_SIGMA_FIRST, _SIGMA_LAST, _SIGMA_TRIALS = 1.0, 0.3, 30  # how far settings move, in doublings
_FRUITLESS = 200  # proposals in a row that were tried before or take too long
_CAUTION = 1.3  # by which a trial may take longer than the earlier ones let expect
_TOKEN_LENGTH = 4  # character n-grams of one length in a word
_ROW, _PREPARING = 20, 500  # what a row costs beside its numbers; what a feature costs once
_SHOWN = 5


@dataclass(frozen=True)
class Trial:
    """One training and its score.

    Attributes:
        number: From 1.
        settings: All that was searched or fixed.
        score: On the validation set, 0 to 1; 0 if the training diverged.
        seconds: Wall time of training and scoring.
        is_best: Whether it is the best so far.
    """

    number: int
    settings: Settings
    score: float
    seconds: float
    is_best: bool


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        classifier: Trained with the best settings.
        settings: Those settings.
        score: Of the classifier on the validation set.
        measure: What the score is: "accuracy", or "F1" (micro) where texts have several labels.
        trials: All there were, in order.
    """

    classifier: BagClassifier
    settings: Settings
    score: float
    measure: str
    trials: tuple[Trial, ...]


def autotune(
    texts: Sequence[Any],
    labels: Sequence[Any],
    validation: tuple[Sequence[Any], Sequence[Any]],
    *,
    seconds: float = 300.0,
    fixed: Mapping[str, Any] | None = None,
    seed: int = 1,
    progress: Callable[[Trial], None] | None = None,
) -> Tuned:
    """Train classifiers with one setting after another, and keep the best.

    Args:
        texts: To train on, as `BagClassifier.fit` takes them.
        labels: Of the texts.
        validation: Texts and their labels, to score on. Some should be kept apart from both sets:
            the score of the best of many trials is too good.
        seconds: When to stop. A trial that is not expected to end by then is not begun, but the
            first always is.
        fixed: Settings of `BagClassifier` that are not searched.
        seed: Of the search. That of the training is among the settings.
        progress: Called after each trial.

    Raises:
        ValueError: The validation set is empty, or has labels that `labels` has not.
        TrainingError: No trial could be trained to the end.
    """
    _check_validation(labels, validation[1])
    deadline = time.perf_counter() + seconds
    trials: list[Trial] = []
    best: tuple[Trial, BagClassifier] | None = None
    fixed = dict(fixed or {})
    if fixed.get("pretrained") is not None:
        fixed["dim"] = fixed["pretrained"].dim
    for settings in _proposals(trials, fixed, seed, deadline):
        begun = time.perf_counter()
        try:
            classifier = BagClassifier(**({"progress": False, **settings})).fit(texts, labels)
            score = _score(classifier, *validation)
        except TrainingError:  # a learning rate too high for these texts says: elsewhere
            classifier, score = None, 0.0
        is_best = classifier is not None and (best is None or score > best[0].score)
        number = len(trials) + 1
        trial = Trial(number, settings, score, time.perf_counter() - begun, is_best)
        trials.append(trial)
        if classifier is not None and is_best:
            best = trial, classifier
        if progress is not None:
            progress(trial)
    if best is None:
        raise TrainingError(f"none of {len(trials)} trials could be trained: is lr fixed too high?")
    measure = "F1" if _has_several(validation[1]) else "accuracy"
    return Tuned(best[1], best[0].settings, best[0].score, measure, tuple(trials))


def _check_validation(labels: Sequence[Any], others: Sequence[Any]) -> None:
    if len(others) == 0:
        raise ValueError("the validation set is empty: expected labelled texts")
    known = {name for label in labels for name in names_of(label)}
    unseen = sorted(
        {str(name) for label in others for name in names_of(label) if name not in known}
    )
    if unseen:
        more = ", ..." if len(unseen) > _SHOWN else ""
        raise ValueError(
            f"the validation set has {len(unseen)} labels that no training text has: "
            f"{', '.join(map(repr, unseen[:_SHOWN]))}{more}; leave those texts out"
        )


def _has_several(labels: Sequence[Any]) -> bool:
    return isinstance(labels[0], tuple | list | set | frozenset)


def _score(classifier: BagClassifier, texts: Sequence[Any], labels: Sequence[Any]) -> float:
    if not _has_several(labels):
        return classifier.score(texts, labels)
    predicted = [
        tuple(classifier.classes_[i] for i in row.nonzero()[0]) for row in classifier.predict(texts)
    ]
    return report(labels, predicted).micro.f1


def _proposals(
    trials: list[Trial], fixed: Settings, seed: int, deadline: float
) -> Iterator[Settings]:
    """Yield what to try next; `trials` grows meanwhile."""
    defaults = _defaults(fixed)
    yield defaults
    tried = [_essence(defaults)]
    number = fruitless = 0
    while fruitless < _FRUITLESS and (left := deadline - time.perf_counter()) > 0:
        settings = _proposal(number, defaults, trials, seed) | fixed
        number += 1
        fruitless += 1
        if _essence(settings) in tried or _expected_seconds(settings, trials) > left:
            continue
        fruitless = 0
        tried.append(_essence(settings))
        yield settings


def _defaults(fixed: Settings) -> Settings:
    params = BagClassifier().get_params()
    defaults = {name: params[name] for name in SEARCHED} | fixed
    return defaults | ({"dim": DEFAULT_DIM} if defaults["dim"] is None else {})


def _proposal(number: int, defaults: Settings, trials: list[Trial], seed: int) -> Settings:
    if number < len(_OPENINGS):
        return defaults | _OPENINGS[number]
    rng = np.random.default_rng([seed, number])
    restart = rng.random() < _RESTART
    best = max(trials, key=lambda trial: trial.score).settings
    share = min(1.0, len(trials) / _SIGMA_TRIALS)
    sigma = _SIGMA_FIRST + share * (_SIGMA_LAST - _SIGMA_FIRST)
    moved = dict(defaults if restart else best)
    for names, move in _MOVES.items():
        if restart or rng.random() < _MOVED:
            values = tuple(moved[name] for name in names)
            new = move(values, rng, 2 * _SIGMA_FIRST if restart else sigma)
            moved.update(zip(names, new, strict=True))
    return moved


def _scaled(low: float, high: float, kind: type[int] | type[float]) -> Move:
    """Return a move of a number by a factor; a whole number moves by one at least."""

    def move(values: tuple[Any, ...], rng: np.random.Generator, sigma: float) -> tuple[Any, ...]:
        (value,) = values
        step = sigma * rng.standard_normal()
        new = value * 2**step
        if kind is int:
            new = round(new) if round(new) != value else value + (1 if step > 0 else -1)
        return (kind(min(max(new, low), high)),)

    return move


def _move_chars(values: tuple[Any, ...], rng: np.random.Generator, sigma: float) -> tuple[Any, ...]:
    low, high = values
    near = min(range(len(CHARS)), key=lambda i: abs(CHARS[i][0] - low) + abs(CHARS[i][1] - high))
    step = 2 * sigma * rng.standard_normal()
    place = round(near + step) if abs(step) >= 1 else near + (1 if step > 0 else -1)
    return CHARS[min(max(place, 0), len(CHARS) - 1)]


_MOVES: Mapping[tuple[str, ...], Move] = {
    ("dim",): _scaled(4, 300, int),
    ("lr",): _scaled(0.005, 5.0, float),
    ("epochs",): _scaled(1, 100, int),
    ("word_ngrams",): _scaled(1, 5, int),
    ("min_n", "max_n"): _move_chars,
    ("num_buckets",): _scaled(1 << 14, 1 << 24, int),
}

SEARCHED = tuple(name for names in _MOVES for name in names)
"""Settings that are searched."""


def _essence(settings: Settings) -> Settings:
    """Return what tells a training from others: without n-grams there is no use of buckets."""
    has_ngrams = settings["word_ngrams"] > 1 or settings["max_n"] > 0
    return settings if has_ngrams else settings | {"num_buckets": 0}


def _expected_seconds(settings: Settings, trials: list[Trial]) -> float:
    """Return how long a trial will take, a little more than the earlier ones let expect."""
    warm = trials[1:] or trials  # the first may have had kernels to load or compile
    rates = sorted(trial.seconds / _work(trial.settings) for trial in warm)
    return _CAUTION * rates[len(rates) // 2] * _work(settings)


def _work(settings: Settings) -> float:
    """Return what the time of a training is about proportional to."""
    chars = settings["max_n"] - settings["min_n"] + 1 if settings["max_n"] else 0
    features = settings["word_ngrams"] + _TOKEN_LENGTH * chars
    return float(features * (_PREPARING + settings["epochs"] * (_ROW + settings["dim"])))
