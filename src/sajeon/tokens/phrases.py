"""Phrases: words that stand together more often than chance become one token.

Several passes find longer ones: what the first made of "new york" the second joins to "times".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf, nan
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np

from ..errors import FormatError
from .protocol import (
    Tokenizer,
    make_tokenizer,
    token_lists,
    tokenizer_from_config,
    tokenizer_to_config,
)
from .settings import Settled, one_of, whole

if TYPE_CHECKING:
    from .collocations import Collocations, Scoring

_DEFAULT_THRESHOLD = {"word2vec": 10.0, "npmi": 0.5}
_MOST_PASSES = 10
_COLUMNS = ("first", "second", "counts", "scores")
_KINDS = (str, str, int, float)

Columns: TypeAlias = dict[str, list[Any]]
"""The phrases of one pass as settings hold them: `_COLUMNS`, a list each."""


@dataclass(frozen=True)
class Phrase:
    """Two tokens that become one.

    Attributes:
        token: What they become.
        first: The one, which may be a phrase itself.
        second: The other.
        count: How often they stood side by side where the phrases were found.
        score: See `Phrases`.
    """

    token: str
    first: str
    second: str
    count: int
    score: float


class Phrases(Settled):
    """Joins tokens that another tokenizer cuts: ``new york`` becomes ``new_york``.

    Which, it learns from the corpus that it is going to cut, like the pieces of `BPE`. A pair of
    neighbours is a phrase if it is seen `min_count` times and scores above `threshold`. In a text,
    pairs are joined from left to right, and no token is used twice in a pass; then the next pass
    joins what the one before left. The same pairs and scores as gensim's `Phrases`, one after the
    other for several passes.

    Args:
        of: What cuts the text first: a tokenizer, its name, a function, or its description from
            config.json. On the command line all behind ``of=`` is its name and settings.
        min_count: Pairs seen less often are no phrases.
        threshold: Of the score. None: 10 for "word2vec", 0.5 for "npmi".
        scoring: "word2vec", ``(c(ab) - min_count) / (c(a) * c(b))`` times the number of distinct
            tokens and pairs, 0 and up; or "npmi", normalised pointwise mutual information, from -1
            (never together) over 0 (as often as chance) to 1 (always together).
        passes: How often pairs are joined: with 2, phrases of up to 4 tokens.
        joiner: What stands between the tokens of a phrase.
        found: What was found, as in `settings`.

    Raises:
        FormatError: `found` has another form.
        ValueError: A setting has another value.
    """

    name = "phrases"

    def __init__(
        self,
        of: str | Tokenizer | Callable[[Any], Iterable[str]] | Mapping[str, Any] = "words",
        min_count: int | str = 5,
        threshold: float | str | None = None,
        scoring: Scoring = "word2vec",
        passes: int | str = 2,
        joiner: str = "_",
        found: Sequence[Columns] | None = None,
    ) -> None:
        self.of = _inner(of)
        self.reads: Literal["text", "audio"] = self.of.reads
        self.min_count = whole("min_count", min_count, least=1)
        self.scoring: Scoring = one_of("scoring", scoring, ("word2vec", "npmi"))
        self.threshold = _threshold(threshold, self.scoring)
        self.passes = whole("passes", passes, least=1, most=_MOST_PASSES)
        if not isinstance(joiner, str):
            raise ValueError(f"joiner must be a str, got {joiner!r}")
        self.joiner = joiner
        self._found = None if found is None else [_checked(columns) for columns in found]
        self._tables = [self._table(columns) for columns in self._found or ()]

    @property
    def found(self) -> tuple[tuple[Phrase, ...], ...] | None:
        """For each pass its phrases, by falling count; None before any were looked for."""
        if self._found is None:
            return None
        return tuple(
            tuple(map(Phrase, table.values(), *(columns[name] for name in _COLUMNS)))
            for table, columns in zip(self._tables, self._found, strict=True)
        )

    @property
    def untrained(self) -> bool:
        """Whether phrases have not been looked for yet."""
        return self._found is None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again, all phrases among them."""
        return {
            "of": tokenizer_to_config(self.of),
            "min_count": self.min_count,
            "threshold": self.threshold,
            "scoring": self.scoring,
            "passes": self.passes,
            "joiner": self.joiner,
            "found": self._found,
        }

    def tokens(self, item: Any) -> list[str]:
        """Return the tokens of a text, phrases among them."""
        return self.join(self.of.tokens(item))

    def token_lists(self, items: Sequence[Any]) -> list[list[str]]:
        """Return the tokens of each text."""
        return [self.join(tokens) for tokens in token_lists(self.of, items)]

    def join(self, tokens: Sequence[str]) -> list[str]:
        """Return tokens with phrases joined.

        Raises:
            ValueError: There are no phrases yet.
        """
        if self.untrained:
            raise ValueError(
                "phrases have no phrases yet: train on a corpus, or call sajeon.find_phrases"
            )
        joined = list(tokens)
        for table in self._tables:
            joined = list(_joined(joined, table))
        return joined

    def trained(self, texts: Iterable[Any]) -> Self:
        """Return the tokenizer with the phrases that it found in texts.

        All tokens are held in memory; `sajeon.find_phrases` and `sajeon.train` keep them on disk.
        """
        of, items = self.of, list(texts)
        if getattr(of, "untrained", False):
            of = of.trained(items)  # type: ignore[attr-defined]
        lists, found = token_lists(of, items), []
        for _ in range(self.passes):
            columns = self._found_in(lists)
            if not columns["first"]:
                break
            found.append(columns)
            table = self._table(columns)
            lists = [list(_joined(tokens, table)) for tokens in lists]
        return self.with_found(found, of)

    def with_found(self, found: Sequence[Columns], of: Tokenizer) -> Self:
        """Return this tokenizer with phrases, on top of `of`."""
        return type(self)(
            of, self.min_count, self.threshold, self.scoring, self.passes, self.joiner, found
        )

    def find(self, ids: Any, offsets: Any, counts: Any) -> Collocations:
        """Find the phrases of one pass over ids; see `collocations.find_collocations`."""
        from .collocations import find_collocations  # imports Numba, which cutting does without

        return find_collocations(
            ids, offsets, counts, min_count=self.min_count, threshold=self.threshold,
            scoring=self.scoring,
        )  # fmt: skip

    def _found_in(self, lists: list[list[str]]) -> Columns:
        numbered: dict[str, int] = {}
        numbers = [numbered.setdefault(t, len(numbered)) for t in chain.from_iterable(lists)]
        ids = np.array(numbers, np.int32)
        offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        found = self.find(ids, offsets, np.bincount(ids, minlength=len(numbered)))
        spelled = list(numbered)
        return columns_of(found, lambda ids: [spelled[i] for i in ids.tolist()])

    def _table(self, columns: Columns) -> dict[tuple[str, str], str]:
        pairs = zip(columns["first"], columns["second"], strict=True)
        return {pair: self.joiner.join(pair) for pair in pairs}

    def __hash__(self) -> int:
        return hash((self.name, self.min_count, self.threshold, self.scoring, self.passes))

    def __repr__(self) -> str:
        state = "none found yet"
        if not self.untrained:
            state = f"{sum(map(len, self._tables)):,} found"
        return (
            f"Phrases(of={self.of!r}, min_count={self.min_count}, threshold={self.threshold:g}, "
            f"scoring={self.scoring!r}, passes={self.passes}, joiner={self.joiner!r}), {state}"
        )


def _inner(of: Any) -> Tokenizer:
    """Make the tokenizer below.

    Raises:
        ValueError: It is one of phrases; so a model cannot nest them deeper than Python can follow.
    """
    described = isinstance(of, Mapping)
    name = of.get("name") if described else str(getattr(of, "name", of)).partition(":")[0]
    if name == Phrases.name:
        raise ValueError("phrases of phrases: say how often to join by passes= instead")
    return tokenizer_from_config(of) if described else make_tokenizer(of)


def columns_of(found: Collocations, spelled: Callable[[Any], list[str]]) -> Columns:
    """Return the phrases of one pass as settings hold them.

    Args:
        found: By ids.
        spelled: Gives the tokens of ids, an array.
    """
    return {
        "first": spelled(found.first),
        "second": spelled(found.second),
        "counts": found.counts.tolist(),
        "scores": found.scores.tolist(),
    }


def _checked(columns: object) -> Columns:
    """Return the phrases of one pass as settings hold them.

    Raises:
        FormatError: They are something else.
    """
    if isinstance(columns, Mapping) and set(columns) == set(_COLUMNS):
        lists = [columns[name] for name in _COLUMNS]
        if all(map(_all_are, lists, _KINDS)):
            pairs = {*zip(*lists[:2], strict=False)}
            if {len(values) for values in lists} == {len(pairs)}:
                return dict(columns)
    raise FormatError(
        "expected the phrases of a pass as first, second, counts and scores, lists of one length "
        f"without a pair that stands twice; got {str(columns)[:80]!r}"
    )


def _all_are(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _joined(tokens: Iterable[str], table: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Yield tokens, those that are pairs of the table joined, from left to right."""
    last: str | None = None
    for token in tokens:
        if last is None:
            last = token
            continue
        phrase = table.get((last, token))
        yield last if phrase is None else phrase
        last = token if phrase is None else None
    if last is not None:
        yield last


def _threshold(value: float | str | None, scoring: Scoring) -> float:
    """Return the threshold as a number; the scoring's own for None.

    Raises:
        ValueError: It is no number, or one that no score or every score is above.
    """
    if value is None:
        return _DEFAULT_THRESHOLD[scoring]
    least, most = (0.0, inf) if scoring == "word2vec" else (-1.0, 1.0)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = nan
    if isinstance(value, bool) or not least <= number < most:
        expected = "0 or more" if scoring == "word2vec" else "from -1 to below 1"
        raise ValueError(f"threshold of {scoring} must be a number, {expected}; got {value!r}")
    return number
