"""What the same bits on any number of threads cost, beside racing threads; and on a busy machine.

    python benchmarks/determinism.py --tokens 3000000 --out table.md     some minutes

The peer is a racing trainer made from the same kernels: threads take the next block, plan it, and
train it in the shared table at once, overwriting each other as it happens. Plans, shared noise,
vector code and prefetching are the same; copies, merges, barriers and rounds are what differs.
The sides take turns in one process; ratios are medians of those of single repetitions.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import _common as common
import numba
import numpy as np
import quality

from sajeon.corpus import Corpus, build_corpus
from sajeon.kernels import rounds
from sajeon.kernels.simd import prefetch
from sajeon.kernels.threads import take_number
from sajeon.learn.trainer import Trainer
from sajeon.learn.word2vec import Word2Vec
from sajeon.tokens import Words

LR, LR_END = 0.025, 0.0001


@numba.njit(nogil=True, error_model="numpy")  # type: ignore
def race(state: Any, shared: Any, counter: Any, thread: int, num_blocks: int) -> None:
    """Train the blocks of one epoch as one of several threads that do not wait for each other."""
    table, row_bytes = np.int64(shared.table.ctypes.data), shared.table.shape[1] * 4
    address, rows = shared.address[thread], shared.rows[0, thread]
    while True:
        block = take_number(np.int64(counter.ctypes.data))
        if block >= num_blocks:
            break
        lr = np.float32(LR - (LR - LR_END) * (block / num_blocks))
        for s in range(rounds.plan_block(state, thread, 0, thread, 0, block, shared)):
            address[s] = table + np.int64(rows[s]) * row_bytes
            for k in range(0, row_bytes, 64):
                prefetch(address[s] + k)
        rounds.train_block(state, thread, 0, thread, lr, shared)


def trainer_of(corpus: Corpus, model: Any, dim: int, threads: int) -> Trainer:
    """Return a trainer of one epoch with the settings of all benchmarks."""
    assert corpus.vocab.counts is not None
    objective = Word2Vec(
        corpus.ids, corpus.offsets, corpus.vocab.counts, model=model, dim=dim,
        window=common.WINDOW, negatives=common.NEGATIVES, sample=common.SAMPLE,
        noise_exponent=common.NOISE_EXPONENT, seed=1,
    )  # fmt: skip
    trainer = Trainer(objective, len(corpus.ids), epochs=1, lr=LR, lr_end=LR_END, threads=threads)
    assert trainer.engine.threads == threads, "too short a text for so many threads"
    return trainer


def in_rounds(corpus: Corpus, model: str, dim: int, threads: int) -> float:
    """Train as the package does; return words a second."""
    return len(corpus.ids) / trainer_of(corpus, model, dim, threads).run().seconds


def racing(corpus: Corpus, model: str, dim: int, threads: int) -> float:
    """Train by `race`; return words a second."""
    trainer = trainer_of(corpus, model, dim, threads)
    engine: Any = trainer.engine
    trainer.objective.initialise(engine.table)
    counter = np.zeros(8, np.int64)

    def work(thread: int, blocks: int) -> None:
        race(engine._state, engine._arrays, counter, thread, blocks)

    work(0, 0)  # compile
    counter[:] = 0
    workers = [
        threading.Thread(target=work, args=(t, trainer.schedule.num_blocks)) for t in range(threads)
    ]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(corpus.ids) / (time.perf_counter() - started)


def cost(corpus: Corpus, options: argparse.Namespace) -> str:
    """Return the table of speeds of rounds and racing threads."""
    rows = []
    for model, dim, threads in product(options.models, options.dims, options.threads):
        what = (corpus, model, dim, threads)
        cells = compared([partial(side, *what) for side in (in_rounds, racing)], options.reps)
        rows.append([common.MODELS[model], dim, threads, *cells])
    header = ("model", "dim", "threads", "rounds, words/s", "racing, words/s", "ratio")
    return common.table(header, rows)


def on_a_busy_machine(corpus: Corpus, options: argparse.Namespace) -> str:
    """Return the table of more threads than cores, and of a competing process."""
    cores, model, dim = options.threads[-1], options.models[0], options.dims[0]
    rows = []
    for threads, other in product((cores, 4 * cores), (False, True)):
        what = (corpus, model, dim, threads)
        sides = [partial(beside, side, *what) if other else partial(side, *what)
                 for side in (in_rounds, racing)]  # fmt: skip
        rows.append([threads, "yes" if other else "no", *compared(sides, options.reps)])
    header = ("threads", "competing process", "rounds, words/s", "racing, words/s", "ratio")
    title = f"{cores} cores, {common.MODELS[model]}, dim {dim}:"
    return f"{title}\n\n{common.table(header, rows)}"


def compared(sides: Sequence[Callable[[], float]], reps: int) -> list[str]:
    """Run two sides in turn, in reverse order in every second repetition; return table cells."""
    found: list[list[float]] = [[], []]
    for repetition in range(reps):
        for i in (0, 1) if repetition % 2 == 0 else (1, 0):
            found[i].append(sides[i]())
    ratio = median(a / b for a, b in zip(*found, strict=True))
    cells = [f"{median(side) / 1e6:.2f}M" for side in found] + [f"{ratio:.2f}"]
    common.say(" ".join(cells))
    return cells


def beside(side: Callable[..., float], *what: Any) -> float:
    """Run a side while another process computes all the time."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        return side(*what)
    finally:
        process.kill()
        process.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add: Callable[..., argparse.Action] = parser.add_argument
    add("corpus", nargs="?", type=Path, help="raw text; default: the corpus of --language")
    add("--language", choices=quality.SETS, default="en")
    add("--tokens", type=int, default=3_000_000, help="use the first lines with so many words")
    add("--models", type=common.one_of(common.MODELS), default=["skipgram", "cbow"])
    add("--dims", type=common.split(int), default=[100, 300])
    add("--threads", type=common.split(int), default=[1, 2], help="the last: as many as cores")
    add("--reps", type=int, default=5)
    add("--out", type=Path, help="also write the Markdown to this file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        text = common.unpack(quality.corpus_of(options), Path(folder), options.tokens)
        corpus = build_corpus(text.path, Words(), min_count=common.MIN_COUNT)
        parts = [
            f"{common.machine()}. {common.versions(['sajeon', 'numpy', 'numba'])}.",
            f"{len(corpus.ids):,} words, {len(corpus.vocab):,} distinct, {options.reps} "
            "repetitions, medians.",
            cost(corpus, options),
            on_a_busy_machine(corpus, options),
        ]
    common.show("\n\n".join(parts), options.out)


if __name__ == "__main__":
    main()
