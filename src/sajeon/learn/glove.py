"""GloVe: vectors whose products are the logarithms of co-occurrences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..kernels import draw
from ..kernels._compile import HAVE_NUMBA
from ..kernels.glove import Cells, GloveState, glove_reference, planned
from ..kernels.simd import LANES, padded
from ..types import Floats
from .blocks import Blocks
from .cells import CELL_BYTES, MAX_STRATA, PART_LENGTH, make_cells
from .cooccurrence import cooccurrences
from .method import Learned, Method, Run, check_whole
from .objective import BlockResult, Table
from .word2vec import fill_evenly, fill_evenly_reference

if TYPE_CHECKING:
    from ..corpus import Corpus

_INIT_STREAM = 1 << 41  # keys the first values, apart from every other draw


_MOST = 1e12
"""Sums of squares beyond this mean divergence. They grow with the columns of a row and with the
epochs: 18 for 20,000 words and 8 epochs of English, so that 1e4 is within reach of millions."""


@dataclass(frozen=True, kw_only=True)
class Glove(Method):
    """GloVe (Pennington, Socher and Manning 2014).

    Attributes:
        model: Its name.
        epochs: Passes over the co-occurrences.
        lr: Learning rate, the same from first to last.
        x_max: Words that stand together as often as this, or more, count in full.
        alpha: Those that do less often count by this power of their share of `x_max`.
    """

    model: Literal["glove"]
    epochs: int = 25
    lr: float = 0.05
    x_max: float
    alpha: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("epochs", self.epochs, least=1)
        self.check_number("lr", lambda x: 0 < x < 10, "above 0 and below 10")
        self.check_number("x_max", lambda x: 0 < x < 1e12, "above 0")
        self.check_number("alpha", lambda x: 0 <= x <= 10, "from 0 to 10")

    def learn(self, corpus: Corpus, run: Run) -> Learned:
        """See `method.Method`."""
        counts = cooccurrences(
            corpus, window=self.window, decay="harmonic", sample=self.sample, seed=self.seed,
            threads=run.threads, later_bytes=CELL_BYTES, note=run.report.note,
        )  # fmt: skip
        cells = make_cells(
            counts, x_max=self.x_max, alpha=self.alpha, seed=self.seed, threads=run.threads
        )
        num_words = counts.num_words
        del counts  # its files go
        objective = GloveObjective(cells, num_words, dim=self.dim, seed=self.seed)
        trained = run.fit(
            objective, len(corpus.ids), epochs=self.epochs, lr=self.lr, lr_end=self.lr
        )
        tables = trained.tables
        algorithm = {"strata": trained.per_round, "most": MAX_STRATA, "length": PART_LENGTH}
        return Learned(
            tables["words"][:, :-1] + tables["contexts"][:, :-1],
            {f"glove.{name}": table for name, table in tables.items()},
            algorithm,
        )


class GloveObjective:
    """GloVe over cells of co-occurrences, as the trainer sees it.

    Args:
        cells: What to train on.
        num_words: Rows of a table.
        dim: Length of a vector; a row of the table also has a bias, its last number.
        seed: Key of the first values.
    """

    def __init__(self, cells: Cells, num_words: int, *, dim: int, seed: int) -> None:
        self.cells, self.seed, self.num_words = cells, seed, num_words
        self.dim = dim + 1
        self.row_capacity = 1  # blocks of a round share no row, so they list none
        limits = {"words": 1e4, "contexts": 1e4, "word_sums": _MOST, "context_sums": _MOST}
        self.tables = tuple(
            Table(name, num_words, merge="sum", hot_rows=0, largest=largest)
            for name, largest in limits.items()
        )
        strata = len(cells.begins)
        num_blocks = strata * strata * cells.parts
        nothing = np.zeros(0, np.int64)
        self.blocks = Blocks(nothing, np.arange(num_blocks), strata)

    def initialise(self, table: Floats) -> None:
        """Fill vectors and biases evenly in ±0.5 / dim, sums of squares with ones."""
        key = np.uint64(draw.block_key_reference(self.seed, 0, _INIT_STREAM))
        fill = fill_evenly if HAVE_NUMBA else fill_evenly_reference
        fill(table[: 2 * self.num_words, : self.dim], key, 0.5 / (self.dim - 1))
        table[2 * self.num_words :, : self.dim] = 1

    def make_state(self, threads: int) -> GloveState:
        """Allocate what the kernel works on."""
        place = np.arange(padded(self.dim) - LANES, padded(self.dim))
        masks = np.stack([place < self.dim - 1, place == self.dim - 1]).astype(np.float32)
        ranges = np.zeros((2, self.blocks.per_round, 2), np.int64)
        return GloveState(self.cells, ranges, masks, np.zeros((threads, LANES), np.float32))

    def plan_reference(self, epoch: int, block: int) -> tuple[dict[str, Any], Mapping[int, int]]:
        """Plan one block in NumPy (see `objective.Objective`): no row is another block's too."""
        return planned(self.cells, block), {}

    def train_reference(self, plan: dict[str, Any], table: Floats, lr: float) -> BlockResult:
        """Train one planned block in NumPy (see `objective.Objective`)."""
        return BlockResult(*glove_reference(plan["places"], plan["targets"], table, lr))
