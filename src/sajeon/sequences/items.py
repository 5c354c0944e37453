"""Token lists from a table with a row for each event: who, what, when."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator

import numpy as np

from ..errors import FormatError
from ..formats.columns import read_columns
from ..tokens.readers import find_files
from ..types import Array


def read_sequences(
    path: str | os.PathLike[str],
    *,
    sequence: str,
    item: str,
    order: str | None = None,
    titles: tuple[str | os.PathLike[str], str] | None = None,
) -> Iterator[list[str]]:
    """Return the items of each sequence, in order: what somebody bought, played or read.

    Learning from them is item2vec (Barkan and Koenigstein, "Item2Vec: neural item embedding for
    collaborative filtering", 2016). Rows may come in any order; they are kept as numbers, 16 to 24
    bytes each.

    Args:
        path: A table, or a glob: CSV or TSV with a header line, JSON lines, Parquet or Arrow.
        sequence: Column that says which sequence a row belongs to, such as a user.
        item: Column with the item.
        order: Column to sort the rows of a sequence by: numbers, or texts that sort as they should,
            such as ISO dates. Equal ones keep the order of the file, as do all without this.
        titles: A table of items, and its column whose text stands for the item; it has the column
            `item` as well. Where two items have one title, the item is added to it.

    Returns:
        Lists of items, by first appearance of the sequence. The file is read before the first.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: See `formats.columns.read_columns`; or `order` mixes numbers and texts.
    """
    names = {} if titles is None else _titles(*titles, item)
    wanted = [sequence, item] if order is None else [sequence, item, order]
    sequences, items = _Numbered(), _Numbered()
    places = _Places(order)
    for file in find_files(path):
        for row in read_columns(file.path, wanted):
            sequences.add(row[0])
            items.add(row[1])
            if order is not None:
                places.add(row[2])
    return _lists(sequences, items, places.keys(), names)


class _Numbered:
    """A column of texts as numbers."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._column = array("i")

    def add(self, text: str) -> None:
        self._column.append(self._ids.setdefault(text, len(self._ids)))

    @property
    def texts(self) -> list[str]:
        return list(self._ids)

    @property
    def column(self) -> Array:
        return np.array(self._column, np.int32)


class _Places:
    """A column to sort by: all numbers, or all texts."""

    def __init__(self, column: str | None) -> None:
        self._column = column
        self._numbers = array("d")
        self._texts: list[str] = []

    def add(self, text: str) -> None:
        try:
            self._numbers.append(float(text))
        except ValueError:
            self._texts.append(text)
        if self._numbers and self._texts:
            raise FormatError(
                f"{self._column!r} is to say the order, but {text!r} and "
                f"{self._texts[0] if self._texts[0] != text else self._numbers[0]!r} cannot be "
                "compared: expected numbers, or texts such as ISO dates."
            )

    def keys(self) -> Array | None:
        """Return what to sort by, (rows,); None: there is no such column."""
        if self._column is None:
            return None
        if self._texts:
            return np.unique(np.array(self._texts, dtype=object), return_inverse=True)[1]
        return np.array(self._numbers, np.float64)


def _lists(
    sequences: _Numbered, items: _Numbered, order: Array | None, names: dict[str, str]
) -> Iterator[list[str]]:
    who, what = sequences.column, items.column
    keys = (who,) if order is None else (order, who)
    rows = np.lexsort(keys)  # stable, by the last key first
    spellings = [names.get(text, text) for text in items.texts]
    ends = np.cumsum(np.bincount(who)) if len(who) else np.zeros(0, np.int64)
    begin = 0
    for end in ends.tolist():
        yield [spellings[i] for i in what[rows[begin:end]].tolist()]
        begin = end


def _titles(path: str | os.PathLike[str], column: str, item: str) -> dict[str, str]:
    """Return the title of each item; one that two items have is made distinct."""
    names = {row[0]: row[1] for row in read_columns(path, [item, column])}
    seen: dict[str, int] = {}
    for title in names.values():
        seen[title] = seen.get(title, 0) + 1
    return {key: title if seen[title] == 1 else f"{title} [{key}]" for key, title in names.items()}
