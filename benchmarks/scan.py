"""Count and encode a corpus: sajeon against gensim's scan, which only counts. CPU seconds.

    python benchmarks/scan.py [CORPUS] [--repeat 3]

CORPUS is plain or compressed text; default: the English corpus under SAJEON_DATA. It is unpacked
first, and cut into words for gensim, which knows tokens between blanks alone. Sides are measured in
turn; the median of the repeats is shown, and the ratio to gensim on the same tokens.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from sajeon.corpus import build_corpus
from sajeon.tokens import Whitespace, Words
from sajeon.tokens.readers import find_files

MIN_COUNT = 5


def unpack(source: Path, folder: Path) -> tuple[Path, Path]:
    """Write the plain text and the same cut into words; return both paths."""
    text, words = folder / "text.txt", folder / "words.txt"
    with text.open("wb") as file:
        for one in find_files(source):
            file.writelines(one.blocks())
    tokenizer = Words()
    with text.open(encoding="utf-8", newline="\n") as lines, words.open("w", newline="\n") as file:
        file.writelines(" ".join(tokenizer.tokens(line)) + "\n" for line in lines)
    return text, words


def cpu_seconds(work: Callable[[], Any]) -> float:
    """Processor time of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def gensim_file(path: Path) -> None:
    """Scan a file of blank-separated tokens."""
    from gensim.models import Word2Vec

    Word2Vec(min_count=MIN_COUNT, workers=1).build_vocab(corpus_file=str(path))


def gensim_lists(lists: list[list[str]]) -> None:
    """Scan token lists in memory."""
    from gensim.models import Word2Vec

    Word2Vec(min_count=MIN_COUNT, workers=1).build_vocab(lists)


def ours(source: Any, tokenizer: Words | Whitespace) -> None:
    """Count, encode, renumber and write to disk."""
    with tempfile.TemporaryDirectory() as folder:
        build_corpus(source, tokenizer, min_count=MIN_COUNT, directory=folder)


def measure(rows: dict[str, tuple[str, Callable[[], Any]]], repeat: int) -> dict[str, float]:
    """Median CPU seconds of each row, the rows in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(repeat):
        for name, (_, work) in rows.items():
            seconds[name].append(cpu_seconds(work))
    return {name: median(values) for name, values in seconds.items()}


def main() -> None:
    """Measure and print the table."""
    data = Path(os.environ.get("SAJEON_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?", type=Path, default=data / "corpus.en.txt.xz")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text, words = unpack(arguments.corpus, Path(folder))
        with text.open(encoding="utf-8", newline="\n") as file:
            texts = [line.removesuffix("\n") for line in file]
        with words.open(encoding="utf-8", newline="\n") as file:
            lists = [line.split() for line in file]
        ours(texts[:1000], Words())  # compile
        ours(texts[:1000], Whitespace())
        on_text, on_words, on_lists = "gensim, whitespace", "gensim, words", "gensim, lists"
        rows = {
            on_text: (on_text, lambda: gensim_file(text)),
            "sajeon, whitespace": (on_text, lambda: ours(text, Whitespace())),
            "sajeon, list of texts, whitespace": (on_text, lambda: ours(texts, Whitespace())),
            on_words: (on_words, lambda: gensim_file(words)),
            "sajeon, words": (on_words, lambda: ours(text, Words())),
            "sajeon, list of texts, words": (on_words, lambda: ours(texts, Words())),
            on_lists: (on_lists, lambda: gensim_lists(lists)),
            "sajeon, token lists": (on_lists, lambda: ours(lists, Words())),
        }
        seconds = measure(rows, arguments.repeat)
        size = text.stat().st_size / 1e6
    versions = ", ".join(f"{name} {version(name)}" for name in ("gensim", "numpy", "numba"))
    print(f"Python {platform.python_version()}, {versions}; {os.cpu_count()} cores, one thread and")
    print(f"one that reads ahead; {size:.0f} MB; min_count {MIN_COUNT}; {arguments.repeat} repeats")
    print("\n| what | CPU seconds | of gensim's |\n|---|---|---|")
    for name, (peer, _) in rows.items():
        print(f"| {name} | {seconds[name]:.2f} | {seconds[name] / seconds[peer]:.2f} |")


if __name__ == "__main__":
    main()
