"""Skip-gram and CBOW: sajeon, gensim and fastText on the same text, settings and machine.

    python benchmarks/word2vec.py --tokens 200000 --epochs 1          a first look, half a minute
    python benchmarks/word2vec.py --reps 3 --results runs.jsonl --out table.md        hours
    python benchmarks/word2vec.py --quality --cache vectors ...       quality as well

Each training runs in a process of its own; the sides take turns, in reverse order in every second
repetition. Measured are words a second of training alone, the time from raw text to a saved model,
and the peak of anonymous resident memory (RssAnon of Linux, looked at four times a second). With
--results every run is kept in a file, and a benchmark that was broken off goes on where it stopped;
start a new file when the code or the machine has changed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import _common as common
import quality
from _common import GENSIM, Job, Result, Text
from _report import Plan, Run, report


class Runs:
    """All trainings so far, kept in a file if one is named.

    Args:
        path: A line of JSON for each run; what it holds already is not measured again.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.runs: list[Run] = []
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                kept = json.loads(line)
                result = Result(**kept["result"])
                self.runs.append(Run(kept["repetition"], Job(**kept["job"]), result))

    def find(self, repetition: int, job: Job) -> Run | None:
        """Return the run of this job in this repetition, if there is one."""
        same = (run for run in self.runs if (run.repetition, run.job) == (repetition, job))
        return next(same, None)

    def add(self, run: Run) -> None:
        """Keep one more."""
        self.runs.append(run)
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(asdict(run)) + "\n")


def measure(plan: Plan, runs: Runs) -> list[Run]:
    """Run all that is not in `runs` yet; return the runs of this plan."""
    chosen: list[Run] = []
    for model in plan.models:
        for dim in plan.dims:
            for repetition in range(plan.reps):
                jobs = _jobs(plan, model, dim, repetition, chosen)
                if any(runs.find(repetition, job) is None for job in jobs):
                    _warm_up(plan, model, dim)
                chosen += [_measured(plan, job, repetition, runs) for job in jobs]
    _same_words(chosen)
    return chosen


def _jobs(plan: Plan, model: str, dim: int, repetition: int, so_far: list[Run]) -> list[Job]:
    """All sides in turn; fastText on every number of threads at first, then on the better one."""
    fasttext_threads = plan.fasttext_threads
    looked_for = (0, "fasttext", model, dim)
    first = [r for r in so_far if (r.repetition, r.job.side, r.job.model, r.job.dim) == looked_for]
    if first:
        fasttext_threads = [min(first, key=lambda r: r.result.count_and_train).job.threads]
    jobs = [
        plan.job(side, model, dim, repetition, threads)
        for side in plan.sides
        for threads in (fasttext_threads if side == "fasttext" else [plan.threads])
    ]
    return jobs if repetition % 2 == 0 else jobs[::-1]


def _measured(plan: Plan, job: Job, repetition: int, runs: Runs) -> Run:
    run = runs.find(repetition, job)
    if run is None:
        keep = None if plan.keep is None else plan.keep(job)
        with tempfile.TemporaryDirectory() as room:
            run = Run(repetition, job, common.run(job, plan.text, Path(room), keep))
        runs.add(run)
    result = run.result
    common.say(
        f"{repetition + 1}: {job.side} {job.model} {job.dim}, {job.threads} threads: train "
        f"{result.train or result.count_and_train:.1f} s, end to end {result.end_to_end:.1f} s"
    )
    return run


def _warm_up(plan: Plan, model: str, dim: int) -> None:
    """Train on the first lines, so that kernels are compiled: that happens once per machine."""
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "raw.txt"
        with plan.text.path.open("rb") as lines:
            path.write_bytes(b"".join(line for line, _ in zip(lines, range(2000), strict=False)))
        text = Text(path, 0, 0, 0, 0, "warm up")
        common.run(Job("warm up", "sajeon", model, dim, 1, 0.025, 1, 1), text, Path(room))


def _same_words(runs: Iterable[Run]) -> None:
    """Stop if sajeon and gensim did not learn the same words: then nothing could be compared.

    fastText is left out: it adds a word of its own for the end of a line.
    """
    seen = {(r.result.words, r.result.vocabulary) for r in runs if r.job.side != "fasttext"}
    if len(seen) > 1:
        raise SystemExit(f"the sides saw different words, (tokens, vocabulary): {sorted(seen)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the report."""
    options = _parser().parse_args(arguments)
    sides = ["sajeon", *options.peers]
    with tempfile.TemporaryDirectory() as folder:
        text = common.unpack(quality.corpus_of(options), Path(folder), options.tokens)
        cache = quality.Cache(options.cache or Path(folder) / "vectors")
        plan = Plan(
            text, options.models, options.dims, sides, options.epochs, options.lr, options.reps,
            options.threads, options.fasttext_threads, cache.path if options.quality else None,
        )  # fmt: skip
        parts = [report(plan, measure(plan, Runs(options.results)))]
        if options.quality:
            asked = quality.plan_of(options, text, cache)
            parts.append(quality.compare(replace(asked, dims=options.dims[:1])))
        common.show("\n\n".join(parts), options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    quality.add_options(parser)
    add: Callable[..., argparse.Action] = parser.add_argument
    add("--reps", type=int, default=3, help="repetitions of everything")
    add("--results", type=Path, help="file that keeps every run; runs in it are not repeated")
    add("--fasttext-threads", type=common.split(int), default=[10, 16], help="default 10,16")
    add("--quality", action="store_true", help="also compare --seeds seeds, first dim")
    parser.set_defaults(peers=[*GENSIM, "fasttext"], dims=[100, 300])
    return parser


if __name__ == "__main__":
    main()
