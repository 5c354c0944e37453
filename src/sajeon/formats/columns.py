"""Columns of a table in a file: CSV, TSV, JSON lines, Parquet or Arrow, told apart by content.

Rows pass through one by one, or in batches of Parquet and Arrow, so a file may be of any size.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import FormatError
from . import delimited
from .arrow import batches, damage_named, look
from .textlines import EncodingErrors, TextLines

Cell: TypeAlias = "str | tuple[str, ...]"
"""What stands in a row under one name; a list only in JSON lines, Parquet and Arrow."""

_ARROW = (b"PAR1", b"ARROW1")
_SHOWN_COLUMNS, _SHOWN_CHARACTERS = 20, 40
_WORDS_OF_NAME = 3


@dataclass(frozen=True)
class Table:
    """A file of rows, opened. Its rows can be read once.

    Attributes:
        name: For messages.
        columns: Names as the file has them; of JSON lines, those of the first object.
        row_word: What stands between name and number in a message: ":" or ": row ".
        rows_of: Gives the numbered cells under some names; use `rows`.
    """

    name: str
    columns: tuple[str, ...]
    row_word: str
    rows_of: Callable[[Sequence[str]], Iterator[tuple[int, tuple[Cell, ...]]]]

    def rows(self, names: Sequence[str]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """Yield the number of each row and its cells under `names`, in that order.

        Raises:
            FormatError: There is no such column, or two; or a row is damaged.
        """
        for name in names:
            self._check(name)
        return self.rows_of(names)

    def where(self, number: int) -> str:
        """Return the place of a row, for a message."""
        return f"{self.name}{self.row_word}{number}"

    def described(self) -> str:
        """Return the names of the columns, as far as a line may hold them."""
        shown = [clipped(name) for name in self.columns[:_SHOWN_COLUMNS]]
        return ", ".join(shown) + (", ..." if len(self.columns) > len(shown) else "")

    def _check(self, name: str) -> None:
        times = self.columns.count(name)
        if times > 1:
            raise FormatError(
                f"{self.name}: {times} columns are named {name!r}; rename all but one."
            )
        if times == 0:
            raise FormatError(
                f"{self.name}: there is no column {name!r}; the columns are {self.described()}."
                f"{self.header_hint()}"
            )

    def header_hint(self) -> str:
        """Return a sentence for a message where the first line may be no header."""
        if self.row_word == ":" and any(map(_is_no_name, self.columns)):
            return " Is the first line no header? Then write one above it, such as text and label."
        return ""


def read_columns(
    path: str | os.PathLike[str],
    names: Sequence[str],
    *,
    encoding_errors: EncodingErrors = "strict",
) -> Iterator[tuple[str, ...]]:
    """Yield what each row of a table has under the given names.

    Args:
        path: A CSV or TSV file with a header line, or JSON lines, compressed or not; or a Parquet
            or Arrow file. "-" is standard input.
        names: Of the columns, in the order in which they are wanted.
        encoding_errors: Bytes that are not UTF-8: "strict" refuses, "replace" puts U+FFFD there.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is no table, has no such column (the message names those it has), or a row
            is damaged or too short; with ``path:line``.
        MissingExtraError: Parquet and Arrow need pyarrow, .zst needs zstandard.
    """
    table = open_table(TextLines(path, encoding_errors))
    for number, cells in table.rows(names):
        for name, cell in zip(names, cells, strict=True):
            if isinstance(cell, tuple):
                raise FormatError(
                    f"{table.where(number)}: expected a text under {name!r}, got a list of "
                    f"{len(cell)}."
                )
        yield tuple(str(cell) for cell in cells)


def open_table(source: TextLines) -> Table:
    """Open a table, whatever form it has.

    Raises:
        FormatError: It is empty, or no table.
        MissingExtraError: Parquet and Arrow need pyarrow.
    """
    if source.head.startswith(_ARROW):
        return _open_arrow(source)
    source.check_text()
    begin = source.head.lstrip()
    if not begin:
        raise FormatError(f"{source.name}: the file is empty; expected a table with a header line.")
    if re.match(rb"\[\s*\{", begin):
        raise FormatError(
            f"{source.name}: this is one JSON list, expected JSON lines, an object on each: "
            "jq -c '.[]' makes them."
        )
    return _open_json(source) if begin.startswith(b"{") else _open_delimited(source)


def clipped(text: str) -> str:
    """Return a text short enough for a message, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def _is_no_name(text: str) -> bool:
    """Return whether a column is hardly named so: a number, nothing, or a whole sentence."""
    try:
        float(text)
    except ValueError:
        return not text or len(text.split()) > _WORDS_OF_NAME
    return True


def _open_delimited(source: TextLines) -> Table:
    rows = delimited.rows(source, delimited.dialect_of(source))
    columns = tuple(name.strip() for name in next(rows).cells)

    def rows_of(names: Sequence[str]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        places = [columns.index(name) for name in names]
        for line, cells in rows:
            if len(cells) != len(columns) and (
                len(cells) < len(columns) or any(cells[len(columns) :])  # a sign too many at an end
            ):
                raise FormatError(
                    f"{source.name}:{line}: expected {len(columns)} cells, as in the header, got "
                    f"{len(cells)}: {clipped(' | '.join(cells))!r}."
                )
            yield line, tuple(cells[place] for place in places)

    return Table(source.name, columns, ":", rows_of)


def _open_json(source: TextLines) -> Table:
    objects = _objects(source)
    first = next(objects)

    def rows_of(names: Sequence[str]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        yield first[0], _cells_of(source.name, first, names)
        for found in objects:
            yield found[0], _cells_of(source.name, found, names)

    return Table(source.name, tuple(first[1]), ":", rows_of)


def _objects(source: TextLines) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(source.lines(), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FormatError(
                f"{source.name}:{number}: expected a JSON object on each line: {error}."
            ) from error
        if not isinstance(found, dict):
            raise FormatError(
                f"{source.name}:{number}: expected a JSON object, got {clipped(line)!r}."
            )
        yield number, found


def _cells_of(file: str, row: tuple[int, dict[str, Any]], names: Sequence[str]) -> tuple[Cell, ...]:
    number, found = row
    for name in names:
        if name not in found:
            there = ", ".join(map(clipped, list(found)[:_SHOWN_COLUMNS])) or "none"
            raise FormatError(f"{file}:{number}: has no {name!r}; the names there are: {there}.")
    try:
        return tuple(_cell(found[name]) for name in names)
    except TypeError as error:
        raise FormatError(f"{file}:{number}: {error}.") from error


def _open_arrow(source: TextLines) -> Table:
    path = Path(source.path)
    if source.path == "-" or not _begins_so(path):
        raise FormatError(
            f"{source.name}: expected a Parquet or Arrow file as it is, neither compressed nor "
            "through a pipe, since it is not read from beginning to end; unpack it first."
        )
    with damage_named(path):
        schema, _ = look(path)

    def rows_of(names: Sequence[str]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        number = 0
        for batch in batches(path, list(dict.fromkeys(names))):
            values = {name: batch.column(name).to_pylist() for name in names}
            for row in zip(*(values[name] for name in names), strict=True):
                number += 1
                try:
                    yield number, tuple(map(_cell, row))
                except TypeError as error:
                    raise FormatError(f"{path}: row {number}: {error}.") from error

    return Table(source.name, tuple(schema.names), ": row ", rows_of)


def _begins_so(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6).startswith(_ARROW)


def _cell(value: Any) -> Cell:
    """Return a value as text, numbers as JSON spells them, nothing as an empty text."""
    if isinstance(value, list):
        return tuple(_text(part) for part in value)
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or value != value:  # JSON's null; NaN, which is how pandas writes nothing
        return ""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise TypeError(f"expected a text, a number or a list of them, got {type(value).__name__}")
