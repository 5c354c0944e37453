"""Steps of a trained table: sajeon's row optimisers against torch's sparse ones and FBGEMM.

    python benchmarks/layers.py [--rows 10000,100000,1000000,10000000] [--dim 64] [--ids 4096]
                                [--repeat 40] [--threads 1] [--dense-rows 1000000] [--out F]

A step is lookup, backward with a given gradient, and update; ids are drawn from a Zipf
distribution, a row's rank being random. All sides of a table are measured in turn, after each has
seen every batch (so its state was touched before); the median over the rounds is shown, and the
ratio to ours is the median of those within a round. "x bytes" is the time over that of copying the
bytes that have to move: rows read and written, states too, the answer written, the gradient read.
Copying is measured before and after the rounds. Dense Adam moves every row at every step: another
algorithm, shown for how it grows. FBGEMM takes part where it is installed
(``pip install --no-deps fbgemm-gpu-cpu==1.8.0``).
"""

from __future__ import annotations

import argparse
import gc
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from _common import machine, say, show, table, versions

from sajeon import nn

BATCHES = 16
PER_BAG = 8
_LR = 1e-3
_COPIED = 1 << 23  # numbers: 32 MB, more than any cache here
_WARM_DENSE, _DENSE_REPEAT = 1, 3
_COPY, _COPIES = "copy", 9

Step = Callable[[torch.Tensor], Any]


@dataclass(frozen=True)
class Problem:
    """What the sides of one table have in common."""

    rows: int
    dim: int
    batches: list[torch.Tensor]  # (ids,) int64 each
    grad: torch.Tensor  # (ids, dim)

    @property
    def distinct(self) -> float:
        """Mean number of distinct rows in a batch."""
        return float(np.mean([len(batch.unique()) for batch in self.batches]))

    def bytes_to_move(self, per_bag: int, states: float) -> float:
        """Bytes of a step that has `states` numbers of state for each number of a row."""
        answers = len(self.grad) // per_bag
        return 4 * self.dim * (self.distinct * (3 + 2 * states) + 2 * answers)


def make_problem(rows: int, dim: int, num_ids: int) -> Problem:
    """Draw the batches: rank r has a share in proportion to ``r ** -1.05``."""
    rng = np.random.default_rng(0)
    share = np.cumsum(np.arange(1, rows + 1) ** -1.05)
    row_of = rng.permutation(rows)
    ranks = np.searchsorted(share / share[-1], rng.random((BATCHES, num_ids))).clip(0, rows - 1)
    batches = [torch.from_numpy(row_of[batch]) for batch in ranks]
    return Problem(rows, dim, batches, torch.randn(num_ids, dim))


def ours(problem: Problem, optimizer: Any, mode: str | None = None) -> Step:
    """Return our step; with a mode, of bags."""
    if mode is None:
        layer: Any = nn.Embedding(problem.rows, problem.dim, optimizer=optimizer)
        return lambda ids: layer(ids).backward(problem.grad)
    bags = nn.EmbeddingBag(problem.rows, problem.dim, mode=mode, optimizer=optimizer)
    grad = problem.grad[::PER_BAG].contiguous()
    return lambda ids: bags(ids.view(-1, PER_BAG)).backward(grad)


def theirs(problem: Problem, make: Callable[..., Any], mode: str | None = None) -> Step:
    """Return the step of torch's layer with sparse gradients and an optimiser of torch."""
    layer: Any = torch.nn.Embedding(problem.rows, problem.dim, sparse=True)
    grad = problem.grad
    if mode is not None:
        layer = torch.nn.EmbeddingBag(problem.rows, problem.dim, sparse=True, mode=mode)
        grad = problem.grad[::PER_BAG].contiguous()
    optimizer = make(layer.parameters(), lr=_LR)

    def step(ids: torch.Tensor) -> None:
        optimizer.zero_grad()
        layer(ids if mode is None else ids.view(-1, PER_BAG)).backward(grad)
        optimizer.step()

    return step


def dense(problem: Problem, **settings: Any) -> Step:
    """Return the step of dense Adam."""
    layer = torch.nn.Embedding(problem.rows, problem.dim)
    optimizer = torch.optim.Adam(layer.parameters(), lr=_LR, **settings)

    def step(ids: torch.Tensor) -> None:
        optimizer.zero_grad()
        layer(ids).backward(problem.grad)
        optimizer.step()

    return step


def fbgemm(problem: Problem, name: str, mode: str | None = None) -> dict[str, Step]:
    """Return FBGEMM's step under its name, nothing where it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from fbgemm_gpu.split_embedding_configs import EmbOptimType
            from fbgemm_gpu.split_table_batched_embeddings_ops_common import (
                EmbeddingLocation,
                PoolingMode,
            )
            from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
                ComputeDevice,
                SplitTableBatchedEmbeddingBagsCodegen,
            )
    except (ImportError, OSError):
        return {}
    pooling = "NONE" if mode is None else mode.upper()
    tables = SplitTableBatchedEmbeddingBagsCodegen(
        [(problem.rows, problem.dim, EmbeddingLocation.HOST, ComputeDevice.CPU)],
        optimizer=EmbOptimType[name],
        learning_rate=_LR,
        pooling_mode=PoolingMode[pooling],
    )
    per_bag = 1 if mode is None else PER_BAG
    offsets = torch.arange(0, len(problem.grad) + 1, per_bag)
    grad = problem.grad[::per_bag].contiguous()
    return {f"FBGEMM, {pooling}": lambda ids: tables(ids, offsets).backward(grad)}


def algorithms(problem: Problem) -> Iterator[tuple[str, float, int, dict[str, Step]]]:
    """Yield title, states, ids of a bag, and sides of each comparison, ours first."""
    optim = torch.optim
    sgd = {"sajeon `SGD`": ours(problem, nn.SGD(lr=_LR))}
    sgd |= {"torch sparse SGD": theirs(problem, optim.SGD)} | fbgemm(problem, "EXACT_SGD")
    yield "SGD", 0, 1, sgd
    del sgd
    row = {"sajeon `RowAdagrad`": ours(problem, nn.RowAdagrad(lr=_LR))}
    yield "RowAdagrad", 1 / problem.dim, 1, row | fbgemm(problem, "EXACT_ROWWISE_ADAGRAD")
    del row
    adagrad = {"sajeon `Adagrad`": ours(problem, nn.Adagrad(lr=_LR))}
    adagrad |= {"torch sparse Adagrad": theirs(problem, optim.Adagrad)}
    yield "Adagrad", 1, 1, adagrad | fbgemm(problem, "EXACT_ADAGRAD")
    del adagrad
    adam = {"sajeon `LazyAdam`": ours(problem, nn.LazyAdam(lr=_LR))}
    yield "LazyAdam", 2, 1, adam | {"torch SparseAdam": theirs(problem, optim.SparseAdam)}
    del adam
    for mode in ("sum", "mean"):
        bags = {"sajeon `SGD`": ours(problem, nn.SGD(lr=_LR), mode)}
        bags |= {"torch sparse SGD": theirs(problem, optim.SGD, mode)}
        yield f"bags, {mode}, SGD", 0, PER_BAG, bags | fbgemm(problem, "EXACT_SGD", mode)
        del bags


def copying(times: int) -> list[float]:
    """Return what copying 32 MB takes, each time."""
    source, target = torch.ones(_COPIED), torch.empty(_COPIED)
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        target.copy_(source)
        seconds.append(time.perf_counter() - begin)
    return seconds


def measure(problem: Problem, sides: dict[str, Step], repeat: int, warm: int) -> dict[str, Any]:
    """Return {name: seconds of each round}, and those of copying before and after the rounds.

    The order in a round is drawn, since the caches that a side finds are those its predecessor
    left. Tried: copying between the sides, as one of them; whoever followed took 200 µs longer.
    """
    rng = np.random.default_rng(1)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    copies = min(_COPIES, repeat)
    before = copying(copies)
    for i in range(-warm, repeat):
        for name in rng.permutation(list(sides)):
            begin = time.perf_counter()
            sides[name](problem.batches[i % len(problem.batches)])
            if i >= 0:
                seconds[name].append(time.perf_counter() - begin)
    return {**seconds, _COPY: before + copying(copies)}


def first_touch(problem: Problem) -> float:
    """Return what the first step of `LazyAdam` costs beyond a later one on the same rows."""
    layer = nn.Embedding(problem.rows, problem.dim, optimizer=nn.LazyAdam(lr=_LR))
    ids = problem.batches[0]
    layer(ids[:1]).sum().backward()  # makes the state, and touches one row of it
    taken = []
    for _ in range(4):
        begin = time.perf_counter()
        layer(ids).backward(problem.grad)
        taken.append(time.perf_counter() - begin)
    return taken[0] - median(taken[1:])


def lines_of(
    problem: Problem, title: str, states: float, per_bag: int, seconds: dict[str, list[float]]
) -> list[list[str]]:
    """Return the rows of the table for one comparison, ours first."""
    names = [name for name in seconds if name != _COPY]
    share = problem.bytes_to_move(per_bag, states) / (2 * 4 * _COPIED)
    least = share * median(seconds[_COPY])
    lines = []
    for name in names:
        pairs = zip(seconds[names[0]], seconds[name], strict=True)
        ratio = median(other / mine for mine, other in pairs)
        taken = median(seconds[name])
        cells = [f"{1e6 * taken:,.0f}", f"{ratio:.2f}", f"{taken / least:.1f}"]
        lines.append([title, f"{problem.rows:,}", name, *cells])
    return lines


def compare(problem: Problem, repeat: int) -> list[list[str]]:
    """Measure all comparisons on tables of one size."""
    lines = []
    for title, states, per_bag, sides in algorithms(problem):
        seconds = measure(problem, sides, repeat, BATCHES)
        lines += lines_of(problem, title, states, per_bag, seconds)
        say("; ".join(" ".join(line[1:5]) for line in lines[-len(sides) :]))
        sides.clear()
        gc.collect()
    return lines


def grow_of_dense(problem: Problem) -> list[list[str]]:
    """Measure dense Adam, both kinds in turn."""
    lines = []
    for name, settings in (("Adam", {}), ("Adam, `fused=True`", {"fused": True})):
        sides = {name: dense(problem, **settings)}
        taken = measure(problem, sides, _DENSE_REPEAT, _WARM_DENSE)[name]
        lines.append([f"{problem.rows:,}", name, f"{1e6 * median(taken):,.0f}"])
        say(" ".join(lines[-1]))
        sides.clear()
        gc.collect()
    return lines


def growth(lines: Sequence[Sequence[str]]) -> str:
    """Return how the time of each side grows with the table: a table of times over the smallest."""
    sizes = list(dict.fromkeys(line[1] for line in lines))
    rows = []
    for title, name in dict.fromkeys((line[0], line[2]) for line in lines):
        times = [
            float(line[3].replace(",", ""))
            for size in sizes
            for line in lines
            if (line[0], line[1], line[2]) == (title, size, name)
        ]
        rows.append([title, name, *(f"{time / times[0]:.2f}" for time in times)])
    return table(["time over that at the smallest size", "", *sizes], rows)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="10000,100000,1000000,10000000")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--ids", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dense-rows", type=int, default=1_000_000, help="the most for dense Adam")
    parser.add_argument("--out", type=Path, help="also write the report here")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore", message="Sparse invariant checks")
    lines, of_dense, touches = [], [], []
    for rows in map(int, options.rows.split(",")):
        problem = make_problem(rows, options.dim, options.ids)
        lines += compare(problem, options.repeat)
        touches.append(
            [f"{rows:,}", f"{problem.distinct:,.0f}", f"{1e6 * first_touch(problem):,.0f}"]
        )
        if rows <= options.dense_rows:
            of_dense += grow_of_dense(problem)
    names = ("sajeon", "torch", "fbgemm-gpu-cpu", "numpy", "numba")
    parts = [
        f"{machine()}; {options.threads} threads; {versions(names)}",
        f"{options.ids:,} ids a step, dim {options.dim}; bags of {PER_BAG} ids",
        table(["algorithm", "rows", "side", "µs", "times ours", "x bytes"], lines),
        growth(lines),
        table(
            ["rows", "touched a step", "`LazyAdam`, first touch of all of them: further µs"],
            touches,
        ),
        table(["rows", "another algorithm: it moves all rows", "µs"], of_dense),
    ]
    show("\n\n".join(parts), options.out)


if __name__ == "__main__":
    main()
