"""Hangul syllables taken apart into their letters (jamo), and put together again without loss.

A modern syllable is always three jamo: initial consonant, vowel, final consonant. Where there is no
final, `EMPTY` stands in its place, so that every third jamo begins a new syllable. Source: Park,
Byun, Baek, Cho and Oh, "Subword-level Word Vector Representations for Korean" (ACL 2018), section
3.1; the arithmetic of syllables: The Unicode Standard, section 3.12.

Unicode has two sets of letters. Conjoining jamo (U+1100 to U+11FF) tell initial and final ones
apart, but no keyboard has them and terminals draw them one upon the other. Compatibility jamo
(U+3130 to U+318F) are what people type, one letter for both places. So

- `decompose` and `compose`, which are for programs, use conjoining jamo, one character each;
- `Jamo`, whose tokens are typed and read, uses compatibility jamo, finals behind a ``_``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Literal

from .patterns import SPACE, Characters, normalised
from .settings import Settled, flag, one_of
from .words import Case, text_of

EMPTY = "_"
"""Stands where a syllable has no final consonant."""

_FIRST_SYLLABLE, _LAST_SYLLABLE = "가", "힣"
_INITIAL, _VOWEL, _FINAL = 0x1100, 0x1161, 0x11A8
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"

_COMPATIBLE = {
    first + i: letter
    for first, letters in ((_INITIAL, _INITIALS), (_VOWEL, _VOWELS), (_FINAL, _FINALS))
    for i, letter in enumerate(letters)
}
_SYLLABLE = re.compile(f"[{_FIRST_SYLLABLE}-{_LAST_SYLLABLE}]")
_THREE_JAMO = re.compile(f"([\u1100-\u1112][\u1161-\u1175])([\u11a8-\u11c2{EMPTY}])")
_ESCAPED = (EMPTY, SPACE)
_BLANKS = re.compile(r"[\s\0]+")
_CHARACTERS = Characters()


def decompose(text: str) -> str:
    r"""Take syllables apart: each becomes three conjoining jamo, with `EMPTY` for no final.

    All else stays, in Unicode NFC. Old Hangul is written in conjoining jamo already.

    >>> decompose("닭이 A") == "\u1103\u1161\u11b0" + "\u110b\u1175_" + " A"
    True
    """
    return _SYLLABLE.sub(_three_jamo, unicodedata.normalize("NFC", text))


def compose(jamo: str) -> str:
    """Put together what `decompose` took apart, to the text it was, in Unicode NFC.

    An `EMPTY` of the text itself needs no mark: NFC leaves no initial with a vowel behind it, so
    that any such pair is of a syllable, and the next character is its final.

    >>> compose(decompose("닭_이_ ㄱㅏ_"))
    '닭_이_ ㄱㅏ_'
    """
    return _THREE_JAMO.sub(lambda three: _syllable(*three.groups()), jamo)


def compatible(text: str) -> str:
    r"""Return a text with modern conjoining jamo as the compatibility jamo that people type.

    >>> compatible("\u11ab\u1103")
    'ㄴㄷ'
    """
    return text if text.isascii() else text.translate(_COMPATIBLE)


def _three_jamo(syllable: re.Match[str]) -> str:
    return _jamo_of(syllable[0])


@cache  # 11,172 syllables
def _jamo_of(syllable: str) -> str:
    rest, final = divmod(ord(syllable) - ord(_FIRST_SYLLABLE), len(_FINALS) + 1)
    initial, vowel = divmod(rest, len(_VOWELS))
    last = chr(_FINAL + final - 1) if final else EMPTY
    return chr(_INITIAL + initial) + chr(_VOWEL + vowel) + last


def _syllable(open_syllable: str, final: str) -> str:
    return unicodedata.normalize("NFC", open_syllable + ("" if final == EMPTY else final))


class Jamo(Settled):
    """The letters of Hangul syllables; each other character is a token as it is.

    A syllable gives three tokens: initial and vowel as people type them, then the final behind a
    ``_``, which stands alone where there is none. So an initial ㅇ, which is silent, and a final
    one, which is not, are two tokens. A letter that stands alone in the text (ㅋㅋ) is the same
    token as the initial or vowel. A ``_`` or ``␣`` of the text itself gets a ``_`` before it.

    >>> jamo = Jamo()
    >>> jamo.tokens("닭이 A_")
    ['ㄷ', 'ㅏ', '_ㄺ', 'ㅇ', 'ㅣ', '_', '␣', 'A', '__']
    >>> jamo.join(jamo.tokens("닭이 A_"))
    '닭이 A_'

    Args:
        case: "keep" or "lower".
        spaces: Whether whitespace gives tokens, each stretch of it one ``"␣"``. Without, words
            cannot be told apart any more.

    Marks and joined signs stay with the character before them, as in `Characters`.

    Raises:
        ValueError: A setting has another value.
    """

    name = "jamo"
    reads: Literal["text"] = "text"

    def __init__(self, case: Case = "keep", spaces: bool | str = True) -> None:
        self.case: Case = one_of("case", case, ("lower", "keep"))
        self.spaces = flag("spaces", spaces)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again."""
        return {"case": self.case, "spaces": self.spaces}

    def tokens(self, item: str) -> list[str]:
        """Return the jamo and other characters of a text, in order."""
        text = normalised(text_of(item), self.case)
        found: list[str] = []
        for number, part in enumerate(_BLANKS.split(text)):
            if number and self.spaces:
                found.append(SPACE)
            for character in _CHARACTERS.tokens(part):
                found += _spelled(character)
        return found

    def join(self, tokens: Iterable[str]) -> str:
        """Return the text that has these tokens, in Unicode NFC, a blank for each ``␣``.

        A token that is of no syllable is put where it stands, so that any list gives a text.
        """
        tokens, parts, at = list(tokens), [], 0
        while at < len(tokens):
            syllable = _syllables().get(tuple(tokens[at : at + 3]))
            parts.append(syllable or _unescaped(tokens[at]))
            at += 3 if syllable else 1
        return "".join(parts)


@lru_cache(maxsize=1 << 16)
def _spelled(character: str) -> tuple[str, ...]:
    """Return the tokens of a character with the marks that stand on it."""
    if character[0] in _ESCAPED:
        return (EMPTY + character,)
    if not _SYLLABLE.match(character):
        return (character,)
    initial, vowel, final = tuple(compatible(_jamo_of(character[0])))
    last = EMPTY if final == EMPTY else EMPTY + final
    return (initial, vowel, last, *filter(None, [character[1:]]))


@cache
def _syllables() -> dict[tuple[str, ...], str]:
    codes = range(ord(_FIRST_SYLLABLE), ord(_LAST_SYLLABLE) + 1)
    return {_spelled(syllable): syllable for syllable in map(chr, codes)}


def _unescaped(token: str) -> str:
    if token == SPACE:
        return " "
    return token[1:] if token[:1] == EMPTY and token[1:2] in _ESCAPED else token
