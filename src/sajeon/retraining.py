"""How much of a model is chance: the same training with several seeds."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import EvaluationError
from .evaluate import Comparison, compare
from .learn.train import train
from .loading import load
from .vectors import Vectors

if TYPE_CHECKING:
    from .evaluate.comparison import ComparedFile
    from .learn.progress import Reporter


@dataclass(frozen=True)
class Spread:
    """Scores of all seeds on one test set.

    Attributes:
        name: Of the test set.
        measure: See `evaluate.ComparedFile`.
        mean: Over seeds.
        deviation: Standard deviation over seeds (n - 1).
        low: The least of them.
        high: The greatest.
    """

    name: str
    measure: str
    mean: float
    deviation: float
    low: float
    high: float


@dataclass(frozen=True)
class StabilityBand:
    """Neighbours that stay, for words of one band of frequency, or all.

    Attributes:
        name: Ranks in the vocabulary, as in "1,001-10,000", or "all".
        overlap: Mean share of neighbours that two seeds have in common, over all pairs of seeds.
        low: The least of these.
        high: The greatest.
        jaccard: Mean of the neighbours in both over those in either.
    """

    name: str
    overlap: float
    low: float
    high: float
    jaccard: float


@dataclass(frozen=True)
class Stability:
    """What `stability` found.

    Attributes:
        seeds: Of the trainings.
        overlap: Mean share of the nearest neighbours that two seeds have in common.
        bands: The same for all words, and by frequency.
        spreads: Of the scores, for each test set.
        comparison: All trainings side by side.
    """

    seeds: tuple[int, ...]
    overlap: float
    bands: tuple[StabilityBand, ...]
    spreads: tuple[Spread, ...]
    comparison: Comparison


def stability(
    model: Vectors | str | os.PathLike[str],
    source: Any,
    *,
    seeds: int = 5,
    files: Sequence[str | os.PathLike[str]] = (),
    threads: int | None = None,
    progress: bool | Reporter | None = None,
    **settings: Any,
) -> Stability:
    """Train as a model was trained, with seeds 1 to `seeds`, and see what changes.

    Neighbours that another seed does not find say more about the draws than about the text
    (Antoniak and Mimno, TACL 2018).

    Args:
        model: Whose recorded settings and tokenizer are used; nothing else of it is.
        source: Text, as for `train`; read once for each seed, so no one-shot iterator.
        seeds: How many.
        files: Test sets.
        threads: As for `train`.
        progress: As for `train`.
        **settings: As for `compare`: `restrict`, `method`, `k`, `sample`.

    Raises:
        ValueError: Fewer than two seeds, or settings as `compare` and `train` refuse them.
        TypeError: The source can be read but once.
        EvaluationError: The model does not say how it was trained, or `compare` finds nothing.
        FormatError, OSError: See `load`, `train` and `compare`.
    """
    if seeds < 2:
        raise ValueError(f"seeds must be at least 2, got {seeds}.")
    if isinstance(source, Iterator) or source == "-":
        raise TypeError("the source is read once for each seed: give files or a list, no iterator.")
    given = _training_of(model)
    numbers = tuple(range(1, seeds + 1))
    models = [
        _without_state(train(source, **given, seed=seed, threads=threads, progress=progress))
        for seed in numbers
    ]
    names = [f"seed {seed}" for seed in numbers]
    comparison = compare(models, files, names=names, **settings)
    bands = _bands(comparison)
    spreads = tuple(map(_spread, comparison.files))
    return Stability(numbers, bands[0].overlap, bands, spreads, comparison)


def _training_of(model: Vectors | str | os.PathLike[str]) -> dict[str, Any]:
    """Return what `train` has to be given to train alike, but for the seed."""
    name = "the model" if isinstance(model, Vectors) else os.fspath(model)
    vectors = model if isinstance(model, Vectors) else load(model)
    settings = {key: vectors.settings[key] for key in vectors.settings if key != "algorithm"}
    strange = settings.keys() - inspect.signature(train).parameters.keys()
    if "model" not in settings or strange:
        what = (
            f"what this version cannot train: {', '.join(sorted(strange))}" if strange else "none"
        )
        raise EvaluationError(
            f"{name}: expected a model whose config.json records the settings of its training by "
            f"sajeon, found {what}."
        )
    if "start_from" in settings:
        raise EvaluationError(
            f"{name}: went on from another model, which it does not hold: it cannot be trained "
            "again from a text alone."
        )
    if vectors.tokenizer is None or vectors.tokenizer.name == "custom":
        raise EvaluationError(
            f"{name}: was trained on token lists or with a function of your own, which is not "
            "saved: a text cannot be cut as it was."
        )
    settings.pop("seed", None)
    return {**settings, "tokens": vectors.tokenizer}


def _without_state(vectors: Vectors) -> Vectors:
    """Let go of the second table, half of the memory."""
    return Vectors(vectors.tokens, vectors.matrix, vectors.counts, subwords=vectors.subwords)


def _bands(comparison: Comparison) -> tuple[StabilityBand, ...]:
    pairs = comparison.overlaps
    bands = [("all", pairs)] + [
        (band.name, [pair.bands[i] for pair in pairs]) for i, band in enumerate(pairs[0].bands)
    ]
    return tuple(
        StabilityBand(
            name,
            float(np.mean([one.overlap for one in ones])),
            min(one.overlap for one in ones),
            max(one.overlap for one in ones),
            float(np.mean([one.jaccard for one in ones])),
        )
        for name, ones in bands
    )


def _spread(file: ComparedFile) -> Spread:
    scores = [one.score for one in file.scores]
    mean, deviation = float(np.mean(scores)), float(np.std(scores, ddof=1))
    return Spread(file.name, file.measure, mean, deviation, min(scores), max(scores))
