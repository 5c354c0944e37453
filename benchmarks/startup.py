"""What a command costs before it does anything: CPU seconds of ``sajeon --help`` and ``nearest``.

Run ``python benchmarks/startup.py``. It saves a model of random vectors (``--tokens`` x ``--dim``),
runs each command a few times with caches warm, each in a process of its own, and prints the median
CPU seconds (user and system), their limit, and which of the slow modules were imported.
``--imports N`` lists the N modules that took longest to import.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from sajeon import Vectors

SLOW = ("numba", "torch", "rich", "safetensors", "scipy")


def make_model(folder: Path, num_tokens: int, dim: int) -> None:
    """Save random vectors of made-up words."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(num_tokens, dim)).astype(np.float32)
    tokens = [f"word{i}" for i in range(num_tokens)]
    counts = np.arange(num_tokens, 0, -1)
    Vectors(tokens, matrix, counts, tokenizer="words").save(folder)


def run(arguments: list[str], *options: str) -> tuple[float, str]:
    """Run sajeon in a process of its own; return its CPU seconds and its standard error."""
    # Python's own cache must work, as it does for a user.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *options, "-m", "sajeon", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, done.stderr


def imported(arguments: list[str]) -> list[tuple[float, str]]:
    """Return the modules imported and their milliseconds, what they import left out."""
    _, report = run(arguments, "-X", "importtime")
    lines = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", report)
    return sorted(((int(us) / 1000, name) for us, name in lines), reverse=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=70_000)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--imports", type=int, default=0, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        make_model(model, options.tokens, options.dim)
        print(f"{'command':24}{'median':>9}{'limit':>9}   slow modules imported")
        for arguments, limit in ((["--help"], 0.2), (["nearest", str(model), "word99"], 0.5)):
            run(arguments)  # warm the caches
            median = statistics.median(run(arguments)[0] for _ in range(options.repeats))
            modules = imported(arguments)
            slow = [name for name in SLOW if any(name == module for _, module in modules)]
            name = f"sajeon {arguments[0]}"
            print(f"{name:24}{median:>7.3f} s{limit:>7.1f} s   {', '.join(slow) or 'none'}")
            for milliseconds, module in modules[: options.imports]:
                print(f"    {milliseconds:7.1f} ms  {module}")


if __name__ == "__main__":
    main()
