"""How often words stand near each other: a sparse matrix, counted in parallel, kept on disk.

A corpus larger than the memory that counting may take is counted part by part. Each part gives the
rows of a matrix on disk, in order, and these are added row by row. Sums are of whole numbers, so
the result is the same to the bit for any number of threads and of parts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ..kernels import cooccurrence as k
from ..kernels._compile import HAVE_NUMBA
from ..sampling import keep_probability
from ..types import Array, Counts, Ids, Ids32
from .spill import Spill, free_disk, free_memory, full, in_order

if TYPE_CHECKING:
    from ..corpus import Corpus

UNIT = 1 << 24
"""Weights are whole numbers of 1 / `UNIT`. A pair can so come 5e11 times next to each other."""

ENTRY_BYTES = 12
_WHAT = "co-occurrences"
_BLOCK = 1 << 22  # tokens copied at a time
_TASK = 1 << 19  # entries of a task, at most, or one row
_SAMPLED = 24  # tasks looked at for the estimate
_WORTH_ESTIMATING = 16 * _SAMPLED  # tasks; fewer are counted sooner than estimated
_TOKEN_BYTES = 8  # memory for a token of a part: its id, and its place in the index
_MEMORY_SHARE = 0.25  # of what is free


@dataclass(frozen=True)
class Cooccurrences:
    """A symmetric sparse matrix, row after row.

    Attributes:
        begins: (V + 1,) int64. Where each row begins among the entries.
        columns: (entries,) int32, memory-mapped. In order within a row.
        values: (entries,) int64, memory-mapped. Summed weights in units of 1 / `UNIT`.
    """

    begins: Ids
    columns: Ids32
    values: Counts

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def num_words(self) -> int:
        """V."""
        return len(self.begins) - 1

    def sums(self) -> Counts:
        """Return the sum of each row, which is that of the column: (V,) int64, in units."""
        sums = np.zeros(self.num_words, np.int64)
        filled = np.flatnonzero(np.diff(self.begins))
        if len(filled):
            sums[filled] = np.add.reduceat(self.values, self.begins[filled])
        return sums


def weights_of(window: int, decay: Literal["harmonic", "linear"]) -> Counts:
    """Return the weight of a word d places away, in units: (window + 1,) int64, 0 for d = 0.

    "harmonic" is 1 / d, as GloVe has it; "linear" is (window - d + 1) / window, which is how likely
    word2vec, which draws the reach of each window, reaches so far.
    """
    d = np.arange(1, window + 1)
    weights = 1 / d if decay == "harmonic" else (window - d + 1) / window
    return np.concatenate([[0], np.maximum(np.rint(weights * UNIT), 1)]).astype(np.int64)


def cooccurrences(
    corpus: Corpus,
    *,
    window: int,
    decay: Literal["harmonic", "linear"],
    sample: float,
    seed: int,
    threads: int,
    memory: int | None = None,
    later_bytes: int = 0,
    note: Callable[[str], None] = lambda text: None,
) -> Cooccurrences:
    """Count a corpus.

    Args:
        corpus: What to count; windows do not reach over the end of a sequence.
        window: Words on each side.
        decay: See `weights_of`.
        sample: Words whose share is above this are thinned out before windows are laid; 0: none.
        seed: Key of the draws of that.
        threads: How many to count with.
        memory: Bytes that counting may take; None: a quarter of what is free.
        later_bytes: How much the caller will want on the same disk, for each entry.
        note: Told the estimate, where counting takes a while.

    Raises:
        OSError: The disk is full, or will be: found out before counting, from a sample.
    """
    assert corpus.vocab.counts is not None  # a corpus always has them
    flat = _flattened(corpus, corpus.vocab.counts, sample, seed)
    weights, num_words = weights_of(window, decay), len(corpus.vocab)
    if not HAVE_NUMBA:
        return Cooccurrences(*k.count_reference(flat, num_words, weights))
    memory = int(free_memory() * _MEMORY_SHARE) if memory is None else memory
    length = int(min(max(memory // _TOKEN_BYTES, 1), 2**31 - 1))
    counter = _Counter(flat, num_words, weights, threads)
    starts = range(1, max(len(flat) - 1, 2), length)
    parts = []
    for number, start in enumerate(starts):
        index = counter.index(start, min(start + length, len(flat) - 1))
        if number == 0:
            _check_room(counter.estimate(index) * len(starts), len(starts), later_bytes, note)
        parts.append(counter.count(index))
        del index
    return parts[0] if len(parts) == 1 else counter.merge(parts)


def _check_room(entries: float, parts: int, later_bytes: int, note: Callable[[str], None]) -> None:
    """Refuse what the disk will not hold; `entries` of all parts together, 0 if not estimated."""
    needed = entries * (ENTRY_BYTES * (1 if parts == 1 else 2) + later_bytes)
    if needed > free_disk():
        seen = f"about {needed / 1e9:.1f} GB are needed, {free_disk() / 1e9:.1f} GB are free"
        raise full(_WHAT, seen)
    if entries:
        note(f"counting about {entries / 1e6:,.0f} million co-occurrences")


def _flattened(corpus: Corpus, counts: Counts, sample: float, seed: int) -> Ids32:
    """Return the corpus as `kernels/cooccurrence.py` reads it, memory-mapped."""
    keep = np.minimum(keep_probability(counts, sample) * 2.0**32, 2.0**32 - 1).astype(np.uint32)
    ids, offsets = np.asarray(corpus.ids), np.asarray(corpus.offsets)
    spill, separator = Spill(np.int32, "the corpus"), np.full(1, k.SEPARATOR, np.int32)
    flatten = k.flatten if HAVE_NUMBA else k.flatten_reference
    out = np.empty(2 * min(_BLOCK, len(ids)), np.int32)
    spill.add(separator)
    sequence = 0
    for start in range(0, len(ids), _BLOCK):
        stop = min(start + _BLOCK, len(ids))
        filled = flatten(ids, offsets, sequence, start, stop, keep, seed, out)
        spill.add(out[:filled])
        sequence = int(np.searchsorted(offsets, stop - 1, side="right")) - 1
    spill.add(separator)
    return spill.mapped()


class _Index(NamedTuple):
    """Where each word stands in one part of the corpus."""

    first: int
    begins: Ids
    order: Ids32


class _Rows(NamedTuple):
    """Some rows of the matrix, made by one task."""

    sizes: Counts
    columns: Ids32
    values: Counts


class _Counter:
    """Counts parts of a corpus, and adds them."""

    def __init__(self, flat: Ids32, num_words: int, weights: Counts, threads: int) -> None:
        self._flat, self._num_words, self._weights = flat, num_words, weights
        self._threads = threads
        self._scratch = threading.local()

    def index(self, start: int, stop: int) -> _Index:
        begins = np.zeros(self._num_words + 1, np.int64)
        order = np.empty(stop - start, np.int32)
        k.index_words(self._flat[start:stop], begins, order)
        return _Index(start, begins, order)

    def count(self, index: _Index) -> Cooccurrences:
        tasks = self._tasks(index)
        return self._kept(in_order(lambda task: self._count(index, task), tasks, self._threads))

    def estimate(self, index: _Index) -> float:
        """Return about how many entries a part has; 0 where it is small."""
        tasks = self._tasks(index)
        if len(tasks) < _WORTH_ESTIMATING:
            return 0.0
        sampled = tasks[:: len(tasks) // _SAMPLED]
        found = in_order(lambda t: len(self._count(index, t).columns), sampled, self._threads)
        most = sum(int(self._most(index, *task).sum()) for task in sampled)
        return sum(found) / most * int(self._most(index, 0, self._num_words).sum())

    def merge(self, parts: list[Cooccurrences]) -> Cooccurrences:
        sizes = np.sum([np.diff(part.begins) for part in parts], axis=0)
        tasks = cut_rows(np.minimum(sizes, self._num_words))
        return self._kept(in_order(lambda task: self._add(parts, task), tasks, self._threads))

    def _tasks(self, index: _Index) -> list[tuple[int, int]]:
        return cut_rows(self._most(index, 0, self._num_words))

    def _most(self, index: _Index, row: int, end: int) -> Counts:
        """How many entries each row can have."""
        places = np.diff(index.begins[row : end + 1])
        most: Counts = np.minimum(places * 2 * (len(self._weights) - 1), self._num_words)
        return most

    def _count(self, index: _Index, task: tuple[int, int]) -> _Rows:
        row, end = task
        rows = _room(end - row, int(self._most(index, row, end).sum()))
        filled = k.count_rows(
            self._flat, index.first, index.begins, index.order, row, end, self._weights,
            *self._sums(), *rows,
        )  # fmt: skip
        return _filled(rows, filled)

    def _add(self, parts: list[Cooccurrences], task: tuple[int, int]) -> _Rows:
        row, end = task
        some = [slice(part.begins[row], part.begins[end]) for part in parts]
        columns = np.concatenate([part.columns[s] for part, s in zip(parts, some, strict=True)])
        values = np.concatenate([part.values[s] for part, s in zip(parts, some, strict=True)])
        first = np.cumsum([0] + [s.stop - s.start for s in some[:-1]])
        bounds = np.array(
            [
                part.begins[row : end + 1] - part.begins[row] + at
                for part, at in zip(parts, first, strict=True)
            ]
        )
        rows = _room(end - row, len(columns))
        filled = k.merge_rows(bounds, columns, values, *self._sums(), *rows)
        return _filled(rows, filled)

    def _sums(self) -> tuple[Counts, Ids32]:
        """Return this thread's scratch."""
        if not hasattr(self._scratch, "sums"):
            self._scratch.sums = np.zeros(self._num_words, np.int64)
            self._scratch.touched = np.empty(self._num_words + 1, np.int32)
        return self._scratch.sums, self._scratch.touched

    def _kept(self, done: Iterator[_Rows]) -> Cooccurrences:
        columns, values = Spill(np.int32, _WHAT), Spill(np.int64, _WHAT)
        sizes = [np.zeros(1, np.int64)]
        for rows in done:
            sizes.append(rows.sizes)
            columns.add(rows.columns)
            values.add(rows.values)
        return Cooccurrences(np.cumsum(np.concatenate(sizes)), columns.mapped(), values.mapped())


def cut_rows(most: Counts) -> list[tuple[int, int]]:
    """Cut rows into ranges of about `_TASK` entries."""
    total = np.cumsum(most)
    cuts = np.searchsorted(total, np.arange(_TASK, total[-1], _TASK), side="left") + 1
    bounds = np.unique(np.concatenate([[0], cuts, [len(most)]])).tolist()
    return list(pairwise(bounds))


def _room(num_rows: int, capacity: int) -> _Rows:
    return _Rows(
        np.empty(num_rows, np.int64), np.empty(capacity, np.int32), np.empty(capacity, np.int64)
    )


def _filled(rows: _Rows, filled: int) -> _Rows:
    return _Rows(rows.sizes, rows.columns[:filled].copy(), rows.values[:filled].copy())


def documents(corpus: Corpus) -> Cooccurrences:
    """Count the words of each sequence that has any: a matrix of sequences by words.

    Raises:
        OSError: The disk is full.
    """
    ids, offsets = np.asarray(corpus.ids), np.asarray(corpus.offsets)
    offsets = np.concatenate([offsets[:1], offsets[1:][np.diff(offsets) > 0]])
    num_words = len(corpus.vocab)
    sums, touched = np.zeros(num_words, np.int64), np.empty(num_words + 1, np.int32)
    columns, values = Spill(np.int32, "counts of documents"), Spill(np.int64, "counts of documents")
    count = k.count_documents if HAVE_NUMBA else k.count_documents_reference
    sizes = [np.zeros(1, np.int64)]
    for row, end in cut_rows(np.diff(offsets)):
        rows = _room(end - row, int(offsets[end] - offsets[row]))
        filled = count(ids, offsets[row : end + 1], sums, touched, *rows)
        sizes.append(rows.sizes)
        columns.add(rows.columns[:filled])
        values.add(rows.values[:filled])
    return Cooccurrences(np.cumsum(np.concatenate(sizes)), columns.mapped(), values.mapped())


def rows_of(counts: Cooccurrences, row: int, end: int) -> Array:
    """Return the row of each entry of rows `row` to `end` (exclusive): (entries,) int32."""
    sizes = np.diff(counts.begins[row : end + 1])
    return np.repeat(np.arange(row, end, dtype=np.int32), sizes)
