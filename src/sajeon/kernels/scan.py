"""Cut and fold the tokens of UTF-8 text, given what each character does.

A token is held as 8-byte words padded with zero bytes (NUL never is part of a token), so that
hashing and comparing take one step for most words (`sajeon.kernels.lookup`). The plain twin is
`sajeon.tokens.words`, which decides what is right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Array, Counts
from ._compile import helper, jit

# What a character does. An entry of the character table is
# folded code point | kind << 21 | flags; 0 is a character nobody has looked up yet.
SEPARATOR = 0  # ends a word and is dropped
LETTER = 1  # begins or continues a word
MARK = 2  # continues a word
JOINER = 3  # continues a word if a letter follows
SIGN = 4  # ends a word and is a token of its own
BREAK = 5  # ends a word, is dropped, and nothing before it matters to what follows
NEWLINE = 6  # a BREAK that ends the sequence as well
KIND_SHIFT = 21
KNOWN = 1 << 24  # set in every entry that is filled in
SLOW = 1 << 25  # folding it needs its neighbours: Unicode normalisation, capital sigma
REORDERS = 1 << 26  # a combining class: two in a row may have to change places
ALONE = 1 << 27  # a JOINER that joins nothing is a token of its own
CODE_POINTS = 0x110000

# Why `scan` came back.
PAUSED = 0  # enough for one call; go on at `position`
OUT_OF_DATA = 1  # all is used but a unit that begins at `position` and may go on in further data
UNKNOWN = 2  # code point `detail` has no entry yet; fill it in and go on at `position`
NORMALISE = 3  # the unit at `position` has to be normalised first; byte `detail` shows it
NOT_UTF8 = 4  # byte `detail`, in the unit at `position`, is not UTF-8


@helper
def _decode(data: Array, pos: int, stop: int) -> tuple[int, int]:
    """Code point and bytes of the character at `pos`, not ASCII; 0 bytes: not UTF-8, -1: cut."""
    lead: Any = np.int64(data[pos])  # signed, or a difference of it would wrap
    if lead < 0xC2 or lead > 0xF4:
        return 0, 0
    width, lowest, code = 2, 0x80, lead & 0x1F
    if lead >= 0xF0:
        width, lowest, code = 4, 0x10000, lead & 0x07
    elif lead >= 0xE0:
        width, lowest, code = 3, 0x800, lead & 0x0F
    for i in range(1, width):
        if pos + i >= stop:
            return 0, -1
        byte = np.int64(data[pos + i])
        if byte & 0xC0 != 0x80:
            return 0, 0
        code = code << 6 | byte & 0x3F
    if code < lowest or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return 0, 0
    return code, width


@helper
def _put(words: Array, used: int, acc: Any, shift: int, byte: int) -> tuple[int, Any, int]:
    """Append a byte to the token being built; return ``used, acc, shift``."""
    acc |= np.uint64(byte) << np.uint64(shift)
    if shift < 56:
        return used, acc, shift + 8
    words[used] = acc
    return used + 1, np.uint64(0), 0


@helper
def _put_code(words: Array, used: int, acc: Any, shift: int, code: int) -> tuple[int, Any, int]:
    """Append a character as UTF-8."""
    if code < 0x80:
        return _put(words, used, acc, shift, code)
    if code < 0x800:
        used, acc, shift = _put(words, used, acc, shift, 0xC0 | code >> 6)
        return _put(words, used, acc, shift, 0x80 | code & 0x3F)
    if code < 0x10000:
        used, acc, shift = _put(words, used, acc, shift, 0xE0 | code >> 12)
    else:
        used, acc, shift = _put(words, used, acc, shift, 0xF0 | code >> 18)
        used, acc, shift = _put(words, used, acc, shift, 0x80 | code >> 12 & 0x3F)
    used, acc, shift = _put(words, used, acc, shift, 0x80 | code >> 6 & 0x3F)
    return _put(words, used, acc, shift, 0x80 | code & 0x3F)


@helper
def _end(words: Array, ends: Counts, used: int, tokens: int, acc: Any, shift: int) -> int:
    """Close the token being built, which is number `tokens`; return the words used."""
    if shift > 0:
        words[used] = acc
        used += 1
    ends[tokens] = used
    return used


@helper
def _sign(words: Array, ends: Counts, used: int, tokens: int, code: int) -> int:
    """Make one character a token; return the words used."""
    used, acc, shift = _put_code(words, used, np.uint64(0), 0, code)
    return _end(words, ends, used, tokens, acc, shift)


@jit
def scan(
    data: Array,
    start: int,
    pause: int,
    normalised: bool,
    table: Array,
    letters: Array,
    words: Array,
    ends: Counts,
    lines: Counts,
) -> tuple[int, int, int, int, int]:
    """Cut the tokens out of ``data[start:]``, which begins at the start of a unit.

    A unit is what lies between two BREAKs. Whatever makes the scan stop, only whole units are given
    out, so that a unit that needs help is done again from its start.

    Args:
        data: (bytes,) uint8. UTF-8.
        start: Where to begin.
        pause: Come back at the first end of a unit from here on.
        normalised: The data are normalised and folded: ignore SLOW and REORDERS.
        table: (CODE_POINTS,) uint32. Entries as described above.
        letters: (256,) uint8. Folded byte of each ASCII LETTER, else 0: a smaller copy of `table`.
        words: (at least bytes + 1,) uint64. Filled with the tokens one after another.
        ends: (at least bytes + 1,) int64. Token ``i`` becomes ``words[ends[i - 1]:ends[i]]``.
        lines: (at least bytes,) int64. How many tokens stand before the end of each line.

    Returns:
        status, position, number of tokens, number of lines, detail: see the constants above.
    """
    stop = len(data)
    pos = unit = start
    used = tokens = num_lines = unit_tokens = 0
    acc, shift, inside = np.uint64(0), 0, False  # the last word of the token being built
    joiner: Any = 0  # the joiner that waits for a letter
    reordering = -1  # where the last character with a combining class ended
    while pos < stop:
        folded = letters[data[pos]]
        if folded != 0:
            if joiner != 0:
                used, acc, shift = _put(words, used, acc, shift, joiner)
                joiner = 0
            used, acc, shift = _put(words, used, acc, shift, folded)
            inside = True
            pos += 1
            continue

        code: Any = np.int64(data[pos])
        width = 1
        if code >= 0x80:
            code, width = _decode(data, pos, stop)
            if width < 0:
                break
            if width == 0:
                return NOT_UTF8, unit, unit_tokens, num_lines, pos
        entry = np.int64(table[code])
        if entry == 0:
            return UNKNOWN, unit, unit_tokens, num_lines, code
        if entry & (SLOW | REORDERS) != 0 and not normalised:
            if entry & SLOW != 0 or pos == reordering:
                return NORMALISE, unit, unit_tokens, num_lines, pos
            reordering = pos + width
        kind = entry >> KIND_SHIFT & 7
        code = entry & 0x1FFFFF
        pos += width

        if kind == LETTER or (kind == MARK and inside and joiner == 0):
            if joiner != 0:
                used, acc, shift = _put(words, used, acc, shift, joiner)
                joiner = 0
            used, acc, shift = _put_code(words, used, acc, shift, code)
            inside = True
            continue
        if kind == JOINER and inside and joiner == 0:
            joiner = code
            continue

        if inside:
            used = _end(words, ends, used, tokens, acc, shift)
            tokens += 1
            acc, shift, inside = np.uint64(0), 0, False
            if joiner != 0 and table[joiner] & ALONE != 0:
                used = _sign(words, ends, used, tokens, joiner)
                tokens += 1
            joiner = 0
        if kind == SIGN or (kind == JOINER and entry & ALONE != 0):
            used = _sign(words, ends, used, tokens, code)
            tokens += 1
        elif kind >= BREAK:
            unit, unit_tokens = pos, tokens
            if kind == NEWLINE:
                lines[num_lines] = tokens
                num_lines += 1
            if pos >= pause:
                return PAUSED, unit, unit_tokens, num_lines, 0
    return OUT_OF_DATA, unit, unit_tokens, num_lines, 0
