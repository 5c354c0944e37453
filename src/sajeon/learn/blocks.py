"""Cut a corpus into blocks, and choose how many of them make a round.

Both are part of the result: another cut or another round gives other bits. So they depend on the
corpus and on constants, never on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels._compile import jit
from ..types import Array, Ids

BLOCK_LENGTH = 128
"""Tokens in a block, at least; whole sequences where they fit, so at most twice as many."""

MAX_PER_ROUND = 16
"""Blocks in a round: as many threads can work at once. 16 * 128 = 2,048 tokens a round keeps the
quality of training one after another; 4,096 lost 1.5 %, 8,192 lost 3 % (prototype, 3 epochs)."""

_TOKENS_PER_CONCURRENT_BLOCK = 8_192
"""A round of S blocks wants a corpus of at least S times this, or too little is seen in order."""


@dataclass(frozen=True)
class Blocks:
    """A corpus cut into blocks."""

    starts: Ids  # (num_blocks + 1,) int64, token positions
    sequences: Ids  # (num_blocks,) int64, the sequence in which each block begins
    per_round: int

    def __len__(self) -> int:
        return len(self.sequences)


def cut(
    offsets: Ids, num_words: int, length: int = BLOCK_LENGTH, most: int = MAX_PER_ROUND
) -> Blocks:
    """Cut a corpus of ``offsets[-1]`` tokens.

    Args:
        offsets: (num_sequences + 1,) int64, where each sequence begins.
        num_words: Size of the vocabulary: a small one is shared by all blocks of a round.
        length: Tokens in a block, at least.
        most: Blocks in a round, at most.

    Returns:
        The blocks. No block is empty.
    """
    starts, sequences = _cut(np.asarray(offsets), length)
    per_round = min(most, blocks_per_round(int(offsets[-1]), num_words))
    return Blocks(starts, sequences, per_round)


def blocks_per_round(num_tokens: int, num_words: int) -> int:
    """Return how many blocks are trained side by side, without seeing each other's moves.

    Few where the corpus is small, since the whole training would be a handful of rounds, or where
    the vocabulary is so small that every block touches every row.
    """
    by_corpus = num_tokens // _TOKENS_PER_CONCURRENT_BLOCK
    by_words = num_words // BLOCK_LENGTH
    return int(max(1, min(MAX_PER_ROUND, by_corpus, by_words)))


@jit
def _cut(offsets: Array, length: int) -> tuple[Array, Array]:
    most = offsets[-1] // length + 1
    starts, sequences = np.empty(most + 1, np.int64), np.empty(most, np.int64)
    n = 0
    begin: Any = np.int64(0)
    first: Any = np.int64(0)
    for s in range(len(offsets) - 1):
        while offsets[s + 1] - begin >= 2 * length:  # a long sequence: cut it
            starts[n], sequences[n] = begin, first
            n += 1
            begin += length
            first = s
        if offsets[s + 1] - begin >= length:
            starts[n], sequences[n] = begin, first
            n += 1
            begin, first = offsets[s + 1], s + 1
    if begin < offsets[-1]:
        starts[n], sequences[n] = begin, first
        n += 1
    starts[n] = offsets[-1]
    return starts[: n + 1].copy(), sequences[:n].copy()
