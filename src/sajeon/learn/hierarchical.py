"""Skip-gram and CBOW with hierarchical softmax, as the trainer sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ..kernels.hierarchical import (
    PathCbowState,
    PathPlan,
    Paths,
    PathSkipGramState,
    path_lanes,
)
from ..kernels.targets import GROUP, make_scratch
from ..types import Counts, Ids, Ids32
from .huffman import build_tree
from .objective import Table
from .word2vec import MERGE_STRENGTH as WORD_STRENGTH
from .word2vec import Word2Vec

MERGE_STRENGTH = {"skipgram": 0.05, "cbow": 0.2}
"""c of the merge by contraction, for nodes; words as with noise. English, 10 MB, 5 epochs, mean of
five test sets, one seed: skip-gram .304 at 0.1, .312 at 0.02, .314 with blocks one after another;
but 0.02 diverged at four times the default rate, where 0.05 does not. Words merged at 3 in place of
10 diverge at the default rate. CBOW .260 at 0.2, .256 at 0.05, .248 one after another.
Tried: blocks of 256 tokens, 4 % (skip-gram) and 11 % faster; but 16 of them on 2,100 words left
CBOW a loss 4 % above that of one after another, and not 2 %."""

_GAP = 32


def paths_of(counts: Counts) -> Paths:
    """Return the path of each word in Huffman's tree, the root as node 0.

    Args:
        counts: (num_words,) int64. Words without any count have the longest paths.
    """
    tree = build_tree(counts)
    lengths = np.diff(tree.path_offsets)
    first = np.append(0, np.cumsum(-(-lengths // GROUP)))
    nodes = np.full(first[-1] * GROUP, -1, np.int32)
    labels = np.zeros(len(nodes), np.int64)
    place = np.repeat(first[:-1] * GROUP - tree.path_offsets[:-1], lengths)
    place += np.arange(len(place))
    nodes[place] = len(counts) - 2 - tree.path_nodes
    labels[place] = 1 - tree.path_turns
    live = (nodes.reshape(-1, GROUP) >= 0).sum(axis=1)
    codes = (1 << live) + labels.reshape(-1, GROUP) @ (1 << np.arange(GROUP))
    return Paths(nodes, codes.astype(np.uint8), first, lengths.astype(np.int32))


class HierarchicalWord2Vec(Word2Vec):
    """Skip-gram or CBOW with hierarchical softmax, over a corpus of ids.

    Args:
        ids: See `Word2Vec`.
        offsets: See `Word2Vec`.
        counts: See `Word2Vec`.
        model: Which of the two.
        dim: Length of a vector.
        window: Words on each side that count as context, at most.
        sample: Threshold of subsampling.
        seed: Key of every draw.

    Attributes:
        tables: Input rows first, then the inner nodes of the tree, the root first.
        paths: The path of each word.
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
        sample: float,
        seed: int,
    ) -> None:
        super().__init__(
            ids, offsets, counts, model=model, dim=dim, window=window, sample=sample, seed=seed,
            negatives=0, noise_exponent=0.0,
        )  # fmt: skip
        num_words = len(counts)
        self.tables = (
            Table("input", num_words, strength=WORD_STRENGTH[model][0]),
            Table("nodes", num_words - 1, strength=MERGE_STRENGTH[model]),
        )
        self.paths = paths_of(counts)
        groups = np.sort(np.diff(self.paths.first))[-self._words :]
        self._most_groups, self._groups = int(groups[-1]), int(groups.sum())
        self.row_capacity = self._words + min(self._groups * GROUP, num_words) + 2

    def make_state(self, threads: int) -> Any:
        """Allocate what the kernels of this model work on."""
        num_words, window = len(self.windows.keep), self.windows.window
        places = (2, self.blocks.per_round)
        plans = PathPlan(
            words=np.zeros((*places, self._words), np.int32),
            low=np.zeros((*places, self._words), np.int32),
            high=np.zeros((*places, self._words), np.int32),
            sizes=np.zeros((*places, 3), np.int64),
            slots=np.zeros((*places, self._groups * GROUP), np.int32),
            codes=np.zeros((*places, self._groups), np.uint8),
            begins=np.zeros((*places, self._words), np.int32),
            lengths=np.zeros((*places, self._words), np.int32),
        )
        lanes = path_lanes()
        scratch = make_scratch(threads, num_words, window, self._most_groups, self.dim, lanes)
        node_slot_of = np.zeros((threads, num_words + _GAP), np.int32)
        kind = PathSkipGramState if self.name == "skipgram" else PathCbowState
        return kind(self.windows, plans, scratch, self.paths, node_slot_of)

    def plan_reference(self, epoch: int, block: int) -> tuple[dict[str, Any], Mapping[int, int]]:
        """Plan one block in NumPy (see `objective.Objective`)."""
        plan, word_visits = super().plan_reference(epoch, block)
        num_words = len(self.windows.keep)
        visits = {row: seen for row, seen in word_visits.items() if row < num_words}
        for word in plan["words"].tolist():
            for node in self.paths.of(word)[0].tolist():
                visits[num_words + node] = visits.get(num_words + node, 0) + 1
        return {**plan, "paths": self.paths}, visits
