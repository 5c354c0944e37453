"""Finding and joining phrases: sajeon and gensim on the same tokens.

    python benchmarks/phrases.py corpus.txt [--repeat 3] [--out table.md]

Both find the pairs of one pass at the same bound, and join them all over the corpus. gensim gets
token lists in memory, and its time of cutting text is not counted; ours is from the text.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

from _common import machine, say, show, table, versions

from sajeon.corpus import build_corpus
from sajeon.tokens import Words
from sajeon.tokens.phrases import Phrases

MIN_COUNT, THRESHOLD = 5, 100.0


def ours(path: Path) -> tuple[float, int]:
    """Return the seconds from text to joined ids, and how many phrases were found."""
    started = time.perf_counter()
    corpus = build_corpus(path, Phrases(min_count=MIN_COUNT, threshold=THRESHOLD))
    found = corpus.vocab.tokenizer
    assert isinstance(found, Phrases)
    return time.perf_counter() - started, len(found.found)


def plain(path: Path) -> float:
    """Return the seconds of reading the same text without phrases."""
    started = time.perf_counter()
    build_corpus(path, Words())
    return time.perf_counter() - started


def gensim(sentences: list[list[str]]) -> tuple[float, float, int]:
    """Return the seconds of finding and of joining, and how many phrases were found."""
    from gensim.models import phrases as library

    started = time.perf_counter()
    model = library.Phrases(sentences, min_count=MIN_COUNT, threshold=THRESHOLD)
    # Its score has the number of distinct words and pairs in place of all tokens.
    model.threshold = THRESHOLD * len(model.vocab) / model.corpus_word_count
    frozen = model.freeze()
    found = time.perf_counter()
    for _ in frozen[sentences]:
        pass
    return found - started, time.perf_counter() - found, len(frozen.phrasegrams)


def main() -> None:
    """Run both in turn, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("corpus", type=Path)
    add("--repeat", type=int, default=3)
    add("--out", type=Path, help="also write the Markdown to this file")
    options = parser.parse_args()
    tokenizer = Words()
    with options.corpus.open(encoding="utf-8") as lines:
        sentences = [tokenizer.tokens(line) for line in lines]
    ours(options.corpus)  # compiles
    runs = []
    for i in range(options.repeat):
        say(f"repetition {i + 1}")
        runs.append((plain(options.corpus), *ours(options.corpus), *gensim(sentences)))
    read, whole, num, finding, joining, theirs = (
        median(column) for column in zip(*runs, strict=True)
    )
    ratio = median((r[3] + r[4]) / (r[1] - r[0]) for r in runs)
    rows = [
        ["sajeon, reading the text alone", f"{read:.2f}", ""],
        ["sajeon, reading, finding, joining", f"{whole:.2f}", f"{num:,.0f}"],
        ["gensim, finding, from tokens", f"{finding:.2f}", f"{theirs:,.0f}"],
        ["gensim, joining, from tokens", f"{joining:.2f}", ""],
    ]
    total = sum(map(len, sentences))
    head = f"{versions(['sajeon', 'gensim'])}; {machine()}; {total:,} tokens"
    shown = table(["what", "seconds", "phrases"], rows)
    show(f"{head}\n\n{shown}\n\nfinding and joining: {ratio:.1f} times gensim's speed", options.out)


if __name__ == "__main__":
    main()
