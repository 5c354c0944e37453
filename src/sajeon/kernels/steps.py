"""The kernels of `fetch.py` and `rows.py` for arrays given by their address.

A training step on a few thousand ids takes as long in Python as in a kernel. Handing over an array
of NumPy costs about a microsecond, making one of a tensor 3 to 6, its address 0.2; and two to three
times that in a real step, whose rows have driven everything else from the caches.

An address of 0 stands for an empty array; for `taken`: no other thread takes part. Ids are int64
where `wide`, else int32. What `group_rows` finds lies in one block of memory: see `scratch_bytes`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..types import Array, Ids
from ._compile import HAVE_NUMBA, inline, intrinsic, jit, needs_numba
from .fetch import bag_bounds, fetch_bags, fetch_rows
from .rows import group_rows, places_for, update_rows

if not HAVE_NUMBA:

    def __getattr__(name: str) -> Callable[..., Any]:
        return needs_numba(name)

else:
    from ._compile import carray, cgutils, types

    @intrinsic
    def _pointer(_typing: Any, address: Any) -> Any:
        """The address as what `carray` takes."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], cgutils.voidptr_t)

        return types.voidptr(types.int64), codegen


@inline
def _int64(address, length):
    return carray(_pointer(address), length, np.int64)


@inline
def _int32(address, length):
    return carray(_pointer(address), length, np.int32)


@inline
def _float32(address, length):
    return carray(_pointer(address), length, np.float32)


def scratch_bytes(room: int) -> int:
    """Return the size of the memory that grouping up to `room` ids takes."""
    return 20 * room + 4 * places_for(room)


def rows_in(scratch: Array, count: int) -> Ids:
    """Return the (count,) int64 distinct rows that `group_at` left in (bytes,) uint8, a view."""
    rows: Ids = scratch[: 8 * count].view(np.int64)
    return rows


@inline
def _chains(scratch, room, num_ids):
    """Return the arrays of `group_rows` that lie at address `scratch`."""
    rows = _int64(scratch, num_ids)
    first = _int32(scratch + 8 * room, num_ids)
    last = _int32(scratch + 12 * room, num_ids)
    following = _int32(scratch + 16 * room, num_ids)
    return rows, first, last, following


@jit
def group_at(ids, wide, num_ids, skipped, scratch, room, num_places):
    """`group_rows`, into the memory at `scratch`; return how many distinct rows there are."""
    rows, first, last, following = _chains(scratch, room, num_ids)
    places = _int32(scratch + 20 * room, num_places)
    if wide:
        given = _int64(ids, num_ids)
        return group_rows(given, skipped, places, rows, first, last, following)
    narrow = _int32(ids, num_ids)
    return group_rows(narrow, skipped, places, rows, first, last, following)


@jit
def update_at(
    rule, settings, weight, state, second_state, grads, dim,
    num_ids, source, scale, scratch, room, count, taken,
):  # fmt: skip
    """`update_rows` of the rows that `group_at` left at `scratch`."""
    rows, first, _, following = _chains(scratch, room, num_ids)
    shared = np.zeros(1, np.int64) if taken == 0 else _int64(taken, 1)
    update_rows(
        rule, settings, weight, state, second_state, grads, dim, rows[:count], first[:count],
        following, _int64(source, num_ids if source else 0),
        _float32(scale, num_ids if scale else 0), shared,
    )  # fmt: skip


@jit
def fetch_at(weight, num_embeddings, dim, ids, wide, num_ids, out, taken):
    """`fetch_rows` of ids by their address."""
    shared = np.zeros(1, np.int64) if taken == 0 else _int64(taken, 1)
    if wide:
        return fetch_rows(weight, num_embeddings, dim, _int64(ids, num_ids), out, shared)
    return fetch_rows(weight, num_embeddings, dim, _int32(ids, num_ids), out, shared)


BAD_BOUNDS = -2


@jit
def fetch_bags_at(
    weight, num_embeddings, dim, ids, wide, num_ids, offsets, wide_offsets, num_offsets,
    ends_with_total, per_bag, scale, skipped, mean, out, source, share, taken,
):  # fmt: skip
    """`fetch_bags` of ids by their address, in bags of `per_bag` ids where there are no offsets.

    Returns:
        As `fetch_bags`; `BAD_BOUNDS` where the offsets do not cut the ids, and nothing was done.
    """
    shared = np.zeros(1, np.int64) if taken == 0 else _int64(taken, 1)
    if offsets == 0:
        bounds = np.arange(0, num_ids + 1, per_bag)
        fits = True
    else:
        bounds = np.empty(num_offsets + (0 if ends_with_total else 1), np.int64)
        if wide_offsets:
            fits = bag_bounds(_int64(offsets, num_offsets), ends_with_total, num_ids, bounds)
        else:
            fits = bag_bounds(_int32(offsets, num_offsets), ends_with_total, num_ids, bounds)
    if not fits:
        return BAD_BOUNDS
    scales = _float32(scale, num_ids if scale else 0)
    sources, shares = _int64(source, num_ids), _float32(share, num_ids if mean else 0)
    if wide:
        given = _int64(ids, num_ids)
        return fetch_bags(
            weight, num_embeddings, dim, given, bounds, scales, skipped, mean, out, sources,
            shares, shared,
        )  # fmt: skip
    narrow = _int32(ids, num_ids)
    return fetch_bags(
        weight, num_embeddings, dim, narrow, bounds, scales, skipped, mean, out, sources,
        shares, shared,
    )  # fmt: skip
