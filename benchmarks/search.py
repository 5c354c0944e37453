"""Search a large table: sajeon against gensim, NumPy, faiss, and reading the table once.

    python benchmarks/search.py [--rows 400000] [--dim 300] [--queries 1000] [--repeat 5] [--out F]

The table is made up: 1,000 clusters of normal vectors around normal centres, rows of different
lengths. Queries are rows. The sides are measured in turn, and the median of the repeats is shown
with the ratio to a side named in the table. faiss gets rows and queries of length 1, which it
does not scale itself, and holds a copy of the table. Wall clock and processor time both: on a
machine with other work, the latter says more.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from _common import machine, say, show, table, versions

from sajeon import Vectors, search

Work: TypeAlias = Callable[[int], Any]
_K = 10
_READING = "reading the table: NumPy's product with a vector"
_CLUSTERS = 1000
_REST = 0.5  # seconds before each work: OpenBLAS's threads spin on after a product, 0.1 s and more


def make_table(rows: int, dim: int) -> np.ndarray:
    """Return (rows, dim) float32."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((rows, dim), dtype=np.float32)
    centres = rng.standard_normal((_CLUSTERS, dim), dtype=np.float32)
    lengths = rng.uniform(0.5, 2, rows).astype(np.float32)
    for start in range(0, rows, 10_000):
        part = slice(start, start + 10_000)
        matrix[part] += centres[rng.integers(_CLUSTERS, size=len(matrix[part]))]
        matrix[part] *= lengths[part, None]
    return matrix


def quantised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows, dim) int8 and (rows,) float32 scales."""
    scales = np.abs(matrix).max(axis=1) / 127
    rows = np.empty(matrix.shape, np.int8)
    for start in range(0, len(matrix), 10_000):
        part = slice(start, start + 10_000)
        rows[part] = np.rint(matrix[part] / scales[part, None])
    return rows, scales


def make_sides(matrix: np.ndarray) -> tuple[dict[str, Vectors], list[str]]:
    """Return our vectors of the three kinds of numbers, and their tokens."""
    tokens = [str(i) for i in range(len(matrix))]
    rows, scales = quantised(matrix)
    sides = {
        "float32": Vectors(tokens, matrix),
        "float16": Vectors(tokens, matrix.astype(np.float16)),
        "int8": Vectors(tokens, rows, scales=scales),
    }
    return sides, tokens


def gensim_vectors(tokens: list[str], matrix: np.ndarray) -> Any:
    """Return KeyedVectors over the same array."""
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(matrix.shape[1], count=len(tokens))
    vectors.vectors = matrix
    vectors.index_to_key = tokens
    vectors.key_to_index = {token: i for i, token in enumerate(tokens)}
    return vectors


def first_queries(sides: dict[str, Vectors], peer: Any) -> dict[str, Work]:
    """Return the first query of vectors just opened, lengths of rows included."""

    def ours(vectors: Vectors) -> Work:
        def ask(repeat: int) -> Any:
            vectors._norms = None
            return vectors.nearest(vectors.tokens[repeat], _K)

        return ask

    def theirs(repeat: int) -> Any:
        peer.norms = None
        return peer.most_similar(peer.index_to_key[repeat], topn=_K)

    works = {f"sajeon, {name}": ours(vectors) for name, vectors in sides.items()}
    return {"gensim `most_similar`": theirs, **works}


def single_queries(sides: dict[str, Vectors], peer: Any) -> dict[str, Work]:
    """Return later single queries, and what reading the table takes in two ways."""
    matrix = sides["float32"].matrix
    vector = matrix[0].copy()

    def ours(vectors: Vectors) -> Work:
        return lambda repeat: vectors.nearest(vectors.tokens[repeat], _K)

    return {
        _READING: lambda _: matrix @ vector,
        "reading the table on one thread: its maximum": lambda _: matrix.max(),
        "gensim `most_similar`": lambda i: peer.most_similar(peer.index_to_key[i], topn=_K),
        **{f"sajeon, {name}": ours(vectors) for name, vectors in sides.items()},
    }


def many_queries(sides: dict[str, Vectors], num_queries: int) -> dict[str, Work]:
    """Return the ways of asking `num_queries` queries at once."""
    matrix = sides["float32"].matrix
    norms = sides["float32"].norms[:, None].astype(np.float32)
    queries = matrix[:: max(1, len(matrix) // num_queries)][:num_queries]

    def numpy_side(_: int) -> Any:
        scores = queries @ matrix.T  # (queries, rows)
        scores /= norms[:, 0]
        return np.argpartition(scores, len(matrix) - _K, axis=1)[:, -_K:]

    def ours(vectors: Vectors) -> Work:
        return lambda _: vectors.search(queries, _K)

    works: dict[str, Work] = {"NumPy product and `argpartition`": numpy_side}
    try:
        import faiss
    except ImportError:
        say("faiss is not installed (pip install faiss-cpu): left out")
    else:
        index = faiss.IndexFlatIP(matrix.shape[1])
        index.add(matrix / norms)
        directions = search.unit(queries).astype(np.float32)
        works["faiss `IndexFlatIP`"] = lambda _: index.search(directions, _K)
    return works | {f"sajeon, {name}": ours(vectors) for name, vectors in sides.items()}


def measure(works: dict[str, Work], repeat: int) -> dict[str, list[tuple[float, float]]]:
    """Return wall clock and processor seconds of each repeat, the works in turn."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for i in range(repeat):
        for name, work in works.items():
            time.sleep(_REST)
            wall, processor = time.perf_counter(), time.process_time()
            work(i)
            taken = time.perf_counter() - wall, time.process_time() - processor
            seconds[name].append(taken)
            say(f"{name}: {taken[0]:.3f} s, {taken[1]:.3f} s of processors")
    return seconds


def report(title: str, seconds: dict[str, list[tuple[float, float]]], bases: Sequence[str]) -> str:
    """Return a Markdown table; ratios are medians of those within one repeat."""
    rows = []
    for name, taken in seconds.items():
        row = [name, *(f"{1000 * median(times):,.0f}" for times in zip(*taken, strict=True))]
        for base in bases:
            pairs = zip(seconds[base], taken, strict=True)
            row.append(f"{median(theirs[0] / ours[0] for theirs, ours in pairs):.2f}")
        rows.append(row)
    header = [title, "ms", "ms of processors", *(f"times as fast as {base}" for base in bases)]
    return table(header, rows)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--repeat-many", type=int, help="of many queries; default: --repeat")
    parser.add_argument("--out", type=Path, help="also write the report here")
    options = parser.parse_args(arguments)
    matrix = make_table(options.rows, options.dim)
    sides, tokens = make_sides(matrix)
    peer = gensim_vectors(tokens, matrix)
    sides["float32"].search(matrix[:64], _K)  # compile
    first = measure(first_queries(sides, peer), options.repeat)
    single = measure(single_queries(sides, peer), options.repeat)
    works = many_queries(sides, options.queries)
    many = measure(works, options.repeat_many or options.repeat)
    peers = [name for name in works if not name.startswith("sajeon")]
    parts = [
        f"{machine()}; {versions(('sajeon', 'gensim', 'numpy', 'numba', 'faiss-cpu'))}",
        f"{options.rows:,} x {options.dim}, the {_K} nearest, exact",
        report("the first query", first, ["gensim `most_similar`"]),
        report("one query", single, [_READING, "gensim `most_similar`"]),
        report(f"{options.queries:,} queries in one call", many, peers),
    ]
    show("\n\n".join(parts), options.out)


if __name__ == "__main__":
    main()
