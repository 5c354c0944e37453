"""Find phrases in a corpus and join them: sajeon against gensim. CPU seconds and memory.

    python benchmarks/phrases.py [CORPUS] [--repeat 3] [--passes 2] [--scoring word2vec|npmi]

CORPUS is plain or compressed text; default: the English corpus under SAJEON_DATA. Both sides get
the same words. gensim gets them as token lists in memory, cut before the clock starts; sajeon reads
and cuts the raw text, and what that takes alone is taken off in a row of its own. Both then hold
the whole corpus with phrases joined. Each side runs in a process of its own; sides take turns; the
median is shown. That both find the same phrases is checked first.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import _common as common

from sajeon.corpus import build_corpus
from sajeon.tokens import Words
from sajeon.tokens.phrases import Phrases
from sajeon.tokens.readers import find_files

MIN_COUNT = 5
THRESHOLD = {"word2vec": 10.0, "npmi": 0.5}
GENSIM_SCORING = {"word2vec": "default", "npmi": "npmi"}


def gensim(text: Path, scoring: str, passes: int) -> dict[str, Any]:
    """Find and join, pass by pass, as gensim's documentation does."""
    from gensim.models.phrases import Phrases as Theirs

    tokenizer = Words()
    with text.open(encoding="utf-8", newline="\n") as lines:
        joined = [tokenizer.tokens(line) for line in lines]
    start = time.process_time()
    for _ in range(passes):
        found = Theirs(
            joined, min_count=MIN_COUNT, threshold=THRESHOLD[scoring],
            scoring=GENSIM_SCORING[scoring],
        )  # fmt: skip
        joined = [found[tokens] for tokens in joined]
    seconds = time.process_time() - start
    return {"seconds": seconds, "peak": _peak(), "hash": _hash(joined)}


def sajeon(text: Path, scoring: str, passes: int) -> dict[str, Any]:
    """Read, find and join; and reading alone, for the difference."""
    words = Words()
    phrases = Phrases(words, MIN_COUNT, None, scoring, passes)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        compiled = ["x y a", "x y b", "a b", "b a"] * 20  # x y is a phrase, and the line goes on
        build_corpus(compiled, Phrases(words, threshold=0.1, passes=1), directory=folder)
        start = time.process_time()
        build_corpus(text, words, min_count=1, directory=folder)
        reading = time.process_time() - start
        start = time.process_time()
        corpus = build_corpus(text, phrases, min_count=1, directory=folder)
        whole = time.process_time() - start
    peak, spelled = _peak(), corpus.vocab.tokens
    bounds = zip(corpus.offsets[:-1].tolist(), corpus.offsets[1:].tolist(), strict=True)
    joined = [[spelled[i] for i in corpus.ids[a:b].tolist()] for a, b in bounds]
    return {
        "seconds": whole - reading,
        "whole": whole,
        "tokens": len(corpus.ids),
        "peak": peak,
        "hash": _hash(joined),
    }


SIDES = {"gensim": gensim, "sajeon": sajeon}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3  # MB


def _hash(lists: list[list[str]]) -> str:
    import hashlib

    digest = hashlib.sha256()
    for tokens in lists:
        digest.update(" ".join(tokens).encode() + b"\n")
    return digest.hexdigest()


def run(side: str, text: Path, scoring: str, passes: int) -> dict[str, Any]:
    """Run one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, str(text)]
    command += ["--scoring", scoring, "--passes", str(passes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    common.say(f"{side}: {result['seconds']:.1f} s")
    return result


def main() -> None:
    """Measure and print the table."""
    data = Path(os.environ.get("SAJEON_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?", type=Path, default=data / "corpus.en.txt.xz")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--scoring", choices=THRESHOLD, default="word2vec")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        result = SIDES[arguments.side](arguments.corpus, arguments.scoring, arguments.passes)
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        with text.open("wb") as file:
            for one in find_files(arguments.corpus):
                file.writelines(one.blocks())
        results: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for _ in range(arguments.repeat):
            for side in SIDES:
                results[side].append(run(side, text, arguments.scoring, arguments.passes))
    if len({result["hash"] for runs in results.values() for result in runs}) != 1:
        raise SystemExit("the two sides joined different phrases")
    report(results, arguments)


def report(results: dict[str, list[dict[str, Any]]], arguments: argparse.Namespace) -> None:
    """Print the table."""
    seconds = {side: median(r["seconds"] for r in runs) for side, runs in results.items()}
    whole = median(r["whole"] for r in results["sajeon"])
    print(f"{common.machine()}; {common.versions(['gensim', 'numpy', 'numba'])}.")
    print(f"{arguments.passes} passes, {arguments.scoring}, threshold", end=" ")
    print(
        f"{THRESHOLD[arguments.scoring]:g}, min_count {MIN_COUNT}; medians of {arguments.repeat}."
    )
    print(f"The same {results['sajeon'][0]['tokens']:,} tokens on both sides.\n")
    rows = [
        ("gensim, of token lists in memory", f"{seconds['gensim']:.1f}", "1"),
        ("sajeon, finding and joining", f"{seconds['sajeon']:.1f}",
         f"1/{seconds['gensim'] / seconds['sajeon']:.0f}"),
        ("sajeon, from raw text, reading and cutting in it", f"{whole:.1f}",
         f"1/{seconds['gensim'] / whole:.0f}"),
    ]  # fmt: skip
    print(common.table(("what", "CPU seconds", "of gensim's"), rows))
    memory = {side: median(r["peak"] for r in runs) for side, runs in results.items()}
    peaks = ", ".join(f"{side} {peak:,.0f} MB" for side, peak in memory.items())
    print(f"\nPeak resident memory of the process: {peaks}.")


if __name__ == "__main__":
    main()
