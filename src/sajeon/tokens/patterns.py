"""Tokens by character, and by a pattern of the user's own."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Literal

from .settings import Settled, flag, one_of
from .words import Case, text_of


class Characters(Settled):
    """Each character is a token: a letter with all marks that stand on it.

    A text is brought to Unicode NFC. Marks that did not compose (categories Mn, Mc and Me), signs
    joined by U+200D and their variation selectors stay with the character before them.

    >>> Characters().tokens("맑은 날")
    ['맑', '은', '날']

    Args:
        case: "keep" or "lower".
        spaces: Whether whitespace gives tokens: each stretch of it one ``"␣"``.

    Raises:
        ValueError: A setting has another value.
    """

    name = "chars"
    reads: Literal["text"] = "text"

    def __init__(self, case: Case = "keep", spaces: bool | str = False) -> None:
        self.case: Case = one_of("case", case, ("lower", "keep"))
        self.spaces = flag("spaces", spaces)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again."""
        return {"case": self.case, "spaces": self.spaces}

    def tokens(self, item: str) -> list[str]:
        """Return the characters of a text, in order."""
        text = normalised(text_of(item), self.case)
        if text.isascii() and not self.spaces:
            return list(_SPACE.sub("", text))
        found: list[str] = []
        for word in _SPACE.split(text):
            if word and found and self.spaces:
                found.append(SPACE)
            found += _clusters(word)
        return found


SPACE = "␣"
"""Stands for whitespace where that is a token."""

_SPACE = re.compile(r"[\s\0]+")
_JOINER = "\u200d"


def _clusters(word: str) -> list[str]:
    found: list[str] = []
    for character in word:
        joined = bool(found) and (
            character == _JOINER
            or found[-1][-1] == _JOINER
            or unicodedata.category(character)[0] == "M"
        )
        if joined:
            found[-1] += character
        else:
            found.append(character)
    return found


def normalised(text: str, case: Case) -> str:
    """Return a text in Unicode NFC, in lower case if so wished."""
    text = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", text.lower()) if case == "lower" else text


class Regex(Settled):
    r"""What a regular expression finds, from left to right.

    On the command line all that follows ``regex:`` is the pattern. A text is brought to Unicode NFC
    first. With groups in the pattern, the tokens are what the groups matched.

    >>> Regex(r"\d+|\w").tokens("C4 d16")
    ['C', '4', 'd', '16']

    Args:
        pattern: As the module `re` takes it. One that backtracks without end is yours to avoid.

    Raises:
        ValueError: It is no pattern, or matches the empty text.
    """

    name = "regex"
    reads: Literal["text"] = "text"

    def __init__(self, pattern: str) -> None:
        try:
            self._found = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"regex: {pattern!r} is no pattern: {error}") from None
        if self._found.fullmatch(""):
            raise ValueError(f"regex: {pattern!r} matches nothing at all as well: write + for *")
        self.pattern = pattern

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again."""
        return {"pattern": self.pattern}

    def tokens(self, item: str) -> list[str]:
        """Return the matches in a text, in order."""
        found = self._found.findall(unicodedata.normalize("NFC", text_of(item)))
        if self._found.groups > 1:
            return [part for groups in found for part in groups if part]
        return [token for token in found if token]

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"
