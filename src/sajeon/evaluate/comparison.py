"""Models side by side: scores, which differences are more than chance, and whose neighbours."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from .. import search
from ..errors import EvaluationError
from ..formats import testsets
from ..loading import load
from ..vectors import Vectors
from .bootstrap import FEWEST, Interval, interval_of, share_interval
from .common import CommonWords, common_words
from .neighbours import Neighbourhoods, Overlap, WordOverlap
from .paired import Difference, Items, differences
from .questions import RESTRICT, Method, answers_of

if TYPE_CHECKING:
    from ..types import Doubles

    FilePath: TypeAlias = str | os.PathLike[str]

MEASURES = {"add": "3CosAdd", "mul": "3CosMul"}


@dataclass(frozen=True)
class ModelScore:
    """The score of one model on one test set.

    Attributes:
        model: Its name.
        score: Rank correlation, or share of right answers.
        interval: 95 % bootstrap interval over items; None for fewer than ten items.
    """

    model: str
    score: float
    interval: Interval | None


@dataclass(frozen=True)
class ComparedFile:
    """One test set.

    Attributes:
        name: Of the file.
        measure: "spearman", or for analogies "3CosAdd" or "3CosMul".
        scores: Of each model.
        used: Pairs or questions of which all models know all words.
        lost: The others.
    """

    name: str
    measure: str
    scores: tuple[ModelScore, ...]
    used: int
    lost: int


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes:
        models: Names of the models.
        common: Words that all models know.
        files: Scores on each test set.
        differences: Of each two models on each test set, and whether they are more than chance.
        overlaps: Of the neighbours in each two models.
        words: Those whose neighbours differ most among all models.
        failed: Test sets that say nothing about these models, in a sentence each.
        notices: What makes the comparison doubtful.
    """

    models: tuple[str, ...]
    common: int
    files: tuple[ComparedFile, ...]
    differences: tuple[Difference, ...]
    overlaps: tuple[Overlap, ...]
    words: tuple[WordOverlap, ...]
    failed: tuple[str, ...]
    notices: tuple[str, ...]


def compare(
    models: Sequence[Vectors | FilePath],
    files: Sequence[FilePath] = (),
    *,
    names: Sequence[str] | None = None,
    restrict: int | None = RESTRICT,
    method: Method = "add",
    k: int = 10,
    sample: int = 2000,
    seed: int = 1,
) -> Comparison:
    """Set models side by side, on what all of them know.

    All models are asked the same: items with a word that one of them lacks are left out, and the
    answers to analogies and the neighbours are sought among their common words. So a score here may
    differ from that of a model alone.

    Args:
        models: Two or more: vectors, or what `load` opens.
        files: Test sets of either kind, see `formats.testsets`.
        names: Of the models; None: their paths, or "model 1" and so on.
        restrict: For analogies: only the first so many common words, by frequency, are known and
            may be answers. None: all.
        method: For analogies: "add" for 3CosAdd, "mul" for 3CosMul, see `Vectors.analogy`.
        k: Neighbours of a word.
        sample: Words whose neighbours are compared, at most.
        seed: Of that sample.

    Raises:
        ValueError: Fewer than two models, one given twice, or names that do not fit.
        EvaluationError: Two models have (nearly) no words in common, or of all files none says
            anything about the models.
        FormatError, OSError: A file is no model, or no test set.
    """
    names = _names(models, names)
    if k < 1 or sample < 1:
        raise ValueError(f"k and sample must be at least 1, got {k} and {sample}.")
    if method not in MEASURES:
        raise ValueError(f"method must be 'add' or 'mul', got {method!r}.")
    opened = [model if isinstance(model, Vectors) else load(model) for model in models]
    common, notices = common_words(opened, names)
    sets, failed = _sets(opened, common, files, restrict, method)
    notices += [
        f"{items.name}: scores of {items.num} items that all models know say nothing."
        for items in sets
        if items.num < FEWEST
    ]
    draws = [items.resampled() for items in sets]
    near = Neighbourhoods.of(opened, names, common, k=k, sample=sample, seed=seed)
    return Comparison(
        models=tuple(names),
        common=len(common.ranks),
        files=tuple(_scored(one, names, drawn) for one, drawn in zip(sets, draws, strict=True)),
        differences=differences(sets, names, draws),
        overlaps=near.overlaps(),
        words=near.least(),
        failed=tuple(failed),
        notices=tuple(notices),
    )


def _names(models: Sequence[Vectors | FilePath], names: Sequence[str] | None) -> list[str]:
    if isinstance(models, (str, os.PathLike, Vectors)) or len(models) < 2:
        raise ValueError("compare needs two models or more, in a list.")
    keys = [id(m) if isinstance(m, Vectors) else Path(m).resolve() for m in models]
    for i, key in enumerate(keys):
        if key in keys[:i]:
            raise ValueError(f"the model {models[i]!s} is given twice; a model equals itself.")
    if names is None:
        return [
            f"model {i}" if isinstance(model, Vectors) else os.fspath(model)
            for i, model in enumerate(models, 1)
        ]
    if len(names) != len(models) or len(set(names)) != len(names):
        raise ValueError(f"expected {len(models)} different names, got {list(names)!r}.")
    return list(names)


def _sets(
    models: Sequence[Vectors],
    common: CommonWords,
    files: Sequence[FilePath],
    restrict: int | None,
    method: Method,
) -> tuple[list[Items], list[str]]:
    """Return the test sets item by item, and a sentence for each that says nothing.

    Raises:
        EvaluationError: That is all of them.
    """
    sets, failed = [], []
    for file in files:
        try:
            if testsets.kind_of(file) == "analogies":
                sets.append(_questions(models, common, file, restrict, method))
            else:
                sets.append(_pairs(models, common, file))
        except EvaluationError as error:
            failed.append(str(error))
    if failed and not sets:
        raise EvaluationError(" ".join(failed))
    return sets, failed


def _pairs(models: Sequence[Vectors], common: CommonWords, file: FilePath) -> Items:
    rows, name = testsets.read_pairs(file), Path(file).name
    places = common.find([(row.a, row.b) for row in rows])  # (pairs, 2)
    used = (places >= 0).all(axis=1)
    if used.sum() < 2:
        raise EvaluationError(
            f"{name}: all models know both words of {used.sum()} of {len(rows)} pairs; at least 2 "
            "are needed. Is it the same language?"
        )
    values = np.stack(
        [
            search.cosine(*model.matrix[ids[places[used].T]])
            for model, ids in zip(models, common.ids, strict=True)
        ]
    )
    human = np.array([row.score for row in rows])[used]
    if (human == human[0]).all() or (values == values[:, :1]).all(axis=1).any():
        raise EvaluationError(f"{name}: all cosines or all scores are equal: no correlation.")
    return Items(name, "spearman", values, human, int((~used).sum()))


def _questions(
    models: Sequence[Vectors],
    common: CommonWords,
    file: FilePath,
    restrict: int | None,
    method: Method,
) -> Items:
    questions, name = testsets.read_questions(file), Path(file).name
    num = len(common.ranks) if restrict is None else min(restrict, len(common.ranks))
    places = common.find([question[1:] for question in questions], num)  # (questions, 4)
    used = (places >= 0).all(axis=1)
    if not used.any():
        raise EvaluationError(
            f"{name}: of none of {len(questions):,} questions all words are among the first "
            f"{num:,} that the models have in common. Is it the same language?"
        )
    asked = places[used]
    values = []
    for model, ids in zip(models, common.ids[:, :num], strict=True):
        answers = answers_of(model.matrix[ids], model.norms[ids], asked, asked[:, :3], method)
        values.append(answers == asked[:, 3])
    matrix = np.array(values, dtype=np.float64)
    return Items(name, MEASURES[method], matrix, None, int((~used).sum()))


def _scored(items: Items, names: Sequence[str], drawn: Doubles) -> ComparedFile:
    scores = []
    for i, (name, score) in enumerate(zip(names, items.scores().tolist(), strict=True)):
        if items.human is None:  # the same draws as for a model alone
            interval = share_interval(int(items.values[i].sum()), items.num)
        else:
            interval = interval_of(drawn[:, i])
        scores.append(ModelScore(name, score, interval))
    return ComparedFile(items.name, items.measure, tuple(scores), items.num, items.lost)
