"""What the first lines of vectors in word2vec's forms or GloVe's say: header, numbers in a row."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import numpy as np

MOST_DIM = 1 << 16
"""Numbers in a row. Nobody has trained so many; a line of more is not a vector."""

MARK = b"\xef\xbb\xbf"
"""A byte order mark, which some editors put before the text."""

_LOOKED_AT = 10  # lines, where no header says how many numbers there are
_HEADER = re.compile(rb"[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,9})[ \t\r]*")


class Beginning(NamedTuple):
    """What the first lines of a text say.

    Attributes:
        num_rows: As the header says; None without a header.
        dim: Numbers in a row.
        start: Where the first row begins, in bytes.
    """

    num_rows: int | None
    dim: int
    start: int


def header_of(head: bytes) -> tuple[int, int, int] | None:
    """Return rows and dim as a first line of two counts says, and its length; None without one."""
    line, end, _ = head.partition(b"\n")
    line = line.removeprefix(MARK)
    found = _HEADER.fullmatch(line) if end else None
    if found is None:
        return None
    return int(found[1]), int(found[2]), head.index(b"\n") + 1


def beginning_of(head: bytes) -> Beginning | None:
    """Return what the first lines say of a text of vectors; None where it is none.

    Args:
        head: The first bytes of the content, the first row among them.
    """
    header = header_of(head)
    start = len(MARK) if head.startswith(MARK) else 0
    if header is not None:
        num_rows, dim, after = header
        first = first_line(head, after)
        # Without a header, and with one number a row, the first row may look like one.
        if len(fields_of(first)) != 2 or dim == 1:
            return Beginning(num_rows, dim, after)
    dim = _usual_number(head[start:].split(b"\n", _LOOKED_AT)[:_LOOKED_AT])
    return Beginning(None, dim, start) if 0 < dim <= MOST_DIM else None


def _usual_number(lines: list[bytes]) -> int:
    """Return how many numbers most of the lines end in: some tokens end in a number themselves."""
    counts = Counter(num_numbers(line) for line in lines if line.strip(b" \t\r"))
    return max(counts, key=lambda number: (counts[number], -number), default=0)


def first_line(text: bytes, start: int) -> bytes:
    """Return the first line from `start` on that is not blank, without its end."""
    while start < len(text):
        end = text.find(b"\n", start) % (len(text) + 1)
        if text[start:end].strip(b" \t\r"):
            return text[start:end]
        start = end + 1
    return b""


def num_numbers(line: bytes) -> int:
    """Return how many fields at the end of a line are numbers, the first field never being one."""
    count = 0
    for field in reversed(fields_of(line)[1:]):
        try:
            number_of(field)
        except ValueError:
            break
        count += 1
    return count


def has_numbers(line: bytes, dim: int) -> bool:
    """Return whether a line ends in at least so many numbers."""
    return dim > 0 and num_numbers(line) >= dim


def fields_of(line: bytes) -> list[bytes]:
    """Return what stands between blanks; before a blank at the beginning an empty token."""
    line = line.strip(b"\r")
    fields = [field for field in line.replace(b"\t", b" ").split(b" ") if field]
    return [b"", *fields] if line[:1] in (b" ", b"\t") else fields


def number_of(field: bytes) -> np.float32:
    """Return the float32 that a field spells; ValueError where it spells none."""
    if b"_" in field:  # Python's own digit separator
        raise ValueError(f"could not convert string to float: {field!r}")
    with np.errstate(over="ignore"):
        return np.float32(float(field))
