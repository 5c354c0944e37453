"""Walks over a graph that is given by its edges."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import FormatError
from ..formats.columns import read_columns
from ..kernels import draw
from ..kernels._compile import HAVE_NUMBA
from ..kernels.walks import walk, walk_reference
from ..tokens.readers import find_files
from ..types import Array, Doubles, Ids, Ids32

_MOST_LENGTH = 1 << 20
_ORDER_STREAM = 1 << 43  # keys the orders of nodes, apart from everything else


def random_walks(
    path: str | os.PathLike[str],
    *,
    source: str,
    target: str,
    weight: str | None = None,
    directed: bool = False,
    walks: int = 10,
    length: int = 80,
    p: float = 1.0,
    q: float = 1.0,
    seed: int = 1,
) -> Iterator[list[str]]:
    """Return walks over a graph: with skip-gram on top, DeepWalk (p = q = 1) or node2vec.

    See `kernels.walks` for what p and q do. A walk depends on seed, node and number alone.

    Args:
        path: A table of edges, or a glob: CSV or TSV with a header line, JSON lines, Parquet or
            Arrow.
        source: Column with the one node of an edge.
        target: Column with the other.
        weight: Column with the weight of an edge, above 0; None: all weigh the same. An edge that
            comes twice weighs the sum.
        directed: Whether an edge leads from source to target only.
        walks: From each node.
        length: Nodes of a walk, the first included; a walk ends early where no edge leads on.
        p: Above 1: seldom back at once.
        q: Above 1: stay near; below: go far.
        seed: Key of all draws.

    Returns:
        Token lists: all nodes in shuffled order, as often as `walks` says.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: See `formats.columns.read_columns`; or a weight is no number above 0.
        ValueError: A setting that cannot be used.
    """
    _check(walks, length, p, q)
    graph = _read(path, source, target, weight, directed)
    return _walks(graph, walks, length, float(p), float(q), seed)


def _check(walks: int, length: int, p: float, q: float) -> None:
    if walks < 1:
        raise ValueError(f"walks must be at least 1, got {walks}")
    if not 2 <= length <= _MOST_LENGTH:
        raise ValueError(f"length must be from 2 to {_MOST_LENGTH:,}, got {length}")
    for name, value in (("p", p), ("q", q)):
        if not 0.01 <= value <= 100:  # beyond, next to every step that is proposed is refused
            raise ValueError(f"{name} must be from 0.01 to 100, got {value}")


@dataclass(frozen=True)
class _Graph:
    """Nodes, and the neighbours of each: see `kernels.walks.walk_reference`."""

    nodes: list[str]
    starts: Ids
    edges: Ids32
    cumulative: Doubles


def _read(
    path: str | os.PathLike[str], source: str, target: str, weight: str | None, directed: bool
) -> _Graph:
    ids: dict[str, int] = {}
    ends, weights = array("i"), array("d")
    wanted = [source, target] if weight is None else [source, target, weight]
    for file in find_files(path):
        for number, row in enumerate(read_columns(file.path, wanted), 1):
            ends.extend(ids.setdefault(node, len(ids)) for node in row[:2])
            weights.append(1.0 if weight is None else _weight(row[2], file.name, number))
    pairs = np.array(ends, np.int64).reshape(-1, 2)
    heavy = np.array(weights, np.float64)
    if not directed:
        loops = pairs[:, 0] == pairs[:, 1]
        pairs = np.concatenate([pairs, pairs[~loops][:, ::-1]])
        heavy = np.concatenate([heavy, heavy[~loops]])
    return _Graph(list(ids), *_rows(pairs, heavy, len(ids)))


def _weight(text: str, name: str, row: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise FormatError(f"{name}: row {row}: expected a weight above 0, got {text!r}.")
    return value


def _rows(pairs: Array, weights: Doubles, nodes: int) -> tuple[Ids, Ids32, Doubles]:
    """Sort the edges by their nodes, add up those that come twice, and the weights along them."""
    codes, place = np.unique(pairs[:, 0] * max(nodes, 1) + pairs[:, 1], return_inverse=True)
    total = np.bincount(place, weights, minlength=len(codes))
    starts = np.searchsorted(codes, np.arange(nodes + 1) * max(nodes, 1))
    return starts.astype(np.int64), (codes % max(nodes, 1)).astype(np.int32), np.cumsum(total)


def _walks(
    graph: _Graph, walks: int, length: int, p: float, q: float, seed: int
) -> Iterator[list[str]]:
    step = walk if HAVE_NUMBA else walk_reference
    out = np.empty(length, np.int32)
    given = graph.starts, graph.edges, graph.cumulative
    for number in range(walks):
        key = draw.block_key_reference(seed, _ORDER_STREAM, number)
        order = np.argsort(draw.draw_reference(key, np.arange(len(graph.nodes))), kind="stable")
        for node in order.tolist():
            size = step(*given, node, number, p, q, seed, out)
            yield [graph.nodes[i] for i in out[:size].tolist()]
