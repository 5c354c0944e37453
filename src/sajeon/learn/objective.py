"""What the trainer needs to know of an objective: its tables, its kernels' state, its first values.

An objective trains rows of one stacked array. It says how the rows fall into tables and how each
table is merged where several blocks moved the same row; everything else (rounds, threads, learning
rate, progress, stopping) is the trainer's. Its kernels are two functions, `plan_block` and
`train_block` of `kernels/rounds.py`, overloaded for the type of its state. One that has none is
trained in NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from ..kernels.rounds import AVERAGE, CONTRACTION, SUM
from ..types import Floats
from .blocks import Blocks

MERGE_RULES = {"sum": SUM, "average": AVERAGE, "contraction": CONTRACTION}


@dataclass(frozen=True)
class Table:
    """A range of rows in the stacked array.

    Attributes:
        name: What the table is called in files.
        num_rows: How many rows it has.
        merge: How moves of several blocks become one (`kernels/rounds.py`).
        strength: The constant c of the contraction; larger damps frequent rows more.
        hot_rows: The first so many rows always count as shared by all blocks: their counts, which
            every block would raise, need not be kept. They should be the most frequent ones.
        largest: Numbers beyond this, of either sign, mean that the training has diverged. Trained
            vectors stay below 10; sums grow as long as there is something to add.
    """

    name: str
    num_rows: int
    merge: Literal["sum", "average", "contraction"] = "contraction"
    strength: float = 1.0
    hot_rows: int = 64
    largest: float = 1e4


@dataclass(frozen=True)
class BlockResult:
    """What one block of the slow path reports: summed loss in nats and its number of scores."""

    loss: float
    pairs: int


class Objective(Protocol):
    """One way to learn tables from a corpus."""

    @property
    def dim(self) -> int:
        """Length of a row."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables, in the order in which they are stacked."""

    @property
    def blocks(self) -> Blocks:
        """How the corpus is cut."""

    def initialise(self, table: Floats) -> None:
        """Fill the stacked table, (rows, stride) float32, with its first values."""

    def plan_reference(self, epoch: int, block: int) -> tuple[Any, Mapping[int, int]]:
        """Plan one block in NumPy: a plan, and how often it visits each stacked row."""

    def train_reference(self, plan: Any, table: Floats, lr: float) -> BlockResult:
        """Train a block of `plan_reference` in NumPy on the stacked (rows, dim) in place."""


@runtime_checkable
class CompiledObjective(Objective, Protocol):
    """An objective that has compiled kernels."""

    @property
    def row_capacity(self) -> int:
        """The most distinct rows that one block can touch."""

    def make_state(self, threads: int) -> Any:
        """Allocate the NamedTuple of arrays that `plan_block` and `train_block` work on."""
