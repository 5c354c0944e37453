"""How well predicted labels agree with true ones: the numbers that scikit-learn gives, in NumPy.

Of a label: precision is the share of right ones among the predictions of it, recall the share of
its texts that were found, F1 their harmonic mean, support how many texts have it. A share of
nothing is 0. The macro mean is that over labels, the micro mean that over single decisions. The
order of every sum is scikit-learn's, so that even the last digit is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .types import Array, Counts, Doubles

_Names: TypeAlias = "tuple[Any, ...]"


class Scores(NamedTuple):
    """Precision, recall and their harmonic mean, each 0 to 1."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class LabelScores:
    """How well one label was told.

    Attributes:
        label: Which.
        precision: Right ones among the predictions of it.
        recall: Found ones among the texts that have it.
        f1: 2 x precision x recall / (precision + recall).
        support: How many texts have it.
        predicted: For how many it was predicted.
    """

    label: Any
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True)
class Report:
    """How well all labels were told.

    Attributes:
        accuracy: Share of texts all of whose labels are right and complete.
        num_texts: How many there were.
        labels: A `LabelScores` for each, in order.
        macro: Mean over labels.
        micro: Over all single decisions.
        confusion: (labels, labels) int64. Row: true label; column: predicted; None where texts
            have several labels.
    """

    accuracy: float
    num_texts: int
    labels: tuple[LabelScores, ...]
    macro: Scores
    micro: Scores
    confusion: Counts | None


def report(true: Sequence[Any], predicted: Sequence[Any]) -> Report:
    """Compare labels.

    Args:
        true: The n labels; or for each text a tuple, list or set of several.
        predicted: Likewise, for the same texts.

    Raises:
        ValueError: There are none, or the two differ in length.
    """
    rights, guesses = _as_tuples(true, predicted)
    labels = sorted({name for names in (*rights, *guesses) for name in names})
    place = {label: i for i, label in enumerate(labels)}
    num = len(labels)
    support = _counted((place[name] for names in rights for name in names), num)
    given = _counted((place[name] for names in guesses for name in names), num)
    pairs = list(zip(rights, guesses, strict=True))
    hits = _counted((place[name] for a, b in pairs for name in set(a) & set(b)), num)
    single = all(len(a) == 1 and len(b) == 1 for a, b in pairs)
    columns = [_shares(hits, given), _shares(hits, support), _shares(2 * hits, support + given)]
    rows = zip(labels, *(column.tolist() for column in (*columns, support, given)), strict=True)
    return Report(
        accuracy=float(np.mean([set(a) == set(b) for a, b in pairs])),
        num_texts=len(pairs),
        labels=tuple(LabelScores(*row) for row in rows),
        macro=Scores(*(float(np.average(column)) for column in columns)),
        micro=_micro(hits.sum(), given.sum(), support.sum()),
        confusion=_confusion(pairs, place) if single else None,
    )


def at_k(true: Sequence[Any], ranked: Sequence[Sequence[Any]]) -> Scores:
    """Return precision@k, recall@k and F1@k, over all texts, as fastText's ``test`` counts.

    Args:
        true: The n labels, or for each text several.
        ranked: (n, k) labels, the likeliest first; a text may have fewer than k.

    Raises:
        ValueError: There are none, or the two differ in length.
    """
    rights, guesses = _as_tuples(true, ranked)
    pairs = zip(rights, guesses, strict=True)
    hits = sum(len(set(a) & set(b)) for a, b in pairs)
    return _micro(hits, sum(map(len, guesses)), sum(map(len, rights)))


def _as_tuples(true: Sequence[Any], predicted: Sequence[Any]) -> tuple[list[_Names], list[_Names]]:
    if len(true) != len(predicted):
        raise ValueError(f"got {len(true):,} true labels but {len(predicted):,} predicted ones")
    if len(true) == 0:
        raise ValueError("expected labels to compare, got none")
    return [names_of(names) for names in true], [names_of(names) for names in predicted]


def names_of(label: Any) -> tuple[Any, ...]:
    """Return the labels of one text, of which there may be one or several."""
    if isinstance(label, Collection) and not isinstance(label, str | bytes):
        return tuple(label)
    return (label,)


def _counted(places: Iterable[int], num: int) -> Counts:
    return np.bincount(np.fromiter(places, np.int64), minlength=num)


def _shares(part: Array, whole: Array) -> Doubles:
    """Return part / whole, 0 where the whole is."""
    shares: Doubles = np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0)
    return shares


def _micro(hits: int, given: int, support: int) -> Scores:
    parts, wholes = np.array([hits, hits, 2 * hits]), np.array([given, support, given + support])
    return Scores(*_shares(parts, wholes).tolist())


def _confusion(
    pairs: list[tuple[tuple[Any, ...], tuple[Any, ...]]], place: dict[Any, int]
) -> Counts:
    num = len(place)
    cells = (place[a] * num + place[b] for (a,), (b,) in pairs)
    return _counted(cells, num * num).reshape(num, num)
