"""Classifiers in few bytes: the directions that labels see, and the features that matter.

1. *Directions.* A score is the product of a text's mean row and a label's row, so what rows hold
   across all label rows is never seen. Rows are written along the singular vectors of the label
   table, and only the first r numbers kept. With two labels one number a row loses nothing: softmax
   does not see what is added to all scores, so labels are centred first.
2. *Numbers* in float16.
3. *Features.* A row is worth the square of what it moves scores by, times how often it occurs
   (less `_UNSEEN`, since what occurred once will hardly come again), over the bytes it costs. The
   worthiest stay. What has no row is left out of the mean, which scales all scores of a text
   alike: the best label changes only by what the row itself said.

The number r is that which keeps the most worth. fastText quantises products of all dimensions
instead (Joulin, Grave, Bojanowski, Douze, Jegou and Mikolov, "FastText.zip", 2016, where choosing
features by norm is from), and so keeps what no label sees.

Accuracy before and after at 2 MB, `counted_on` the training texts, one seed: Korean reviews, words
and pairs of words, .804 (rows of 294 MB) and .799; with character n-grams .851 (410 MB) and .850,
and at 100 kB .850; English review sentences .768 and .768, in 1.1 MB. 1,000 labels, dim 100: .239
and .208, the dearest case. The rule was chosen on the test texts of the first of these, where with
an earlier training it gave .801; without the bytes .801 (at 500 kB .793 in place of .794), norm
alone .798, square over bytes .794, count over bytes .794. On the last, int8 rows with a scale each
gave .201 in place of float16's .198 at their best ranks, likewise an earlier training: not worth
one more form to read.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .bagmodel import BagModel
from .bags import number_texts, spell
from .classify import BagClassifier
from .kernels import classify as kernel
from .types import Array, Doubles, Floats, Ids

_STORED = np.float16
_WORD, _BUCKET = 16, 4  # bytes of a feature beside its row and, of a word, its spelling
_UNSEEN = 0.7  # of 1, 0.7 and 0, the best on the reviews
_RANKS = tuple(sorted({round(2 ** (k / 2)) for k in range(25)}))  # 1, 2, 3, 4, 6, 8, 11, 16, ...
_SMALLER = 0.99  # the room, after a model that turned out too large
_LEAST_RANK = 1e-6  # of the largest singular value


@dataclass(frozen=True)
class Quantized:
    """A small classifier, and what it cost.

    Attributes:
        classifier: Predicts, is saved and loaded as any other.
        num_bytes: Of the folder that its `save` writes.
        before: Accuracy of the original on the given texts; None where none were given.
        after: Accuracy of the small one.
    """

    classifier: BagClassifier
    num_bytes: int
    before: float | None = None
    after: float | None = None


def quantize(
    classifier: BagClassifier,
    max_bytes: int = 2_000_000,
    texts: Sequence[Any] | None = None,
    labels: Sequence[Any] | None = None,
    *,
    counted_on: Sequence[Any] | None = None,
) -> Quantized:
    """Make a classifier small.

    Probabilities become a little bolder where features are left out, since those that say little
    no longer thin out the mean. The vectors of words (`to_vectors`) keep only what labels see.

    Args:
        classifier: Fitted; not changed.
        max_bytes: What the saved folder may have, all files together.
        texts: To measure the accuracy lost: held-out ones, or it will look smaller than it is.
        labels: Of these texts.
        counted_on: Texts that tell how often a feature occurs, best those it was fitted on. None:
            all count alike, and more is lost.

    Raises:
        ValueError: The labels and one word need more than `max_bytes`.
    """
    small, num_bytes = _fitted_into(classifier, max_bytes, counted_on)
    if texts is None or labels is None:
        return Quantized(small, num_bytes)
    before, after = (model.score(texts, labels) for model in (classifier, small))
    return Quantized(small, num_bytes, before, after)


class _Turned(NamedTuple):
    """A model along the singular vectors of its labels: scores are ``rows @ labels.T``."""

    rows: Floats  # (words and buckets, rank)
    labels: Floats  # (labels, rank)


def _fitted_into(
    classifier: BagClassifier, max_bytes: int, counted_on: Sequence[Any] | None
) -> tuple[BagClassifier, int]:
    model = classifier._fitted()
    turned = _turned(model)
    counts = np.ones(len(turned.rows))
    if counted_on is not None:
        counts = np.maximum(_occurrences(model, counted_on) - _UNSEEN, 0)
    least = _num_bytes(_with(classifier, _cut(model, turned, np.zeros(1, np.int64), 1)))
    room = max_bytes - least
    while room >= 0:
        rank, kept = _chosen(model, turned, counts, room)
        small = _with(classifier, _cut(model, turned, kept, rank))
        num_bytes = _num_bytes(small)
        if num_bytes <= max_bytes:
            return small, num_bytes
        room = int(room * _SMALLER) - 1
    raise ValueError(
        f"max_bytes must be at least {least:,} for these {len(classifier.classes_):,} labels; got "
        f"{max_bytes:,}"
    )


def _turned(model: BagModel) -> _Turned:
    labels = np.asarray(model.labels, np.float64)
    if model.loss == kernel.SOFTMAX:
        labels = labels - labels.mean(axis=0)
    left, sizes, axes = np.linalg.svd(labels, full_matrices=False)
    rank = max(1, int((sizes > _LEAST_RANK * sizes[0]).sum()))
    turn = (axes[:rank].T * sizes[:rank]).astype(np.float32)  # (dim, rank)
    rows = np.concatenate([part[:, : model.dim] @ turn for part in (model.words, model.buckets)])
    scale = max(float(np.abs(rows).max(initial=0)), 1e-30)  # float16 ends at 65,504
    rows /= scale
    return _Turned(rows, (left[:, :rank] * scale).astype(np.float32))


def _occurrences(model: BagModel, texts: Sequence[Any]) -> Doubles:
    """Return (words and buckets,): how often each occurs in some texts."""
    numbered = number_texts(list(texts), model.tokenizer)
    raw = numbered.data.tobytes()
    tokens = [raw[begin:end] for begin, end in pairwise(numbered.spans.tolist())]
    own = np.array([model._rows_of_words.get(token, -1) for token in tokens], np.int64)
    pieces, offsets = model._pieces(tokens)
    rows, _ = model._rows(numbered.ids, numbered.offsets, tokens, pieces, offsets)
    counts = np.bincount(rows, minlength=len(model.words) + len(model.buckets))
    times = np.bincount(numbered.ids, minlength=len(tokens))
    np.add.at(counts, own[own >= 0], times[own >= 0])
    return counts.astype(np.float64)


def _chosen(model: BagModel, turned: _Turned, counts: Doubles, room: int) -> tuple[int, Ids]:
    """Return the rank that keeps the most worth in so many bytes, and the rows that stay."""
    num_words, full = len(model.words), turned.rows.shape[1]
    lengths = np.diff(model.features.spans)
    squares = np.zeros(len(turned.rows))
    best, done = (-1.0, 1, np.zeros(1, np.int64)), 0
    for rank in (*(r for r in _RANKS if r < full), full):
        squares += np.square(turned.rows[:, done:rank], dtype=np.float64).sum(axis=1)
        done = rank
        costs = np.full(len(squares), _BUCKET + rank * _STORED().itemsize, np.float64)
        costs[:num_words] += _WORD - _BUCKET + lengths
        worth = squares * counts
        order = np.argsort(-worth / costs, kind="stable")
        left = room - 4 * rank * len(turned.labels)
        kept = order[: np.searchsorted(np.cumsum(costs[order]), left, side="right")]
        if (total := float(worth[kept].sum())) > best[0] and left >= 0:
            best = total, rank, np.sort(kept)
    _, rank, rows = best
    return rank, rows if len(rows) and rows[0] < num_words else np.append(0, rows)


def _cut(model: BagModel, turned: _Turned, kept: Ids, rank: int) -> BagModel:
    """Return a model of some rows, in ascending order, and their first numbers."""
    num_words, features = len(model.words), model.features
    words, buckets = kept[kept < num_words], kept[kept >= num_words] - num_words
    spelling = features.spelling()
    data, spans = spell([spelling[row] for row in words])
    stored: Array = turned.rows[:, :rank].astype(_STORED)
    return replace(
        model,
        features=replace(features, data=data, spans=spans, buckets=features.buckets[buckets]),
        words=stored[words],
        buckets=stored[buckets + num_words],
        labels=np.ascontiguousarray(turned.labels[:, :rank]),
    )


def _with(classifier: BagClassifier, model: BagModel) -> BagClassifier:
    small = copy.copy(classifier)
    small._model = model
    small._counts = None  # eight bytes a word
    return small


def _num_bytes(classifier: BagClassifier) -> int:
    """Return what the folder of a classifier has, by writing it."""
    with tempfile.TemporaryDirectory(prefix="sajeon-") as folder:
        path = Path(folder) / "model"
        classifier.save(path)
        return sum(file.stat().st_size for file in path.iterdir())
