"""Words of any script, and tokens between whitespace.

This is the definition of right: plain Python on one text at a time. The compiled scanner
(`sajeon.kernels.scan`) gives the same tokens for whole files.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal

from .settings import Settled, one_of

Case = Literal["lower", "keep"]
Punctuation = Literal["drop", "keep"]

# Typographic forms that stand for the apostrophe and the hyphen inside a word.
FOLDS = {"\u2019": "'", "\u2010": "-", "\u2011": "-"}
_FOLDS = str.maketrans(FOLDS)
JOINERS = "'-"


class Words(Settled):
    """Letters and digits of any script, with inner ``'`` and ``-``; the rest is dropped.

    A text is brought to Unicode NFC, ``’`` becomes ``'``, ``‐`` and ``‑`` become ``-``, and letters
    lower case. A word is ``A (A|M)* (J A (A|M)*)*`` where A is a letter or digit (`str.isalnum`),
    M a combining mark (category M) and J one of ``'`` and ``-``.

    >>> Words().tokens("Don’t stop: 학교에 self-made, naïve 2nd!")
    ["don't", 'stop', '학교에', 'self-made', 'naïve', '2nd']

    Args:
        case: "lower" or "keep".
        punctuation: "drop", or "keep": each other sign (category P or S) is a token of its own.

    Raises:
        ValueError: A setting has another value.
    """

    name = "words"
    reads: Literal["text"] = "text"

    def __init__(self, case: Case = "lower", punctuation: Punctuation = "drop") -> None:
        self.case: Case = one_of("case", case, ("lower", "keep"))
        self.punctuation: Punctuation = one_of("punctuation", punctuation, ("drop", "keep"))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again."""
        return {"case": self.case, "punctuation": self.punctuation}

    def tokens(self, item: str) -> list[str]:
        """Return the words of a text, in order."""
        text = self.normalise(text_of(item))
        return _word_finder(self.punctuation, text.isascii())(text)

    def normalise(self, text: str) -> str:
        """Bring a text to the form its tokens are cut from."""
        if text.isascii():
            return text.lower() if self.case == "lower" else text
        text = unicodedata.normalize("NFC", text).translate(_FOLDS)
        if self.case == "lower":
            text = text.lower()
        return unicodedata.normalize("NFC", text)  # lower case may have left a mark to compose


class Whitespace(Settled):
    """What stands between whitespace, as `str.split` cuts it, in Unicode NFC.

    NUL counts as whitespace: it pads files and never is part of a word.

    Args:
        case: "keep" or "lower".

    Raises:
        ValueError: A setting has another value.
    """

    name = "whitespace"
    reads: Literal["text"] = "text"

    def __init__(self, case: Case = "keep") -> None:
        self.case: Case = one_of("case", case, ("lower", "keep"))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again."""
        return {"case": self.case}

    def tokens(self, item: str) -> list[str]:
        """Return the tokens of a text, in order."""
        return self.normalise(text_of(item)).replace("\0", " ").split()

    def normalise(self, text: str) -> str:
        """Bring a text to the form its tokens are cut from."""
        text = unicodedata.normalize("NFC", text)
        return unicodedata.normalize("NFC", text.lower()) if self.case == "lower" else text


def whitespace() -> str:
    """All characters that separate tokens in `Whitespace`; none lies above U+3000."""
    return "\0" + "".join(c for c in map(chr, range(0x3001)) if c.isspace())


@cache
def _word_finder(punctuation: Punctuation, ascii_only: bool) -> Callable[[str], list[str]]:
    """Made on first use: the classes of all of Unicode take some 0.1 s."""
    letters = r"[^\W_]+"  # exactly str.isalnum
    word = letters if ascii_only else f"{letters}(?:[{_class('M')}]+(?:{letters})?)*"
    pattern = f"{word}(?:[{JOINERS}]{word})*"
    if punctuation == "keep":
        pattern += f"|[{_class('PS')}]"
    return re.compile(pattern).findall


@cache
def _class(categories: str) -> str:
    """Inside of a regex character class: all characters whose category begins with one of these."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _ranges(categories))


def _ranges(categories: str) -> Iterator[tuple[int, int]]:
    first = None
    for code in range(0xE0200):  # private use and unassigned above
        inside = unicodedata.category(chr(code))[0] in categories
        if inside and first is None:
            first = code
        elif not inside and first is not None:
            yield first, code - 1
            first = None


def text_of(item: object) -> str:
    """Return `item`, a text.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(item, str):
        raise TypeError(f"a text must be a str, got {type(item).__name__}")
    return item
