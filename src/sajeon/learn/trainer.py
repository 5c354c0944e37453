"""The loop around an objective: rounds, threads, learning rate, progress, stopping.

Compiled threads run whole stretches of rounds without the GIL and without coming back to Python
(`kernels/rounds.py`). They share one int64 array with this file, which reads progress from it and
writes the wish to stop into it; threads act on that at the end of a round only, all together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import TrainingError
from ..kernels import rounds as r
from ..kernels.simd import aligned_zeros, padded
from ..types import Floats
from .objective import MERGE_RULES, Objective

_POLL_SECONDS = 0.1
_WATCHED_ROWS = 256  # the most frequent rows of each table are the first to diverge
_LARGEST = 1e4  # trained vectors stay below 10 in every number


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        tokens: Tokens trained so far, over all epochs.
        total_tokens: Tokens there are to train.
        loss: Mean loss of a score in nats since the last report; NaN before the first.
        lr: Learning rate now.
        words_per_second: Since the start of training.
        seconds_left: Estimated.
    """

    tokens: int
    total_tokens: int
    loss: float
    lr: float
    words_per_second: float
    seconds_left: float


@dataclass(frozen=True)
class Trained:
    """What a training gives back.

    Attributes:
        tables: The trained rows by table name, each (num_rows, dim) float32, views.
        loss: Mean loss of a score in nats, over the whole training.
        pairs: How many scores that is the mean of.
        seconds: Wall time of training, compilation left out.
        per_round: How many blocks were trained side by side.
    """

    tables: dict[str, Floats]
    loss: float
    pairs: int
    seconds: float
    per_round: int


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
    ) -> None:
        self.objective = objective
        self.epochs, self.lr, self.lr_end = epochs, lr, lr_end
        self.threads = min(threads, objective.blocks.per_round)
        self.total_tokens = num_tokens * epochs
        self.total_blocks = len(objective.blocks) * epochs
        self.num_rounds = -(-self.total_blocks // objective.blocks.per_round)
        self.report = report
        self.arrays = _allocate(objective, self.threads)
        self.state = objective.make_state(self.threads)
        self._reported = (0, 0)

    def run(self) -> Trained:
        """Train from first values to the end.

        Raises:
            TrainingError: The numbers diverged.
            KeyboardInterrupt: Ctrl-C; threads have stopped at the end of their round.
        """
        self.objective.initialise(self.arrays.table)
        self._run_rounds(0, 0)  # compile, or load what was compiled, before the clock starts
        started = time.perf_counter()
        self._train_in_threads(started)
        self._look(started)  # the last figures, also of a training too short to have had any
        check_finite(self.arrays.table, self.lr)
        seconds = time.perf_counter() - started
        control = self.arrays.control
        pairs = int(control[r.PAIRS])
        loss = float(control[r.LOSS]) * r.LOSS_UNIT / max(pairs, 1)
        tables = split_tables(self.objective, self.arrays.table)
        return Trained(tables, loss, pairs, seconds, self.objective.blocks.per_round)

    def _run_rounds(self, thread: int, last: int) -> None:
        r.run_rounds(
            self.state, self.arrays, thread, self.threads if last else 1, 0, last,
            len(self.objective.blocks), self.epochs, self.lr, self.lr_end,
        )  # fmt: skip

    def _train_in_threads(self, started: float) -> None:
        self.arrays.barrier[:] = 0
        self.arrays.tasks[:] = 0
        self.arrays.control[:] = 0
        all_here, go = threading.Event(), [True]

        def work(thread: int) -> None:
            all_here.wait()  # a thread alone would wait for its partners at the first barrier
            if go[0]:
                self._run_rounds(thread, self.num_rounds)

        workers = [
            threading.Thread(target=work, args=(t,), daemon=True) for t in range(self.threads)
        ]
        try:
            for worker in workers:
                worker.start()
            all_here.set()
            for worker in workers:
                while worker.is_alive():
                    worker.join(_POLL_SECONDS)
                    self._look(started)
        except BaseException:  # Ctrl-C, a failing report or divergence: end the round first
            go[0] = all_here.is_set()
            self.arrays.control[r.STOP] = 1
            raise
        finally:
            all_here.set()
            for worker in workers:
                if worker.ident is not None:
                    worker.join()

    def _look(self, started: float) -> None:
        """Report progress; notice divergence while there is still something to explain."""
        first = 0
        done = int(self.arrays.control[r.DONE_BLOCKS]) / self.total_blocks
        for table in self.objective.tables:
            rows = self.arrays.table[first : first + min(table.num_rows, _WATCHED_ROWS)]
            check_finite(rows, self.lr, f"after {done:.0%}")
            first += table.num_rows
        if self.report is not None:
            self.report(self._progress(time.perf_counter() - started))

    def _progress(self, seconds: float) -> Progress:
        control = self.arrays.control
        done = int(control[r.DONE_BLOCKS]) / self.total_blocks
        loss, pairs = int(control[r.LOSS]), int(control[r.PAIRS])
        recent, count = loss - self._reported[0], pairs - self._reported[1]
        self._reported = (loss, pairs)
        return Progress(
            tokens=round(done * self.total_tokens),
            total_tokens=self.total_tokens,
            loss=recent * r.LOSS_UNIT / count if count else float("nan"),
            lr=self.lr - (self.lr - self.lr_end) * done,
            words_per_second=done * self.total_tokens / max(seconds, 1e-9),
            seconds_left=seconds * (1 - done) / done if done else float("inf"),
        )


def split_tables(objective: Objective, stacked: Floats) -> dict[str, Floats]:
    """Return the tables of a stacked (rows, stride) array by name: (num_rows, dim) views."""
    tables, first = {}, 0
    for table in objective.tables:
        tables[table.name] = stacked[first : first + table.num_rows, : objective.dim]
        first += table.num_rows
    return tables


def check_finite(rows: Floats, lr: float, seen_after: str = "at the end") -> None:
    """Raise TrainingError if a number is no number, or has grown beyond all sense."""
    largest = max(float(rows.max(initial=0)), -float(rows.min(initial=0)))
    if largest <= _LARGEST:  # false for NaN too
        return
    seen = "is not a number" if np.isnan(largest) else f"has grown to {largest:.3g}"
    raise TrainingError(
        f"training diverged: an entry of a vector {seen} (at most {_LARGEST:g} was expected), "
        f"noticed {seen_after}; the learning rate {lr:g} is too high for this text: "
        f"try --lr {lr / 10:g}"
    )


def _allocate(objective: Objective, threads: int) -> r.Rounds:
    """Allocate the shared arrays. Memory that no block reaches is never touched, so never used."""
    per_round, capacity = objective.blocks.per_round, objective.row_capacity
    assert per_round <= r.MOST_PER_ROUND  # or a touch count could reach HOT
    num_rows = sum(table.num_rows for table in objective.tables)
    stride = padded(objective.dim)
    touched = np.zeros((3, num_rows), np.uint8)
    first = 0
    for table in objective.tables:
        touched[:, first : first + min(table.hot_rows, table.num_rows)] = r.HOT
        first += table.num_rows
    copies = aligned_zeros(per_round * capacity, stride).reshape(per_round, capacity, stride)
    return r.Rounds(
        table=aligned_zeros(num_rows, stride),
        merge_rule=np.array([MERGE_RULES[table.merge] for table in objective.tables], np.int64),
        merge_strength=np.array([table.strength for table in objective.tables], np.float64),
        table_ends=np.cumsum([table.num_rows for table in objective.tables], dtype=np.int64),
        rows=np.zeros((2, per_round, capacity), np.int32),
        visits=np.zeros((2, per_round, capacity), np.int32),
        num_rows=np.zeros((2, per_round), np.int64),
        touched=touched,
        copies=copies,
        copied=np.zeros((per_round, capacity), np.int32),
        copied_visits=np.zeros((per_round, capacity), np.int32),
        num_copied=np.zeros(per_round, np.int64),
        address=np.zeros((threads, capacity), np.int64),
        head=np.full(num_rows, -1, np.int32),
        following=np.zeros(per_round * capacity, np.int32),
        merging=np.zeros((threads, per_round * capacity), np.int32),
        total=aligned_zeros(threads, stride),
        losses=np.zeros((per_round, 2), np.float64),
        tasks=np.zeros((3, 8), np.int64),
        barrier=np.zeros(8, np.int64),
        control=np.zeros(r.CONTROL_SIZE, np.int64),
    )
