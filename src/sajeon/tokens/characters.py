"""What each character does in a tokenizer, as the table that `sajeon.kernels.scan` reads."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

from ..kernels import scan as kinds
from ..types import Array
from .words import JOINERS, Whitespace, Words

_PAGE = 256


class Exact:
    """Stands for a tokenizer where tokens are cut already: NUL ends each, nothing is folded."""

    def normalise(self, text: str) -> str:
        """Return the text as it is."""
        return text


class CharacterTable:
    """Entries of all characters met so far, filled in by pages of 256 as the scan asks for them.

    Attributes:
        entries: (CODE_POINTS,) uint32. Memory is used for the filled pages alone.
        letters: (256,) uint8. Folded byte of each ASCII letter, else 0.
    """

    def __init__(self, tokenizer: Words | Whitespace | Exact) -> None:
        self._tokenizer = tokenizer
        self.entries: Array = np.zeros(kinds.CODE_POINTS, np.uint32)
        self.fill(0)
        ascii_entries = self.entries[:128]
        is_letter = (ascii_entries >> kinds.KIND_SHIFT & 7) == kinds.LETTER
        self.letters: Array = np.zeros(256, np.uint8)
        self.letters[:128] = np.where(is_letter, ascii_entries & 0xFF, 0)

    def fill(self, code: int) -> None:
        """Fill in the page of a code point."""
        first = code - code % _PAGE
        entries = [self._entry(chr(c)) for c in range(first, first + _PAGE)]
        self.entries[first : first + _PAGE] = entries

    def _entry(self, char: str) -> int:
        if isinstance(self._tokenizer, Exact):
            kind = kinds.BREAK if char == "\0" else kinds.LETTER
            return ord(char) | kind << kinds.KIND_SHIFT | kinds.KNOWN
        composed = unicodedata.normalize("NFC", char)
        folded = self._tokenizer.normalise(char)
        flags = kinds.KNOWN
        if composed != char or len(folded) != 1 or char == "Σ" or folded in _composing():
            flags |= kinds.SLOW  # at the end of a word the capital sigma becomes another letter
        if unicodedata.combining(char) or any(map(unicodedata.combining, folded)):
            flags |= kinds.REORDERS
        if char == "\n":
            kind = kinds.NEWLINE
        elif isinstance(self._tokenizer, Whitespace):
            kind = kinds.BREAK if char.isspace() or char == "\0" else kinds.LETTER
        else:
            keep = self._tokenizer.punctuation == "keep"
            kind = _word_kind(folded[0], keep_signs=keep)
            flags |= kinds.ALONE if kind == kinds.JOINER and keep else 0
        return ord(folded[0]) | kind << kinds.KIND_SHIFT | flags


def _word_kind(char: str, *, keep_signs: bool) -> int:
    """The kind of a folded character in `Words`."""
    category = unicodedata.category(char)
    if char.isalnum():
        return kinds.LETTER
    if category[0] == "M":
        return kinds.MARK
    if char in JOINERS:
        return kinds.JOINER
    if keep_signs and category[0] in "PS":
        return kinds.SIGN
    # A dropped character after which folding starts anew: units stay short in scripts that are
    # written without spaces. Found by asking lower() itself, whose capital sigma looks furthest.
    after, before = f"AΣ{char}A".lower(), f"A{char}Σ".lower()
    apart = char.isspace() or (after[1] == "ς" and before[-1] == "σ")
    return kinds.BREAK if apart else kinds.SEPARATOR


@cache
def _composing() -> frozenset[str]:
    """Characters that normalisation may join to the one before (NFC quick check: maybe)."""
    found = {chr(c) for c in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}  # Hangul jamo
    for block in (range(0xC0, 0x3400), range(0xF900, 0x20000)):  # the rest never decomposes
        for code in block:
            parts = unicodedata.decomposition(chr(code)).split()
            if len(parts) == 2 and parts[0][0] != "<":
                found.add(chr(int(parts[1], 16)))
    return frozenset(found)
