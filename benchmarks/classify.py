"""Text classification: sajeon's BagClassifier and fastText on the same texts and settings.

    python benchmarks/classify.py --sets mr --seeds 2           a first look, a minute
    python benchmarks/classify.py --out table.md                all sets, five seeds

Both sides get the same texts in lower case, cut by sajeon's plain-Python tokenizer for fastText, in
an order shuffled by the seed (fastText trains in the order of the file). They take turns; times are
of the whole call, from texts in memory (for fastText: in a file) to a trained model, and from a
list of 10,000 texts to their labels.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import _bootstrap as bootstrap
import _common as common
import numpy as np
from _common import DATA

from sajeon.classify import BagClassifier
from sajeon.tokens import Words

FLOOR = -0.005
"""Lower end of the 95 % interval of (ours - theirs) that "not worse" asks for, in accuracy."""

PREDICTED = 10_000
FASTTEXT_THREADS = 10  # fewer leave part of its table uninitialised (0.9.3)
RESAMPLES = 5000
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "mr": [
        {"lr": 0.1, "epochs": 5, "word_ngrams": 1},
        {"lr": 0.5, "epochs": 10, "word_ngrams": 1},
        {"lr": 0.5, "epochs": 10, "word_ngrams": 2},
    ],
    "nsmc": [
        {"lr": 0.1, "epochs": 5, "word_ngrams": 1},
        {"lr": 0.5, "epochs": 5, "word_ngrams": 2},
        {"lr": 0.5, "epochs": 5, "word_ngrams": 1, "min_n": 1, "max_n": 3},
    ],
}
SETTINGS["sst2"] = SETTINGS["mr"]
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Run:
    """One seed of both sides: seconds, and which test texts were right."""

    fit: tuple[float, float]
    predict: tuple[float, float]
    right: tuple[np.ndarray, np.ndarray]


def movie_reviews(folder: Path) -> tuple[Pairs, Pairs]:
    """MR: every tenth line of each file is a test text."""
    train: Pairs = []
    test: Pairs = []
    for label in ("pos", "neg"):
        lines = (folder / f"rt-polarity.{label}.txt").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            (test if number % 10 == 0 else train).append((line, label))
    return train, test


def _table(path: Path, text: str) -> Pairs:
    header, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")]
    columns = header.index(text), header.index("label")
    return [(row[columns[0]], row[columns[1]]) for row in rows if len(row) > 1]


SETS: dict[str, Callable[[Path], tuple[Pairs, Pairs]]] = {
    "mr": movie_reviews,
    "sst2": lambda folder: (
        _table(folder / "sst2.train.tsv", "sentence"),
        _table(folder / "sst2.test.tsv", "sentence"),
    ),
    "nsmc": lambda folder: (
        _table(folder / "nsmc.train.tsv", "document"),
        _table(folder / "nsmc.test.tsv", "document"),
    ),
}


class Task:
    """A set of texts under one setting, as each side takes it."""

    def __init__(self, train: Pairs, test: Pairs, settings: dict[str, Any], room: Path) -> None:
        cut = Words().tokens
        self.train, self.settings, self.room = train, settings, room
        self.test, self.truth = [t for t, _ in test], np.array([label for _, label in test])
        self.lines = [f"__label__{label} {' '.join(cut(text))}\n" for text, label in train]
        self.words = sum(line.count(" ") for line in self.lines)
        self.many = (self.test * (PREDICTED // len(test) + 1))[:PREDICTED]
        self.test_lines = [" ".join(cut(text)) for text in self.test]
        self.many_lines = (self.test_lines * (PREDICTED // len(test) + 1))[:PREDICTED]

    def run(self, seed: int) -> Run:
        """Train and predict on both sides."""
        order = np.random.default_rng(seed).permutation(len(self.train))
        ours, theirs = self._ours(seed, order), self._theirs(order)
        return Run(*((a, b) for a, b in zip(ours, theirs, strict=True)))  # type: ignore[arg-type]

    def _ours(self, seed: int, order: np.ndarray) -> tuple[float, float, np.ndarray]:
        texts, labels = zip(*(self.train[i] for i in order), strict=True)
        model = BagClassifier(dim=100, seed=seed, progress=False, **self.settings)
        fit = _seconds(lambda: model.fit(texts, labels))
        predict = min(_seconds(lambda: model.predict(self.many)) for _ in range(3))
        return fit, predict, model.predict(self.test) == self.truth

    def _theirs(self, order: np.ndarray) -> tuple[float, float, np.ndarray]:
        import fasttext  # type: ignore[import-untyped]

        fasttext.FastText.eprint = lambda *_: None
        path = self.room / "train.txt"
        path.write_text("".join(self.lines[i] for i in order), encoding="utf-8")
        given = self.settings
        models: list[Any] = []
        fit = _seconds(
            lambda: models.append(
                fasttext.train_supervised(
                    str(path), dim=100, lr=given["lr"], epoch=given["epochs"],
                    wordNgrams=given["word_ngrams"], minn=given.get("min_n", 0),
                    maxn=given.get("max_n", 0), thread=FASTTEXT_THREADS, verbose=0,
                )
            )
        )  # fmt: skip
        predict = min(_seconds(lambda: models[0].predict(self.many_lines)) for _ in range(3))
        labels = [row[0].removeprefix("__label__") for row in models[0].predict(self.test_lines)[0]]
        return fit, predict, np.array(labels) == self.truth


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(name: str, seeds: int) -> Iterator[list[str]]:
    """Yield a row of the table for each setting of a set."""
    train, test = SETS[name](DATA / "sentiment")
    for settings in SETTINGS[name]:
        with tempfile.TemporaryDirectory() as room:
            task = Task(train, test, settings, Path(room))
            task.run(0)  # compiles
            runs = [task.run(seed) for seed in range(1, seeds + 1)]
        yield _row(name, settings, task.words, runs)
        common.say(f"{name} {settings}: done")


def _row(name: str, settings: dict[str, Any], words: int, runs: Sequence[Run]) -> list[str]:
    ours, theirs = (np.array([run.right[side] for run in runs], float) for side in (0, 1))
    compared = bootstrap.compare([bootstrap.Items(name, ours, theirs, None, 0)], RESAMPLES)[0]
    compared = replace(compared, floor=FLOOR)
    rates = [words * settings["epochs"] / median(run.fit[side] for run in runs) for side in (0, 1)]
    return [
        name,
        ", ".join(f"{key} {value}" for key, value in settings.items()),
        *(f"{rate / 1e6:.2f}M" for rate in rates),
        f"{median(run.fit[1] / run.fit[0] for run in runs):.1f}",
        *(f"{1e3 * median(run.predict[side] for run in runs):.0f} ms" for side in (0, 1)),
        f"{median(run.predict[1] / run.predict[0] for run in runs):.1f}",
        f"{compared.ours:.4f}",
        f"{compared.theirs:.4f}",
        f"{compared.low:+.4f} to {compared.high:+.4f}",
        "yes" if compared.not_worse else "no",
    ]


HEADER = (
    "set", "settings", "words/s", "fastText", "times", "10,000 texts", "fastText", "times",
    "accuracy", "fastText", "95 % of the difference", "not worse",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=common.one_of(SETS), default=list(SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="file for the report")
    options = parser.parse_args(arguments)
    rows = [row for name in options.sets for row in measure(name, options.seeds)]
    about = (
        f"{common.machine()}; {common.versions(['sajeon', 'numpy', 'numba', 'fasttext'])}. "
        f"Dim 100, {options.seeds} seeds, sides in turn; medians. fastText on "
        f"{FASTTEXT_THREADS} threads."
    )
    common.show(f"{about}\n\n{common.table(HEADER, rows, left=2)}", options.out)


if __name__ == "__main__":
    main()
