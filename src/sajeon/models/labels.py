"""Labels of texts as numbers: two classes, many classes, or several labels a text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import CorpusError
from ..types import Array, Bools, Floats

_PLAIN = (str, int, float, np.generic)


@dataclass(frozen=True)
class Labels:
    """The labels of n texts, as they were given.

    Attributes:
        of_text: The labels of each: one, or where `several` any number.
        several: Whether a text may have several labels.
    """

    of_text: list[tuple[Any, ...]]
    several: bool

    def classes(self) -> Array:
        """Return the distinct labels, sorted.

        Raises:
            CorpusError: There is nothing to tell apart.
        """
        found: Array = np.unique(np.array([label for row in self.of_text for label in row]))
        if len(found) < (1 if self.several else 2):
            seen = f"one alone, {found.tolist()[0]!r}" if len(found) else "none"
            raise CorpusError(f"expected two classes or more to tell apart, there is {seen}.")
        return found

    def indicator(self, classes: Array) -> tuple[Bools, list[Any]]:
        """Return (n, classes) bool, which labels a text has, and the labels that are no class."""
        column = {label: c for c, label in enumerate(classes.tolist())}
        out = np.zeros((len(self.of_text), len(classes)), np.bool_)
        unseen: dict[Any, None] = {}
        for i, row in enumerate(self.of_text):
            for label in row:
                if label in column:
                    out[i, column[label]] = True
                else:
                    unseen[label] = None
        return out, list(unseen)


def read_labels(labels: Iterable[Any], num_texts: int) -> Labels:
    """Check labels and take them in.

    Args:
        labels: A str or number for each text; a collection of such for each; or an array (n,
            classes) of zeros and ones, whose labels are the numbers of its columns.
        num_texts: How many there must be.

    Raises:
        TypeError: They are something else, or of more than one type.
        ValueError: Their number is another.
    """
    if isinstance(labels, str | bytes | Mapping) or not isinstance(labels, Iterable):
        raise TypeError(f"labels must be a list with one for each text, got {_shown(labels)}.")
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        given: list[Any] = _rows_of(labels)
    else:
        given = [x.item() if isinstance(x, np.generic) else x for x in labels]
    if len(given) != num_texts:
        raise ValueError(f"expected a label for each of {num_texts:,} texts, got {len(given):,}.")
    several = bool(given) and not isinstance(given[0], _PLAIN)
    rows = [_labels_of(i, label, several) for i, label in enumerate(given)]
    _check_types([label for row in rows for label in row])
    return Labels(rows, several)


def _rows_of(indicator: Array) -> list[list[int]]:
    if not np.isin(indicator, (0, 1)).all():
        raise ValueError("labels of two axes must be zeros and ones: a column for each class.")
    return [np.flatnonzero(row).tolist() for row in indicator]


def _labels_of(i: int, label: Any, several: bool) -> tuple[Any, ...]:
    if not several:
        if not isinstance(label, _PLAIN):
            raise TypeError(
                f"label {i} must be a str or a number as those before, got {_shown(label)}."
            )
        return (label,)
    if isinstance(label, str | bytes | Mapping) or not isinstance(label, Collection):
        what = "a str, a number, or a collection of them" if i == 0 else "a collection of labels"
        raise TypeError(f"label {i} must be {what}, got {_shown(label)}.")
    return tuple(x.item() if isinstance(x, np.generic) else x for x in label)


def _check_types(labels: list[Any]) -> None:
    """All str or all numbers: NumPy would make one of the other without a word."""
    texts = {isinstance(label, str) for label in labels}
    for label in labels:
        if not isinstance(label, _PLAIN) or label != label:
            raise TypeError(f"a label must be a str or a number, got {_shown(label)}.")
    if len(texts) > 1:
        raise TypeError("labels must be all str or all numbers, got both.")


def _shown(value: object) -> str:
    return f"{type(value).__name__} {str(value)[:40]!r}"


def class_weights(
    spec: Literal["balanced"] | Mapping[Any, float] | None,
    classes: Array,
    indicator: Bools,
    *,
    several: bool,
) -> Floats | None:
    """Return (classes,) float32: how much a text of each class counts in the loss, or None.

    Args:
        spec: None: all the same. "balanced": in inverse proportion to their frequency, n / (classes
            · count); with several labels a text, as much as the texts without a label are more
            than those with it. Or a mapping from label to weight; others count 1.
        classes: (classes,) The labels.
        indicator: (n, classes) bool. Which labels a text has.
        several: Whether a text may have several.

    Raises:
        ValueError: A label that is not there, or a weight that is not above 0.
    """
    if spec is None:
        return None
    counts = indicator.sum(axis=0)
    if isinstance(spec, str):
        if spec != "balanced":
            raise ValueError(f"class_weight must be None, 'balanced' or a mapping, got {spec!r}.")
        ideal = len(indicator) - counts if several else len(indicator) / len(classes)
        balanced: Floats = (np.maximum(ideal, 1) / np.maximum(counts, 1)).astype(np.float32)
        return balanced
    known = classes.tolist()
    for label, weight in spec.items():
        if label not in known:
            raise ValueError(f"class_weight names {label!r}, which is no label: {_few(known)}.")
        if not 0 < weight < np.inf:
            raise ValueError(f"class_weight[{label!r}] must be above 0, got {weight!r}.")
    return np.array([spec.get(label, 1.0) for label in known], dtype=np.float32)


def _few(labels: list[Any]) -> str:
    shown = ", ".join(map(repr, labels[:8]))
    return f"{shown}, ..." if len(labels) > 8 else shown


def check_seen(unseen: list[Any], classes: Array) -> None:
    """Raise ValueError where held-out texts have labels that training has not."""
    if unseen:
        raise ValueError(
            f"the validation labels hold {_few(unseen)}, which training never sees; its labels "
            f"are {_few(classes.tolist())}. Leave these texts out, or put some into training."
        )
