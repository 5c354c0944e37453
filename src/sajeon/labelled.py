"""Labelled texts from files: columns of a table, or lines as fastText takes them.

    __label__good __label__film what a beautiful film        fastText: one label or several
    text,label                                               a table: CSV, TSV, JSON lines, Parquet
    what a beautiful film,good

Source of the first: https://fasttext.cc/docs/en/supervised-tutorial.html. A label there is any word
that begins with ``__label__``, wherever in the line it stands.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .errors import FormatError
from .formats.columns import Cell, Table, clipped, open_table
from .formats.textlines import EncodingErrors, TextLines
from .metrics import names_of
from .tokens.readers import find_files

PREFIX = "__label__"
"""What a label begins with in fastText's lines; it is no part of the label."""

TEXT_NAMES = ("text", "sentence", "document", "review", "comment", "content", "message", "body",
              "tweet", "문장", "본문", "리뷰")  # fmt: skip
LABEL_NAMES = ("label", "labels", "class", "category", "target", "sentiment", "intent", "topic",
               "라벨", "레이블", "분류", "감정")  # fmt: skip

Source: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]"
_Example: TypeAlias = "tuple[str, tuple[str, ...]]"

_WORD = re.compile(rf"(?:^|(?<=\s)){PREFIX}(\S*)\s*")


@dataclass(frozen=True)
class Labelled:
    """Texts and what they are labelled with, in file order.

    Attributes:
        texts: The n texts; some may be empty.
        labels: The n labels, or, if any text has several, the labels of each.
    """

    texts: list[str]
    labels: list[str] | list[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.texts)

    def classes(self) -> set[str]:
        """Return the labels there are."""
        return {name for label in self.labels for name in names_of(label)}


def read_labelled(
    source: Source,
    text: str | None = None,
    label: str | None = None,
    *,
    encoding_errors: EncodingErrors = "strict",
) -> Labelled:
    """Read labelled texts.

    Args:
        source: A file, a glob, "-" (standard input), or a list of these. What a file is, its
            content tells: fastText's ``__label__`` lines; or a table with a header line.
        text: Column of the texts. None: the one with a usual name, such as "text" or "document".
        label: Column of the labels. None: the one with a usual name, such as "label".
            Blanks around a label are no part of it. In JSON lines and Parquet a label may be a
            list of labels.
        encoding_errors: Bytes that are not UTF-8: "strict" refuses, "replace" puts U+FFFD there.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A file holds no labelled text, a label is missing (with ``path:line``), there
            is no such column, or it is not clear which columns are meant; the message names those
            there are.
        MissingExtraError: Parquet needs pyarrow, .zst needs zstandard.
    """
    paths = [source] if isinstance(source, str | os.PathLike) else list(source)
    texts: list[str] = []
    labels: list[tuple[str, ...]] = []
    for path in paths:
        for file in find_files(path):
            before = len(texts)
            for found, names in _examples(TextLines(file, encoding_errors), text, label):
                texts.append(found)
                labels.append(names)
            if len(texts) == before:
                raise FormatError(f"{file.name}: expected labelled texts, there are none in it.")
    if all(len(names) == 1 for names in labels):
        return Labelled(texts, [name for (name,) in labels])
    return Labelled(texts, labels)


def _examples(source: TextLines, text: str | None, label: str | None) -> Iterator[_Example]:
    if text is None and label is None and _WORD.search(_first_line(source)):
        source.check_text()
        return _of_lines(source)
    table = open_table(source)
    return _of_table(table, *chosen_columns(table, text, label))


def _first_line(source: TextLines) -> str:
    return next((line for line in source.first_lines() if line.strip()), "")


def _of_lines(source: TextLines) -> Iterator[_Example]:
    for number, line in enumerate(source.lines(), 1):
        if not line.strip():
            continue
        names = tuple(dict.fromkeys(_WORD.findall(line)))  # a label that stands twice counts once
        if not names or not all(names):
            what = f"{PREFIX} and nothing behind it" if names else "none"
            raise FormatError(
                f"{source.name}:{number}: expected a label such as {PREFIX}good, got {what}: "
                f"{clipped(line)!r}."
            )
        yield _WORD.sub("", line).strip(), names


def _of_table(table: Table, text: str, label: str) -> Iterator[_Example]:
    for number, (found, labels) in table.rows((text, label)):
        if isinstance(found, tuple):
            raise FormatError(f"{table.where(number)}: expected a text under {text!r}, got a list.")
        names = _names(labels)
        if not names or not all(names):
            raise FormatError(
                f"{table.where(number)}: there is no label under {label!r}; give the row one or "
                "drop it."
            )
        yield found, names


def _names(labels: Cell) -> tuple[str, ...]:
    if isinstance(labels, str):
        return (labels.strip(),)
    return tuple(dict.fromkeys(name.strip() for name in labels))


def chosen_columns(table: Table, text: str | None, label: str | None) -> tuple[str, str]:
    """Return which columns hold texts and labels.

    A column with a usual name is taken if it is the only such; of two columns, if one is known the
    other is the other.

    Raises:
        FormatError: It is not clear which; the message names the columns.
    """
    text = text if text is not None else _usual(table, TEXT_NAMES, label)
    label = label if label is not None else _usual(table, LABEL_NAMES, text)
    if len(table.columns) == 2:
        if text is None and label in table.columns:
            text = _other(table, label)
        elif label is None and text in table.columns:
            label = _other(table, text)
    if text is None or label is None:
        missing = "texts" if text is None else "labels"
        option = "text" if text is None else "label"
        raise FormatError(
            f"{table.name}: which column holds the {missing}? Name it: --{option} COLUMN "
            f"({option}='COLUMN'); the columns are {table.described()}.{table.header_hint()}"
        )
    return text, label


def _usual(table: Table, names: Sequence[str], taken: str | None) -> str | None:
    found = [name for name in table.columns if name.casefold() in names and name != taken]
    return found[0] if len(found) == 1 else None


def _other(table: Table, name: str | None) -> str:
    return table.columns[1 - table.columns.index(name or "")]
