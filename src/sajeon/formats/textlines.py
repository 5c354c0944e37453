"""A text file whose beginning is looked at first, and then read line by line from the beginning.

Standard input can be read once only, so whoever has to tell what a file is gets its first bytes
here, and nothing of it is lost.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import chain
from typing import Literal

from ..errors import FormatError
from ..tokens.readers import TextFile, lines_of

EncodingErrors = Literal["strict", "replace"]

LONGEST_LINE = 1 << 26
"""Bytes. A longer line is no text, and is not gathered in memory to find that out."""

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_TEXT_PER_CONTROL = 100  # bytes
_REFUSED = {
    b"PK\x03\x04": "a zip archive, or a spreadsheet (.xlsx): save it as CSV",
    b"\x80\x04": "a Python pickle, which is not read since opening one can run any code",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls): save it as CSV",
    b"SQLite format 3\x00": "a SQLite database: export the table as CSV",
    b"%PDF": "a PDF: save its text",
}


class TextLines:
    """The lines of one file, plain or compressed.

    Args:
        file: Where it is; "-" is standard input.
        errors: Bytes that are not UTF-8: "strict" refuses, "replace" puts U+FFFD in their place.

    Attributes:
        name: For messages.
        path: As it was given.
        head: The first bytes, decompressed: the first line at least, usually a megabyte.

    Raises:
        FileNotFoundError, IsADirectoryError: There is no such file; it is a folder.
        FormatError: Compressed data are damaged, or the text is UTF-16.
    """

    def __init__(
        self, file: str | os.PathLike[str] | TextFile, errors: EncodingErrors = "strict"
    ) -> None:
        if errors not in ("strict", "replace"):
            raise ValueError(f"encoding_errors must be 'strict' or 'replace', got {errors!r}")
        file = file if isinstance(file, TextFile) else TextFile(file)
        self.name, self.path, self._errors = file.name, file.path, errors
        self._blocks = file.blocks()
        parts, length = [], 0
        for block in self._blocks:
            parts.append(block)
            length += len(block)
            if b"\n" in block or length > LONGEST_LINE:
                break
        self.head = b"".join(parts)

    def check_text(self) -> None:
        """Refuse what is no text.

        Raises:
            FormatError: It is a binary file; the message says which, where that can be told.
        """
        for magic, what in _REFUSED.items():
            if self.head.startswith(magic):
                raise FormatError(f"{self.name}: this is {what}.")
        # Texts from the web may hold a stray control character, never a zero byte or many.
        controls = len(_CONTROL.findall(self.head))
        if b"\0" in self.head or controls * _TEXT_PER_CONTROL > len(self.head):
            raise FormatError(f"{self.name}: this is a binary file, expected text in UTF-8.")

    def first_lines(self) -> list[str]:
        """Return the whole lines of `head`, with their ends; what is not UTF-8 as U+FFFD."""
        lines = self.head.decode("utf-8", "replace").split("\n")
        whole = [line + "\n" for line in lines[:-1]]
        return whole or lines

    def lines(self) -> Iterator[str]:
        r"""Yield every line with its end, once. Lines end with ``\n`` or ``\r\n``.

        Raises:
            FormatError: Not UTF-8, with ``path:line``, or a line beyond `LONGEST_LINE`.
        """
        blocks = chain([self.head], self._blocks)
        found = lines_of(blocks, name=self.name, longest=LONGEST_LINE)
        for number, line in enumerate(found, 1):
            try:
                yield line.decode("utf-8", self._errors)
            except UnicodeDecodeError as error:
                raise FormatError(
                    f"{self.name}:{number}: byte {error.start + 1:,} of the line: not UTF-8; "
                    "to go on, --encoding-errors replace (encoding_errors='replace')"
                ) from error
