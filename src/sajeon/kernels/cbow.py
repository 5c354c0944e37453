"""Continuous bag of words with negative sampling: one planned block of gradient descent.

The mean h of the context rows predicts the centre c against k noise words (Mikolov et al. 2013,
"Efficient Estimation of Word Representations in Vector Space", section 3.1, with the loss of
their equation 4 in the later paper):

    -log s(h . w_out[c]) - sum over j of log s(-h . w_out[n_j])

As in the released word2vec with ``cbow_mean``, every context row receives the whole gradient of h,
not its m-th part.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..types import Floats
from ._compile import jit, overload
from .rounds import plan_block, train_block
from .simd import (
    LIMIT,
    add,
    exp_minus,
    fma,
    limited,
    load,
    load_address,
    load_splat,
    log,
    mul,
    ones,
    reciprocal,
    splat,
    store,
    sub,
    sum_lanes,
    zero,
)
from .targets import (
    GROUP,
    HALF,
    Scratch,
    fetch,
    fetch_targets,
    list_contexts,
    question_of,
    set_targets,
    sum_of,
)
from .windows import WindowPlan, Windows, centres_of, plan_window_block


class CbowState(NamedTuple):
    """What the CBOW kernels read and write besides the tables."""

    windows: Windows
    plans: WindowPlan  # each array with two leading axes: (2, S), half and place of the block
    scratch: Scratch


def cbow_reference(
    plan: dict[str, Any], w_in: Floats, w_out: Floats, lr: float, *, trace: bool = False
) -> tuple[float, int, list[dict[str, Any]]]:
    """Train one planned block in plain NumPy; `cbow_block` does the same.

    Args:
        plan: From `windows.plan_windows_reference`.
        w_in: (V, dim) input rows, changed in place.
        w_out: (V, dim) output rows, changed in place.
        lr: Learning rate.
        trace: Also return what happened at every centre.

    Returns:
        The loss in nats, summed over all scores that count; how many those are; and for each
        centre, if `trace`, a dict of ``centre``, ``contexts`` (m,), ``targets`` (1 + k,), and
        ``scores``, ``sigmoids`` and ``errors`` (y - t), each (1 + k,) with zeros in ``errors``
        where a noise word is the centre itself.
    """
    loss, pairs, steps = 0.0, 0, []
    for centre, contexts, targets, label, live in centres_of(plan):
        hidden = w_in[contexts].mean(axis=0)  # (dim,)
        scores = np.clip(w_out[targets] @ hidden, -LIMIT, LIMIT)  # (1 + k,)
        sigmoids = 1 / (1 + np.exp(-scores))
        errors = (sigmoids - label) * live
        loss += float((np.logaddexp(0, -scores) + (1 - label) * scores)[live].sum())
        pairs += int(live.sum())
        gradient = np.zeros_like(hidden)
        for target, error in zip(targets, errors, strict=True):  # one by one: see the kernel
            gradient += error * w_out[target]
            w_out[target] -= lr * error * hidden
        np.subtract.at(w_in, contexts, lr * gradient)  # .at: a word may stand twice in a window
        if trace:
            steps.append(
                {"centre": centre, "contexts": contexts, "targets": targets, "scores": scores,
                 "sigmoids": sigmoids, "errors": errors}
            )  # fmt: skip
    return loss, pairs, steps


@jit
def cbow_block(state, thread, half, slot, lr, rounds):
    """See `cbow_reference`; rows are where ``rounds.address[thread]`` says."""
    plans, scratch = state.plans, state.scratch
    words, low, high = plans.words[half, slot], plans.low[half, slot], plans.high[half, slot]
    size, _, num_inputs = plans.sizes[half, slot]
    window = state.windows.window
    address, inputs, targets = (
        rounds.address[thread],
        scratch.inputs[thread],
        scratch.targets[thread],
    )
    row_bytes = rounds.table.shape[1] * 4
    row_of, target_of = np.int64(inputs.ctypes.data), np.int64(targets.ctypes.data)
    steps = np.int64(scratch.steps[thread].ctypes.data)
    lanes, lane_of = scratch.lanes[thread], scratch.lane_of[thread]
    question = question_of(plans, state.windows, lanes, half, slot)
    lane_addresses = np.int64(lane_of.ctypes.data)
    hidden = np.int64(scratch.hidden[thread].ctypes.data)
    rate, losses, product, factors = splat(lr), zero(), ones(), 0
    pairs = 0
    live = 0  # lanes are as the last block left them
    for i in range(size):
        if high[i] - low[i] < 2:
            continue
        live, target_groups = set_targets(
            question, targets, lanes, lane_of, address, num_inputs, i, words[i], live
        )
        fetch_targets(question, address, num_inputs, i, words, size, row_bytes)
        if i + window + 1 < size:
            fetch(address[words[i + window + 1]], row_bytes)  # its last new context
        count = list_contexts(inputs, address, words, i, low[i], high[i])
        _mean(row_of, count, hidden, row_bytes)
        for g in range(target_groups):
            linear, factor = _scores(
                target_of + g * GROUP * 8, hidden, steps + g * HALF * 4,
                load_address(lane_addresses + g * 8), rate, row_bytes,
            )  # fmt: skip
            losses, product = add(losses, linear), mul(product, factor)
            factors += 1
            if factors & 3 == 0:  # one logarithm for four factors, as in skip-gram
                losses, product = add(losses, log(product)), ones()
        _update(target_of, target_groups, row_of, count, hidden, steps, row_bytes)
        pairs += live
    losses = add(losses, log(product))
    return sum_of(losses, hidden, scratch.hidden[thread]), pairs


@jit
def _mean(row_of, count, hidden, row_bytes):
    share = splat(np.float32(1) / np.float32(count))
    for k in range(0, row_bytes, 64):
        total = load(load_address(row_of) + k)
        for m in range(1, count):
            total = add(total, load(load_address(row_of + m * 8) + k))
        store(hidden + k, mul(total, share))


@jit
def _scores(targets, hidden, steps, lanes, rate, row_bytes):
    """Score the mean with six targets; store lr * (label - y) of each."""
    t0, t1, t2 = load_address(targets), load_address(targets + 8), load_address(targets + 16)
    t3, t4, t5 = load_address(targets + 24), load_address(targets + 32), load_address(targets + 40)
    a0 = a1 = a2 = a3 = a4 = a5 = zero()
    for k in range(0, row_bytes, 64):
        h = load(hidden + k)
        a0, a1, a2 = fma(h, load(t0 + k), a0), fma(h, load(t1 + k), a1), fma(h, load(t2 + k), a2)
        a3, a4, a5 = fma(h, load(t3 + k), a3), fma(h, load(t4 + k), a4), fma(h, load(t5 + k), a5)
    score = limited(sum_lanes((a0, a1, a2, a3, a4, a5)))
    label, live, is_noise = load(lanes), load(lanes + 128), load(lanes + 192)
    power = exp_minus(score)
    error = mul(sub(label, reciprocal(add(power, ones()))), live)
    # Eight of the sixteen lanes belong to the next group, whose own scores overwrite them.
    store(steps, mul(error, rate))
    return mul(mul(live, is_noise), score), fma(live, power, ones())


@jit
def _update(targets, target_groups, row_of, count, hidden, steps, row_bytes):
    """Move the targets by the mean, and every context row by the sum of the targets."""
    for k in range(0, row_bytes, 64):
        h = load(hidden + k)
        move = zero()
        for g in range(target_groups):
            for j in range(GROUP):
                # In turn, loading again: the same noise word may stand in two places.
                target = load_address(targets + (g * GROUP + j) * 8) + k
                step = load_splat(steps + g * HALF * 4 + j * 4)
                row = load(target)
                move = fma(step, row, move)
                store(target, fma(step, h, row))
        for m in range(count):
            x = load_address(row_of + m * 8) + k
            store(x, add(load(x), move))


@overload(plan_block)
def _plan(state, thread, half, slot, epoch, block, rounds):
    return plan_window_block if getattr(state, "instance_class", None) is CbowState else None


@overload(train_block)
def _train(state, thread, half, slot, lr, rounds):
    if getattr(state, "instance_class", None) is not CbowState:
        return None

    def train(state, thread, half, slot, lr, rounds):
        return cbow_block(state, thread, half, slot, lr, rounds)

    return train
