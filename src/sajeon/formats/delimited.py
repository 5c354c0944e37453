"""Rows of cells in text: CSV (RFC 4180), with commas or semicolons, and TSV.

TSV has no standard: some files quote a cell as CSV does, in others a quotation mark is a character
like any other. Which, the first megabyte tells: in a quoted file every cell with a mark in it is
quoted as a whole, and marks inside are doubled.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

from ..errors import FormatError
from .textlines import LONGEST_LINE, TextLines

# A cell in quotation marks: on one line; and on several, the last of which may be cut off.
_ON_ONE_LINE = re.compile(r'(?:^|(?<=\t))"(?:[^"\t\n]|"")*+"(?=\t|\r?$)', re.MULTILINE)
_ON_SEVERAL = re.compile(r'(?:^|(?<=\t))"(?:[^"]|"")*+(?:"(?=\t|\r?$)|\Z)', re.MULTILINE)
_COMPRESSED = {".gz", ".bz2", ".xz", ".zst"}


class Dialect(NamedTuple):
    """How cells are parted.

    Attributes:
        delimiter: The sign between two cells.
        quoted: Whether a cell that begins with a quotation mark ends with one.
    """

    delimiter: str
    quoted: bool


class Row(NamedTuple):
    """One row.

    Attributes:
        line: Where it begins, from 1.
        cells: What is in it.
    """

    line: int
    cells: list[str]


def dialect_of(source: TextLines) -> Dialect:
    """Tell how cells are parted by the header, the name and the first megabyte."""
    lines = [line for line in source.first_lines() if line.strip("\r\n")]
    header = lines[0] if lines else ""
    suffixes = [s.lower() for s in PurePath(source.path).suffixes if s.lower() not in _COMPRESSED]
    signs = ",;\t" if suffixes[-1:] == [".csv"] else "\t,;"
    delimiter = next((sign for sign in signs if sign in header), signs[0])
    return Dialect(delimiter, delimiter != "\t" or _tabs_are_quoted(lines))


def _tabs_are_quoted(lines: list[str]) -> bool:
    text = "".join(lines)
    if '"' not in text:
        return False
    is_even = len({line.count("\t") for line in lines}) == 1  # then no cell holds a line end
    return '"' not in (_ON_ONE_LINE if is_even else _ON_SEVERAL).sub("", text)


def rows(source: TextLines, dialect: Dialect) -> Iterator[Row]:
    """Yield the rows, the header first; lines with nothing in them are passed over.

    Raises:
        FormatError: A quotation mark has no partner, or a line is not UTF-8; with ``path:line``.
    """
    if dialect.quoted:
        yield from _quoted_rows(source, dialect.delimiter)
        return
    for number, line in enumerate(source.lines(), 1):
        if text := line.rstrip("\r\n"):
            yield Row(number, text.split(dialect.delimiter))


def _quoted_rows(source: TextLines, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(source.lines(), delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num + 1
        # The limit belongs to the whole process and is 131,072 by default, less than a long text.
        before = csv.field_size_limit(LONGEST_LINE)
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise FormatError(
                f"{source.name}:{begin}: expected cells in which a quotation mark is doubled "
                f'("a ""b"" c"), got: {error}.'
            ) from error
        finally:
            csv.field_size_limit(before)
        if cells is None:
            return
        if cells:
            yield Row(begin, cells)
