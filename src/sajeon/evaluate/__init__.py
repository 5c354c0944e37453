"""How well vectors agree with people, and with each other.

`similarity` and `analogies` score one model on one test set, `evaluate_file` on either kind. The
scores are those of gensim's ``evaluate_word_pairs`` and ``evaluate_word_analogies``: words are
compared without regard to case, of several tokens that differ in case alone the first (usually the
most frequent) counts, and what has an unknown word is left out, and counted as lost. `compare` sets
models side by side.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..formats import testsets
from .bootstrap import Interval
from .comparison import ComparedFile, Comparison, ModelScore, compare
from .correlation import pearson, spearman
from .neighbours import ChangedWord, Overlap, OverlapBand, WordOverlap
from .paired import Difference
from .questions import RESTRICT, Method, analogies
from .results import AnalogyResult, SectionResult, SimilarityBand, SimilarityResult
from .wordpairs import similarity

if TYPE_CHECKING:
    from ..vectors import Vectors

__all__ = [
    "AnalogyResult",
    "ChangedWord",
    "ComparedFile",
    "Comparison",
    "Difference",
    "Interval",
    "ModelScore",
    "Overlap",
    "OverlapBand",
    "SectionResult",
    "SimilarityBand",
    "SimilarityResult",
    "WordOverlap",
    "analogies",
    "compare",
    "evaluate_file",
    "pearson",
    "similarity",
    "spearman",
]


def evaluate_file(
    vectors: Vectors,
    path: str | os.PathLike[str],
    *,
    restrict: int | None = RESTRICT,
    method: Method = "add",
    subwords: bool = False,
) -> SimilarityResult | AnalogyResult:
    """Evaluate on a test set of either kind, told apart by its content.

    Args:
        vectors: What to evaluate.
        path: See `similarity` and `analogies`.
        restrict: For analogies.
        method: For analogies.
        subwords: For similarity.

    Raises:
        FormatError, EvaluationError, OSError: See `similarity` and `analogies`.
    """
    if testsets.kind_of(path) == "analogies":
        return analogies(vectors, path, restrict=restrict, method=method)
    return similarity(vectors, path, subwords=subwords)
