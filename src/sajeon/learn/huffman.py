"""Huffman's tree over labels: frequent ones near the root, so that most ways are short.

Source: Huffman, "A Method for the Construction of Minimum-Redundancy Codes" (1952). Two sorted
queues in place of a heap, so that it takes one pass after sorting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Counts, Ids, Ids32


@dataclass(frozen=True)
class Tree:
    """A binary tree whose leaves are labels.

    Attributes:
        children: (labels - 1, 2) int32. Left and right of each node: a label, or the number of
            labels more than another node, which stands before it. The root is the last.
        path_nodes: (total,) int32. The nodes on the way from the root to each label.
        path_turns: (total,) float32. 1 where the way goes right.
        path_offsets: (labels + 1,) int64. Label ``c`` has those of ``offsets[c]:offsets[c + 1]``.
    """

    children: Ids32
    path_nodes: Ids32
    path_turns: np.ndarray[tuple[int], np.dtype[np.float32]]
    path_offsets: Ids


def build_tree(counts: Counts) -> Tree:
    """Build the tree of at least two labels.

    Args:
        counts: (labels,) int64. How often each label occurs. Of equal ones the first goes first, so
            that the same counts always give the same tree.
    """
    num_labels = len(counts)
    order = np.argsort(counts, kind="stable").tolist()
    weights = counts.tolist() + [0] * (num_labels - 1)
    children = np.zeros((num_labels - 1, 2), np.int32)
    parent = [0] * (2 * num_labels - 1)
    leaf, node = 0, num_labels
    for new in range(num_labels, 2 * num_labels - 1):
        for side in (0, 1):
            if leaf < num_labels and (node == new or weights[order[leaf]] <= weights[node]):
                least, leaf = order[leaf], leaf + 1
            else:
                least, node = node, node + 1
            weights[new] += weights[least]
            children[new - num_labels, side] = least
            parent[least] = new
    return Tree(children, *_paths(children, parent, num_labels))


def _paths(
    children: Ids32, parent: list[int], num_labels: int
) -> tuple[Ids32, np.ndarray[tuple[int], np.dtype[np.float32]], Ids]:
    nodes: list[int] = []
    turns: list[int] = []
    offsets = [0]
    right = children[:, 1].tolist()
    root = 2 * num_labels - 2
    for label in range(num_labels):
        at, first = label, len(nodes)
        while at != root:
            above = parent[at] - num_labels
            nodes.append(above)
            turns.append(right[above] == at)
            at = parent[at]
        nodes[first:] = nodes[first:][::-1]
        turns[first:] = turns[first:][::-1]
        offsets.append(len(nodes))
    return np.array(nodes, np.int32), np.array(turns, np.float32), np.array(offsets, np.int64)
