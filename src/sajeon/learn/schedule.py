"""How long a training is, and how its learning rate falls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Epochs over a corpus of blocks.

    Attributes:
        num_tokens: Tokens of the corpus.
        num_blocks: Blocks it is cut into.
        per_round: Blocks of a round.
        epochs: Passes over the corpus.
        lr: Learning rate of the first block.
        lr_end: The rate it falls to, evenly over all blocks.
    """

    num_tokens: int
    num_blocks: int
    per_round: int
    epochs: int
    lr: float
    lr_end: float

    @property
    def total_blocks(self) -> int:
        """Blocks of all epochs."""
        return self.num_blocks * self.epochs

    @property
    def total_tokens(self) -> int:
        """Tokens of all epochs."""
        return self.num_tokens * self.epochs

    @property
    def num_rounds(self) -> int:
        """Rounds of the training; the last may hold fewer blocks."""
        return -(-self.total_blocks // self.per_round)

    def lr_at(self, block: int) -> float:
        """Return the learning rate of a block, counted over all epochs."""
        return self.lr - (self.lr - self.lr_end) * (block / self.total_blocks)
