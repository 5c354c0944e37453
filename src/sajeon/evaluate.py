"""How well vectors agree with people: word similarity and analogies.

The scores are those of gensim's ``evaluate_word_pairs`` and ``evaluate_word_analogies``: words are
compared without regard to case, of several tokens that differ in case alone the first (usually the
most frequent) counts, and what has an unknown word is left out, and counted as lost.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import search
from .errors import EvaluationError
from .formats import testsets

if TYPE_CHECKING:
    from .types import Array, Bools, Doubles, Ids
    from .vectors import Vectors


@dataclass(frozen=True)
class SimilarityResult:
    """Agreement with people's judgement of word pairs.

    Attributes:
        spearman: Rank correlation of cosines and scores, -1 to 1.
        pearson: Linear correlation, -1 to 1.
        pairs_used: Pairs with both words among the tokens.
        pairs_lost: Pairs left out because a word is not.
        name: Of the test set.
    """

    spearman: float
    pearson: float
    pairs_used: int
    pairs_lost: int
    name: str


@dataclass(frozen=True)
class SectionResult:
    """Analogies of one section, or all together.

    Attributes:
        accuracy: correct / total, 0 where total is 0.
        correct: Questions whose nearest token is the expected one.
        total: Questions with all four words among the tokens.
        lost: Questions left out because a word is not.
        name: Of the section or the test set.
    """

    accuracy: float
    correct: int
    total: int
    lost: int
    name: str


@dataclass(frozen=True)
class AnalogyResult(SectionResult):
    """Analogies of a test set.

    Attributes:
        sections: The same for each section, in file order.
    """

    sections: tuple[SectionResult, ...]


def evaluate_file(
    vectors: Vectors, path: str | os.PathLike[str], *, restrict: int | None = 30_000
) -> SimilarityResult | AnalogyResult:
    """Evaluate on a test set of either kind, told apart by its content.

    Args:
        vectors: What to evaluate.
        path: See `similarity` and `analogies`.
        restrict: For analogies.

    Raises:
        FormatError, EvaluationError, OSError: See `similarity` and `analogies`.
    """
    if testsets.kind_of(path) == "analogies":
        return analogies(vectors, path, restrict=restrict)
    return similarity(vectors, path)


def similarity(
    vectors: Vectors,
    pairs: str | os.PathLike[str] | Iterable[tuple[str, str, float]],
    *,
    name: str | None = None,
) -> SimilarityResult:
    """Correlate the cosines of word pairs with people's scores.

    Args:
        vectors: What to evaluate.
        pairs: A file (see `formats.testsets`) or ``(word, word, score)``.
        name: Of the test set; None: that of the file.

    Raises:
        FormatError: A line of the file is malformed, or it holds no pair.
        EvaluationError: Fewer than two pairs have both words among the tokens, or all cosines or
            all scores are equal, so that there is no correlation.
        OSError: The file cannot be read.
    """
    if isinstance(pairs, (str, os.PathLike)):
        rows, name = testsets.read_pairs(pairs), name or Path(pairs).name
    else:
        rows, name = [testsets.Pair(*row) for row in pairs], name or "pairs"
    ids = _ids(vectors, [(row.a, row.b) for row in rows])  # (pairs, 2)
    used = (ids >= 0).all(axis=1)
    if used.sum() < 2:
        raise EvaluationError(
            f"{name}: both words of {used.sum()} of {len(rows)} pairs are among the "
            f"{len(vectors):,} tokens; at least 2 are needed. Is it the same language?"
        )
    first, second = vectors.matrix[ids[used, 0]], vectors.matrix[ids[used, 1]]
    cosines = search.cosine(first, second)
    scores = np.array([row.score for row in rows])[used]
    for what, values in (("cosines", cosines), ("scores", scores)):
        if (values == values[0]).all():
            raise EvaluationError(f"{name}: all {used.sum()} {what} are equal: no correlation.")
    return SimilarityResult(
        spearman=spearman(cosines, scores),
        pearson=pearson(cosines, scores),
        pairs_used=int(used.sum()),
        pairs_lost=int((~used).sum()),
        name=name,
    )


def analogies(
    vectors: Vectors,
    path: str | os.PathLike[str],
    *,
    restrict: int | None = 30_000,
) -> AnalogyResult:
    """Answer "a is to b as c is to d" with the token nearest to b - a + c (3CosAdd).

    The words of a question are never its answer. Source: Mikolov, Yih and Zweig (NAACL 2013).

    Args:
        vectors: What to evaluate, tokens by falling frequency.
        path: A file of questions, see `formats.testsets`.
        restrict: Only the first so many tokens are known and may be answers. None: all.

    Raises:
        FormatError: A line of the file is malformed, or it holds no question.
        EvaluationError: No question has all its words among the tokens.
        OSError: The file cannot be read.
    """
    questions = testsets.read_questions(path)
    name = Path(path).name
    num = len(vectors) if restrict is None else min(restrict, len(vectors))
    ids = _ids(vectors, [question[1:] for question in questions], num)  # (questions, 4)
    used: Bools = np.all(ids >= 0, axis=1)
    if not used.any():
        raise EvaluationError(
            f"{name}: none of {len(questions):,} questions has all its words among the first "
            f"{num:,} tokens. Is it the same language?"
        )
    correct = np.zeros(len(questions), dtype=bool)
    correct[used] = _answered(vectors, ids[used], num)
    parts = testsets.sections(questions)
    results = [_section(section, used[where], correct[where]) for section, where in parts]
    whole = _section(name, used, correct)
    return AnalogyResult(**vars(whole), sections=tuple(results))


def spearman(x: Array, y: Array) -> float:
    """Return Spearman's rank correlation of (n,) and (n,); equal values share their mean rank."""
    return pearson(_mean_ranks(np.asarray(x)), _mean_ranks(np.asarray(y)))


def pearson(x: Array, y: Array) -> float:
    """Return Pearson's correlation of (n,) and (n,), NaN where one of them is constant."""
    a, b = (np.asarray(values, dtype=np.float64) - np.mean(values) for values in (x, y))
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.clip(a @ b / lengths, -1, 1)) if lengths > 0 else float("nan")


def _mean_ranks(values: Array) -> Doubles:
    _, place, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)  # the rank of the last of each group of equals
    ranks: Doubles = (last - (sizes - 1) / 2)[place]
    return ranks


def _fold(word: str) -> str:
    """Return the form in which words are compared; upper case, as gensim does."""
    return unicodedata.normalize("NFC", word).upper()


def _ids(vectors: Vectors, rows: Sequence[tuple[str, ...]], num: int | None = None) -> Ids:
    """Return (rows, words) int64: the first token equal but for case to each word, -1 for none."""
    wanted = [[_fold(word) for word in row] for row in rows]
    missing = {word for row in wanted for word in row}
    first: dict[str, int] = {}
    for i, token in enumerate(vectors.tokens):
        if i == num or not missing:
            break
        folded = _fold(token)
        if folded in missing:
            missing.discard(folded)
            first[folded] = i
    return np.array([[first.get(word, -1) for word in row] for row in wanted], dtype=np.int64)


def _answered(vectors: Vectors, ids: Ids, num: int) -> Bools:
    """Return (questions,) bool: whether the nearest token is the expected one.

    Args:
        vectors: What to evaluate.
        ids: (questions, 4) int64, each the first of the tokens that differ in case alone.
        num: Tokens that may be answers.
    """
    forms = _same_but_for_case(vectors, num)
    matrix, norms = vectors.matrix[:num], vectors.norms[:num]
    units = [search.unit(matrix[column]) for column in ids[:, :3].T]  # 3 x (questions, dim)
    exclude = forms.others[ids[:, :3]].reshape(len(ids), -1)
    answers, _ = search.nearest_many(matrix, norms, units[1] - units[0] + units[2], 1, exclude)
    right: Bools = (answers[:, 0] >= 0) & (forms.first[answers[:, 0]] == ids[:, 3])
    return right


@dataclass(frozen=True)
class _Forms:
    """Tokens that differ in case alone.

    Attributes:
        first: (num,) int64. For each token the first token of the same form, often itself.
        others: (num, most) int64. For each first token all tokens of its form, filled with -1.
    """

    first: Ids
    others: Ids


def _same_but_for_case(vectors: Vectors, num: int) -> _Forms:
    seen: dict[str, int] = {}
    first = np.empty(num, dtype=np.int64)
    members: dict[int, list[int]] = {}
    for i, token in zip(range(num), vectors.tokens, strict=False):
        first[i] = seen.setdefault(_fold(token), i)
        members.setdefault(first.item(i), []).append(i)
    others = np.full((num, max(map(len, members.values()))), -1, dtype=np.int64)
    for i, forms in members.items():
        others[i, : len(forms)] = forms
    return _Forms(first, others)


def _section(name: str, used: Bools, correct: Bools) -> SectionResult:
    total, right = int(used.sum()), int(correct.sum())
    lost = len(used) - total
    return SectionResult(right / total if total else 0.0, right, total, lost, name)
