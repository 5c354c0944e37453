"""The loop around an objective: threads, progress, pauses, checkpoints, stopping.

Compiled threads run whole stretches of rounds without the GIL and without coming back to Python
(`kernels/rounds.py`). They share one int64 array with this file, which reads progress from it and
writes the wish to stop into it; threads act on that at the end of a round only, all together. A
pause is such a stop from which the training goes on: what it has learned so far, and how many
blocks that is of, are all that the rest depends on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from ..errors import ResumeError, TrainingError
from ..kernels import rounds as r
from ..kernels._compile import HAVE_NUMBA
from ..types import Floats, Ids, Ids32
from .engine import CompiledEngine, Engine
from .objective import CompiledObjective, Objective
from .reference import PlainEngine
from .schedule import Schedule

FirstValues: TypeAlias = "tuple[Ids | Ids32, Floats]"
"""Rows of a table, and what they begin with: (rows, dim)."""

_POLL_SECONDS = 0.1
_WATCHED_ROWS = 256  # the most frequent rows of each table are the first to diverge


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        tokens: Tokens trained so far, over all epochs.
        total_tokens: Tokens there are to train.
        loss: Mean loss of a score in nats since the last report; NaN before the first.
        lr: Learning rate now.
        words_per_second: Since this process began to train.
        seconds: Likewise, wall time, compilation left out.
        seconds_left: Estimated.
    """

    tokens: int
    total_tokens: int
    loss: float
    lr: float
    words_per_second: float
    seconds: float
    seconds_left: float


@dataclass(frozen=True)
class Trained:
    """What a training gives back.

    Attributes:
        tables: The trained rows by table name, each (num_rows, dim) float32, views.
        loss: Mean loss of a score in nats, over the whole training.
        pairs: How many scores that is the mean of.
        seconds: Wall time of training in this process, compilation left out.
        per_round: How many blocks were trained side by side.
    """

    tables: dict[str, Floats]
    loss: float
    pairs: int
    seconds: float
    per_round: int


@dataclass(frozen=True)
class Snapshot:
    """All that the rest of a training depends on, at the end of a round.

    Attributes:
        tables: Rows by table name, each (num_rows, dim) float32; of a pause, views.
        blocks: Blocks trained so far, over all epochs.
        loss: Their summed loss, in units of `kernels.rounds.LOSS_UNIT` nats.
        pairs: How many scores that is the sum over.
    """

    tables: Mapping[str, Floats]
    blocks: int
    loss: int
    pairs: int


class Keeper(Protocol):
    """Keeps snapshots, so that a training can go on from one."""

    def due(self, progress: Progress) -> bool:
        """Return whether to pause for a snapshot now; asked about ten times a second."""

    def keep(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; its arrays change when this returns."""

    def interrupted(self, snapshot: Snapshot, progress: Progress) -> None:
        """Called on Ctrl-C, at the end of the round."""

    def finished(self, snapshot: Snapshot, progress: Progress) -> None:
        """Called at the end of the training; the arrays do not change any more."""


class Trainer:
    """Trains one objective on one corpus.

    Args:
        objective: What is learned.
        num_tokens: Tokens of the corpus, for the figures of progress.
        epochs: Passes over the corpus.
        lr: Learning rate of the first block.
        lr_end: The rate it falls to, evenly over all blocks.
        threads: How many; the result does not depend on it.
        report: Called about ten times a second, in the calling thread.
        keeper: What keeps snapshots, or None.
        first_values: By table, some of its rows and, for these, what they begin with: (rows, dim).
    """

    def __init__(
        self,
        objective: Objective,
        num_tokens: int,
        *,
        epochs: int,
        lr: float,
        lr_end: float,
        threads: int,
        report: Callable[[Progress], None] | None = None,
        keeper: Keeper | None = None,
        first_values: Mapping[str, FirstValues] | None = None,
    ) -> None:
        blocks = objective.blocks
        self.objective, self.report, self.keeper = objective, report, keeper
        self.first_values = first_values or {}
        self.schedule = Schedule(num_tokens, len(blocks), blocks.per_round, epochs, lr, lr_end)
        self.engine: Engine
        if HAVE_NUMBA and isinstance(objective, CompiledObjective):
            self.engine = CompiledEngine(objective, self.schedule, threads)
        else:
            self.engine = PlainEngine(objective, self.schedule)
        self._control = self.engine.control
        self._reported = (0, 0)
        self._started = 0.0
        self._first_block: int | None = None
        self._finished: list[threading.Event] = []  # of each thread that was started

    def run(self) -> Trained:
        """Train to the end, from first values or from what was restored.

        Raises:
            TrainingError: The numbers diverged.
            KeyboardInterrupt: Ctrl-C; threads have stopped at the end of their round.
        """
        if self._first_block is None:
            self._first_block = 0
            self._initialise()
        self.engine.prepare()
        self._started = time.perf_counter()
        while self._done_blocks() < self.schedule.total_blocks:
            self._train_to_pause()
        self._look()  # the last figures, also of a training too short to have had any
        self._check()
        seconds = time.perf_counter() - self._started
        last = self._snapshot()
        if self.keeper is not None:
            self.keeper.finished(last, self._progress())
        loss = last.loss * r.LOSS_UNIT / max(last.pairs, 1)
        return Trained(dict(last.tables), loss, last.pairs, seconds, self.schedule.per_round)

    def _initialise(self) -> None:
        self.objective.initialise(self.engine.table)
        tables = split_tables(self.objective, self.engine.table)
        for name, (rows, values) in self.first_values.items():
            tables[name][rows] = values

    def _train_to_pause(self) -> None:
        """Train until the end, or until the keeper has kept a snapshot."""
        try:
            self._train_in_threads()
            unfinished = self._done_blocks() < self.schedule.total_blocks
            if self.keeper is not None and unfinished:
                self._check()
                self.keeper.keep(self._snapshot())
        except KeyboardInterrupt:
            if self.keeper is not None and self._done_blocks():
                self.keeper.interrupted(self._snapshot(), self._progress())
            raise

    def _train_in_threads(self) -> None:
        first = self._done_blocks() // self.schedule.per_round
        self._control[[r.STOP, r.STOPPED]] = 0
        self.engine.begin(first)
        all_here, go = threading.Event(), [True]
        failures: list[BaseException] = []

        def work(thread: int, finished: threading.Event) -> None:
            all_here.wait()  # a thread alone would wait for its partners at the first barrier
            try:
                if go[0]:
                    self.engine.run(thread, first, self.schedule.num_rounds)
            except BaseException as error:
                failures.append(error)
            finally:
                finished.set()

        self._finished = []
        try:
            for thread in range(self.engine.threads):
                finished = threading.Event()
                threading.Thread(target=work, args=(thread, finished), daemon=True).start()
                self._finished.append(finished)
            all_here.set()
            for finished in self._finished:
                while not finished.wait(_POLL_SECONDS):
                    self._look()
        except BaseException:  # Ctrl-C, a failing report or divergence: end the round first
            go[0] = all_here.is_set()
            self._control[r.STOP] = 1
            raise
        finally:
            all_here.set()
            self._wait()
        if failures:
            raise failures[0]

    def _wait(self) -> None:
        """Wait for the end of the round; Ctrl-C waits as well, or the tables would be torn.

        By events, since a `Thread.join` that Ctrl-C cuts short takes the thread for ended from then
        on (Python 3.11 and 3.12: bpo-45274).
        """
        pressed = False
        while not all(finished.is_set() for finished in self._finished):
            try:
                for finished in self._finished:
                    finished.wait()
            except KeyboardInterrupt:
                self._control[r.STOP] = 1
                pressed = True
        if pressed:
            raise KeyboardInterrupt

    def _look(self) -> None:
        """Report progress, notice divergence while it can be explained, ask for pauses."""
        progress = self._progress()
        self._check(_WATCHED_ROWS, f"after {progress.tokens / progress.total_tokens:.0%}")
        if self.report is not None:
            self.report(progress)
        if self.keeper is not None and self.keeper.due(progress):
            self._control[r.STOP] = 1

    def _check(self, rows: int | None = None, seen_after: str = "at the end") -> None:
        """Raise TrainingError if the first so many rows of a table, or all, have diverged."""
        tables = split_tables(self.objective, self.engine.table)
        for table in self.objective.tables:
            check_finite(tables[table.name][:rows], table.largest, self.schedule.lr, seen_after)

    def _progress(self) -> Progress:
        schedule, blocks = self.schedule, self._done_blocks()
        seconds = max(time.perf_counter() - self._started, 1e-9)
        here = blocks - (self._first_block or 0)
        loss, pairs = int(self._control[r.LOSS]), int(self._control[r.PAIRS])
        recent, count = loss - self._reported[0], pairs - self._reported[1]
        self._reported = (loss, pairs)
        return Progress(
            tokens=round(schedule.total_tokens * blocks / schedule.total_blocks),
            total_tokens=schedule.total_tokens,
            loss=recent * r.LOSS_UNIT / count if count else float("nan"),
            lr=schedule.lr_at(blocks),
            words_per_second=schedule.total_tokens * here / schedule.total_blocks / seconds,
            seconds=seconds,
            seconds_left=(
                seconds * (schedule.total_blocks - blocks) / here if here else float("inf")
            ),
        )

    @property
    def share(self) -> float:
        """What part of the training is done, 0 to 1."""
        return self._done_blocks() / self.schedule.total_blocks

    def _done_blocks(self) -> int:
        return int(self._control[r.DONE_BLOCKS])

    def _snapshot(self) -> Snapshot:
        loss, pairs = int(self._control[r.LOSS]), int(self._control[r.PAIRS])
        tables = split_tables(self.objective, self.engine.table)
        return Snapshot(tables, self._done_blocks(), loss, pairs)

    def restore(self, start: Snapshot) -> None:
        """Go on from a snapshot, which is not needed any more on return; before `run`.

        Raises:
            ResumeError: It has other tables.
        """
        tables = split_tables(self.objective, self.engine.table)
        expected = {name: table.shape for name, table in tables.items()}
        found = {name: table.shape for name, table in start.tables.items()}
        if found != expected:
            raise ResumeError(
                f"the checkpoint holds tables {found}, but this training has {expected}: it is "
                "damaged; delete it to begin anew."
            )
        for name, table in tables.items():
            table[:] = start.tables[name]
        self._control[r.DONE_BLOCKS] = self._first_block = start.blocks
        self._control[r.LOSS], self._control[r.PAIRS] = start.loss, start.pairs
        self._reported = (start.loss, start.pairs)


def split_tables(objective: Objective, stacked: Floats) -> dict[str, Floats]:
    """Return the tables of a stacked (rows, stride) array by name: (num_rows, dim) views."""
    tables, first = {}, 0
    for table in objective.tables:
        tables[table.name] = stacked[first : first + table.num_rows, : objective.dim]
        first += table.num_rows
    return tables


def check_finite(rows: Floats, limit: float, lr: float, seen_after: str) -> None:
    """Raise TrainingError if a number is no number, or has grown beyond all sense."""
    largest = max(float(rows.max(initial=0)), -float(rows.min(initial=0)))
    if largest <= limit:  # false for NaN too
        return
    seen = "is not a number" if np.isnan(largest) else f"has grown to {largest:.3g}"
    raise TrainingError(
        f"training diverged: an entry of a vector {seen} (at most {limit:g} was expected), "
        f"noticed {seen_after}; the learning rate {lr:g} is too high for this text: "
        f"try --lr {lr / 10:g}"
    )
