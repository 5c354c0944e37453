"""A linear layer on one-hot rows against an embedding layer, and ours against torch's own.

Run ``python benchmarks/lookup.py``. The first table takes one step forward and backward both ways,
for vocabularies from 1,000 to 1,000,000 words: CPU time on one core (the best of several) and all
the memory that the step asks for (torch's profiler). Where the one-hot rows would need more than
``--limit`` megabytes, their size is computed and the run left out, which the table says. The second
table looks up without a gradient, by sajeon.nn and by torch.nn in turn over one set of rows: the
medians of the CPU time of a call and of the differences.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported

import torch
from torch.profiler import ProfilerActivity, profile

import sajeon.nn as ours

SIZES = (1_000, 10_000, 100_000, 1_000_000)
MEGABYTE = 1e6


def measure(act: Callable[[], object], repeats: int) -> str:
    """Return two cells: the best CPU time of `act`, and the memory that it asked for."""
    act()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        act()
    asked = sum(max(0, event.self_cpu_memory_usage) for event in seen.events())
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        act()
        best = min(best, time.process_time() - start)
    return f"{best * 1e3:.2f} ms | {asked / MEGABYTE:,.1f} MB"


def step_of(layer: torch.nn.Module, feed: Callable[[], torch.Tensor]) -> Callable[[], None]:
    """Return a function that takes one step, forward and backward."""

    def step() -> None:
        layer.zero_grad()
        layer(feed()).sum().backward()

    return step


def row(num_words: int, batch: int, dim: int, limit: float, repeats: int) -> str:
    """Measure one size of vocabulary, and return its line of the table."""
    torch.manual_seed(0)
    ids = torch.randint(num_words, (batch,))
    needed = batch * num_words * 4 / MEGABYTE
    if needed > limit:
        cells = [f"not run | {needed:,.0f} MB (one-hot rows alone)"]
    else:
        linear = torch.nn.Linear(num_words, dim, bias=False)
        one_hot = step_of(linear, lambda: torch.nn.functional.one_hot(ids, num_words).float())
        cells = [measure(one_hot, repeats)]
    for sparse in (False, True):
        layer = ours.Embedding(num_words, dim, sparse=sparse)
        cells.append(measure(step_of(layer, lambda: ids), repeats))
    return f"| {num_words:,} | {' | '.join(cells)} |"


def overhead(name: str, batch: int, rounds: int) -> str:
    """Compare a class with torch's over one table, in turn, and return the line of the table."""
    layers = [getattr(module, name)(100_000, 64) for module in (torch.nn, ours)]
    layers[1].weight = layers[0].weight
    ids = torch.randint(100_000, (batch,) if name == "Embedding" else (batch, 1))
    calls = max(10, 20_000 // (batch + 50))
    seconds: tuple[list[float], list[float]] = ([], [])
    with torch.no_grad():
        for turn in range(rounds):
            for which in (0, 1) if turn % 2 else (1, 0):
                start = time.process_time()
                for _ in range(calls):
                    layers[which](ids)
                seconds[which].append((time.process_time() - start) / calls * 1e6)
    theirs, mine = map(statistics.median, seconds)
    more = statistics.median(b - a for a, b in zip(*seconds, strict=True))
    return (
        f"| {name} | {batch:,} | {theirs:.1f} µs | {mine:.1f} µs | {more:+.1f} µs | "
        f"{more / theirs:+.1%} |"
    )


def main() -> None:
    """Print both tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=256, help="ids looked up at once")
    parser.add_argument("--dim", type=int, default=64, help="length of a vector")
    parser.add_argument("--limit", type=float, default=512, help="megabytes for one-hot rows")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=200, help="of the second table")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="of vocabularies")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{options.batch} ids, vectors of {options.dim} float32; torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}, one core\n"
    )
    print("| words | Linear | its memory | Embedding | its memory | sparse=True | its memory |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for num_words in options.sizes:
        line = row(num_words, options.batch, options.dim, options.limit, options.repeats)
        print(line, flush=True)
    print("\n| class | ids | torch.nn | sajeon.nn | more | of torch's |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in ("Embedding", "EmbeddingBag"):
        for batch in (1, 4096):
            print(overhead(name, batch, options.rounds), flush=True)


if __name__ == "__main__":
    main()
