"""Keys of ABC: which letters are sharp or flat (the ABC standard 2.1, section 3.1.14)."""

from __future__ import annotations

import re

Signature = dict[str, int]
"""Semitones up or down for letters in upper case; the others are natural."""

SHIFTS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}

_SHARPS = "FCGDAEB"  # in the order in which a signature gains them
_MAJOR = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}  # sharps; below 0 flats
_MODES = {"maj": 0, "ion": 0, "mix": -1, "dor": -2, "min": -3, "aeo": -3, "m": -3, "phr": -4,
          "loc": -5, "lyd": 1}  # fmt: skip
_PIPES = {"F": 1, "C": 1}

_KEY = re.compile(r"\s*([A-G])([#b]?)\s*([A-Za-z]*)")
_EXTRA = re.compile(r"(?<!\S)(\^\^|\^|=|__|_)([A-Ga-g])(?!\S)")


def signature(text: str) -> Signature:
    """Return the signature of a ``K:`` field; of one that names no key, that of C.

    >>> signature("Em")
    {'F': 1}
    >>> signature("D mix ^g")
    {'F': 1, 'G': 1}
    """
    if text.strip()[:2].upper() == "HP":
        return dict(_PIPES)
    found = _KEY.match(text)
    shifts: Signature = {}
    if found:
        word = found[3].lower()
        mode = _MODES.get("m" if word == "m" else word[:3], 0)
        sharps = _MAJOR[found[1]] + {"#": 7, "b": -7, "": 0}[found[2]] + mode
        shifts = _sharps(sharps)
    shifts |= {letter.upper(): SHIFTS[sign] for sign, letter in _EXTRA.findall(text)}
    return {letter: shift for letter, shift in shifts.items() if shift}


def _sharps(count: int) -> Signature:
    """Return a signature of so many sharps, or of flats if below 0; above 7 they double."""
    letters = _SHARPS if count > 0 else _SHARPS[::-1]
    step = 1 if count > 0 else -1
    shifts: Signature = {}
    for i in range(abs(count)):
        letter = letters[i % 7]
        shifts[letter] = shifts.get(letter, 0) + step
    return shifts
