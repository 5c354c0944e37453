"""How rounds would scale to more cores than there are here: a simulation from measured times.

    python benchmarks/scaling.py --tokens 3000000 --out table.md

One thread trains; how long each block takes to plan and to train, and each round to merge, is read
from the processor's counter. Then rounds are replayed on T threads: blocks are taken in order by
whoever is free, merging is shared out, and two barriers cost what two threads pay here, times
log2(T). What cannot be seen this way: memory that many cores share, so this is an upper bound.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import _common as common
import numba
import numpy as np
import quality
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, overload

from sajeon.corpus import Corpus, build_corpus
from sajeon.kernels import rounds
from sajeon.kernels.threads import BARRIER_SIZE, wait_for_all
from sajeon.learn import blocks, word2vec
from sajeon.learn.engine import CompiledEngine
from sajeon.learn.schedule import Schedule
from sajeon.tokens import Words
from sajeon.types import Array, Doubles

ROUNDS = ((8, 128), (8, 256), (16, 128), (32, 64), (64, 32))  # blocks, tokens in each
THREADS = (1, 2, 4, 8, 16, 32, 64)
_HASH_IMBALANCE = 1.15  # rows to merge are shared out by a hash, not evenly


class Timed(NamedTuple):
    """An objective's state, and when each of its blocks was begun and done."""

    state: Any
    stamps: Array  # (tasks, 2) int64
    taken: Array  # (1,) int64


@intrinsic  # type: ignore
def cycles(_typing: Any) -> Any:
    """Read the processor's counter."""

    def codegen(_context: Any, builder: Any, _sig: Any, _args: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(64), [])
        return builder.call(builder.module.declare_intrinsic("llvm.readcyclecounter", (), kind), [])

    return types.int64(), codegen


@overload(rounds.plan_block)  # type: ignore
def _plan(state, thread, half, slot, epoch, block, shared):  # type: ignore
    if getattr(state, "instance_class", None) is not Timed:
        return None

    def plan(state, thread, half, slot, epoch, block, shared):  # type: ignore
        n = state.taken[0]
        state.taken[0] += 1
        state.stamps[n, 0] = cycles()
        found = rounds.plan_block(state.state, thread, half, slot, epoch, block, shared)
        state.stamps[n, 1] = cycles()
        return found

    return plan


@overload(rounds.train_block)  # type: ignore
def _train(state, thread, half, slot, lr, shared):  # type: ignore
    if getattr(state, "instance_class", None) is not Timed:
        return None

    def train(state, thread, half, slot, lr, shared):  # type: ignore
        n = state.taken[0]
        state.taken[0] += 1
        state.stamps[n, 0] = cycles()
        found = rounds.train_block(state.state, thread, half, slot, lr, shared)
        state.stamps[n, 1] = cycles()
        return found

    return train


# Without the cache on disk: types of a benchmark must not get into the users' kernels.
run_rounds = numba.njit(nogil=True, error_model="numpy")(rounds.run_rounds.py_func)  # type: ignore


class Times(NamedTuple):
    """Seconds of one epoch on one thread."""

    tasks: list[Doubles]  # of each round, in the order in which they are taken
    merges: Doubles  # (rounds,)


def measured(corpus: Corpus, model: Any, dim: int, per_round: int, length: int) -> Times:
    """Train one epoch on one thread and return what took how long."""
    assert corpus.vocab.counts is not None
    blocks.MAX_PER_ROUND = per_round
    word2vec.BLOCK_LENGTH = length
    word2vec.cut = partial(blocks.cut, length=length)
    objective = word2vec.Word2Vec(
        corpus.ids, corpus.offsets, corpus.vocab.counts, model=model, dim=dim,
        window=common.WINDOW, negatives=common.NEGATIVES, sample=common.SAMPLE,
        noise_exponent=common.NOISE_EXPONENT, seed=1,
    )  # fmt: skip
    assert objective.blocks.per_round == per_round, "too short a text"
    num_blocks = len(objective.blocks)
    schedule = Schedule(len(corpus.ids), num_blocks, per_round, 1, 0.025, 0.0001)
    engine = CompiledEngine(objective, schedule, 1)
    objective.initialise(engine.table)
    stamps, taken = np.zeros((2 * num_blocks, 2), np.int64), np.zeros(1, np.int64)
    state = Timed(engine._state, stamps, taken)
    run = partial(run_rounds, state, engine._arrays, 0, 1)
    run(0, 0, num_blocks, 1, schedule.lr, schedule.lr_end)  # compile
    engine.begin(0)
    began = time.perf_counter()
    run(0, schedule.num_rounds, num_blocks, 1, schedule.lr, schedule.lr_end)
    seconds = time.perf_counter() - began
    return _split(stamps * (seconds / (stamps[-1, 1] - stamps[0, 0])), num_blocks, per_round)


def _split(stamps: Doubles, num_blocks: int, per_round: int) -> Times:
    """Part tasks from merges: between tasks lies what prepares the next, between rounds a merge."""
    edges = [per_round]  # the first pass only plans
    for first in range(0, num_blocks, per_round):
        here = min(per_round, num_blocks - first)
        ahead = min(per_round, num_blocks - first - here)
        edges.append(edges[-1] + here + ahead)
    gaps = np.diff(stamps[:, 0], append=stamps[-1, 1])  # from task to task
    spent = stamps[:, 1] - stamps[:, 0]
    usual = np.median(gaps[: per_round - 1] - spent[: per_round - 1])
    tasks, merges = [], []
    for start, end in pairwise(edges):
        own = gaps[start:end].copy()
        own[-1] = spent[end - 1] + usual
        tasks.append(own)
        merges.append(max(gaps[end - 1] - own[-1], 0.0))
    return Times(tasks, np.array(merges))


def barrier_seconds() -> float:
    """Measure what one barrier costs two threads that come at the same time."""
    times, count = [0.0, 0.0], 20_000

    @numba.njit(nogil=True)  # type: ignore
    def meet(address: int, many: int) -> None:
        passed = 0
        for _ in range(many):
            passed = wait_for_all(address, 2, passed)

    def work(thread: int) -> None:
        began = time.perf_counter()
        meet(barrier.ctypes.data, count)
        times[thread] = time.perf_counter() - began

    for _ in range(2):  # the first time compiles
        barrier = np.zeros(BARRIER_SIZE, np.int64)
        workers = [threading.Thread(target=work, args=(t,)) for t in (0, 1)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return min(times) / count


def replayed(times: Times, threads: int, barrier: float) -> float:
    """Return the seconds of the epoch on so many threads."""
    total = 0.0
    for tasks, merge in zip(times.tasks, times.merges, strict=True):
        free = [0.0] * threads
        for task in tasks:
            heapq.heappush(free, heapq.heappop(free) + task)
        shared = merge if threads == 1 else merge / threads * _HASH_IMBALANCE
        total += max(free) + shared
        total += 2 * barrier * max(1, np.log2(threads)) if threads > 1 else 0
    return total


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, replay and print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add: Callable[..., argparse.Action] = parser.add_argument
    add("corpus", nargs="?", type=Path, help="raw text; default: the corpus of --language")
    add("--language", choices=quality.SETS, default="en")
    add("--tokens", type=int, default=3_000_000, help="use the first lines with so many words")
    add("--models", type=common.one_of(common.MODELS), default=["skipgram", "cbow"])
    add("--dims", type=common.split(int), default=[100, 300])
    add("--out", type=Path, help="also write the Markdown to this file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        text = common.unpack(quality.corpus_of(options), Path(folder), options.tokens)
        corpus = build_corpus(text.path, Words(), min_count=common.MIN_COUNT)
    barrier = barrier_seconds()
    rows = []
    for model in options.models:
        for dim in options.dims:
            for per_round, length in ROUNDS:
                times = measured(corpus, model, dim, per_round, length)
                alone = replayed(times, 1, barrier)
                speed = len(corpus.ids) / alone
                merging = times.merges.sum() / alone
                faster = [f"{alone / replayed(times, t, barrier):.1f}" for t in THREADS[1:]]
                what = f"{per_round} of {length}"
                rows.append([common.MODELS[model], dim, what, f"{speed / 1e6:.2f}M",
                             f"{merging:.0%}", *faster])  # fmt: skip
                common.say(" ".join(map(str, rows[-1])))
    header = ("model", "dim", "blocks of tokens", "words/s, 1 thread", "merging",
              *(f"{t} threads" for t in THREADS[1:]))  # fmt: skip
    parts = [
        f"{common.machine()}. {common.versions(['sajeon', 'numpy', 'numba'])}.",
        f"{len(corpus.ids):,} words, {len(corpus.vocab):,} distinct. A barrier of two threads "
        f"takes {barrier * 1e6:.2f} microseconds. Times faster than one thread, simulated:",
        common.table(header, rows),
    ]
    common.show("\n\n".join(parts), options.out)


if __name__ == "__main__":
    main()
