"""Batches of ids: padded, ragged, one-hot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np

from sajeon.ids import as_ids

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from sajeon.types import Array, Bools, Ids

Side: TypeAlias = Literal["left", "right"]


@overload
def pad(
    seqs: Iterable[object],
    length: int | None = None,
    value: int = 0,
    side: Side = "right",
    truncate: Side = "right",
    return_mask: Literal[False] = False,
) -> Ids: ...


@overload
def pad(
    seqs: Iterable[object],
    length: int | None = None,
    value: int = 0,
    side: Side = "right",
    truncate: Side = "right",
    *,
    return_mask: Literal[True],
) -> tuple[Ids, Bools]: ...


def pad(
    seqs: Iterable[object],
    length: int | None = None,
    value: int = 0,
    side: Side = "right",
    truncate: Side = "right",
    return_mask: bool = False,
) -> Ids | tuple[Ids, Bools]:
    """Make sequences of ids equally long, by filling up the short and cutting the long.

    Args:
        seqs: The batch: lists or arrays of ids, each of any length, none too.
        length: Length of the result. None: that of the longest sequence.
        value: The id to fill up with, usually ``vocab.pad_id``.
        side: Where the filling goes: "right", behind the ids, or "left", in front of them.
        truncate: Where a sequence that is too long loses ids: "right" keeps its beginning, "left"
            its end.
        return_mask: Return the mask as well.

    Returns:
        (batch, length) int64, a new array; with `return_mask` also the mask, (batch, length) bool,
        true where an id of a sequence stands and not the filling.

    Raises:
        TypeError: A sequence holds something else than integers; the message says which one.
        ValueError: `side` or `truncate` is neither "left" nor "right", or `length` is negative.

    >>> pad([[4, 2, 5], [7]])
    array([[4, 2, 5],
           [7, 0, 0]])
    >>> pad([[4, 2, 5], [7]], length=2, side="left", truncate="left")
    array([[2, 5],
           [0, 7]])
    """
    _check_side(side, "side")
    _check_side(truncate, "truncate")
    ids, offsets = flatten(seqs)
    sizes = np.diff(offsets)  # (batch,)
    if length is None:
        length = int(sizes.max(initial=0))
    if length < 0:
        raise ValueError(f"length must not be negative, got {length}.")
    kept = np.minimum(sizes, length)  # (batch,)
    column = np.arange(length)
    before = kept if side == "right" else length - kept
    mask = (column < before[:, None]) if side == "right" else (column >= before[:, None])
    start = offsets[:-1] if truncate == "right" else offsets[1:] - kept
    out = np.full((len(sizes), length), value, dtype=np.int64)
    out[mask] = ids[_ranges(start, kept)]  # both run row by row, from left to right
    return (out, mask) if return_mask else out


def lengths(seqs: Iterable[Any]) -> Ids:
    """Return how many ids each sequence has: (batch,) int64.

    >>> lengths([[4, 2, 5], [], [7]])
    array([3, 0, 1])
    """
    return np.array([len(seq) for seq in seqs], dtype=np.int64)


def flatten(seqs: Iterable[object]) -> tuple[Ids, Ids]:
    """Put sequences one behind another: the ragged form of a batch, without any filling.

    Args:
        seqs: The batch: lists or arrays of ids, each of any length, none too.

    Returns:
        ids: (total,) int64. All ids, sequence after sequence, a new array.
        offsets: (batch + 1,) int64. Sequence ``b`` is ``ids[offsets[b]:offsets[b + 1]]``.

    Raises:
        TypeError: A sequence holds something else than integers; the message says which one.
        ValueError: A sequence has more than one axis.

    >>> flatten([[4, 2, 5], [], [7]])
    (array([4, 2, 5, 7]), array([0, 3, 3, 4]))
    """
    if isinstance(seqs, str | bytes):
        raise TypeError(f"expected sequences of ids, got the text {seqs[:40]!r}.")
    arrays = [_one_sequence(seq, b) for b, seq in enumerate(seqs)]
    offsets = np.zeros(len(arrays) + 1, dtype=np.int64)
    np.cumsum([len(array) for array in arrays], out=offsets[1:])
    ids = np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)
    return ids, offsets


def unflatten(ids: object, offsets: object) -> list[Ids]:
    """Take the ragged form apart again; the inverse of `flatten`.

    Args:
        ids: (total,) int64. All ids, sequence after sequence.
        offsets: (batch + 1,) int64, from 0 to ``total``, never falling.

    Returns:
        `batch` arrays, (length,) int64 each, views of `ids`.

    Raises:
        ValueError: The offsets do not cut `ids` into sequences.
    """
    flat, cuts = as_ids(ids), as_ids(offsets, name="offsets")
    if cuts.ndim != 1 or len(cuts) == 0 or cuts[0] != 0 or cuts[-1] != len(flat):
        raise ValueError(f"offsets must run from 0 to {len(flat)}, got {cuts.tolist()[:8]}.")
    if (np.diff(cuts) < 0).any():
        raise ValueError("offsets must never fall.")
    return np.split(flat, cuts[1:-1]) if len(cuts) > 1 else []


def one_hot(ids: object, n: int, dtype: DTypeLike = np.float32) -> Array:
    """Write each id as a vector of `n` numbers, zeros but for a one at the id's place.

    ``one_hot(ids, n) @ weight`` equals ``weight[ids]``: an embedding is this product without the
    vectors of zeros. `benchmarks/one_hot.py` shows what they cost.

    Args:
        ids: (...,) integers, each in ``[0, n)``.
        n: Length of the vectors, usually ``len(vocab)``.
        dtype: Type of the result.

    Returns:
        (..., n) of `dtype`, a new array: ``n`` times as many numbers as there are ids.

    Raises:
        TypeError: The ids are not integers.
        IndexError: An id is outside the range; the message names it and its position.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    if n < 0:
        raise ValueError(f"n, the length of the vectors, must not be negative, got {n}.")
    rows = as_ids(ids, n)
    out = np.zeros((rows.size, n), dtype=dtype)
    out[np.arange(rows.size), rows.ravel()] = 1
    return out.reshape(*rows.shape, n)


def _one_sequence(seq: object, b: int) -> Ids:
    name = f"the ids of sequence {b}"
    if isinstance(seq, str):
        raise TypeError(f"{name} must be integers, got the text {seq[:40]!r}: encode it first.")
    if isinstance(seq, Iterable) and not hasattr(seq, "__len__"):
        seq = list(seq)
    array = as_ids(seq, name=name)
    if array.ndim == 0:
        raise TypeError(
            f"expected a sequence of sequences, but element {b} is the single id {array}. "
            "For a batch of one, put the sequence into a list: [ids]."
        )
    if array.ndim > 1:
        raise ValueError(f"{name} must have one axis, got the shape {array.shape}.")
    return array


def _ranges(start: Ids, size: Ids) -> Ids:
    """Return ``start[b], start[b] + 1, ...`` (`size[b]` numbers) for each ``b``, joined."""
    ends = np.cumsum(size)
    total = int(ends[-1]) if len(ends) else 0
    jump: Ids = start - (ends - size)  # (batch,) what to add to a running number
    return np.arange(total) + np.repeat(jump, size)


def _check_side(side: str, name: str) -> None:
    if side not in ("left", "right"):
        raise ValueError(f"{name} must be 'left' or 'right', got {side!r}.")
