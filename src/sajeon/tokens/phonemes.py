"""Korean and English text to phonemes, each by its own rules, the language told by the script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from . import english_sounds, korean_sounds
from .ipa import SYLLABLE, WORD
from .korean_words import tensed_after
from .scripts import HANGUL, LATIN, Piece, cut, readable
from .settings import Settled, one_of
from .words import text_of

Boundaries = Literal["none", "words", "syllables"]
Stress = Literal["drop", "keep"]
_Syllable = tuple[str, ...]


class Phonemes(Settled):
    """The phonemes of Korean and English text, in IPA, without a network.

    Hangul is read by the rules of Standard Korean, Latin letters as English (General American, by
    gruut's lexicon and guesser), numbers in the language of what they touch, else of the nearest
    word, the next first. Both languages share one inventory, `sajeon.tokens.ipa`. Everything else,
    punctuation, single jamo, other scripts and emoji, has no sound here and only ends a word.

    >>> Phonemes().tokens("국물이 좋아")
    ['k', 'u', 'ŋ', 'm', 'u', 'l', 'i', 't͡ɕ', 'o', 'a']

    Args:
        boundaries: "none"; "words": ``"␣"`` between words; "syllables": ``"."`` between the
            syllables of a word as well.
        stress: "drop", or "keep": English vowels keep the marks of stress before them, so that
            ``ˈoʊ`` and ``oʊ`` are two tokens.

    Raises:
        ValueError: A setting has another value.
    """

    name = "phonemes"
    reads: Literal["text"] = "text"
    in_processes = True

    def __init__(self, boundaries: Boundaries = "none", stress: Stress = "drop") -> None:
        self.boundaries: Boundaries = one_of(
            "boundaries", boundaries, ("none", "words", "syllables")
        )
        self.stress: Stress = one_of("stress", stress, ("drop", "keep"))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again."""
        return {"boundaries": self.boundaries, "stress": self.stress}

    def tokens(self, item: str) -> list[str]:
        """Return the phonemes of a text, in order.

        Raises:
            MissingExtraError: There are Latin letters in it, and gruut is not installed.
        """
        found: list[str] = []
        for syllables in self._words(text_of(item)):
            if found and self.boundaries != "none":
                found.append(WORD)
            for number, syllable in enumerate(syllables):
                if number and self.boundaries == "syllables":
                    found.append(SYLLABLE)
                found += syllable
        return found

    def _words(self, text: str) -> Iterator[list[_Syllable]]:
        """Yield each word of a text, by syllables."""
        pieces = cut(text)
        shouted = not any(p.kind == HANGUL or p.text.upper() != p.text for p in pieces)
        word: list[_Syllable] = []
        before: Piece | None = None
        for piece in readable(pieces):
            if before is not None and piece.word != before.word and word:
                yield word
                word = []
            word += self._syllables(piece, before, shouted)
            before = piece
        if word:
            yield word

    def _syllables(
        self, piece: Piece, before: Piece | None, shouted: bool
    ) -> tuple[_Syllable, ...]:
        if piece.kind == LATIN:
            found = english_sounds.syllables(piece.text, shouted)
            return found if self.stress == "keep" else english_sounds.unstressed(found)
        if piece.spaced and before is not None and before.kind == HANGUL:
            return korean_sounds.syllables(tensed_after(before.text, piece.text))
        return korean_sounds.syllables(piece.text)
