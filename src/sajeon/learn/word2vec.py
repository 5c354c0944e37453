"""Skip-gram and CBOW with negative sampling, as the trainer sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ..kernels import draw
from ..kernels._compile import HAVE_NUMBA, jit
from ..kernels.cbow import CbowState, cbow_reference
from ..kernels.skipgram import SkipGramState, skipgram_reference
from ..kernels.targets import make_scratch, noise_lanes
from ..kernels.windows import WindowPlan, Windows, plan_capacity, plan_windows_reference
from ..sampling import NoiseSampler, keep_probability
from ..types import Array, Counts, Floats, Ids, Ids32
from .blocks import BLOCK_LENGTH, MAX_PER_ROUND, Blocks, cut
from .objective import BlockResult, Table

REUSE = 8
"""How many centres of a block share a group of noise words. Fewer rows, so fewer copies: 12 %
faster than 4, and no worse (English, 5 epochs, seven test sets: skip-gram +.002, CBOW +.003)."""

MERGE_STRENGTH = {"skipgram": (10.0, 0.1), "cbow": (3.0, 0.2)}
"""c of the merge by contraction, for input and output rows. An input row is moved by the whole
window of a visit, an output row by one centre or noise word. English, 5 epochs, mean of seven test
sets against blocks one after another: skip-gram +.003 (5 seeds); at (3, 1) -.0015, of which rare
words alone lost .012, and at (1, 0.5) -.002; CBOW at (3, 1) -.0015. Weaker than this, CBOW gains
.0005 more but comes close to diverging where 16 blocks share 2,100 words; at (0.3, 0.1) both do."""

_MOST_ROWS = 2**15 - 1  # places of rows in a block are kept as int16
_INIT_STREAM = 1 << 41  # keys the first values, apart from every block of the corpus


def check_window(window: int, negatives: int, length: int = BLOCK_LENGTH) -> None:
    """Raise ValueError if a block could touch more rows than can be numbered."""
    words, noise = plan_capacity(length, window, negatives, REUSE)
    if 2 * words + noise + 1 > _MOST_ROWS:
        raise ValueError(
            f"window and negatives must be smaller: with window {window} and {negatives} negatives "
            f"a block could touch {2 * words + noise + 1:,} rows, more than {_MOST_ROWS:,}"
        )


class Word2Vec:
    """Skip-gram or CBOW with negative sampling, over a corpus of ids.

    Args:
        ids: (num_tokens,) int32. The corpus, ids by falling count; may be memory-mapped.
        offsets: (num_sequences + 1,) int64. Where each sequence begins.
        counts: (num_words,) int64. How often each id occurs.
        model: Which of the two.
        dim: Length of a vector.
        window: Words on each side that count as context, at most; each centre draws its own reach.
        negatives: Noise words of a centre.
        sample: Threshold of subsampling, a share of all tokens; 0 keeps all.
        noise_exponent: Noise words are drawn by count to this power.
        seed: Key of every draw.
        length: Tokens in a block, at least.
        most_blocks: Blocks in a round, at most.

    Attributes:
        tables: Input rows first, then output rows.
    """

    def __init__(
        self,
        ids: Ids32,
        offsets: Ids,
        counts: Counts,
        *,
        model: Literal["skipgram", "cbow"],
        dim: int,
        window: int,
        negatives: int,
        sample: float,
        noise_exponent: float,
        seed: int,
        length: int = BLOCK_LENGTH,
        most_blocks: int = MAX_PER_ROUND,
    ) -> None:
        num_words = len(counts)
        self.name = model
        self.dim = dim
        self.seed = seed
        self.blocks = cut(offsets, num_words, length, most_blocks)
        self.tables: tuple[Table, ...] = (
            Table("input", num_words, strength=MERGE_STRENGTH[model][0]),
            Table("output", num_words, strength=MERGE_STRENGTH[model][1]),
        )
        self.windows = make_windows(
            ids, offsets, counts, self.blocks, window=window, negatives=negatives, sample=sample,
            noise_exponent=noise_exponent, seed=seed,
        )  # fmt: skip
        self._words, self._noise = plan_capacity(length, window, negatives, REUSE)
        self.row_capacity = 2 * self._words + self._noise + 1

    def initialise(self, table: Floats) -> None:
        """Fill input rows evenly in ±0.5 / dim, output rows with zeros, as word2vec does."""
        fill_input(table[: self.tables[0].num_rows, : self.dim], self.seed)

    def make_state(self, threads: int) -> Any:
        """Allocate what the kernels of this model work on."""
        places = (2, self.blocks.per_round)
        plans = WindowPlan(
            words=np.zeros((*places, self._words), np.int32),
            low=np.zeros((*places, self._words), np.int32),
            high=np.zeros((*places, self._words), np.int32),
            noise=np.zeros((*places, self._noise), np.int32),
            sizes=np.zeros((*places, 3), np.int64),
        )
        windows = self.windows
        num_words = len(windows.keep)
        lanes = noise_lanes(windows.negatives)
        scratch = make_scratch(threads, num_words, windows.window, len(lanes), self.dim, lanes)
        state = SkipGramState if self.name == "skipgram" else CbowState
        return state(windows, plans, scratch)

    def plan_reference(self, epoch: int, block: int) -> tuple[dict[str, Any], Mapping[int, int]]:
        """Plan one block in NumPy (see `objective.Objective`)."""
        plan = plan_windows_reference(self.windows, epoch, block)
        num_words = len(self.windows.keep)
        visits: dict[int, int] = {}
        for word in plan["words"].tolist():
            visits[word] = visits.get(word, 0) + 1
            visits[num_words + word] = visits.get(num_words + word, 0) + 1
        for word in plan["noise"].ravel().tolist():
            visits[num_words + word] = visits.get(num_words + word, 0) + self.windows.reuse
        return plan, visits

    def train_reference(self, plan: dict[str, Any], table: Floats, lr: float) -> BlockResult:
        """Train one planned block in NumPy (see `objective.Objective`)."""
        num_words = len(self.windows.keep)
        train = skipgram_reference if self.name == "skipgram" else cbow_reference
        loss, pairs, _ = train(plan, table[:num_words], table[num_words:], lr)
        return BlockResult(loss, pairs)


def make_windows(
    ids: Ids32,
    offsets: Ids,
    counts: Counts,
    blocks: Blocks,
    *,
    window: int,
    sample: float,
    seed: int,
    negatives: int = 0,
    noise_exponent: float = 0.0,
) -> Windows:
    """Return what plans are made from; see `Word2Vec` for the settings."""
    keep = np.minimum(keep_probability(counts, sample) * 2.0**32, 2.0**32 - 1)
    noise = NoiseSampler(counts, noise_exponent)
    table = np.empty((len(counts), 2), np.uint32)
    table[:, 0], table[:, 1] = noise.threshold, noise.alias
    return Windows(
        ids=np.asarray(ids),
        offsets=np.asarray(offsets),
        block_starts=blocks.starts,
        block_sequences=blocks.sequences,
        keep=keep.astype(np.uint32),
        noise_threshold=table[:, 0],
        noise_alias=table[:, 1].view(np.int32),
        window=window,
        negatives=negatives,
        reuse=REUSE,
        seed=seed,
    )


def fill_input(table: Floats, seed: int) -> None:
    """Fill (num_words, dim) input rows evenly in ±0.5 / dim, as word2vec does."""
    key = np.uint64(draw.block_key_reference(seed, 0, _INIT_STREAM))
    fill = fill_evenly if HAVE_NUMBA else fill_evenly_reference
    fill(table, key, 0.5 / table.shape[1])


def fill_evenly_reference(table: Floats, key: np.uint64, bound: float) -> None:
    """Fill (rows, dim) `table` with even draws in ±`bound`: draw r * dim + d of `key` at (r, d)."""
    rows, dim = table.shape
    for r in range(rows):
        counters = np.arange(r * dim, (r + 1) * dim, dtype=np.uint64)
        table[r] = (2.0 * draw.to_unit_reference(draw.draw_reference(key, counters)) - 1.0) * bound


@jit
def fill_evenly(table: Array, key: np.uint64, bound: float) -> None:
    """See `fill_evenly_reference`."""
    rows, dim = table.shape
    for r in range(rows):
        for d in range(dim):
            u = draw.to_unit(draw.draw(key, np.uint64(r * dim + d)))
            table[r, d] = np.float32((2.0 * u - 1.0) * bound)
