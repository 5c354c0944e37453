"""One-hot times a table against looking rows up: the same numbers, at what cost?

Run ``python benchmarks/one_hot.py``. For vocabularies from 1,000 to 1,000,000 words it measures one
batch of ids both ways: CPU time on one core (the best of several) and the memory that the way asks
for (the peak that tracemalloc saw). Where the one-hot vectors would need more than ``--limit``
megabytes, their size is computed and the run left out, which the table says.
"""

import argparse
import os
import platform
import time
import tracemalloc
from collections.abc import Callable

# Looking up runs on one core, so the product must too; on a busy machine several threads of a
# matrix product wait for each other and measured 20 times slower here. Read when NumPy is imported.
for _library in ("OPENBLAS", "MKL", "OMP", "VECLIB"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402

from sajeon.encode import one_hot  # noqa: E402
from sajeon.types import Floats  # noqa: E402

SIZES = (1_000, 10_000, 100_000, 1_000_000)
MEGABYTE = 1e6


def measure(act: Callable[[], Floats], repeats: int) -> tuple[float, float, Floats]:
    """Return the best CPU seconds, the peak megabytes, and what `act` returned."""
    tracemalloc.start()
    result = act()
    peak = tracemalloc.get_traced_memory()[1] / MEGABYTE
    tracemalloc.stop()
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        act()
        best = min(best, time.process_time() - start)
    return best, peak, result


def row(num_words: int, batch: int, dim: int, limit: float, repeats: int) -> str:
    """Measure one size of vocabulary, and return its line of the table."""
    rng = np.random.default_rng(0)
    weight = rng.random((num_words, dim), dtype=np.float32)
    ids = rng.integers(num_words, size=batch)
    seconds, megabytes, vectors = measure(lambda: weight[ids], repeats)
    lookup = f"{seconds * 1e3:.3f} ms | {megabytes:.2f} MB"
    needed = batch * num_words * 4 / MEGABYTE
    if needed > limit:
        return f"| {num_words:,} | not run | {needed:,.0f} MB (computed) | {lookup} | |"
    slow, large, product = measure(lambda: one_hot(ids, num_words) @ weight, repeats)
    np.testing.assert_array_equal(product, vectors)
    one_hot_way = f"{slow * 1e3:.2f} ms | {large:,.1f} MB"
    return f"| {num_words:,} | {one_hot_way} | {lookup} | {slow / seconds:,.0f} |"


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=256, help="ids looked up at once")
    parser.add_argument("--dim", type=int, default=256, help="length of a vector")
    parser.add_argument("--limit", type=float, default=512, help="megabytes for one-hot vectors")
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    print(
        f"{options.batch} ids, vectors of {options.dim} float32; NumPy {np.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}\n"
    )
    print("| words | one-hot @ table | its memory | table[ids] | its memory | times as fast |")
    print("|---:|---:|---:|---:|---:|---:|")
    for num_words in SIZES:
        line = row(num_words, options.batch, options.dim, options.limit, options.repeats)
        print(line, flush=True)


if __name__ == "__main__":
    main()
