"""Labels of texts as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from ..errors import CorpusError
from ..types import Array, Counts, Ids, Ids32

_KINDS = ((str, "str"), (bool | np.bool_, "bool"), (int | np.integer, "int"), (float, "float"))


@dataclass(frozen=True)
class Labels:
    """Labels of texts, as numbers.

    Attributes:
        ids: (total,) int32, text after text.
        offsets: (texts + 1,) int64. Where those of each text begin.
        counts: (labels,) int64. How many texts have each label.
    """

    ids: Ids32
    offsets: Ids
    counts: Counts

    def ordered(self, order: Ids) -> Labels:
        """Return those of the same texts in another order."""
        sizes = np.diff(self.offsets)[order]
        offsets = _offsets(sizes)
        places = np.repeat(self.offsets[order] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return Labels(self.ids[places], offsets, self.counts)


@dataclass(frozen=True)
class Numbered:
    """What `number_labels` returns.

    Attributes:
        classes: (labels,) the distinct labels, sorted.
        labels: Those of each text.
        several: Whether each text came with a collection of labels.
    """

    classes: Array
    labels: Labels
    several: bool


def number_labels(labels: Iterable[Any], num_texts: int, *, empty: bool) -> Numbered:
    """Number the distinct labels in sorted order.

    Args:
        labels: A label for each text: all of them str, or all numbers. Or a collection of labels
            for each text. Or an array (texts, labels) of zeros and ones.
        num_texts: How many texts there are.
        empty: Whether a text may have no label at all, where each has a collection.

    Raises:
        TypeError: Not labels, or labels of different kinds.
        ValueError: There are not as many as texts, or a text has none.
    """
    if labels is None or isinstance(labels, str | bytes | Mapping):
        raise TypeError(
            "labels must be a sequence with a label, or a collection of labels, for each text; "
            f"got {labels if labels is None else type(labels).__name__}"
        )
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        _check_length(len(labels), num_texts)
        return _from_indicator(labels, empty=empty)
    given = list(labels)
    _check_length(len(given), num_texts)
    several = bool(given) and _is_collection(given[0])
    rows = [_distinct(i, row) for i, row in enumerate(given)] if several else [[x] for x in given]
    if not empty and not all(rows):
        raise ValueError(
            f"text {next(i for i, row in enumerate(rows) if not row)} has no label; only "
            'loss="ova" can learn that none is right'
        )
    flat = list(chain.from_iterable(rows)) if several else given
    _check_kinds(flat)
    distinct = sorted(set(flat))
    number = {label: i for i, label in enumerate(distinct)}
    ids = np.fromiter(map(number.__getitem__, flat), np.int32, len(flat))
    dtype = labels.dtype if isinstance(labels, np.ndarray) and labels.dtype.kind != "O" else None
    return Numbered(
        np.array(distinct, dtype),
        Labels(
            ids, _offsets([len(row) for row in rows]), np.bincount(ids, minlength=len(distinct))
        ),
        several,
    )


def check_two(classes: Array) -> None:
    """Raise CorpusError unless there are two labels to tell apart."""
    if len(classes) < 2:
        raise CorpusError(
            f"expected labels of at least two classes to tell apart, got {len(classes)} class"
            + (f": {classes.tolist()[0]!r}" if len(classes) else "es")
        )


def _check_length(found: int, num_texts: int) -> None:
    if found != num_texts:
        raise ValueError(
            f"expected as many labels as texts, got {found:,} labels and {num_texts:,} texts"
        )


def _from_indicator(labels: Array, *, empty: bool) -> Numbered:
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "labels of two axes, (texts, labels), must hold zeros and ones, got others"
        )
    text, ids = np.nonzero(labels)
    sizes = np.bincount(text, minlength=len(labels))
    if not empty and not sizes.all():
        raise ValueError(f"text {int(sizes.argmin())} has no label (a row of zeros)")
    counts = np.bincount(ids, minlength=labels.shape[1])
    found = Labels(ids.astype(np.int32), _offsets(sizes), counts)
    return Numbered(np.arange(labels.shape[1]), found, several=True)


def _is_collection(item: object) -> bool:
    return not isinstance(item, str | bytes | Mapping | np.generic) and isinstance(item, Iterable)


def _distinct(number: int, row: object) -> list[Any]:
    if not _is_collection(row):
        raise TypeError(
            f"text {number}: expected a collection of labels like that of the first text, got "
            f"{row!r} ({type(row).__name__})"
        )
    assert isinstance(row, Iterable)
    return list(dict.fromkeys(row))


def _check_kinds(labels: list[Any]) -> None:
    """Raise unless all labels can be compared and saved."""
    types = set(map(type, labels))
    kinds = {next((n for kind, n in _KINDS if issubclass(t, kind)), t.__name__) for t in types}
    known = {name for _, name in _KINDS}
    if len(kinds) > 1 or not kinds <= known:
        odd = sorted(kinds)
        raise TypeError(f"labels must be all str or all int, got {' and '.join(odd)}")
    if "float" in kinds and not all(map(np.isfinite, labels)):
        raise ValueError("labels must not be NaN or infinite")


def _offsets(sizes: Any) -> Ids:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
