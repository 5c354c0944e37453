"""`sajeon.find_phrases`: the phrases of a source of text, without training on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from ..errors import CorpusError
from ..tokens import Tokenizer
from ..tokens.collocations import Scoring
from ..tokens.phrases import Phrases
from .build import Progress, Source, reading


def find_phrases(
    source: Source,
    *,
    min_count: int = 5,
    threshold: float | None = None,
    scoring: Scoring = "word2vec",
    passes: int = 2,
    joiner: str = "_",
    tokens: str | Tokenizer | Callable[[Any], Iterable[str]] = "words",
    encoding_errors: Literal["strict", "replace"] = "strict",
    progress: Progress | None = None,
) -> Phrases:
    """Find the phrases of a text: words that stand together more often than chance.

    Memory is bounded by the vocabulary and the phrases; ids lie on disk as in training.

    >>> phrases = find_phrases(["in new york", "to new york"] * 9, threshold=0.1)
    >>> phrases.tokens("New York in spring")
    ['new_york', 'in', 'spring']

    Args:
        source: See `build_corpus`. Tokens of lists are joined as they are.
        min_count: Pairs seen less often are no phrases.
        threshold: Of the score; default 10 for "word2vec", 0.5 for "npmi".
        scoring: "word2vec" or "npmi", see `Phrases`.
        passes: How often pairs are joined: with 2, phrases of up to 4 words.
        joiner: What stands between the words of a phrase.
        tokens: How texts are cut into words first.
        encoding_errors: See `build_corpus`.
        progress: See `build_corpus`.

    Returns:
        A tokenizer: ``sajeon.train(..., tokens=phrases)``. ``phrases.found`` lists them for each
        pass, ``phrases.join(words)`` joins a token list.

    Raises:
        CorpusError: The source holds no word.
        FormatError, OSError, TypeError: See `build_corpus`.
        ValueError: A setting that cannot be used.
    """
    settings = Phrases(tokens, min_count, threshold, scoring, passes, joiner)
    with reading(source, settings, None, encoding_errors, None, progress) as read:
        read.spool.discard()
        if not isinstance(read.tokenizer, Phrases) or read.tokenizer.found is None:
            raise CorpusError("there is no word in the source: only spaces, signs or empty lines")
        return read.tokenizer
