"""Words with their n-grams: sajeon and fastText, words a second and quality.

    python benchmarks/subwords.py corpus.txt --epochs 5 --repeat 2
    python benchmarks/subwords.py --language ko --subwords "chars:2-4;jamo:3-5"

Each side trains in a process of its own, in turn, at equal settings: dim 100, window 5, 5 noise
words, min_count 5, n-grams of 3 to 6 characters in 2,000,000 buckets, lr 0.05. The text is cut into
words before, since fastText knows nothing but blanks. Words a second are
of the whole call, from the text to vectors; kernels are compiled before. fastText 0.9.3 runs with
ten threads: with fewer it begins with memory that was never set. On a machine that does other work
as well its ten threads get more of it than our two, so seconds of CPU are shown too. The n-th
repetition is seed n of ours; fastText's module takes no seed. Test sets are those of `quality.py`,
compared by its rule; in sets of similar words, those that the text does not hold are composed of
their n-grams.

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
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import _common as common
import numpy as np
import quality
from _bootstrap import Items, compare

from sajeon.formats import testsets
from sajeon.tokens import Words

DIM, WINDOW, NEGATIVES, MIN_COUNT, SAMPLE, LR = 100, 5, 5, 5, 1e-3, 0.05


@dataclass(frozen=True)
class Trained:
    """What a side made: words and vectors (words, dim), and behind them unseen words that it knows.

    Attributes:
        words: The vocabulary, then unseen words of the test sets.
        matrix: (words, dim).
        num_words: How many of them are the vocabulary.
        seconds: Of the clock, from the text to vectors.
        cpu: Seconds of CPU, of all threads.
    """

    words: list[str]
    matrix: Any
    num_words: int
    seconds: float
    cpu: float


def sajeon(order: dict[str, Any]) -> Trained:
    """Train ours."""
    import sajeon as library

    few = [["a", "b"] * 50] * 20
    options = {"model": order["model"], "subwords": order["subwords"], "threads": order["threads"]}
    library.train(few, min_count=1, dim=DIM, epochs=1, **options)  # compiles
    started, cpu = time.perf_counter(), time.process_time()
    vectors = library.train(
        order["text"], dim=DIM, window=WINDOW, negatives=NEGATIVES, min_count=MIN_COUNT,
        sample=SAMPLE, lr=LR, epochs=order["epochs"], seed=order["seed"], tokens="whitespace",
        progress=False, **options,
    )  # fmt: skip
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    unseen = [word for word in order["asked"] if word not in vectors]
    rows, found = vectors.embedding_matrix(unseen)
    words = list(vectors.tokens) + [
        word for word, known in zip(unseen, found, strict=True) if known
    ]
    matrix = np.concatenate([vectors.matrix, rows[found]])
    return Trained(words, matrix, len(vectors), seconds, cpu)


def fasttext(order: dict[str, Any]) -> Trained:
    """Train fastText."""
    import fasttext as library  # type: ignore[import-untyped]

    units, _, lengths = order["subwords"].partition(":")
    if units != "chars":
        raise SystemExit("fastText has n-grams of characters alone")
    shortest, longest = map(int, lengths.split(",")[0].split("-"))
    started, cpu = time.perf_counter(), time.process_time()
    model = library.train_unsupervised(
        order["text"], model=order["model"], dim=DIM, ws=WINDOW, neg=NEGATIVES, minCount=MIN_COUNT,
        t=SAMPLE, minn=shortest, maxn=longest, lr=LR, epoch=order["epochs"],
        thread=max(10, order["threads"]), verbose=0,
    )  # fmt: skip
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    known = set(model.words)
    words = model.words + [word for word in order["asked"] if word not in known]
    return Trained(words, np.array([model[word] for word in words]), len(known), seconds, cpu)


SIDES: dict[str, Callable[[dict[str, Any]], Trained]] = {
    "sajeon": sajeon,
    "fastText": fasttext,
}


def one(order: dict[str, Any]) -> None:
    """Train as ordered; write what was made."""
    trained = SIDES[order["side"]](order)
    target = Path(order["target"])
    np.save(target, trained.matrix)
    said = {name: value for name, value in vars(trained).items() if name != "matrix"}
    target.with_suffix(".json").write_text(json.dumps(said))


def run(order: dict[str, Any]) -> Trained:
    """Train in a process of its own."""
    command = [sys.executable, __file__, "--one", json.dumps(order)]
    subprocess.run(command, env=common.environment(), check=True)
    target = Path(order["target"])
    said = json.loads(target.with_suffix(".json").read_text())
    return Trained(matrix=np.load(target), **said)


def write_tokens(source: Path, target: Path) -> None:
    """Cut each line of a text into words, with blanks between."""
    tokenizer = Words()
    with (
        source.open(encoding="utf-8", newline="\n") as lines,
        target.open("w", encoding="utf-8") as out,
    ):
        out.writelines(" ".join(tokenizer.tokens(line)) + "\n" for line in lines)


def asked_in(sets: Sequence[Path]) -> list[str]:
    """Return the words of sets of similar words."""
    pairs = [
        pair
        for path in sets
        if testsets.kind_of(path) != "analogies"
        for pair in testsets.read_pairs(path)
    ]
    return sorted({word for pair in pairs for word in (pair.a, pair.b)})


def items_of(ours: list[Trained], theirs: list[Trained], sets: Sequence[Path]) -> list[Items]:
    """Return the items of all sets: of similarity with unseen words, of analogies without."""
    items = []
    for path in sets:
        seen_only = testsets.kind_of(path) == "analogies"
        sides = [
            [
                (t.words[:n], t.matrix[:n])
                for t in side
                for n in [t.num_words if seen_only else None]
            ]
            for side in (ours, theirs)
        ]
        items += quality.items_of(sides[0], sides[1], [path])
    return items


def report(path: Path, options: argparse.Namespace) -> str:
    """Train both sides in turn, and return the tables as Markdown."""
    specs = options.subwords.split(";")
    sides = [("sajeon", spec) for spec in specs]
    if len(specs) == 1:
        sides.append(("fastText", specs[0]))
    asked = asked_in(sets_of(options))
    parts = []
    for model in options.models:
        found: dict[tuple[str, str], list[Trained]] = {side: [] for side in sides}
        for seed in range(1, options.repeat + 1):
            for side, spec in sides:
                common.say(f"{model}, {side}, {spec}, {seed}")
                order = {
                    "side": side, "subwords": spec, "model": model, "text": str(path),
                    "epochs": options.epochs, "threads": options.threads, "seed": seed,
                    "asked": asked, "target": str(path.with_name(f"{side}-{seed}.npy")),
                }  # fmt: skip
                found[side, spec].append(run(order))
        parts.append(f"**{model}**\n\n{tables(found, sides, path, options)}")
    return "\n\n".join(parts)


def tables(
    found: dict[tuple[str, str], list[Trained]],
    sides: Sequence[tuple[str, str]],
    path: Path,
    options: argparse.Namespace,
) -> str:
    """Return the tables of speed and of quality of one model."""
    text = path.read_text(encoding="utf-8")
    words = len(text.split()) * options.epochs
    base, speed = found[sides[0]], []
    for side in sides:
        runs = found[side]
        seconds, cpu = median(run.seconds for run in runs), median(run.cpu for run in runs)
        pairs = list(zip(runs, base, strict=True))
        speed.append([
            ", ".join(side), f"{seconds:.1f}", f"{words / seconds:,.0f}",
            f"{median(a.seconds / b.seconds for a, b in pairs):.1f}", f"{cpu:.1f}",
            f"{median(a.cpu / b.cpu for a, b in pairs):.1f}",
        ])  # fmt: skip
    head = ["side", "seconds", "words/s", "times the first", "CPU seconds", "times the first"]
    shown = [common.table(head, speed)]
    for side in sides[1:]:
        items = items_of(found[sides[0]], found[side], sets_of(options))
        head = ["test set", "items", "lost", sides[0][0], " ".join(side), "difference",
                "95 % interval", "bound", ""]  # fmt: skip
        sizes = [[f"{one.ours.shape[1]:,}", f"{one.lost:,}"] for one in items] + [["", ""]]
        rows = [quality.verdict(row) for row in compare(items, 2000)]
        cells = [[r[0], *size, *r[1:]] for r, size in zip(rows, sizes, strict=True)]
        shown.append(common.table(head, cells))
    return "\n\n".join(shown)


def sets_of(options: argparse.Namespace) -> list[Path]:
    """Return the test sets of the language."""
    return [common.DATA / name for name in quality.SETS[options.language]]


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
        path = Path(folder) / "tokens.txt"
        write_tokens(text.path, path)
        head = f"{common.versions(['sajeon', 'fasttext'])}; {common.machine()}"
        size = f"{text.tokens:,} words, {options.epochs} epochs, {options.threads} threads"
        common.show(f"{head}; {size}\n\n{report(path, options)}", options.out)


if __name__ == "__main__":
    main()
