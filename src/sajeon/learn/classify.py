"""The classifier of `kernels/classify.py` as the trainer sees it, and a function that trains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from ..bags import Bags
from ..kernels import classify as kernel
from ..kernels import draw
from ..kernels._compile import HAVE_NUMBA
from ..kernels.simd import padded
from ..types import Bools, Floats, Ids, Ids32
from .blocks import Blocks
from .huffman import Tree, build_tree
from .labels import Labels
from .objective import BlockResult, Table
from .trainer import Progress, Trainer
from .word2vec import fill_evenly, fill_evenly_reference

Loss = Literal["softmax", "ova", "hs"]
LOSSES: dict[str, int] = {
    "softmax": kernel.SOFTMAX,
    "ova": kernel.ONE_VS_ALL,
    "hs": kernel.HIERARCHICAL,
}

ALGORITHM_VERSION = 1
"""Raised whenever the same seed and settings would give other bits than before."""

Plan: TypeAlias = "tuple[list[dict[str, Any]], dict[int, int]]"

BLOCK_LENGTH = 256
"""Features in a block, about; whole texts. 512 learns more slowly where lr is low (MR, lr 0.1, 5
epochs, 16 blocks a round: 0.730 right, 256 0.742, one after another 0.748)."""

MAX_PER_ROUND = 16
"""Blocks of a round. Side by side they regularise: at lr 0.5 in 10 epochs SST-2 has 0.807 right
with 16 and 0.788 with one after another, MR 0.740 and 0.733 (fastText 0.796 and 0.741)."""

_BLOCKS_PER_CONCURRENT_BLOCK = 50
"""A round of S blocks wants an epoch of at least S times this, or too little is seen in order."""

MERGE_STRENGTH = {"words": 0.02, "buckets": 0.02, "labels": 2.0}
"""c of the merge by contraction; of labels, by how much of the curvature (`kernels/classify.py`).
Labels at 1, 2 and 4 are level (MR, lr 0.1, 0.5 and 2); below 1 they learn more slowly. Words at 0
are level up to lr 0.5, and at lr 2 leave a loss of 0.21 in place of 0.12 (MR, word pairs)."""

_LARGEST_COPIES = 1 << 30  # bytes of address space: very long texts have fewer blocks a round
_INIT_STREAM = 1 << 41
_ORDER_STREAM = 1 << 43


@dataclass(frozen=True)
class TrainedBags:
    """What a training gives back.

    Attributes:
        words: (V, stride) float32, rows padded with zeros to whole vectors.
        buckets: (B, stride) float32.
        labels: (labels, dim) float32, or (labels - 1, dim) of the nodes of a tree.
        children: (nodes, 2) int32, see `huffman.Tree`.
        loss: Mean loss of a text in nats, over the whole training.
        seconds: Wall time of training, compilation left out.
        per_round: How many blocks were trained side by side.
    """

    words: Floats
    buckets: Floats
    labels: Floats
    children: Ids32
    loss: float
    seconds: float
    per_round: int


def shuffled(num_texts: int, seed: int) -> Ids:
    """Return (num_texts,) int64: the order in which texts are trained, the same for each epoch.

    Files are often sorted by label; in their order, the last label would win.
    """
    key = draw.block_key_reference(seed, 0, _ORDER_STREAM)
    draws = draw.draw_reference(key, np.arange(num_texts, dtype=np.uint64))
    return np.argsort(draws, kind="stable")


class BagObjective:
    """A linear classifier of bags (see `objective.Objective`).

    Args:
        bags: Of the texts.
        labels: Of the same texts in the same order.
        loss: Which of the three.
        dim: Length of a row.
        seed: Key of every draw.
        start: First values of the words: (V, dim) float32, and (V,) bool, which of them count.
    """

    def __init__(
        self,
        bags: Bags,
        labels: Labels,
        *,
        loss: Loss,
        dim: int,
        seed: int,
        start: tuple[Floats, Bools] | None = None,
    ) -> None:
        self.dim, self.loss, self.seed, self._start = dim, loss, seed, start
        num_labels = len(labels.counts)
        tree = build_tree(labels.counts) if loss == "hs" else _no_tree(num_labels)
        self.children = tree.children
        self._label_rows = num_labels - 1 if loss == "hs" else num_labels
        starts = _cut(bags.sizes)
        self._texts, self._features, self._nodes = _most_of_block(bags.sizes, starts, tree)
        label_rows = min(self._label_rows, self._nodes) if loss == "hs" else num_labels
        self.row_capacity = min(self._features, bags.num_rows) + label_rows + 1
        per_round = _per_round(len(starts) - 1, self.row_capacity * padded(dim) * 4)
        self.blocks = Blocks(starts, starts[:-1], per_round)
        rows = {
            "words": bags.num_words,
            "buckets": bags.num_rows - bags.num_words,
            "labels": self._label_rows,
        }
        self.tables = tuple(_table(name, num, per_round) for name, num in rows.items())
        self.labelled = kernel.Labelled(
            items=bags.items,
            offsets=bags.offsets,
            pieces=bags.pieces,
            piece_offsets=bags.piece_offsets,
            num_words=bags.num_words,
            block_starts=starts,
            labels=labels.ids,
            label_offsets=labels.offsets,
            path_nodes=tree.path_nodes,
            path_turns=tree.path_turns,
            path_offsets=tree.path_offsets,
            first_label=bags.num_rows,
            num_labels=num_labels,
            loss=LOSSES[loss],
            seed=seed,
        )

    def initialise(self, table: Floats) -> None:
        """Fill rows of words evenly in ±1 / dim, as fastText does, or as was given; zeros else."""
        key = np.uint64(draw.block_key_reference(self.seed, 0, _INIT_STREAM))
        fill = fill_evenly if HAVE_NUMBA else fill_evenly_reference
        words = table[: self.labelled.num_words, : self.dim]
        fill(words, key, 1 / self.dim)
        if self._start is not None:
            matrix, found = self._start
            words[found] = matrix[found]

    def make_state(self, threads: int) -> kernel.BagState:
        """Allocate what the kernels work on."""
        places = (2, self.blocks.per_round)
        plans = kernel.BagPlan(
            slots=np.zeros((*places, self._features), np.int32),
            ends=np.zeros((*places, self._texts), np.int32),
            texts=np.zeros((*places, self._texts), np.int32),
            chosen=np.zeros((*places, self._texts), np.int32),
            nodes=np.zeros((*places, max(self._nodes, 1)), np.int32),
            sizes=np.zeros((*places, 1), np.int64),
        )
        num_rows = sum(table.num_rows for table in self.tables)
        scratch = kernel.make_scratch(
            threads, num_rows, self.row_capacity, self._features, self._label_rows, self.dim
        )
        return kernel.BagState(self.labelled, plans, scratch)

    def plan_reference(self, epoch: int, block: int) -> tuple[Plan, Mapping[int, int]]:
        """Plan one block in NumPy (see `objective.Objective`)."""
        texts = kernel.plan_bags_reference(self.labelled, epoch, block)
        visits: dict[int, int] = {}
        for text in texts:
            for row in (*text["rows"].tolist(), *text["targets"].tolist()):
                visits[row] = visits.get(row, 0) + 1
        return (texts, visits), visits

    def train_reference(self, plan: Plan, table: Floats, lr: float) -> BlockResult:
        """Train one planned block in NumPy (see `objective.Objective`).

        What the merge is to take for the visits of label rows is known only now.
        """
        texts, visits = plan
        loss, curves, _ = kernel.train_bags_reference(texts, table, lr)
        visits.update(curves)
        return BlockResult(loss, len(texts))


def train_bags(
    objective: BagObjective,
    num_tokens: int,
    *,
    epochs: int,
    lr: float,
    threads: int,
    report: Callable[[Progress], None] | None = None,
) -> TrainedBags:
    """Train, the learning rate falling evenly to zero as in fastText.

    Raises:
        TrainingError: The numbers diverged.
    """
    trainer = Trainer(
        objective, num_tokens, epochs=epochs, lr=lr, lr_end=0.0, threads=threads, report=report
    )
    trained = trainer.run()
    stacked = trainer.engine.table
    first, last = objective.labelled.num_words, objective.labelled.first_label
    return TrainedBags(
        words=stacked[:first],
        buckets=stacked[first:last],
        labels=np.ascontiguousarray(trained.tables["labels"]),
        children=objective.children,
        loss=trained.loss,
        seconds=trained.seconds,
        per_round=trained.per_round,
    )


def _table(name: str, num_rows: int, per_round: int) -> Table:
    # Buckets come by appearance, so the first are not the most frequent; alone, no row is shared.
    hot_rows = 64 if per_round > 1 and name != "buckets" else 0
    unit = kernel.CURVATURE_UNIT if name == "labels" else 1.0
    return Table(name, num_rows, strength=MERGE_STRENGTH[name] * unit, hot_rows=hot_rows)


def _no_tree(num_labels: int) -> Tree:
    none = np.zeros(0, np.int32)
    return Tree(
        np.zeros((0, 2), np.int32),
        none,
        none.astype(np.float32),
        np.zeros(num_labels + 1, np.int64),
    )


def _cut(sizes: Ids) -> Ids:
    """Return (num_blocks + 1,) int64: the texts in which blocks begin.

    A text belongs to the block in whose stretch of `BLOCK_LENGTH` features it begins.
    """
    begins = np.cumsum(sizes) - sizes
    stretch = begins // BLOCK_LENGTH
    inner = np.flatnonzero(stretch[1:] != stretch[:-1]) + 1
    return np.concatenate([[0], inner, [len(sizes)]]).astype(np.int64)


def _most_of_block(sizes: Ids, starts: Ids, tree: Tree) -> tuple[int, int, int]:
    """Return the most texts, features and nodes on ways to labels that a block has."""
    texts = int(np.diff(starts).max())
    features = int(np.add.reduceat(sizes, starts[:-1]).max())
    longest = int(np.diff(tree.path_offsets).max(initial=0))
    return texts, max(features, 1), texts * longest


def _per_round(num_blocks: int, bytes_of_copies: int) -> int:
    by_corpus = num_blocks // _BLOCKS_PER_CONCURRENT_BLOCK
    by_memory = _LARGEST_COPIES // max(bytes_of_copies, 1)
    return int(max(1, min(MAX_PER_ROUND, by_corpus, by_memory)))
