"""Runs of the speed benchmark as Markdown: medians, ratios, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import _common as common
from _common import GENSIM, MODELS, SIDES, Job, Result, Text

from sajeon.learn.word2vec import REUSE


@dataclass(frozen=True)
class Run:
    """One measured training."""

    repetition: int
    job: Job
    result: Result


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    text: Text
    models: list[str]
    dims: list[int]
    sides: list[str]
    epochs: int
    lr: float
    reps: int
    threads: int
    fasttext_threads: list[int]
    keep: Callable[[Job], Path] | None  # where the vectors of a job go

    def job(self, side: str, model: str, dim: int, repetition: int, threads: int) -> Job:
        """Return the training of one side in one repetition, whose number gives the seed."""
        return Job(
            self.text.key, side, model, dim, self.epochs, self.lr, threads, seed=repetition + 1
        )


class Summary:
    """Medians and ratios of the runs of one model and dimension.

    Args:
        runs: Of all repetitions and sides.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.epochs = runs[0].job.epochs
        threads: dict[int, list[float]] = {}
        for run in runs:  # of fastText's numbers of threads the one that all repetitions used
            if run.job.side == "fasttext":
                threads.setdefault(run.job.threads, []).append(run.result.count_and_train)
        self.fasttext_threads = min(
            threads, key=lambda t: (-len(threads[t]), median(threads[t])), default=0
        )
        self.by_side: dict[str, dict[int, Result]] = {}
        for run in runs:
            if run.job.side != "fasttext" or run.job.threads == self.fasttext_threads:
                self.by_side.setdefault(run.job.side, {})[run.repetition] = run.result

    def rates(self, side: str) -> str:
        """Words a second of training, in thousands."""
        results = list(self.by_side[side].values())
        if any(result.train is None for result in results):
            return "not parted"
        rate = median(r.words * self.epochs / (r.train or 1) for r in results)
        return f"{rate / 1e3:,.0f}k"

    def seconds(self, side: str, figure: str) -> str:
        """Median seconds."""
        values = [getattr(result, figure) for result in self.by_side[side].values()]
        return f"{median(values):.1f} s" if None not in values else ""

    def memory(self, side: str) -> str:
        """Median peak in megabytes."""
        peaks = [result.peak for result in self.by_side[side].values()]
        known = [peak for peak in peaks if peak is not None]
        return f"{median(known) / 1e6:,.0f} MB" if known else "not known"

    def ratio(self, sides: Iterable[str], figure: str, *, spread: bool = False) -> str:
        """How many times as long as sajeon the fastest of some sides took, in each repetition.

        Returns:
            The median over the repetitions, with `spread` followed by lowest and highest.
        """
        ours, times = self.by_side["sajeon"], []
        others = [self.by_side[side] for side in sides if side in self.by_side]
        for repetition in ours:
            theirs = [getattr(o[repetition], figure) for o in others if repetition in o]
            if theirs and None not in theirs:
                times.append(min(theirs) / getattr(ours[repetition], figure))
        if not times:
            return ""
        middle = f"{median(times):.1f}"
        return f"{middle} ({min(times):.1f} to {max(times):.1f})" if spread else middle


def report(plan: Plan, runs: Sequence[Run]) -> str:
    """Return everything measured as Markdown."""
    rows, ratios = [], []
    for model in plan.models:
        for dim in plan.dims:
            mine = [run for run in runs if (run.job.model, run.job.dim) == (model, dim)]
            summary, name = Summary(mine), f"{MODELS[model]}, dim {dim}"
            rows += [_row(name, side, summary) for side in plan.sides]
            ratios.append(_ratio_row(name, summary))
    header = (
        "model", "side", "negatives", "words/s, training only", "times as long",
        "count and train", "times", "raw text to saved model", "times", "peak memory",
    )  # fmt: skip
    compared = (
        "times as long as sajeon", "gensim, training only", "gensim, raw text to saved model",
        "fastText, count and train", "fastText, raw text to saved model",
    )  # fmt: skip
    tables = [common.table(compared, ratios), common.table(header, rows, left=3)]
    return "\n\n".join([_settings(plan), *tables, _notes(plan, runs)])


def _row(name: str, side: str, summary: Summary) -> list[str]:
    cells = [name, SIDES[side], _negatives(side, name), summary.rates(side)]
    if side == "fasttext":
        cells[1] += f", {summary.fasttext_threads} threads"
    cells.append(summary.ratio([side], "train"))
    for figure in ("count_and_train", "end_to_end"):
        cells += [summary.seconds(side, figure), summary.ratio([side], figure)]
    return [*cells, summary.memory(side)]


def _ratio_row(name: str, summary: Summary) -> list[str]:
    gensim = [summary.ratio(GENSIM, figure, spread=True) for figure in ("train", "end_to_end")]
    whole = ("count_and_train", "end_to_end")
    fasttext = [summary.ratio(["fasttext"], figure, spread=True) for figure in whole]
    return [name, *gensim, *fasttext]


def _negatives(side: str, name: str) -> str:
    if side == "sajeon":
        return f"shared by {REUSE} windows"
    return "for each pair" if name.startswith("skip") else "for each window"


def _settings(plan: Plan) -> str:
    packages = ["sajeon", "numpy", "numba"]
    packages += ["gensim"] if set(GENSIM) & set(plan.sides) else []
    packages += ["fasttext"] if "fasttext" in plan.sides else []
    size = plan.text.path.stat().st_size / 1e6
    return (
        f"{common.machine()}; {common.versions(packages)}. {size:.1f} MB of text, "
        f"{plan.text.tokens:,} words in {plan.text.lines:,} lines. Window {common.WINDOW}, "
        f"negatives {common.NEGATIVES}, sample {common.SAMPLE:g}, min_count {common.MIN_COUNT}, "
        f"lr {plan.lr:g} for all, {plan.epochs} epochs, {plan.threads} threads (fastText: see "
        f"below). {plan.reps} repetitions, the sides in turn; medians, and of ratios the median "
        "of each repetition's ratio, with lowest and highest in brackets."
    )


def _notes(plan: Plan, runs: Sequence[Run]) -> str:
    result = runs[0].result
    tables = ", ".join(
        f"{2 * 4 * result.vocabulary * dim / 1e6:,.0f} MB at dim {dim}" for dim in plan.dims
    )
    tokenise = [run.result.tokenise for run in runs if run.result.tokenise]
    notes = [
        "What is algorithm and what is code: gensim and fastText draw noise words for each pair "
        "(CBOW: for each window), sajeon for a group of windows that share them. The multiply-adds "
        "of a pair are the same, but far fewer rows are read and written, and the inner loops "
        "become small matrix products. sajeon has no variant with a draw for each pair, so this "
        "table does not part the two: the ratios are those of algorithm and code together. "
        "sajeon also gives the same bits on any number of threads; the threads of the others race.",
        f"Words a second: the {result.words:,} words of the text that are in the vocabulary of "
        f"{result.vocabulary:,}, before subsampling, times the epochs, the same for each side. "
        "\"gensim\" in the upper table is the faster of its two modes in each repetition.",
        "Raw text to saved model starts with the imports. gensim and fastText take tokens between "
        "blanks, so the text is cut for them by sajeon's plain-Python tokenizer"
        + (f" ({median(tokenise):.1f} s of their time)" if tokenise else "")
        + "; count and train leaves that and saving out for them, while for sajeon reading the "
        "raw text and cutting it are in it. sajeon's kernels were compiled before, which happens "
        "once per machine and setting.",
        f"Peak memory is anonymous resident memory of the process. The two tables are {tables}; "
        "gensim's list mode also holds the tokens as Python lists.",
        "fastText's Python module does not part training from counting. It runs on 10 threads or "
        "more, since 0.9.3 leaves part of its table uninitialised on fewer; the better number of "
        f"{' and '.join(map(str, plan.fasttext_threads))} is shown. It draws noise words by count "
        "to the power 0.5 (the others: 0.75), which cannot be set.",
        f"gensim leaves out what lies beyond {common.GENSIM_LONGEST:,} words of a line: here "
        f"{plan.text.cut_tokens:,} words of {plan.text.cut_lines} lines.",
        "The learning rate is gensim's for both models, so that all do the same work; sajeon's own "
        "default for CBOW is 0.05, which costs the same time.",
    ]  # fmt: skip
    return "\n".join(f"- {note}" for note in notes)
