"""A text cut by script, and the language in which its numbers and signs are read."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from . import numbers_ko
from .english_sounds import LETTERS, number_words

HANGUL, LATIN, NUMBER, SIGN = "hangul", "latin", "number", "sign"


class Piece(NamedTuple):
    """A stretch of one kind.

    Attributes:
        kind: HANGUL, LATIN, NUMBER or SIGN.
        text: What to read.
        word: Number of the word it belongs to: pieces of one word touch.
        spaced: Nothing but blanks stands between its word and the one before.
    """

    kind: str
    text: str
    word: int
    spaced: bool


_PIECE = re.compile(
    rf"""(?P<hangul>[가-힣]+)
    | (?P<latin>(?<![{LETTERS}])[A-Za-z](?:\.[A-Za-z])+(?![{LETTERS}])\.?     # U.S.A.
        | [{LETTERS}]+(?:['’][{LETTERS}]+)*(?:(?<=[Ii][Nn])['’])?)            # don't, lovin'
    | (?P<number>[0-9]{{1,3}}(?:,[0-9]{{3}})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)
    | (?P<sign>[%&℃])""",
    re.VERBOSE,
)
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
# Marks that did not compose and characters without width: they do not part a word.
_MARKS = (*range(0x300, 0x370), 0x302E, 0x302F, *range(0xFE00, 0xFE10))
_SILENT = dict.fromkeys((*_MARKS, 0xAD, 0x200C, 0x200D, 0x2060, 0xFEFF))

_SIGNS_KO = {"%": "퍼센트", "℃": "도"}
_SIGNS_EN = {"%": "percent", "℃": "degrees"}
_UNITS_KO = {
    "km": "킬로미터", "m": "미터", "cm": "센티미터", "mm": "밀리미터", "kg": "킬로그램",
    "g": "그램", "mg": "밀리그램", "L": "리터", "ml": "밀리리터", "mL": "밀리리터",
}  # fmt: skip
_ORDINALS = ("st", "nd", "rd", "th")


def cut(text: str) -> list[Piece]:
    """Cut a text, brought to NFC, by script; what has no sound only parts words."""
    text = unicodedata.normalize("NFC", text)
    if not text.isascii():
        text = text.translate(_FULL_WIDTH).translate(_SILENT)
    found: list[Piece] = []
    end, word = -1, -1
    for match in _PIECE.finditer(text):
        start, touches = match.start(), match.start() == end
        word += not touches
        spaced = end >= 0 and not touches and text[end:start].isspace()
        found.append(Piece(match.lastgroup or "", match[0], word, spaced))
        end = match.end()
    return found


def joined(pieces: list[Piece]) -> list[Piece]:
    """Put Hangul of one word together: sounds change across a number and its counter, too."""
    found = pieces[:1]
    for piece in pieces[1:]:
        last = found[-1]
        if piece.kind == last.kind == HANGUL and piece.word == last.word:
            found[-1] = last._replace(text=last.text + piece.text)
        else:
            found.append(piece)
    return found


def readable(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces with numbers and signs written out, as HANGUL and LATIN alone."""
    if all(kind == HANGUL or (kind == LATIN and len(text) > 1) for kind, text, *_ in pieces):
        return pieces
    return joined(_Numbers(pieces).written_out())


class _Numbers:
    """Writes out the numbers and signs of a text."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        self._has_hangul = any(piece.kind == HANGUL for piece in pieces)
        self._nearest = _nearest_letters(pieces)

    def written_out(self) -> list[Piece]:
        """Return all pieces, none of them a number or a sign."""
        found: list[Piece] = []
        for i, piece in enumerate(self._pieces):
            if piece.kind == HANGUL:
                found.append(piece)
                continue
            write = {LATIN: self._latin, NUMBER: self._number, SIGN: self._sign}[piece.kind]
            found += [Piece(*written, *piece[2:]) for written in write(i, piece.text)]
        return found

    def _number(self, i: int, number: str) -> list[tuple[str, str]]:
        if self._is_korean(i):
            return [(HANGUL, self._in_korean(i, number))]
        suffix = self._text(i + 1, LATIN, of_word=self._pieces[i].word).lower()
        words = number_words(number, suffix if suffix in _ORDINALS else "")
        if suffix in ("s", "'s"):  # the 90s
            words[-1] += "'s"
        return [(LATIN, word) for word in words]

    def _in_korean(self, i: int, number: str) -> str:
        before = self._text(i - 1, HANGUL, of_word=self._pieces[i].word)
        after = self._text(i + 1, HANGUL)
        follows = bool(after) and (self._touches(i + 1, NUMBER, 1) or self._text(i + 2, HANGUL))
        following = self._pieces[i + 2].text if follows else ""
        return numbers_ko.read(number, after, before, following)

    def _latin(self, i: int, text: str) -> list[tuple[str, str]]:
        if self._touches(i, NUMBER, -1):
            if text in _UNITS_KO and self._is_korean(i - 1):
                return [(HANGUL, _UNITS_KO[text])]
            if text.lower() in (*_ORDINALS, "s"):
                return []  # read with the number
        named = len(text) == 1 and any(
            self._touches(i, kind, side) for kind in (HANGUL, NUMBER) for side in (-1, 1)
        )
        return [(LATIN, f"{text}." if named else text)]  # A4, A형: the name of the letter

    def _sign(self, i: int, sign: str) -> list[tuple[str, str]]:
        if sign == "&":
            between = 0 < i < len(self._pieces) - 1
            return [(LATIN, "and")] if between and self._nearest[i] == LATIN else []
        if not self._touches(i, NUMBER, -1):
            return []
        korean = self._is_korean(i - 1)
        return [(HANGUL, _SIGNS_KO[sign]) if korean else (LATIN, _SIGNS_EN[sign])]

    def _is_korean(self, i: int) -> bool:
        """Whether a number is read in Korean: by what it touches, else by the nearest letters."""
        if self._touches(i, LATIN, -1):
            return False
        if self._touches(i, LATIN, 1):
            return self._has_hangul and self._pieces[i + 1].text in _UNITS_KO
        if self._touches(i, HANGUL, -1) or self._touches(i, HANGUL, 1):
            return True
        return self._nearest[i] != LATIN

    def _touches(self, i: int, kind: str, side: int) -> bool:
        beside = i + side
        return (
            0 <= beside < len(self._pieces)
            and self._pieces[beside].kind == kind
            and self._pieces[beside].word == self._pieces[i].word
        )

    def _text(self, i: int, kind: str, of_word: int | None = None) -> str:
        """Return the text of a piece if it is of that kind, and of that word where one is named."""
        if not 0 <= i < len(self._pieces) or self._pieces[i].kind != kind:
            return ""
        return self._pieces[i].text if of_word in (None, self._pieces[i].word) else ""


def _nearest_letters(pieces: list[Piece]) -> list[str]:
    """Return the kind of the next letters from each piece on, else of the last before, else ""."""
    found: list[str] = []
    near = ""
    for piece in reversed(pieces):
        near = piece.kind if piece.kind in (HANGUL, LATIN) else near
        found.append(near)
    found.reverse()
    near = ""
    for i, piece in enumerate(pieces):
        near = piece.kind if piece.kind in (HANGUL, LATIN) else near
        found[i] = found[i] or near
    return found
