"""Random walks over a graph, with the memory of one step.

Grover and Leskovec, "node2vec: scalable feature learning for networks" (2016), section 3.2: having
come from t to v, a walk goes on to x with a chance in proportion to the weight of (v, x) times 1/p
where x is t, 1 where t and x are neighbours, 1/q otherwise. Drawn by rejection (Yang et al.,
"KnightKing", 2019): propose by weight, accept by that factor; so no table for each pair of
neighbours is needed.
"""

from __future__ import annotations

import numpy as np

from ..types import Doubles, Ids, Ids32
from . import draw
from ._compile import helper, jit

_WALK_STREAM = 1 << 42  # keys walks, apart from everything else that is drawn for a seed


def walk_reference(
    starts: Ids,
    edges: Ids32,
    cumulative: Doubles,
    node: int,
    walk: int,
    p: float,
    q: float,
    seed: int,
    out: Ids32,
) -> int:
    """Walk from `node`.

    Args:
        starts: (nodes + 1,) int64. The neighbours of node v are ``edges[starts[v]:starts[v + 1]]``.
        edges: (edges,) int32, sorted for each node.
        cumulative: (edges,) float64. Sums of weights along all edges, the edge itself included.
        node: Where to begin.
        walk: Number of the walk from this node; with node and seed it keys the draws.
        p: Above 1: seldom back at once.
        q: Above 1: stay near; below: go far.
        seed: Key of all walks.
        out: (length,) int32, changed: the nodes, the first included.

    Returns:
        How many there are: fewer where a node has no neighbours.
    """
    key = draw.block_key_reference(seed, _WALK_STREAM + walk, node)
    drawn, largest = 0, max(1.0 / p, 1.0, 1.0 / q)
    out[0] = node
    for step in range(1, len(out)):
        here = int(out[step - 1])
        begin, end = int(starts[here]), int(starts[here + 1])
        if begin == end:
            return step
        below = cumulative[begin - 1] if begin else 0.0
        while True:
            u, accept = draw.to_unit_reference(draw.draw_reference(key, [drawn, drawn + 1]))
            drawn += 2
            place = below + u * (cumulative[end - 1] - below)
            edge = begin + int(np.searchsorted(cumulative[begin:end], place, side="right"))
            there = int(edges[min(edge, end - 1)])
            factor = 1.0
            if step > 1:
                before = int(out[step - 2])
                known = edges[starts[before] : starts[before + 1]]
                factor = 1.0 / p if there == before else 1.0 if there in known else 1.0 / q
            if step == 1 or accept * largest < factor:
                break
        out[step] = there
    return len(out)


@helper
def _first_above(values, begin, end, place):
    """Return the first index in [begin, end) whose value is above `place`; `end` for none."""
    while begin < end:
        middle = (begin + end) // 2
        if values[middle] > place:
            end = middle
        else:
            begin = middle + 1
    return begin


@jit
def walk(starts, edges, cumulative, node, number, p, q, seed, out):
    """See `walk_reference`."""
    key = draw.block_key(seed, _WALK_STREAM + number, node)
    drawn, largest = np.uint64(0), max(1.0 / p, 1.0, 1.0 / q)
    out[0] = node
    for step in range(1, len(out)):
        here = out[step - 1]
        begin, end = starts[here], starts[here + 1]
        if begin == end:
            return step
        below = cumulative[begin - 1] if begin > 0 else 0.0
        while True:
            u = draw.to_unit(draw.draw(key, drawn))
            accept = draw.to_unit(draw.draw(key, drawn + np.uint64(1)))
            drawn += np.uint64(2)
            place = below + u * (cumulative[end - 1] - below)
            there = edges[min(_first_above(cumulative, begin, end, place), end - 1)]
            factor = 1.0
            if step > 1:
                before = out[step - 2]
                if there == before:
                    factor = 1.0 / p
                else:
                    last = starts[before + 1]
                    at = _first_above(edges, starts[before], last, there - 1)
                    factor = 1.0 if at < last and edges[at] == there else 1.0 / q
            if step == 1 or accept * largest < factor:
                break
        out[step] = there
    return len(out)
