"""A trained classifier of bags as arrays: scores of texts, in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, cast

import numpy as np

from .bags import Cutter, Features, Text, in_batches, is_compiled, number_texts, spell
from .corpus.scanner import TokenTable
from .errors import FormatError
from .kernels import bags as bag_kernel
from .kernels import classify as kernel
from .kernels._compile import HAVE_NUMBA
from .kernels.simd import LANES, VECTOR_BYTES, aligned_zeros, padded
from .tokens import Tokenizer
from .tokens.ngrams import bucket_ids_of, mean_of_rows, rows_of_buckets
from .types import Floats, Ids, Ids32

Consume: TypeAlias = Callable[[int, int, Floats], None]
MeansOf: TypeAlias = Callable[[Sequence[Text], int], Floats]
ConsumeIds: TypeAlias = Callable[[int, int, Ids], None]

_TEXTS = 1024  # texts whose scores are made together, at most
_SCORES = 1 << 20  # numbers, likewise


@dataclass(frozen=True)
class BagModel:
    """What a trained classifier holds.

    Attributes:
        features: What bags are made of.
        tokenizer: What texts are cut with.
        words: (V, at least dim) float32 or float16. Rows of words; zeros behind the dimensions.
        buckets: (B, as wide), likewise. Rows of buckets.
        labels: (labels, dim) float32, or (labels - 1, dim) of the nodes of a tree.
        children: (nodes, 2) int32, see `learn.huffman.Tree`; no nodes but for ``hs``.
        loss: `kernels.classify.SOFTMAX`, ONE_VS_ALL or HIERARCHICAL.
    """

    features: Features
    tokenizer: Tokenizer
    words: Floats
    buckets: Floats
    labels: Floats
    children: Ids32
    loss: int

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self.labels.shape[1])

    def each_best(self, texts: Sequence[Text], threads: int, consume: ConsumeIds) -> None:
        """Hand out the most probable label, (range,) int64, for ranges of texts; see below."""

        def best(first: int, last: int, scores: Floats) -> None:
            if self.loss == kernel.HIERARCHICAL:
                scores = self._probabilities(scores)
            consume(first, last, scores.argmax(axis=1))

        self._each_scores(texts, threads, best)

    def each_probabilities(self, texts: Sequence[Text], threads: int, consume: Consume) -> None:
        """Hand out the probabilities of all labels for ranges of texts.

        Args:
            texts: As `classify.check_texts` leaves them.
            threads: How many to work in; a text's numbers do not depend on it.
            consume: Called with the range and (range, labels) float32, from any thread.
        """

        def probabilities(first: int, last: int, scores: Floats) -> None:
            consume(first, last, self._probabilities(scores))

        self._each_scores(texts, threads, probabilities)

    def _each_scores(self, texts: Sequence[Text], threads: int, consume: Consume) -> None:
        compiled = is_compiled(self.tokenizer) and bool(texts) and isinstance(texts[0], str)
        means_of = cast("MeansOf", self._means_compiled if compiled else self._means)
        if compiled:
            _ = self._lexicon, self._cutter  # made once, before threads ask for them
        ranges = _ranges(texts, max(1, min(_TEXTS, _SCORES // (len(self.labels) + 1))))

        def work(first: int, last: int) -> None:
            consume(first, last, self._scores(means_of(texts[first:last], first)))

        _in_threads(ranges, work, threads if compiled else 1)

    @cached_property
    def _cutter(self) -> Cutter:
        return Cutter(self.tokenizer)  # type: ignore[arg-type]  # only where is_compiled

    @cached_property
    def _row_of(self) -> Ids32:
        return self.features.row_of_bucket()

    @cached_property
    def _rows_of_words(self) -> Mapping[bytes, int]:
        return {word: row for row, word in enumerate(self.features.spelling())}

    @cached_property
    def _lexicon(self) -> bag_kernel.Lexicon:
        features = self.features
        table = TokenTable()
        words, ends = bag_kernel.pack_tokens(features.data, features.spans)
        if len(ends) and table.ids(words, ends)[-1] != len(ends) - 1:
            raise FormatError("the model's vocabulary holds a word twice.")
        pieces, offsets = self._pieces(features.spelling() if features.max_n else [])
        if not features.max_n:
            offsets = np.zeros(len(features) + 1, np.int64)
        return bag_kernel.Lexicon(
            *table.arrays(),
            hashes=bag_kernel.hash_tokens(features.data, features.spans),
            piece_rows=pieces.astype(np.int32),
            piece_offsets=offsets,
            row_of=self._row_of,
            min_n=features.min_n,
            max_n=features.max_n,
            word_ngrams=features.word_ngrams,
        )

    @cached_property
    def _stored(self) -> tuple[Floats, Floats]:
        """Rows that can be read sixteen numbers at a time."""
        if self.dim >= LANES and all(_is_plain(rows) for rows in (self.words, self.buckets)):
            return self.words, self.buckets
        return _padded(self.words[:, : self.dim]), _padded(self.buckets[:, : self.dim])

    @cached_property
    def _padded_labels(self) -> Floats:
        return _padded(self.labels)

    def _pieces(self, tokens: Sequence[bytes]) -> tuple[Ids, Ids]:
        """Return the rows of the character n-grams of tokens that have one."""
        features = self.features
        if not features.max_n:
            return np.zeros(0, np.int64), np.zeros(len(tokens) + 1, np.int64)
        buckets = bucket_ids_of(tokens, features.min_n, features.max_n, features.num_buckets)
        return rows_of_buckets(self._row_of, *buckets)

    def _means_compiled(self, texts: Sequence[str], first: int) -> Floats:
        cut = self._cutter.cut(texts, first)
        lexicon = self._lexicon
        ids = np.empty(len(cut.ends), np.int32)
        bag_kernel.find_tokens(
            cut.words, cut.ends, lexicon.slots, lexicon.arena, lexicon.starts, ids
        )
        ngrams = np.empty((len(ids), lexicon.word_ngrams - 1), np.int64)
        if lexicon.word_ngrams > 1:
            bag_kernel.rows_of_ngrams(cut.words, cut.ends, cut.lines, ids, lexicon, ngrams)
        words, buckets = self._stored
        row_bytes = words.shape[1] * 4
        means = aligned_zeros(len(texts), padded(self.dim) + LANES)
        bag_kernel.mean_of_tokens(
            cut.words, cut.ends, cut.lines, ids, ngrams, lexicon, words.ctypes.data,
            buckets.ctypes.data - len(words) * row_bytes, row_bytes, row_bytes - VECTOR_BYTES,
            means,
        )  # fmt: skip
        return means

    def _means(self, texts: Sequence[Text], first: int) -> Floats:
        """The same for token lists and any tokenizer, and the plain twin."""
        numbered = number_texts(texts, self.tokenizer)
        tokens = [
            numbered.data[begin:end].tobytes()
            for begin, end in zip(numbered.spans[:-1], numbered.spans[1:], strict=True)
        ]
        own = np.array([self._rows_of_words.get(token, -1) for token in tokens], np.int64)
        pieces, offsets = self._pieces(tokens)
        known = own >= 0
        pieces = np.insert(pieces, offsets[:-1][known], own[known])
        offsets = offsets + np.concatenate([[0], np.cumsum(known)])
        rows, row_offsets = self._rows(numbered.ids, numbered.offsets, tokens, pieces, offsets)
        used, places = np.unique(rows, return_inverse=True)
        split = int(np.searchsorted(used, len(self.words)))
        table = np.concatenate(
            [self.words[used[:split]], self.buckets[used[split:] - len(self.words)]]
        )[:, : self.dim]
        means = aligned_zeros(len(texts), padded(self.dim) + LANES)
        means[:, : self.dim] = mean_of_rows(
            np.ascontiguousarray(table, np.float32), places, row_offsets
        )
        return means

    def _rows(
        self, ids: Ids32, offsets: Ids, tokens: Sequence[bytes], pieces: Ids, piece_offsets: Ids
    ) -> tuple[Ids, Ids]:
        """Return the rows of each text, where those of each token are known."""
        list_items, expand, hashes_of = (
            (bag_kernel.list_items, bag_kernel.expand_items, bag_kernel.hash_tokens)
            if HAVE_NUMBA
            else (
                bag_kernel.list_items_reference,
                bag_kernel.expand_items_reference,
                bag_kernel.hash_tokens_reference,
            )
        )
        ngrams = self.features.word_ngrams
        items = np.empty(len(ids) * ngrams, np.int32)
        item_offsets = np.zeros(len(offsets), np.int64)
        list_items(
            ids, offsets, np.arange(len(offsets) - 1), np.arange(len(tokens), dtype=np.int32),
            hashes_of(*spell(tokens)), ngrams, self._row_of, -1, len(tokens), items, item_offsets,
        )  # fmt: skip
        return expand(items, item_offsets, 0, pieces.astype(np.int32), piece_offsets)

    def _scores(self, means: Floats) -> Floats:
        """Return (texts, labels or nodes) float32."""
        labels = self._padded_labels
        if not HAVE_NUMBA:
            return kernel.scores_reference(means[:, : self.dim], self.labels)
        scores = np.empty((len(means), len(labels) + LANES), np.float32)
        kernel.score_means(means, labels, scores)
        return scores[:, : len(labels)]

    def _probabilities(self, scores: Floats) -> Floats:
        if self.loss != kernel.HIERARCHICAL or not HAVE_NUMBA:
            return kernel.probabilities_reference(scores, self.loss, self.children)
        reached = np.empty((len(scores), 2 * len(self.children) + 1), np.float32)
        kernel.leaf_probabilities(np.ascontiguousarray(scores), self.children, reached)
        return reached[:, : len(self.children) + 1]


def _is_plain(rows: Floats) -> bool:
    return rows.flags.c_contiguous and rows.dtype == np.float32


def _padded(rows: Floats) -> Floats:
    copy = aligned_zeros(len(rows), padded(rows.shape[1]))
    copy[:, : rows.shape[1]] = rows
    return copy


def _ranges(texts: Sequence[Text], most: int) -> Iterator[tuple[int, int]]:
    for first, last in in_batches(texts):
        for begin in range(first, last, most):
            yield begin, min(begin + most, last)


def _in_threads(
    ranges: Iterator[tuple[int, int]], work: Callable[[int, int], None], threads: int
) -> None:
    """Work on all ranges, in this thread and in others where there are several."""
    waiting = list(ranges)[::-1]
    failures: list[BaseException] = []

    def go_on() -> None:
        while not failures:
            try:
                first, last = waiting.pop()
            except IndexError:  # another thread took the last
                return
            try:
                work(first, last)
            except BaseException as error:
                failures.append(error)

    others = [threading.Thread(target=go_on) for _ in range(min(threads, len(waiting)) - 1)]
    for other in others:
        other.start()
    go_on()
    for other in others:
        other.join()
    if failures:
        raise failures[0]
