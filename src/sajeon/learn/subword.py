"""Skip-gram and CBOW on words and their n-grams, as the trainer sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels import draw
from ..kernels._compile import HAVE_NUMBA
from ..kernels.cbow import cbow_reference
from ..kernels.simd import aligned_zeros, padded
from ..kernels.skipgram import skipgram_reference
from ..kernels.subword import (
    Features,
    SubwordCbowState,
    SubwordSkipGramState,
    compose_reference,
)
from ..tokens.ngrams import mean_of_rows
from ..types import Counts, Floats, Ids, Ids32
from .objective import BlockResult, Table
from .word2vec import Word2Vec, fill_evenly, fill_evenly_reference

if TYPE_CHECKING:
    from ..subwords import NGrams
    from ..vocab import Vocabulary

MERGE_STRENGTH = {"skipgram": 10.0, "cbow": 3.0}
"""c of the merge of n-gram rows. 3 and 30 in place of 10, and 1 and 10 in place of 3, moved the
mean of five test sets by less than .004 (12 MB of English, one seed)."""

LENGTH, MOST_BLOCKS = 256, 8
"""Blocks twice as long, and half as many a round, as of words alone: a longer block composes a
word for more of its uses, and fewer blocks share rows. 128 and 16 took 11 % more CPU time, 512 and
4 took 6 % less; the mean of five test sets was .4551, .4526 and .4475."""

_INIT_STREAM = (1 << 41) + 1
_GAP = 64


@dataclass(frozen=True)
class NGramRows:
    """Which rows of the table of n-grams the words of a vocabulary have.

    Attributes:
        ids: (total,) int64. Rows, one word after another; the most frequent rows first.
        offsets: (num_words + 1,) int64. Word ``w`` has ``ids[offsets[w]:offsets[w + 1]]``.
        of_bucket: (num_buckets,) int32. Row of each bucket, -1 where no word needs it.
    """

    ids: Ids
    offsets: Ids
    of_bucket: Ids32

    @classmethod
    def of(cls, vocab: Vocabulary, ngrams: NGrams) -> NGramRows:
        """Give a row to each bucket that the words of a vocabulary need."""
        assert vocab.counts is not None  # a corpus always has them
        buckets, offsets = ngrams.buckets(vocab.tokens)
        weights = np.repeat(vocab.counts, np.diff(offsets))
        needed, place = np.unique(buckets, return_inverse=True)
        order = np.argsort(-np.bincount(place, weights, len(needed)), kind="stable")
        of_bucket = np.full(ngrams.num_buckets, -1, np.int32)
        of_bucket[needed[order]] = np.arange(len(needed), dtype=np.int32)
        return cls(of_bucket[buckets].astype(np.int64), offsets, of_bucket)

    def __len__(self) -> int:
        return int(self.of_bucket.max(initial=-1)) + 1

    def compose(self, words: Floats, ngrams: Floats) -> Floats:
        """Return (num_words, dim) float32: the mean of each word's own row and those of n-grams."""
        num_words = len(words)
        own = self.offsets[:-1] + np.arange(num_words)  # where each word's own row goes
        ids = np.empty(len(self.ids) + num_words, np.int64)
        is_own = np.zeros(len(ids), np.bool_)
        is_own[own] = True
        ids[is_own], ids[~is_own] = np.arange(num_words), self.ids + num_words
        return mean_of_rows(np.concatenate([words, ngrams]), ids, np.append(own, len(ids)))


class SubwordWord2Vec(Word2Vec):
    """Skip-gram or CBOW with negative sampling, whose input words are means of rows.

    Args:
        ids: See `Word2Vec`.
        offsets: See `Word2Vec`.
        counts: See `Word2Vec`.
        ngrams: The n-gram rows of the words.
        settings: As `Word2Vec` takes them.
    """

    def __init__(
        self,
        ids: Ids32,
        offsets: Ids,
        counts: Counts,
        ngrams: NGramRows,
        **settings: Any,
    ) -> None:
        super().__init__(ids, offsets, counts, length=LENGTH, most_blocks=MOST_BLOCKS, **settings)
        num_words = len(counts)
        strength = MERGE_STRENGTH[self.name]
        self.tables = (*self.tables, Table("ngrams", len(ngrams), strength=strength))
        self._rows = (ngrams.ids + 2 * num_words).astype(np.int32)
        self._offsets = ngrams.offsets

    def initialise(self, table: Floats) -> None:
        """Fill words and n-grams evenly in ±1 / dim, output rows with zeros, as fastText does."""
        fill = fill_evenly if HAVE_NUMBA else fill_evenly_reference
        num_words = self.tables[0].num_rows
        for stream, rows in enumerate((table[:num_words], table[2 * num_words :])):
            key = np.uint64(draw.block_key_reference(self.seed, stream, _INIT_STREAM))
            fill(rows[:, : self.dim], key, 1 / self.dim)

    def make_state(self, threads: int) -> Any:
        """Allocate what the kernels of this model work on."""
        plain = super().make_state(threads)
        stride, per_round = padded(self.dim), self.blocks.per_round
        longest = np.sort(np.diff(self._offsets))[-self._words :]
        pairs = (threads, int(longest.sum()) * per_round + _GAP)
        shape = (threads, self._words), (per_round, self._words)
        composed, moved = (aligned_zeros(n * words, stride) for n, words in shape)
        features = Features(
            rows=self._rows,
            offsets=self._offsets,
            own=np.zeros((threads, self._words + _GAP), np.int64),
            composed=composed.reshape(*shape[0], stride),
            moved=moved.reshape(*shape[1], stride),
            listed=np.zeros(pairs, np.int64),
            changed=np.zeros(pairs, np.int32),
            mover=np.zeros(pairs, np.int32),
            following=np.zeros(pairs, np.int32),
        )
        kind = SubwordSkipGramState if self.name == "skipgram" else SubwordCbowState
        return kind(plain.windows, plain.plans, plain.scratch, features)

    def rows_of(self, word: int) -> Ids32:
        """Return the stacked rows of a word's n-grams."""
        return self._rows[self._offsets[word] : self._offsets[word + 1]]

    def plan_reference(self, epoch: int, block: int) -> tuple[dict[str, Any], Mapping[int, int]]:
        """Plan one block in NumPy (see `objective.Objective`)."""
        plan, word_visits = super().plan_reference(epoch, block)
        visits = dict(word_visits)
        for word in plan["words"].tolist():
            for row in self.rows_of(word).tolist():
                visits[row] = visits.get(row, 0) + 1
        return plan, visits

    def train_reference(self, plan: dict[str, Any], table: Floats, lr: float) -> BlockResult:
        """Train one planned block in NumPy (see `objective.Objective`)."""
        num_words = self.tables[0].num_rows
        words = list(dict.fromkeys(plan["words"].tolist()))
        composed = np.zeros((num_words, self.dim), np.float32)
        for word in words:
            composed[word] = compose_reference(table, word, self.rows_of(word))
        before = composed.copy()
        train = skipgram_reference if self.name == "skipgram" else cbow_reference
        loss, pairs, _ = train(plan, composed, table[num_words : 2 * num_words], lr)
        for word in words:
            moved = composed[word] - before[word]
            np.add.at(table, [word, *self.rows_of(word).tolist()], moved)
        return BlockResult(loss, pairs)
