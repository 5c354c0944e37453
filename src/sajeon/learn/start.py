"""Go on from a model with more text: its words and their rows, and the words that are new.

Words of the model that the new text does not hold stay in the vocabulary with the count 0 while it
is trained: they are neither seen nor drawn as noise, so their vectors stay as they are, to the bit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..loading import load
from ..types import Array, Counts, Floats, Ids
from ..vectors import Vectors

if TYPE_CHECKING:
    from ..tokens import Tokenizer
    from ..vocab import Vocabulary


@dataclass(frozen=True)
class Start:
    """A model from which a training begins.

    Attributes:
        vectors: The model.
        rows: (num_words,) int64. For each word of the extended vocabulary its row in the model, -1
            for a new word; empty before `on`.
    """

    vectors: Vectors
    rows: Ids

    @classmethod
    def open(cls, model: str | os.PathLike[str] | Vectors) -> Start:
        """Return the start from vectors or from a path to them, see `sajeon.load`."""
        vectors = model if isinstance(model, Vectors) else load(model)
        return cls(vectors, np.zeros(0, np.int64))

    def tokenizer(self, wanted: Tokenizer, default: Tokenizer) -> Tokenizer:
        """Return what cuts the new text: the model's tokenizer, or where it has none, `wanted`.

        Raises:
            ValueError: `wanted` is neither the default nor the model's.
        """
        own = self.vectors.tokenizer
        if own is None or wanted == own:
            return wanted
        if wanted != default:
            raise ValueError(
                f"the model to start from was learned with tokens={own!r}, so the new text is cut "
                f"in the same way; got tokens={wanted!r}: leave it out"
            )
        return own

    def settings(self) -> dict[str, Any]:
        """Return what is recorded of how the model was learned, and its dim in any case."""
        return {**self.vectors.settings, "dim": self.vectors.dim}

    def identity(self) -> str:
        """Return the SHA-256 of tokens and vectors, in hexadecimal."""
        digest = hashlib.sha256()
        tokens = self.vectors.tokens
        for part in (tokens.offsets, tokens.data, self.vectors.matrix, *self.training.values()):
            digest.update(np.ascontiguousarray(part).view(np.uint8).data)
        return digest.hexdigest()

    def known(self) -> dict[str, int]:
        """Return the model's words and how often its text held them, for `build_corpus`."""
        counts = self.vectors.counts
        known = np.zeros(len(self.vectors), np.int64) if counts is None else counts
        return dict(zip(self.vectors.tokens, known.tolist(), strict=True))

    def on(self, vocab: Vocabulary) -> Start:
        """Return this start for a vocabulary that holds all words of the model."""
        find = self.vectors.tokens.find
        return replace(self, rows=np.fromiter(map(find, vocab.tokens), np.int64, len(vocab)))

    def total_counts(self, counts: Counts) -> Counts:
        """Add the model's counts to those of the new text: (num_words,) int64."""
        if self.vectors.counts is None:
            return counts
        known = self.rows >= 0
        total = counts.copy()
        total[known] += self.vectors.counts[self.rows[known]]
        return total

    def first_values(self, tables: Mapping[str, Array]) -> dict[str, tuple[Ids, Floats]]:
        """Arrange rows of the model for the trainer.

        Args:
            tables: By name, (rows of the model, dim).

        Returns:
            For each table, which of its rows have first values, and these.
        """
        known = np.flatnonzero(self.rows >= 0)
        return {name: (known, table[self.rows[known]]) for name, table in tables.items()}

    def input(self) -> Floats:
        """Return the model's vectors as (tokens, dim) float32, whatever they are stored as."""
        vectors = self.vectors
        if vectors.scales is None:
            return np.asarray(vectors.matrix, np.float32)
        return np.asarray(vectors.matrix, np.float32) * vectors.scales[:, None]

    @property
    def training(self) -> Mapping[str, Array]:
        """Tables beside the vectors that were saved to go on from; empty where there are none."""
        return self.vectors.training or {}
