"""Open big tables: sajeon beside gensim, each step in a process of its own.

    python benchmarks/load.py                        3,000,000 x 300, and text of 50,000 x 300
    python benchmarks/load.py --rows 400000 --reps 5

A table of the shape of GoogleNews' is generated once (--keep FOLDER keeps it) and written as
word2vec binary, as sajeon's folder and as gensim's own file. Shown are seconds to open, without the
imports, and to the first answer (one vector; the nearest of one token, which reads the whole
table), with the files in the system's cache (warm) and thrown out of it (cold); what is resident,
files that are mapped left out and counted in; and how fast foreign files are read. Sides run in
turn; medians.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import _common as common
import numpy as np

TOKEN = "token%d"
Steps = dict[str, float]


def generate(folder: Path, rows: int, dim: int) -> Path:
    """Write rows of seeded normal numbers in word2vec's binary form; return the file."""
    path = folder / f"vectors-{rows}-{dim}.bin"
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    with path.with_suffix(".part").open("wb") as file:
        file.write(b"%d %d\n" % (rows, dim))
        for first in range(0, rows, 10_000):
            block = rng.standard_normal((min(10_000, rows - first), dim), np.float32)
            lines = (TOKEN.encode() % (first + i) + b" " + r.tobytes() for i, r in enumerate(block))
            file.write(b"".join(lines))
    path.with_suffix(".part").rename(path)
    return path


def prepare(folder: Path, rows: int, dim: int, text_rows: int) -> dict[str, str]:
    """Write all files that are opened; return their paths by what they are."""
    binary = generate(folder, rows, dim)
    model, gensim, text = folder / "model", folder / "vectors.kv", folder / "vectors.txt"
    import sajeon

    if not model.exists():
        sajeon.convert(binary, model)
    if not text.exists():
        sajeon.convert(binary, text, limit=text_rows)
    if not gensim.exists():
        from gensim.models import KeyedVectors

        KeyedVectors.load_word2vec_format(binary, binary=True).save(str(gensim))
        gc.collect()
    return {"binary": str(binary), "model": str(model), "gensim": str(gensim), "text": str(text)}


def forget(path: str) -> None:
    """Throw a file, or those of a folder and those that begin with its name, out of the cache."""
    base = Path(path)
    files = [f for f in base.parent.iterdir() if f.name.startswith(base.name) and f.is_file()]
    if base.is_dir():
        files += [f for f in base.iterdir() if f.is_file()]
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def watch(
    open_it: Callable[[], Any], one: Callable[[Any], Any], near: Callable[[Any], Any]
) -> Steps:
    """Time opening and the first answers; look at memory after each."""
    steps: Steps = {}
    start = time.perf_counter()
    opened = open_it()
    steps["open"] = time.perf_counter() - start
    one(opened)
    steps["vector"] = time.perf_counter() - start
    steps |= {f"{name} after one": value for name, value in _memory().items()}
    near(opened)
    steps["nearest"] = time.perf_counter() - start
    near(opened)
    steps["again"] = time.perf_counter() - start - steps["nearest"]
    steps["peak"] = _memory()["peak"]
    return steps


def _memory() -> dict[str, float]:
    lines = Path("/proc/self/status").read_text().splitlines()
    size = {line.split(":")[0]: float(line.split()[1]) * 1024 for line in lines if "kB" in line}
    return {"anonymous": size["RssAnon"], "resident": size["VmRSS"], "peak": size["VmHWM"]}


def sajeon_side(path: str, rows: int) -> Steps:
    """Open with sajeon."""
    import sajeon
    from sajeon.loading import load

    token = TOKEN % (rows // 2)
    assert sajeon.load is load
    return watch(lambda: load(path), lambda v: v[token], lambda v: v.nearest(token))


def gensim_side(path: str, rows: int) -> Steps:
    """Open with gensim: its own file mapped, others with `load_word2vec_format`."""
    from gensim.models import KeyedVectors

    token = TOKEN % (rows // 2)

    def open_it() -> Any:
        if path.endswith(".kv"):
            return KeyedVectors.load(path, mmap="r")
        return KeyedVectors.load_word2vec_format(path, binary=path.endswith(".bin"))

    return watch(open_it, lambda v: v[token], lambda v: v.most_similar(token))


SIDES = {"sajeon": sajeon_side, "gensim": gensim_side}


def run(side: str, path: str, rows: int, cold: bool) -> Steps:
    """Run one side in a process of its own."""
    if cold:
        forget(path)
    command = [sys.executable, __file__, "--side", side, "--path", path, "--rows", str(rows)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{side} failed on {path}:\n{done.stderr}")
    steps: Steps = json.loads(done.stdout)
    return steps


def measure(cases: list[tuple[str, str, int, bool]], reps: int) -> list[Steps]:
    """Return the medians of each case, run in turn."""
    seen: list[list[Steps]] = [[] for _ in cases]
    for _ in range(reps):
        for place, case in enumerate(cases):
            common.say(f"{case[0]} opens {Path(case[1]).name}{', cold' if case[3] else ''}")
            seen[place].append(run(*case))
    return [{key: median(s[key] for s in steps) for key in steps[0]} for steps in seen]


def report(files: dict[str, str], rows: int, text_rows: int, reps: int, cold: bool) -> str:
    """Measure and return the tables."""
    own = [("sajeon", files["model"]), ("gensim", files["gensim"])]
    foreign = [(side, files[kind]) for kind in ("binary", "text") for side in ("sajeon", "gensim")]
    times = [False, True] if cold else [False]
    cases = [(side, path, rows, c) for c in times for side, path in own]
    cases += [(side, path, text_rows, False) for side, path in foreign]
    found = measure(cases, reps)
    first = [
        [f"{side}, {'cold' if c else 'warm'}", *(f"{s[k]:.3f}" for k in ("open", "vector")),
         *(f"{s[k]:.2f}" for k in ("nearest", "again")), _mb(s["resident after one"]),
         _mb(s["anonymous after one"])]
        for (side, _, _, c), s in zip(cases[: len(own) * len(times)], found, strict=False)
    ]  # fmt: skip
    second = []
    for place in range(len(own) * len(times), len(cases), 2):
        ours, theirs = found[place : place + 2]
        size = Path(cases[place][1]).stat().st_size / 1e6
        second.append([
            f"{Path(cases[place][1]).suffix} of {size:,.0f} MB", f"{ours['open']:.2f}",
            f"{theirs['open']:.2f}", f"{theirs['open'] / ours['open']:.1f}",
            f"{size / ours['open']:,.0f} MB/s", f"{_mb(ours['peak'])} / {_mb(theirs['peak'])}",
        ])  # fmt: skip
    header = ("own format, mapped", "open, s", "first vector", "first nearest", "next nearest",
              "resident after a vector", "of it anonymous")  # fmt: skip
    reading = ("foreign file", "sajeon, s", "gensim, s", "times", "sajeon's speed", "peak memory")
    return f"{common.table(header, first)}\n\n{common.table(reading, second)}"


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def main(arguments: list[str] | None = None) -> None:
    """Prepare, measure and print; or be one side."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--text-rows", type=int, default=50_000, help="of the text file")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--no-cold", dest="cold", action="store_false")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the files here")
    parser.add_argument("--out", type=Path, help="also write the Markdown to this file")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.side:
        print(json.dumps(SIDES[given.side](given.path, given.rows)))
        return
    with _folder(given.keep) as folder:
        files = prepare(folder, given.rows, given.dim, given.text_rows)
        tables = report(files, given.rows, given.text_rows, given.reps, given.cold)
    versions = common.versions(["sajeon", "numpy", "numba", "gensim"])
    shape = f"{given.rows:,} x {given.dim}; text {given.text_rows:,} x {given.dim}"
    common.show(f"{common.machine()}; {versions}; {shape}\n\n{tables}", given.out)


if __name__ == "__main__":
    main()
