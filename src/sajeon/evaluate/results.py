"""What an evaluation found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .bootstrap import Interval


@dataclass(frozen=True)
class SimilarityBand:
    """Pairs whose rarer word is in one band of frequency.

    Attributes:
        name: Ranks in the vocabulary, as in "1,001-10,000".
        spearman: Rank correlation; None where there is none, for fewer than two pairs or if all
            cosines or all scores are equal.
        spearman_interval: 95 % bootstrap interval; None for fewer than ten pairs.
        pairs_used: How many.
    """

    name: str
    spearman: float | None
    spearman_interval: Interval | None
    pairs_used: int


@dataclass(frozen=True)
class SimilarityResult:
    """Agreement with people's judgement of word pairs.

    Intervals are 95 % bootstrap intervals over pairs, None for fewer than ten.

    Attributes:
        spearman: Rank correlation of cosines and scores, -1 to 1.
        pearson: Linear correlation, -1 to 1.
        pairs_used: Pairs with both words among the tokens.
        pairs_lost: Pairs left out because a word is not.
        name: Of the test set.
        spearman_interval: Of `spearman`.
        pearson_interval: Of `pearson`.
        spearman_all: Of all pairs, those lost with cosine 0.
        spearman_all_interval: Of `spearman_all`.
        pearson_all: Likewise.
        pearson_all_interval: Of `pearson_all`.
        pairs_made: Of those used, pairs with a vector made of subwords.
        bands: By the rarer word; empty where the vectors do not tell frequencies. Pairs with a
            vector made of subwords are in none.
    """

    spearman: float
    pearson: float
    pairs_used: int
    pairs_lost: int
    name: str
    spearman_interval: Interval | None
    pearson_interval: Interval | None
    spearman_all: float
    spearman_all_interval: Interval | None
    pearson_all: float
    pearson_all_interval: Interval | None
    pairs_made: int
    bands: tuple[SimilarityBand, ...]


@dataclass(frozen=True)
class SectionResult:
    """Analogies of one section, of one band of frequency, or all together.

    Intervals are 95 % bootstrap intervals over questions, None for fewer than ten.

    Attributes:
        accuracy: correct / total, 0 where total is 0.
        correct: Questions whose nearest token is the expected one.
        total: Questions with all four words among the tokens.
        lost: Questions left out because a word is not.
        name: Of the section, the band or the test set.
        accuracy_interval: Of `accuracy`.
        accuracy_all: correct / (total + lost): those lost count as wrong.
        accuracy_all_interval: Of `accuracy_all`.
    """

    accuracy: float
    correct: int
    total: int
    lost: int
    name: str
    accuracy_interval: Interval | None
    accuracy_all: float
    accuracy_all_interval: Interval | None


@dataclass(frozen=True)
class AnalogyResult(SectionResult):
    """Analogies of a test set.

    Attributes:
        sections: The same for each section, in file order.
        bands: By the rarest of the four words; empty where the vectors do not tell frequencies.
        method: "add" for 3CosAdd, "mul" for 3CosMul.
    """

    sections: tuple[SectionResult, ...]
    bands: tuple[SectionResult, ...]
    method: Literal["add", "mul"]
