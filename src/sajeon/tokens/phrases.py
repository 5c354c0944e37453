"""Words that belong together as one token: "new york" becomes new_york."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import FormatError
from .settings import Settled, one_of, whole

if TYPE_CHECKING:
    from .protocol import Tokenizer

Scoring = Literal["word2vec", "npmi"]
Pair = tuple[str, str]

THRESHOLDS = {"word2vec": 100.0, "npmi": 0.5}
"""Scores above which a pair is a phrase. 100 is that of the released word2phrase."""


class Found(NamedTuple):
    """A phrase that was found, how often, and its score."""

    first: str
    second: str
    together: int
    score: float


class Phrases(Settled):
    """The tokens of another tokenizer, those that are a phrase joined into one.

    Phrases are learned from the corpus: pairs of neighbours that come together more often than
    their parts let expect (`corpus/phrases.py` has the scores). Joining goes from left to right,
    each token being in one phrase at most; several passes make longer phrases of shorter ones.
    Source: Mikolov et al., "Distributed representations of words and phrases and their
    compositionality" (2013), section 4.

    Args:
        of: The other tokenizer: its name, a tokenizer, or its description from config.json.
        min_count: Pairs seen less often are no phrases; in the score of "word2vec" also its δ.
        threshold: Pairs with a score above this are phrases; default 100, of "npmi" 0.5.
        scoring: "word2vec" or "npmi".
        passes: 2 finds phrases of up to 4 tokens.
        joiner: Stands between the parts.
        learned: The phrases of each pass, as in `settings`; None: to be learned first.

    Attributes:
        found: Where they were learned just now, the phrases of all passes with their scores.

    Raises:
        ValueError: A setting has another value.
        FormatError: `learned` is of another form.
    """

    name = "phrases"
    reads: Literal["text"] = "text"

    def __init__(
        self,
        of: str | Tokenizer | Mapping[str, Any] = "words",
        min_count: int | str = 5,
        threshold: float | str | None = None,
        scoring: Scoring = "word2vec",
        passes: int | str = 1,
        joiner: str = "_",
        learned: Sequence[Any] | None = None,
    ) -> None:
        from .protocol import make_tokenizer, tokenizer_from_config

        self.of = tokenizer_from_config(of) if isinstance(of, Mapping) else make_tokenizer(of)
        if self.of.reads != "text" or getattr(self.of, "untrained", False):
            raise ValueError(f"phrases are of a tokenizer that cuts texts at once, got {self.of!r}")
        self.min_count = whole("min_count", min_count, least=1)
        self.scoring: Scoring = one_of("scoring", scoring, tuple(THRESHOLDS))
        self.threshold = _number(THRESHOLDS[self.scoring] if threshold is None else threshold)
        self.passes = whole("passes", passes, least=1, most=8)
        if not isinstance(joiner, str) or not joiner:
            raise ValueError(f"joiner must be a text such as '_', got {joiner!r}")
        self.joiner = joiner
        self.learned: list[dict[Pair, None]] | None = None
        if learned is not None:
            self.learned = [_pairs(some) for some in learned]
        self.found: list[Found] = []

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again, all phrases among them."""
        from .protocol import tokenizer_to_config

        learned = None
        if self.learned is not None:
            learned = [[list(pair) for pair in some] for some in self.learned]
        return {
            "of": tokenizer_to_config(self.of), "min_count": self.min_count,
            "threshold": self.threshold, "scoring": self.scoring, "passes": self.passes,
            "joiner": self.joiner, "learned": learned,
        }  # fmt: skip

    def with_phrases(self, passes: Sequence[Sequence[Found]]) -> Phrases:
        """Return this tokenizer with the phrases of each pass."""
        made = Phrases(
            self.of, self.min_count, self.threshold, self.scoring, self.passes, self.joiner,
            [[one[:2] for one in found] for found in passes],
        )  # fmt: skip
        made.found = [one for found in passes for one in found]
        return made

    def tokens(self, item: str) -> list[str]:
        """Return the tokens of a text, phrases joined.

        Raises:
            ValueError: There are no phrases yet.
        """
        if self.learned is None:
            raise ValueError("there are no phrases yet: they are learned from a corpus in training")
        tokens = self.of.tokens(item)
        for phrases in self.learned:
            tokens = list(join(tokens, phrases, self.joiner))
        return tokens

    def __hash__(self) -> int:
        return hash((self.name, self.min_count, self.threshold, self.passes))

    def __repr__(self) -> str:
        found = "none yet" if self.learned is None else f"{sum(map(len, self.learned)):,}"
        return f"Phrases(of={self.of!r}, passes={self.passes}), {found} learned"


def join(tokens: Sequence[str], phrases: Mapping[Pair, None], joiner: str) -> Iterator[str]:
    """Yield tokens from left to right, those that are a phrase with the next joined to it."""
    i = 0
    while i < len(tokens):
        if i + 1 < len(tokens) and (tokens[i], tokens[i + 1]) in phrases:
            yield joiner.join(tokens[i : i + 2])
            i += 2
        else:
            yield tokens[i]
            i += 1


def _number(value: float | str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"threshold must be a number, got {value!r}") from error


def _pairs(some: Any) -> dict[Pair, None]:
    if not isinstance(some, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(t, str) for t in pair)
        for pair in some
    ):
        raise FormatError(f"expected phrases as lists of two tokens, got {str(some)[:60]}")
    return dict.fromkeys((first, second) for first, second in some)
