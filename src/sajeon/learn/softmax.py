"""Skip-gram and CBOW with the softmax over the whole vocabulary: the objective word2vec began from.

The other losses are ways around the cost of this one, which grows with the vocabulary. Here it is
written to be read: exact gradients, plain NumPy, one step for each word of the text.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ..kernels.windows import centres_of, plan_windows_reference
from ..sampling import keep_probability
from ..types import Counts, Floats, Ids, Ids32
from .blocks import cut
from .objective import BlockResult, Table
from .word2vec import fill_input, make_windows

_TIMED_STEPS = 5


def softmax(scores: Floats) -> Floats:
    """Return the probability of each word: P(w) = exp(s_w) / sum over all words v of exp(s_v).

    Args:
        scores: (..., num_words).

    Returns:
        The shape of `scores`; each row sums to 1.

    >>> softmax(np.log([1.0, 2.0, 5.0])).round(4).tolist()
    [0.125, 0.25, 0.625]
    """
    # The largest score is taken off all of them: P stays, and exp cannot overflow.
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def softmax_step(
    hidden: Floats, w_out: Floats, word: int, lr: float
) -> tuple[float, Floats, Floats]:
    """Learn once that `word` is the answer; move the output rows.

    With h a row of `hidden`, W = `w_out`, t = 1 for the right word and 0 for all others:

        scores       s = W h
        probability  p_w = exp(s_w) / sum over v of exp(s_v)
        loss         L = -log p_word
        gradients    dL/ds = p - t        dL/dh = W^T (p - t)        dL/dW = (p - t) h^T

    Args:
        hidden: (rows, dim) float32. One or several rows that each predict the word.
        w_out: (num_words, dim) float32, changed in place: one step against the gradient.
        word: The right one.
        lr: Learning rate.

    Returns:
        The loss in nats, summed over rows; its gradient by `hidden`, (rows, dim); and the
        probabilities, (rows, num_words).
    """
    scores = hidden @ w_out.T  # (rows, num_words)
    p = softmax(scores)
    # -log p of the word, by way of the largest p, since its own may be too small for float32.
    below = scores.max(axis=1) - scores[:, word]
    loss = float((below - np.log(p.max(axis=1))).sum())
    errors = p.copy()
    errors[:, word] -= 1  # p - t
    d_hidden = errors @ w_out  # (rows, dim)
    w_out -= np.float32(lr) * errors.T @ hidden  # (num_words, dim)
    return loss, d_hidden, p


def softmax_reference(
    model: Literal["skipgram", "cbow"],
    plan: dict[str, Any],
    w_in: Floats,
    w_out: Floats,
    lr: float,
    *,
    trace: bool = False,
) -> tuple[float, int, list[dict[str, Any]]]:
    """Train one planned block.

    Args:
        model: In skip-gram each context word predicts the centre, in CBOW the mean of all does.
        plan: From `kernels.windows.plan_windows_reference`.
        w_in: (num_words, dim) float32 input rows, changed in place.
        w_out: (num_words, dim) float32 output rows, changed in place.
        lr: Learning rate.
        trace: Also return what happened at every centre.

    Returns:
        The loss in nats, summed over predictions; how many those are; and for each centre, if
        `trace`, a dict of ``centre``, ``contexts`` (m,), ``probabilities`` and ``errors`` (p - t),
        each (m, num_words) for skip-gram and (1, num_words) for CBOW.
    """
    loss, predictions, steps = 0.0, 0, []
    for centre, contexts, *_ in centres_of(plan):
        hidden = w_in[contexts]  # (m, dim)
        if model == "cbow":
            hidden = hidden.mean(axis=0, keepdims=True)  # (1, dim)
        cost, d_hidden, p = softmax_step(hidden, w_out, centre, lr)
        # As in word2vec, every context row of CBOW receives the whole gradient of the mean.
        # .at, since a word may stand twice in a window.
        np.subtract.at(w_in, contexts, np.float32(lr) * d_hidden)
        loss, predictions = loss + cost, predictions + len(hidden)
        if trace:
            errors = p - (np.arange(len(w_out)) == centre)
            steps.append(
                {"centre": centre, "contexts": contexts, "probabilities": p, "errors": errors}
            )
    return loss, predictions, steps


class SoftmaxWord2Vec:
    """Skip-gram or CBOW with softmax, over a corpus of ids, without compiled kernels.

    Args:
        ids: (num_tokens,) int32. The corpus; may be memory-mapped.
        offsets: (num_sequences + 1,) int64. Where each sequence begins.
        counts: (num_words,) int64. How often each id occurs.
        model: Which of the two.
        dim: Length of a vector.
        window: Words on each side that count as context, at most.
        sample: Threshold of subsampling.
        seed: Key of every draw.

    Attributes:
        tables: Input rows first, then output rows.
    """

    def __init__(
        self,
        ids: Ids32,
        offsets: Ids,
        counts: Counts,
        *,
        model: Literal["skipgram", "cbow"],
        dim: int,
        window: int,
        sample: float,
        seed: int,
    ) -> None:
        num_words = len(counts)
        self.name = model
        self.dim = dim
        self.seed = seed
        self.tables = (Table("input", num_words), Table("output", num_words))
        # A block moves every output row, so there is nothing to gain from blocks side by side.
        self.blocks = replace(cut(offsets, num_words), per_round=1)
        self.windows = make_windows(
            ids, offsets, counts, self.blocks, window=window, sample=sample, seed=seed
        )
        self._steps = float((counts * keep_probability(counts, sample)).sum())

    def initialise(self, table: Floats) -> None:
        """Fill input rows evenly in ±0.5 / dim, output rows with zeros, as word2vec does."""
        fill_input(table[: len(table) // 2, : self.dim], self.seed)

    def seconds_per_epoch(self) -> float:
        """Return an estimate of what an epoch takes here: some steps on zeros are timed."""
        num_words = self.tables[0].num_rows
        rows = 1 if self.name == "cbow" else self.windows.window + 1
        hidden = np.zeros((rows, self.dim), np.float32)
        w_out = np.zeros((num_words, self.dim), np.float32)
        seconds = []
        for _ in range(_TIMED_STEPS):
            started = time.perf_counter()
            softmax_step(hidden, w_out, 0, 0.0)
            seconds.append(time.perf_counter() - started)
        return self._steps * float(np.median(seconds))

    def plan_reference(self, epoch: int, block: int) -> tuple[dict[str, Any], Mapping[int, int]]:
        """Plan one block (see `objective.Objective`); it visits all output rows."""
        plan = plan_windows_reference(self.windows, epoch, block)
        num_words = self.tables[0].num_rows
        visited = {*plan["words"].tolist(), *range(num_words, 2 * num_words)}
        return plan, dict.fromkeys(visited, 1)

    def train_reference(self, plan: dict[str, Any], table: Floats, lr: float) -> BlockResult:
        """Train one planned block (see `objective.Objective`)."""
        w_in, w_out = np.split(table, 2)
        loss, predictions, _ = softmax_reference(self.name, plan, w_in, w_out, lr)
        return BlockResult(loss, predictions)
