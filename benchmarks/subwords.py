"""Words with their n-grams: sajeon and fastText, words a second and quality.

    python benchmarks/subwords.py corpus.txt --epochs 5 --repeat 2
    python benchmarks/subwords.py --language ko --subwords "chars:2-4;jamo:3-5"

Each side trains in a process of its own, in turn, at equal settings: dim 100, window 5, 5 noise
words, min_count 5, n-grams of 3 to 6 characters in 2,000,000 buckets, lr 0.05. Words a second are
of the whole call, from the text to vectors; kernels are compiled before. fastText 0.9.3 runs with
ten threads: with fewer it begins with memory that was never set. The n-th repetition is seed n of
ours; fastText's module takes no seed. Test sets are those of `quality.py`, words in both
vocabularies, compared by its rule.

With several --subwords, a list separated by semicolons, sajeon is compared with itself: each with
the first.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import _common as common
import numpy as np
import quality
from _bootstrap import compare

DIM, WINDOW, NEGATIVES, MIN_COUNT, SAMPLE, LR = 100, 5, 5, 5, 1e-3, 0.05


def sajeon(order: dict[str, Any]) -> tuple[list[str], Any, float]:
    """Train ours."""
    import sajeon as library

    few = [["a", "b"] * 50] * 20
    options = {"model": order["model"], "subwords": order["subwords"], "threads": order["threads"]}
    library.train(few, min_count=1, dim=DIM, epochs=1, **options)  # compiles
    started = time.perf_counter()
    vectors = library.train(
        order["text"], dim=DIM, window=WINDOW, negatives=NEGATIVES, min_count=MIN_COUNT,
        sample=SAMPLE, lr=LR, epochs=order["epochs"], seed=order["seed"], progress=False, **options,
    )  # fmt: skip
    return list(vectors.tokens), vectors.matrix, time.perf_counter() - started


def fasttext(order: dict[str, Any]) -> tuple[list[str], Any, float]:
    """Train fastText."""
    import fasttext as library  # type: ignore[import-untyped]

    units, _, lengths = order["subwords"].partition(":")
    if units != "chars":
        raise SystemExit("fastText has n-grams of characters alone")
    shortest, longest = map(int, lengths.split(",")[0].split("-"))
    started = time.perf_counter()
    model = library.train_unsupervised(
        order["text"], model=order["model"], dim=DIM, ws=WINDOW, neg=NEGATIVES, minCount=MIN_COUNT,
        t=SAMPLE, minn=shortest, maxn=longest, lr=LR, epoch=order["epochs"],
        thread=max(10, order["threads"]), verbose=0,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    return model.words, np.array([model[word] for word in model.words]), seconds


SIDES: dict[str, Callable[[dict[str, Any]], tuple[list[str], Any, float]]] = {
    "sajeon": sajeon,
    "fastText": fasttext,
}


def one(order: dict[str, Any]) -> None:
    """Train as ordered; write vectors, words and seconds."""
    words, matrix, seconds = SIDES[order["side"]](order)
    target = Path(order["target"])
    np.save(target, matrix)
    target.with_suffix(".json").write_text(json.dumps({"words": words, "seconds": seconds}))


def run(order: dict[str, Any]) -> tuple[list[str], Any, float]:
    """Train in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps(order)]
    subprocess.run(command, env=common.environment(), check=True)
    target = Path(order["target"])
    said = json.loads(target.with_suffix(".json").read_text())
    return said["words"], np.load(target), said["seconds"]


def report(path: Path, options: argparse.Namespace) -> str:
    """Train both sides in turn, and return the tables as Markdown."""
    specs = options.subwords.split(";")
    sides = [("sajeon", spec) for spec in specs]
    if len(specs) == 1:
        sides.append(("fastText", specs[0]))
    parts = []
    for model in options.models:
        found: dict[tuple[str, str], list[Any]] = {side: [] for side in sides}
        for seed in range(1, options.repeat + 1):
            for side, spec in sides:
                common.say(f"{model}, {side}, {spec}, {seed}")
                order = {
                    "side": side, "subwords": spec, "model": model, "text": str(path),
                    "epochs": options.epochs, "threads": options.threads, "seed": seed,
                    "target": str(path.with_name(f"{side}-{seed}.npy")),
                }  # fmt: skip
                found[side, spec].append(run(order))
        parts.append(f"**{model}**\n\n{tables(found, sides, path, options)}")
    return "\n\n".join(parts)


def tables(
    found: dict[tuple[str, str], list[Any]],
    sides: Sequence[tuple[str, str]],
    path: Path,
    options: argparse.Namespace,
) -> str:
    """Return the tables of speed and of quality of one model."""
    text = path.read_text(encoding="utf-8")
    words = len(text.split()) * options.epochs
    base = [seconds for _, _, seconds in found[sides[0]]]
    speed = []
    for side in sides:
        seconds = [one for _, _, one in found[side]]
        ratio = median(b / a for a, b in zip(base, seconds, strict=True))
        speed.append([
            f"{side[0]}, {side[1]}", f"{median(seconds):.1f}", f"{words / median(seconds):,.0f}",
            f"{ratio:.1f}",
        ])  # fmt: skip
    shown = [common.table(["side", "seconds", "words/s", "time over the first"], speed)]
    sets = [common.DATA / name for name in quality.SETS[options.language]]
    for side in sides[1:]:
        ours, theirs = ([run[:2] for run in found[s]] for s in (sides[0], side))
        rows = [quality.verdict(row) for row in compare(quality.items_of(ours, theirs, sets), 2000)]
        head = ["test set", sides[0][0], " ".join(side), "difference", "95 % interval", "bound", ""]
        shown.append(common.table(head, rows))
    return "\n\n".join(shown)


def main() -> None:
    """Train, compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("corpus", nargs="?", type=Path)
    add("--one", help=argparse.SUPPRESS)
    add("--language", choices=quality.SETS, default="en")
    add("--models", type=common.one_of(common.MODELS), default=list(common.MODELS))
    add("--subwords", default="chars:3-6")
    add("--tokens", type=int, help="use the first lines that hold so many words")
    add("--epochs", type=int, default=5)
    add("--repeat", type=int, default=2)
    add("--threads", type=int, default=2)
    add("--out", type=Path, help="also write the Markdown to this file")
    options = parser.parse_args()
    if options.one:
        one(json.loads(options.one))
        return
    with tempfile.TemporaryDirectory() as folder:
        source = options.corpus or common.DATA / common.CORPORA[options.language]
        text = common.unpack(source, Path(folder), options.tokens)
        head = f"{common.versions(['sajeon', 'fasttext'])}; {common.machine()}"
        size = f"{text.tokens:,} words, {options.epochs} epochs, {options.threads} threads"
        common.show(f"{head}; {size}\n\n{report(text.path, options)}", options.out)


if __name__ == "__main__":
    main()
