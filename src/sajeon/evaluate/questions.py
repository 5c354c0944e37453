"""Analogies: "a is to b as c is to d", counted as right where d is the first answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from .. import search
from ..errors import EvaluationError
from ..formats import testsets
from .bands import bands_of, ranks_of
from .bootstrap import share_interval
from .known import forms_of, ids_of
from .results import AnalogyResult, SectionResult

if TYPE_CHECKING:
    from ..types import Array, Bools, Doubles, Ids
    from ..vectors import Vectors

Method: TypeAlias = Literal["add", "mul"]

RESTRICT = 30_000
"""Tokens that may be answers, unless said otherwise."""


def analogies(
    vectors: Vectors,
    path: str | os.PathLike[str],
    *,
    restrict: int | None = RESTRICT,
    method: Method = "add",
) -> AnalogyResult:
    """Answer "a is to b as c is to d" with the token nearest to b - a + c.

    The words of a question are never its answer. Questions with an unknown word are left out, as
    gensim's ``evaluate_word_analogies`` does; ``accuracy_all`` counts them as wrong, as with
    ``dummy4unknown=True``. Source: Mikolov, Yih and Zweig (NAACL 2013).

    Args:
        vectors: What to evaluate, tokens by falling frequency.
        path: A file of questions, see `formats.testsets`.
        restrict: Only the first so many tokens are known and may be answers. None: all. gensim's
            default is 300,000.
        method: "add" for 3CosAdd, "mul" for 3CosMul, see `Vectors.analogy`.

    Raises:
        FormatError: A line of the file is malformed, or it holds no question.
        EvaluationError: No question has all its words among the tokens.
        OSError: The file cannot be read.
        ValueError: The method is another.
    """
    if method not in ("add", "mul"):
        raise ValueError(f"method must be 'add' or 'mul', got {method!r}.")
    questions = testsets.read_questions(path)
    name = Path(path).name
    num = len(vectors) if restrict is None else min(restrict, len(vectors))
    ids = ids_of(vectors, [question[1:] for question in questions], num)  # (questions, 4)
    used: Bools = np.all(ids >= 0, axis=1)
    used[used] = np.isfinite(vectors.norms[ids[used]]).all(axis=1)
    if not used.any():
        raise EvaluationError(
            f"{name}: none of {len(questions):,} questions has all its words among the first "
            f"{num:,} tokens. Is it the same language?"
        )
    correct = np.zeros(len(questions), dtype=bool)
    correct[used] = answered(vectors, ids[used], num, method)
    parts = testsets.sections(questions)
    sections = [_section(section, used[where], correct[where]) for section, where in parts]
    whole = _section(name, used, correct)
    bands = _bands(vectors, ids, used, correct)
    return AnalogyResult(**vars(whole), sections=tuple(sections), bands=bands, method=method)


def answered(vectors: Vectors, ids: Ids, num: int, method: Method = "add") -> Bools:
    """Return (questions,) bool: whether the first answer is the expected token.

    Args:
        vectors: What to evaluate.
        ids: (questions, 4) int64, each the first of the tokens that differ in case alone.
        num: Only the first so many tokens may be answers.
        method: See `analogies`.
    """
    forms = forms_of(vectors, num)
    exclude = forms.others[ids[:, :3]].reshape(len(ids), -1)
    answers = answers_of(vectors.matrix[:num], vectors.norms[:num], ids, exclude, method)
    right: Bools = (answers >= 0) & (forms.first[answers] == ids[:, 3])
    return right


def answers_of(matrix: Array, norms: Doubles, questions: Ids, exclude: Ids, method: Method) -> Ids:
    """Return (questions,) int64: the row that answers each question, -1 where none is left.

    Args:
        matrix: (num, dim). Rows that may be answers.
        norms: (num,) float64, their lengths.
        questions: (questions, 3 or more) int64. Rows of a, b and c.
        exclude: (questions, any) int64. Rows that may not answer; -1 stands for none.
        method: See `analogies`.
    """
    if method == "mul":
        words, place = np.unique(questions[:, :3], return_inverse=True)
        place = place.reshape(len(questions), 3)
        return search.best_by_product(matrix, norms, matrix[words], place, exclude)
    a, b, c = (search.unit(matrix[column]) for column in questions[:, :3].T)
    answers, _ = search.nearest_many(matrix, norms, b - a + c, 1, exclude)
    return answers[:, 0]


def _bands(vectors: Vectors, ids: Ids, used: Bools, correct: Bools) -> tuple[SectionResult, ...]:
    ranks = ranks_of(vectors)
    if ranks is None:
        return ()
    known = np.flatnonzero(used)
    bands = bands_of(ranks[ids[known]].max(axis=1))
    return tuple(_section(name, used[known[where]], correct[known[where]]) for name, where in bands)


def _section(name: str, used: Bools, correct: Bools) -> SectionResult:
    asked, total, right = len(used), int(used.sum()), int(correct.sum())
    return SectionResult(
        accuracy=right / total if total else 0.0,
        correct=right,
        total=total,
        lost=asked - total,
        name=name,
        accuracy_interval=share_interval(right, total),
        accuracy_all=right / asked if asked else 0.0,
        accuracy_all_interval=share_interval(right, asked),
    )
