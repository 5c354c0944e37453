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
    return Tree(children, *_paths(children, np.array(parent, np.int64)))


def _paths(
    children: Ids32, parent: Ids
) -> tuple[Ids32, np.ndarray[tuple[int], np.dtype[np.float32]], Ids]:
    """Walk up from all labels at once, a level at a time."""
    num_labels, root = len(children) + 1, len(parent) - 1
    parent[root] = root
    at = np.arange(num_labels)
    lengths = np.zeros(num_labels, np.int64)
    while (below := at != root).any():
        lengths += below
        at = parent[at]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    nodes, turns = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
    place, at = offsets[1:] - 1, np.arange(num_labels)
    while len(at):
        above = parent[at] - num_labels
        nodes[place], turns[place] = above, children[above, 1] == at
        going = parent[at] != root
        place, at = place[going] - 1, parent[at[going]]
    return nodes, turns, offsets
