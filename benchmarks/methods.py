"""Every way to learn a table, on one corpus and equal settings: time, memory, quality.

    python benchmarks/methods.py --cache models --into docs/explanation/methods.md
    python benchmarks/methods.py --language ko --methods 'skip-gram;LSA' --seeds 1

Dim 100, window 5, min_count 5, and what else `sajeon.train` has as its default; five seeds. Time
is that of the fastest seed, from the raw text to the saved model; CPU and memory are medians. A
score is the mean over seeds; the number behind ± is half its 95 % bootstrap interval over items and
seeds. An arrow says that the difference to skip-gram, paired over items and seeds, is more than
chance. With --cache, models are kept, and only missing ones are trained.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _common as common
import numpy as np
import quality
from _bootstrap import Items, differences, interval, resampled, scores
from _common import Text

import sajeon
from sajeon.types import Doubles, Floats

METHODS: dict[str, dict[str, Any]] = {
    "skip-gram": {"model": "skipgram"},
    "CBOW": {"model": "cbow"},
    "skip-gram, subwords": {"model": "skipgram", "subwords": "chars:3-6"},
    "CBOW, subwords": {"model": "cbow", "subwords": "chars:3-6"},
    "skip-gram, jamo": {"model": "skipgram", "subwords": "jamo:3-5"},
    "skip-gram, hierarchical softmax": {"model": "skipgram", "loss": "hs"},
    "CBOW, hierarchical softmax": {"model": "cbow", "loss": "hs"},
    "GloVe": {"model": "glove"},
    "LSA": {"model": "lsa"},
}
KOREAN_ALONE = {"skip-gram, jamo"}
BASE = "skip-gram"
NAMES = {
    "EN-WS-353-ALL": "WS-353", "SimLex-999.full": "SimLex", "EN-MEN-TR-3k": "MEN",
    "EN-RW-STANFORD": "RW", "EN-MTurk-771": "MTurk", "EN-SimVerb-3500": "SimVerb",
    "questions-words": "analogies", "WS353_korean": "Korean WS-353",
}  # fmt: skip
_TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of table -->)", re.S)


@dataclass(frozen=True)
class Order:
    """One training: a method on a text."""

    method: str
    seed: int
    threads: int

    def folder(self, cache: Path, text: Text) -> Path:
        """Return where the model goes; settings are part of the name, so other ones train anew."""
        settings = "_".join(f"{k}-{v}" for k, v in METHODS[self.method].items())
        return cache / re.sub(r"[^\w-]", "-", f"{text.key}_{settings}_{self.seed}")


def train(order: Order, cache: Path, text: Text) -> dict[str, Any]:
    """Train in a process of its own, unless it was done before.

    Returns:
        Seconds from the raw text to the saved model, of the clock and of CPU, and the peak of
        anonymous memory in bytes.
    """
    folder = order.folder(cache, text)
    figures = folder.with_suffix(".json")
    if not figures.exists():
        common.say(f"training {order.method}, seed {order.seed}")
        options = {**METHODS[order.method], "seed": order.seed, "threads": order.threads}
        given = f"{str(text.path)!r}, output={str(folder)!r}, **{options!r}"
        call = f"import sajeon; sajeon.train({given})"
        started, cpu = time.perf_counter(), common.cpu_of_children()
        process = subprocess.Popen([sys.executable, "-c", call], env=common.environment())
        peak = common.watch(process, f"{order}")
        seconds, cpu = time.perf_counter() - started, common.cpu_of_children() - cpu
        figures.write_text(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak}))
    result: dict[str, Any] = json.loads(figures.read_text())
    return result


def read(folder: Path) -> tuple[list[str], Floats]:
    """Return words and vectors of a model."""
    vectors = sajeon.load(folder)
    return list(vectors.tokens), vectors.matrix


def report(text: Text, language: str, options: argparse.Namespace, cache: Path) -> str:
    """Train what is missing on one corpus, and return the table as Markdown."""
    methods = [m for m in options.methods if language == "ko" or m not in KOREAN_ALONE]
    paths = [common.DATA / name for name in quality.SETS[language]]
    seeds = range(1, options.seeds + 1)
    figures: dict[str, list[dict[str, Any]]] = {method: [] for method in methods}
    for seed in seeds:  # methods one after another: a slow minute of the machine meets them all
        for method in methods:
            figures[method].append(train(Order(method, seed, options.threads), cache, text))
    models = {
        method: [read(Order(method, seed, options.threads).folder(cache, text)) for seed in seeds]
        for method in methods
    }
    base = models[BASE] if BASE in models else models[methods[0]]
    rows, header = [], []
    for method in methods:
        sets = quality.items_of(base, models[method], paths)
        header = [NAMES.get(Path(one.name).stem, one.name) for one in sets]
        seconds = min(one["seconds"] for one in figures[method])
        cpu = float(np.median([one["cpu"] for one in figures[method]]))
        peak = float(np.median([one["peak"] or np.nan for one in figures[method]]))
        cells = [cell(one, options.resamples, method == BASE) for one in sets]
        rows.append([method, f"{seconds:.0f} s", f"{cpu:.0f} s", f"{peak / 1e6:,.0f} MB", *cells])
    title = (
        f"{'English' if language == 'en' else 'Korean'}: {text.tokens:,} words, "
        f"seeds: {options.seeds}, threads: {options.threads}"
    )
    return f"**{title}**\n\n{common.table(['method', 'time', 'CPU', 'memory', *header], rows)}"


def cell(items: Items, resamples: int, is_base: bool) -> str:
    """Return score, half of its interval, and an arrow where it differs from the base."""
    rng = np.random.default_rng(0)
    values, human = items.theirs, items.human
    score = float(scores(values, human).mean())
    own = _over_seeds(resampled(values, human, resamples, rng), rng)
    low, high = interval(own)
    arrow = ""
    if not is_base:
        less, more = interval(_over_seeds(differences(items, resamples, rng), rng))
        arrow = " ↓" if less > 0 else " ↑" if more < 0 else ""  # differences are base - method
    return f"{score:.3f} ±{(high - low) / 2:.3f}{arrow}"


def _over_seeds(of_seeds: Doubles, rng: np.random.Generator) -> Doubles:
    """Return (resamples,): the mean over seeds drawn with replacement, of (resamples, seeds)."""
    size, seeds = of_seeds.shape
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=size)
    mean: Doubles = (drawn * of_seeds).sum(axis=1) / seeds
    return mean


def put_into(page: Path, table: str) -> None:
    """Replace what stands between the two marks of a page."""
    text = page.read_text(encoding="utf-8")
    if not _TABLE.search(text):
        raise SystemExit(f"{page}: expected the lines <!-- table --> and <!-- end of table -->")
    page.write_text(_TABLE.sub(lambda found: f"\n{table}\n\n", text), encoding="utf-8")


def some_of(names: str) -> list[str]:
    """Return the methods whose names stand in the text, separated by semicolons."""
    found = [name.strip() for name in names.split(";")]
    if unknown := [name for name in found if name not in METHODS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r}: not of {'; '.join(METHODS)}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, judge and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--corpus", type=Path, help="raw text, in place of the corpus of one --language")
    add("--language", type=common.one_of(quality.SETS), default=list(quality.SETS))
    add("--methods", type=some_of, default=list(METHODS))
    add("--tokens", type=int, help="use the first lines that hold so many words")
    add("--seeds", type=int, default=5)
    add("--threads", type=int, default=2)
    add("--resamples", type=int, default=2000, help="of the bootstrap")
    add("--cache", type=Path, help="folder of trained models; missing ones are trained")
    add("--into", type=Path, help="put the tables between the marks of this page")
    options = parser.parse_args(arguments)
    parts = [common.versions(["sajeon", "numpy", "scipy"]) + f"; {common.machine()}"]
    for language in options.language:
        with tempfile.TemporaryDirectory() as folder:
            source = options.corpus or common.DATA / common.CORPORA[language]
            text = common.unpack(source, Path(folder), options.tokens)
            parts.append(report(text, language, options, options.cache or Path(folder)))
    tables = "\n\n".join(parts)
    print(tables)
    if options.into:
        put_into(options.into, tables)


if __name__ == "__main__":
    main()
