"""Korean morphemes by Kiwi (package kiwipiepy), a statistical analyser with a language model.

Source: M. Lee, "Kiwi: Developing a Korean Morphological Analyzer Based on Statistical Language
Models and Skip-Bigram" (Korean Journal of Digital Humanities, 2024); its tags:
https://github.com/bab2min/kiwipiepy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from ..cores import available_cores
from .userwords import UserWords

Key: TypeAlias = tuple[str, str]

# Added to a path's log probability. 1,000 sentences with 200 made-up words of two parts: all words
# stayed whole with 0, 3 and 6; above 0 more of them were also found inside of other words.
_USER_SCORE = 0.0


class Kiwi:
    """Kiwi with the user's own words.

    Loading takes some seconds and 330 MB. Its own threads share out the texts of a call; they run
    outside Python's lock. Processes in place of them took 1.2 times the CPU for 2 MB on two cores,
    and as much memory each.

    Args:
        words: With their tags; each is kept whole.
    """

    def __init__(self, words: UserWords) -> None:
        from kiwipiepy import Kiwi as Analyser

        # Words of several words (from Wikidata) are left out: a token must not hold a blank.
        self._kiwi: Any = Analyser(num_workers=available_cores(), load_multi_dict=False)
        for word, tag in words:
            self._kiwi.add_user_word(word, tag, _USER_SCORE)

    def analysed(self, texts: Iterable[str]) -> Iterator[list[Key]]:
        """Yield, for each text, what `morphemes` takes, in order."""
        for tokens in self._kiwi.tokenize(texts, compatible_jamo=True):
            yield [(token.form, token.tag) for token in tokens]

    def morphemes(self, key: Key) -> list[tuple[str, str]]:
        """Return pairs of form and tag. Marks of irregular verbs, as in VV-I, are left out."""
        form, tag = key
        return [(form, tag.partition("-")[0])]
