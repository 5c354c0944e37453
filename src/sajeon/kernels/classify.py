"""A linear classifier of bags of features: one planned block of gradient descent, and scores.

The mean h of the n rows of a text predicts its label through one row for each label (Joulin, Grave,
Bojanowski and Mikolov, "Bag of Tricks for Efficient Text Classification", 2016, section 2):

    softmax:      -log softmax(W h)[y]
    one-vs-all:   sum over labels c of  -log s(h . w_c) if c is a label of the text, else
                  -log s(-h . w_c)
    hierarchical  the label is a leaf of a binary tree (`learn/huffman.py`), and the sum is over the
    softmax:      nodes on the way to it (Mikolov et al. 2013, "Distributed Representations ...",
                  section 2.1): right is s(h . w_node), left the rest

A label row is touched by every block of a round, and how its moves are to be merged (see
`rounds.py`) depends on the texts: where h is small, as in the beginning, they add up; where it is
large, each visit undoes what others did. A step of gradient descent shrinks the distance to where
w_c is drawn by lr * p_c (1 - p_c) |h|^2, the second derivative of the loss along h. The sum of that
over a block, in units of `CURVATURE_UNIT`, takes the place of the number of visits. With a constant
per visit, MR at lr 0.1 in 5 epochs was 0.730 right in place of 0.748, or lr 2 diverged.

As in fastText, each of the n rows moves by the n-th part of the gradient of h, and of several
labels softmax and hierarchical softmax draw one each time they meet the text.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..types import Array, Floats
from ._compile import helper, inline, jit, overload
from .draw import (
    block_key,
    block_key_reference,
    draw,
    draw_below,
    draw_below_reference,
    draw_reference,
)
from .rounds import plan_block, train_block
from .simd import (
    LANES,
    LIMIT,
    add,
    aligned_zeros,
    exp_minus,
    fma,
    limited,
    load,
    load_address,
    load_splat,
    log,
    mul,
    ones,
    padded,
    reciprocal,
    splat,
    store,
    sub,
    sum_lanes,
    zero,
)

SOFTMAX, ONE_VS_ALL, HIERARCHICAL = range(3)

LABEL_STREAM = np.int64(1 << 42)
"""The "block" that keys the draw of one label out of several, which belongs to a text."""

CURVATURE_UNIT = 2.0**-16
"""Visits are whole numbers: what is smaller than this counts as nothing."""

_QUARTER = np.float32(0.25)
_GAP = 32  # numbers between what two threads write: at least two cache lines


class Labelled(NamedTuple):
    """What the plan reads. V words, B buckets and their rows, then the rows of labels."""

    items: Array  # (total,) int32, see `bags.expand_items_reference`
    offsets: Array  # (texts + 1,) int64, where the items of each text begin
    pieces: Array  # (total pieces,) int32
    piece_offsets: Array  # (T + 1,) int64
    num_words: int
    block_starts: Array  # (num_blocks + 1,) int64, the first text of each block
    labels: Array  # (total labels,) int32
    label_offsets: Array  # (texts + 1,) int64
    path_nodes: Array  # (total path,) int32, nodes on the way to each label
    path_turns: Array  # (total path,) float32, 1 where the way goes right
    path_offsets: Array  # (labels + 1,) int64
    first_label: int  # the first row of the label table
    num_labels: int
    loss: int  # SOFTMAX, ONE_VS_ALL or HIERARCHICAL
    seed: int


class BagPlan(NamedTuple):
    """One planned block of texts; rows are given as slots (`windows.WindowPlan` says what)."""

    slots: Array  # (features,) int32, slot of each feature
    ends: Array  # (texts,) int32, where the features of each text end
    texts: Array  # (texts,) int32, number of each text
    chosen: Array  # (texts,) int32, the label that softmax predicts
    nodes: Array  # (nodes,) int32, slot of each node on the way to the chosen label
    sizes: Array  # (1,) int64: texts


class BagScratch(NamedTuple):
    """Work space of each thread, by thread number."""

    slot_of: Array  # (T, rows + gap) int32, for the plan
    features: Array  # (T, features + gap) int64, addresses of the rows of a text
    targets: Array  # (T, targets + gap) int64, addresses of the label rows
    scores: Array  # (T, stride) float32: scores, then lr * (y - p)
    wanted: Array  # (T, stride) float32: y
    live: Array  # (T, stride) float32: 1 for each target, 0 in the lanes behind them
    curves: Array  # (T, rows of a block + gap) float32: sum of p (1 - p) |h|^2 of each label row
    hidden: Array  # (T, stride) float32
    nothing: Array  # (T, stride) float32, a row of zeros: makes the number of targets even


class BagState(NamedTuple):
    """What the kernels read and write besides the tables."""

    labelled: Labelled
    plans: BagPlan  # each array with two leading axes: (2, S), half and place of the block
    scratch: BagScratch


def make_scratch(
    threads: int, num_rows: int, capacity: int, features: int, targets: int, dim: int
) -> BagScratch:
    """Allocate the work space.

    Args:
        threads: How many.
        num_rows: Rows of the stacked table.
        capacity: The most rows that a block touches.
        features: The most features that a block has.
        targets: Rows of labels.
        dim: Length of a row.
    """
    stride = padded(targets + LANES) + _GAP
    return BagScratch(
        slot_of=np.zeros((threads, num_rows + _GAP), np.int32),
        features=np.zeros((threads, features + _GAP), np.int64),
        targets=np.zeros((threads, targets + 1 + _GAP), np.int64),
        scores=aligned_zeros(threads, stride),
        wanted=aligned_zeros(threads, stride),
        live=aligned_zeros(threads, stride),
        curves=aligned_zeros(threads, padded(capacity + LANES) + _GAP),
        hidden=aligned_zeros(threads, padded(dim) + _GAP),
        nothing=aligned_zeros(threads, padded(dim) + _GAP),
    )


def plan_bags_reference(labelled: Labelled, epoch: int, block: int) -> list[dict[str, Any]]:
    """Plan one block in plain NumPy.

    Returns:
        For each text with features: ``rows`` (n,) int64, those; ``targets`` (m,) int64, rows of
        labels or nodes; ``wanted`` (m,) float32, the y of each; ``softmax``, whether the targets
        share one softmax.
    """
    from .bags import expand_items_reference

    texts = range(*labelled.block_starts[block : block + 2].tolist())
    key = block_key_reference(labelled.seed, epoch, LABEL_STREAM)
    everything = np.arange(labelled.num_labels)
    planned = []
    for text in texts:
        begin, end = labelled.offsets[text : text + 2]
        rows, _ = expand_items_reference(
            labelled.items[begin:end], np.array([0, end - begin]), labelled.num_words,
            labelled.pieces, labelled.piece_offsets,
        )  # fmt: skip
        if len(rows) == 0:
            continue
        own = labelled.labels[labelled.label_offsets[text] : labelled.label_offsets[text + 1]]
        if labelled.loss == ONE_VS_ALL:
            targets, wanted = everything, np.isin(everything, own)
        else:
            chosen = own[int(draw_below_reference(draw_reference(key, text), len(own)))]
            targets, wanted = everything, everything == chosen
            if labelled.loss == HIERARCHICAL:
                path = slice(*labelled.path_offsets[chosen : chosen + 2])
                targets, wanted = labelled.path_nodes[path], labelled.path_turns[path]
        planned.append(
            {
                "rows": rows,
                "targets": labelled.first_label + np.asarray(targets, np.int64),
                "wanted": np.asarray(wanted, np.float32),
                "softmax": labelled.loss == SOFTMAX,
                "tree": labelled.loss == HIERARCHICAL,
            }
        )
    return planned


def train_bags_reference(
    plan: list[dict[str, Any]], table: Floats, lr: float, *, trace: bool = False
) -> tuple[float, dict[int, int], list[dict[str, Any]]]:
    """Train one planned block in plain NumPy; `train_bags` does the same.

    Args:
        plan: From `plan_bags_reference`.
        table: (rows, dim) float32, the stacked table, changed in place.
        lr: Learning rate.
        trace: Also return what happened at every text.

    Returns:
        The loss in nats, summed over texts; the curvature of each label row, in units; and for each
        text, if `trace`, a dict of ``rows``, ``targets``, ``scores``, ``probabilities`` and
        ``errors`` (y - p).
    """
    loss, steps = 0.0, []
    curves: dict[int, float] = {}
    for text in plan:
        rows, targets, wanted = text["rows"], text["targets"], text["wanted"]
        hidden = table[rows].mean(axis=0)  # (dim,)
        scores = table[targets] @ hidden  # (m,)
        if text["softmax"]:
            below = np.minimum(scores.max() - scores, LIMIT)
            powers = np.exp(-below)
            probabilities = powers / powers.sum()
            loss += float(np.log(powers.sum()) + below[wanted > 0].sum())
        else:
            scores = np.clip(scores, -LIMIT, LIMIT)
            probabilities = 1 / (1 + np.exp(-scores))
            loss += float((np.log1p(np.exp(-scores)) + (1 - wanted) * scores).sum())
        errors = wanted - probabilities
        own = 1.0 if text["tree"] else wanted  # whose texts count most
        bends = (probabilities * (1 - probabilities) + own / 4) * (hidden @ hidden)
        for target, bend in zip(targets.tolist(), bends.tolist(), strict=True):
            curves[target] = curves.get(target, 0.0) + bend
        gradient = errors @ table[targets] / len(rows)
        table[targets] += lr * np.outer(errors, hidden)
        np.add.at(table, rows, lr * gradient)  # .at: a feature may come twice in a text
        if trace:
            steps.append(
                {"rows": rows, "targets": targets, "scores": scores,
                 "probabilities": probabilities, "errors": errors}
            )  # fmt: skip
    units = {row: int(curve / CURVATURE_UNIT) for row, curve in curves.items()}
    return loss, units, steps


@jit
def plan_bags(labelled, epoch, block, plan, rows, visits, slot_of):
    """Plan one block; list the distinct rows, those of all labels first.

    Args:
        labelled: What to read.
        epoch: Epoch number, from 0.
        block: Block number, from 0.
        plan: A `BagPlan`, filled.
        rows: (capacity,) int32, filled: distinct rows.
        visits: (capacity,) int32, filled: how often the block visits each of them.
        slot_of: (rows,) int32, scratch that need not be cleared.

    Returns:
        How many rows.
    """
    start, stop = labelled.block_starts[block], labelled.block_starts[block + 1]
    items, offsets = labelled.items, labelled.offsets
    pieces, piece_offsets = labelled.pieces, labelled.piece_offsets
    slots, ends, texts, chosen, nodes = plan.slots, plan.ends, plan.texts, plan.chosen, plan.nodes
    num_words, num_types = labelled.num_words, len(piece_offsets) - 1
    count = np.int64(0)
    if labelled.loss != HIERARCHICAL:
        for c in range(labelled.num_labels):
            rows[c] = labelled.first_label + c
        count = np.int64(labelled.num_labels)
    size, num_nodes, num_texts = np.int64(0), 0, 0
    for text in range(start, stop):
        before = size
        for p in range(offsets[text], offsets[text + 1]):
            item = np.int64(items[p])
            row = item if item < num_words else item - num_types + num_words
            if item < num_words or item >= num_types:
                count = _list_row(row, count, rows, visits, slot_of, slots, size)
                size += 1
            if item < num_types:
                for q in range(piece_offsets[item], piece_offsets[item + 1]):
                    row = np.int64(pieces[q])
                    count = _list_row(row, count, rows, visits, slot_of, slots, size)
                    size += 1
        if size == before:
            continue
        label = _chosen_label(labelled, epoch, text)
        texts[num_texts], ends[num_texts], chosen[num_texts] = text, size, label
        num_texts += 1
        if labelled.loss == HIERARCHICAL:
            for p in range(labelled.path_offsets[label], labelled.path_offsets[label + 1]):
                row = np.int64(labelled.first_label + labelled.path_nodes[p])
                count = _list_row(row, count, rows, visits, slot_of, nodes, num_nodes)
                num_nodes += 1
    plan.sizes[0] = num_texts
    if labelled.loss != HIERARCHICAL:
        for c in range(labelled.num_labels):
            visits[c] = num_texts
    return count if num_texts > 0 else 0


@inline
def _list_row(row, count, rows, visits, slot_of, slots, at):
    """Give a row its slot: a sparse set, never cleared (`windows._list_words`)."""
    slot = min(np.int64(slot_of[row]), count)
    rows[count] = row
    if rows[slot] != row:
        slot = count
    new = slot == count
    visits[slot] = (0 if new else visits[slot]) + 1
    slot_of[row] = slot
    slots[at] = slot
    return count + np.int64(new)


@helper
def _chosen_label(labelled: Any, epoch: int, text: int) -> Any:
    first = labelled.label_offsets[text]
    how_many = labelled.label_offsets[text + 1] - first
    if labelled.loss == ONE_VS_ALL:
        return np.int64(-1)
    if how_many > 1:
        key = block_key(labelled.seed, epoch, LABEL_STREAM)
        first += np.int64(draw_below(draw(key, np.uint64(text)), how_many))
    return np.int64(labelled.labels[first])


@jit
def train_bags(state, thread, half, slot, lr, rounds):
    """See `train_bags_reference`; rows are where ``rounds.address[thread]`` says."""
    labelled, plans, scratch = state.labelled, state.plans, state.scratch
    slots, ends, texts = plans.slots[half, slot], plans.ends[half, slot], plans.texts[half, slot]
    chosen, nodes = plans.chosen[half, slot], plans.nodes[half, slot]
    labels, label_offsets = labelled.labels, labelled.label_offsets
    path_turns, path_offsets = labelled.path_turns, labelled.path_offsets
    address = rounds.address[thread]
    row_bytes = rounds.table.shape[1] * 4
    features, targets = scratch.features[thread], scratch.targets[thread]
    feature_of, target_of = np.int64(features.ctypes.data), np.int64(targets.ctypes.data)
    score_values, wanted, live = (
        scratch.scores[thread],
        scratch.wanted[thread],
        scratch.live[thread],
    )
    scores, wanted_at = np.int64(score_values.ctypes.data), np.int64(wanted.ctypes.data)
    live_at = np.int64(live.ctypes.data)
    curves = scratch.curves[thread]
    curves_at = np.int64(curves.ctypes.data)
    hidden_values = scratch.hidden[thread]
    hidden = np.int64(hidden_values.ctypes.data)
    nothing = np.int64(scratch.nothing[thread].ctypes.data)
    bends = hidden_values[len(hidden_values) - LANES :]
    bends_at = np.int64(bends.ctypes.data)
    rate, losses, margin = splat(lr), zero(), 0.0
    start, node = 0, 0
    num_targets = np.int64(labelled.num_labels)
    if labelled.loss != HIERARCHICAL:
        for c in range(num_targets):
            targets[c] = address[c]
        targets[num_targets] = nothing
        _set_live(live, num_targets)
    for i in range(plans.sizes[half, slot, 0]):
        count = ends[i] - start
        for m in range(count):
            features[m] = address[slots[start + m]]
        start = ends[i]
        label, text = np.int64(chosen[i]), np.int64(texts[i])
        if labelled.loss == HIERARCHICAL:
            path = path_offsets[label]
            num_targets = path_offsets[label + 1] - path
            for j in range(num_targets):
                targets[j] = address[nodes[node + j]]
                wanted[j] = path_turns[path + j]
            targets[num_targets] = nothing
            node += num_targets
            _set_live(live, num_targets)
        square = _sum(
            _mean(feature_of, count, hidden, row_bytes), hidden_values, hidden + row_bytes
        )
        _score(target_of, num_targets, hidden, scores, row_bytes)
        if labelled.loss == SOFTMAX:
            below, total = _softmax(
                scores, score_values, live_at, num_targets, label, rate, curves_at, square
            )
            margin += below
            losses = add(losses, log(splat(total)))
            score_values[label] += lr
            curves[label] += square * _QUARTER
        else:
            if labelled.loss == ONE_VS_ALL:
                for p in range(label_offsets[text], label_offsets[text + 1]):
                    wanted[labels[p]] = 1
            for k in range(0, num_targets * 4, 64):
                score = limited(load(scores + k))
                y, alive = load(wanted_at + k), load(live_at + k)
                power = exp_minus(score)
                p_of = reciprocal(add(power, ones()))
                store(scores + k, mul(mul(sub(y, p_of), alive), rate))
                bend = mul(mul(mul(p_of, sub(ones(), p_of)), alive), splat(square))
                if labelled.loss == ONE_VS_ALL:
                    own = mul(y, splat(square * _QUARTER))
                    store(curves_at + k, add(load(curves_at + k), add(bend, own)))
                else:
                    store(bends_at, bend)
                    done = np.int64(node - num_targets + (k >> 2))
                    for j in range(min(np.int64(LANES), node - done)):
                        curves[nodes[done + j]] += bends[j] + square * _QUARTER
                # Sums over lanes: each target adds sixteen-fold what softmax adds in each lane.
                linear = fma(mul(sub(ones(), y), alive), score, mul(alive, log(add(power, ones()))))
                losses = add(losses, splat(_sum(linear, hidden_values, hidden + row_bytes)))
            if labelled.loss == ONE_VS_ALL:
                for p in range(label_offsets[text], label_offsets[text + 1]):
                    wanted[labels[p]] = 0
        share = np.float32(1) / np.float32(count)
        _update(target_of, num_targets, feature_of, count, hidden, scores, share, row_bytes)
    copies, copied = np.int64(rounds.copies[slot].ctypes.data), rounds.num_copied[slot]
    weights = rounds.copied_visits[slot]
    if labelled.loss == HIERARCHICAL:
        for j in range(node):
            _weigh(np.int64(nodes[j]), curves, address, copies, copied, weights, row_bytes)
    else:
        for c in range(labelled.num_labels):
            _weigh(c, curves, address, copies, copied, weights, row_bytes)
    store(hidden, losses)
    return np.float64(hidden_values[0]) + margin, np.int64(plans.sizes[half, slot, 0])


@inline
def _weigh(place, curves, address, copies, copied, weights, row_bytes):
    """Put the curvature of a label row where the merge looks for its visits, if it is a copy."""
    copy = (address[place] - copies) // row_bytes
    if curves[place] > 0:
        if 0 <= copy < copied:
            most = min(curves[place], np.float32(2**14))
            weights[copy] = np.int32(most * np.float32(1 / CURVATURE_UNIT))
        curves[place] = 0


@inline
def _set_live(live, num_targets):
    for j in range(num_targets + LANES):
        live[j] = np.float32(j < num_targets)


@inline
def _sum(vector, values, place):
    """Return the sum of the lanes, by way of the scratch behind the mean."""
    store(place, sum_lanes((vector,)))
    at = len(values) - _GAP
    return values[at]


@jit
def _mean(row_of, count, hidden, row_bytes):
    """Write the mean of the features; return its squares, summed by lane."""
    share = splat(np.float32(1) / np.float32(count))
    squares = zero()
    whole = row_bytes & ~255
    for k in range(0, whole, 256):  # four vectors at once: sums that need not wait for each other
        a = b = c = d = zero()
        for m in range(count):
            row = load_address(row_of + m * 8) + k
            a, b = add(a, load(row)), add(b, load(row + 64))
            c, d = add(c, load(row + 128)), add(d, load(row + 192))
        a, b, c, d = mul(a, share), mul(b, share), mul(c, share), mul(d, share)
        squares = fma(d, d, fma(c, c, fma(b, b, fma(a, a, squares))))
        store(hidden + k, a)
        store(hidden + k + 64, b)
        store(hidden + k + 128, c)
        store(hidden + k + 192, d)
    for k in range(whole, row_bytes, 64):
        total = load(load_address(row_of) + k)
        for m in range(1, count):
            total = add(total, load(load_address(row_of + m * 8) + k))
        mean = mul(total, share)
        squares = fma(mean, mean, squares)
        store(hidden + k, mean)
    return squares


@jit
def _score(targets, count, hidden, scores, row_bytes):
    """Write the products of the mean with the rows of the targets, two at a time."""
    for j in range(0, count, 2):
        one, other = load_address(targets + j * 8), load_address(targets + j * 8 + 8)
        a = b = zero()
        for k in range(0, row_bytes, 64):
            h = load(hidden + k)
            a, b = fma(h, load(one + k), a), fma(h, load(other + k), b)
        store(scores + j * 4, sum_lanes((a, b)))  # the lanes behind are overwritten by the next


@jit
def _softmax(scores, values, live, count, label, rate, curves, square):
    """Turn scores into lr * -p, and add to the curvatures.

    Returns:
        How far the score of `label` lies below the largest, and the sum of exp(score - largest).
    """
    largest = values[0]
    for j in range(1, count):
        largest = max(largest, values[j])
    top = splat(largest)
    below = np.float64(min(largest - values[label], np.float32(LIMIT)))
    total = zero()
    for k in range(0, count * 4, 64):
        power = mul(exp_minus(limited(sub(top, load(scores + k)))), load(live + k))
        total = add(total, power)
        store(scores + k, power)
    store(scores + padded_bytes(count), sum_lanes((total,)))
    whole = values[padded_bytes(count) // 4]
    part, squared = splat(np.float32(1.0) / whole), splat(square)
    for k in range(0, count * 4, 64):
        p = mul(part, load(scores + k))
        bend = mul(mul(p, sub(ones(), p)), squared)
        store(curves + k, add(load(curves + k), bend))
        store(scores + k, mul(p, sub(zero(), rate)))
    return below, whole


@inline
def padded_bytes(count):
    """Bytes of `count` float32, rounded up to whole vectors."""
    return (count + LANES - 1) // LANES * 64


@jit
def _update(targets, num_targets, row_of, count, hidden, steps, share, row_bytes):
    """Move the targets by the mean, and every feature by its part of the sum of the targets."""
    part = splat(share)
    whole = row_bytes & ~255
    for k in range(0, whole, 256):
        a = mul(_move_targets(targets, num_targets, hidden, steps, k), part)
        b = mul(_move_targets(targets, num_targets, hidden, steps, k + 64), part)
        c = mul(_move_targets(targets, num_targets, hidden, steps, k + 128), part)
        d = mul(_move_targets(targets, num_targets, hidden, steps, k + 192), part)
        for m in range(count):
            x = load_address(row_of + m * 8) + k
            store(x, add(load(x), a))
            store(x + 64, add(load(x + 64), b))
            store(x + 128, add(load(x + 128), c))
            store(x + 192, add(load(x + 192), d))
    for k in range(whole, row_bytes, 64):
        move = mul(_move_targets(targets, num_targets, hidden, steps, k), part)
        for m in range(count):
            x = load_address(row_of + m * 8) + k
            store(x, add(load(x), move))


@inline
def _move_targets(targets, num_targets, hidden, steps, k):
    """Move sixteen numbers of each target; return the sum of what they were, times their steps."""
    h = load(hidden + k)
    move = zero()
    for j in range(num_targets):
        target = load_address(targets + j * 8) + k
        step = load_splat(steps + j * 4)
        row = load(target)
        move = fma(step, row, move)
        store(target, fma(step, h, row))
    return move


@overload(plan_block)
def _plan(state, thread, half, slot, epoch, block, rounds):
    if getattr(state, "instance_class", None) is not BagState:
        return None

    def plan(state, thread, half, slot, epoch, block, rounds):
        plans = state.plans
        one = BagPlan(
            plans.slots[half, slot],
            plans.ends[half, slot],
            plans.texts[half, slot],
            plans.chosen[half, slot],
            plans.nodes[half, slot],
            plans.sizes[half, slot],
        )
        return plan_bags(
            state.labelled, epoch, block, one, rounds.rows[half, slot], rounds.visits[half, slot],
            state.scratch.slot_of[thread],
        )  # fmt: skip

    return plan


@overload(train_block)
def _train(state, thread, half, slot, lr, rounds):
    if getattr(state, "instance_class", None) is not BagState:
        return None

    def train(state, thread, half, slot, lr, rounds):
        return train_bags(state, thread, half, slot, lr, rounds)

    return train


def scores_reference(means: Floats, labels: Floats) -> Floats:
    """Return (texts, labels) float32: products of means with the rows of labels."""
    return means @ labels.T


@jit
def score_means(means: Array, labels: Array, scores: Array) -> None:
    """See `scores_reference`.

    Args:
        means: (texts, at least stride) float32, zeros behind the dimensions.
        labels: (at least labels, stride) float32, rows padded with zeros to whole vectors.
        scores: (texts, at least labels + 16) float32, changed.
    """
    row_bytes = labels.shape[1] * 4
    first = np.int64(labels.ctypes.data)
    for text in range(len(means)):
        hidden = np.int64(means[text].ctypes.data)
        out = np.int64(scores[text].ctypes.data)
        for c in range(0, len(labels), 2):
            one = first + c * row_bytes
            other = one + row_bytes if c + 1 < len(labels) else one
            a = b = zero()
            for k in range(0, row_bytes, 64):
                h = load(hidden + k)
                a, b = fma(h, load(one + k), a), fma(h, load(other + k), b)
            store(out + c * 4, sum_lanes((a, b)))


def probabilities_reference(scores: Floats, loss: int, children: Array) -> Floats:
    """Turn scores into probabilities.

    Args:
        scores: (texts, labels) float32, or (texts, nodes) of a tree.
        loss: How the scores were trained.
        children: (nodes, 2) int32. Left and right of each node: a label, or the number of labels
            more than another node, which stands before it.

    Returns:
        (texts, labels) float32.
    """
    if loss == ONE_VS_ALL:
        return np.asarray(1 / (1 + np.exp(-np.clip(scores, -LIMIT, LIMIT))), np.float32)
    if loss == SOFTMAX:
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
    num_labels = len(children) + 1
    reached = np.ones((len(scores), 2 * num_labels - 1), np.float64)
    right = 1 / (1 + np.exp(-np.clip(scores.astype(np.float64), -LIMIT, LIMIT)))
    for node in range(len(children) - 1, -1, -1):
        here = reached[:, num_labels + node]
        reached[:, children[node, 0]] = here * (1 - right[:, node])
        reached[:, children[node, 1]] = here * right[:, node]
    return reached[:, :num_labels].astype(np.float32)


@jit
def leaf_probabilities(scores: Floats, children: Array, reached: Floats) -> None:
    """See `probabilities_reference`, of a tree.

    Args:
        scores: (texts, at least nodes) float32.
        children: (nodes, 2) int32.
        reached: (texts, 2 * nodes + 1) float32, changed: the probability of each label, then of
            each node.
    """
    num_labels = len(children) + 1
    for text in range(len(scores)):
        here = reached[text]
        here[len(here) - 1] = 1
        for node in range(len(children) - 1, -1, -1):
            score = min(max(scores[text, node], np.float32(-LIMIT)), np.float32(LIMIT))
            right = np.float32(1) / (np.float32(1) + np.exp(-score))
            here[children[node, 0]] = here[num_labels + node] * (np.float32(1) - right)
            here[children[node, 1]] = here[num_labels + node] * right
