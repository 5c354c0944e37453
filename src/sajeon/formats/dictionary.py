"""Pairs of words in two languages, one pair a line, with a tab or blanks between the two."""

from __future__ import annotations

import os

from ..errors import FormatError
from .textlines import TextLines


def read_dictionary(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Read pairs, in file order; empty lines are passed over.

    A word may hold blanks where a tab stands between the two.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A line holds something else, with ``path:line``; or there is no pair.
    """
    text = TextLines(path)
    text.check_text()
    pairs = []
    for number, whole in enumerate(text.lines(), 1):
        line = whole.strip("\ufeff\r\n")
        cells = line.split("\t") if "\t" in line else line.split()
        pair = [cell.strip() for cell in cells]
        if len(pair) == 2 and all(pair):
            pairs.append((pair[0], pair[1]))
        elif any(pair):
            raise FormatError(
                f"{text.name}:{number}: expected two words with a tab or a blank between, "
                f"got {line[:60]!r}."
            )
    if not pairs:
        raise FormatError(f"{text.name}: expected pairs of words, one a line; there is none.")
    return pairs
