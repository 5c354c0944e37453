"""Steps of row optimisers by the compiled kernels: float32 tables in the memory of the CPU.

The same functions as in `portable`, and the same results but for the rounding of sums. The kernels
get addresses, so whatever a function here makes contiguous has to stay in a variable of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..kernels import rows as kernels
from ..kernels import steps
from .checks import check_ids
from .stash import Lookups

FEW = 1 << 19
"""Numbers looked up, below which a step stays on one thread. Waking another takes 70 to 150 µs, a
tenth of a step on 4,096 ids of 64 numbers; with both cores idle, steps on 4,096 ids took as long in
two threads as in one.
"""

_NO_SETTINGS = (0.0, 0.0, 0.0, 0.0, 0.0)


def can(weight: Tensor) -> bool:
    """Return whether the kernels can work on this table."""
    return (
        kernels.HAVE_NUMBA
        and weight.dtype is torch.float32
        and weight.is_cpu
        and weight.is_contiguous()
    )


class Scratch:
    """Memory that is needed for the time of a step, kept from one to the next."""

    def __init__(self) -> None:
        self.room = -1
        self.memory = np.empty(0, np.uint8)
        self.address = 0

    def make_room(self, num_ids: int) -> None:
        """Let the groups of so many ids fit in."""
        if num_ids > self.room:
            self.room = num_ids
            self.memory = np.empty(steps.scratch_bytes(num_ids), np.uint8)
            self.address = self.memory.ctypes.data


def summed(
    weight: Tensor, lookups: Lookups, skipped: int, scratch: Scratch
) -> tuple[Tensor, Tensor]:
    """See `portable.summed`; rows come in the order of their first lookup."""
    count = _group(lookups.ids, skipped, scratch)
    out = torch.empty(count, weight.size(1))
    _move(kernels.SUM, _NO_SETTINGS, out, (), lookups, scratch, count)
    return torch.from_numpy(steps.rows_in(scratch.memory, count).copy()), out


def update(
    rule: int,
    settings: tuple[float, float, float, float, float],
    weight: Tensor,
    states: Sequence[Tensor],
    lookups: Lookups,
    skipped: int,
    scratch: Scratch,
) -> None:
    """See `portable.update`."""
    count = _group(lookups.ids, skipped, scratch)
    _move(rule, settings, weight, states, lookups, scratch, count)
    torch.autograd.graph.increment_version(weight)  # the kernel wrote behind autograd's back


def _group(ids: Tensor, skipped: int, scratch: Scratch) -> int:
    """Find the distinct rows; return how many there are."""
    num_ids, ids = ids.numel(), ids.contiguous()
    scratch.make_room(num_ids)
    count: int = steps.group_at(
        ids.data_ptr(),
        ids.dtype is torch.int64,
        num_ids,
        skipped,
        scratch.address,
        scratch.room,
        kernels.places_for(num_ids),
    )
    return count


def _move(
    rule: int,
    settings: tuple[float, float, float, float, float],
    weight: Tensor,
    states: Sequence[Tensor],
    lookups: Lookups,
    scratch: Scratch,
    count: int,
) -> None:
    ids, grads, source, scale = lookups
    num_ids, dim = ids.numel(), weight.size(1)
    grads, scale = _floats(grads), None if scale is None else _floats(scale)
    _share(
        num_ids * dim,
        steps.update_at,
        rule,
        settings,
        weight.data_ptr(),
        states[0].data_ptr() if states else 0,
        states[1].data_ptr() if len(states) > 1 else 0,
        grads.data_ptr(),
        dim,
        num_ids,
        0 if source is None else source.data_ptr(),
        0 if scale is None else scale.data_ptr(),
        scratch.address,
        scratch.room,
        count,
    )


def _floats(tensor: Tensor) -> Tensor:
    # Each of these calls takes a microsecond or more even where it changes nothing.
    if tensor.dtype is not torch.float32:
        tensor = tensor.to(torch.float32)
    return tensor.contiguous()


def fetch(weight: Tensor, ids: Tensor) -> Tensor:
    """Return the row of each id: (..., dim). An id that is no row raises `checks`' error."""
    num_embeddings, dim, num_ids = weight.size(0), weight.size(1), ids.numel()
    out = torch.empty(num_ids, dim)
    given = ids.contiguous()
    bad = _share(
        num_ids * dim,
        steps.fetch_at,
        weight.data_ptr(),
        num_embeddings,
        dim,
        given.data_ptr(),
        ids.dtype is torch.int64,
        num_ids,
        out.data_ptr(),
    )
    if max(bad) >= 0:
        check_ids(ids, num_embeddings, "embedding")
    return out if ids.dim() == 1 else out.view(*ids.shape, dim)


def fetch_bags(
    weight: Tensor,
    ids: Tensor,
    offsets: Tensor | None,
    ends_with_total: bool,
    scale: Tensor | None,
    skipped: int,
    mean: bool,
) -> tuple[Tensor, Tensor, Tensor | None] | None:
    """Sum the rows of each bag: see `kernels.fetch.fetch_bags_reference`.

    Args:
        weight: (num_embeddings, dim) The table.
        ids: (lookups,), or (bags, length) without offsets.
        offsets: (bags,) Where each bag begins; one more with `ends_with_total`.
        ends_with_total: Whether the last offset is the end of the last bag.
        scale: (lookups,) What to multiply each row by, or None.
        skipped: A row that counts for nothing, -1: none.
        mean: Whether to divide by how many rows count.

    Returns:
        (bags, dim) float32; (lookups,) int64, the bag of each id; for `mean` (lookups,) float32,
        one over its size, else None. None in place of all: the offsets do not cut the ids.
    """
    num_embeddings, dim, num_ids = weight.size(0), weight.size(1), ids.numel()
    per_bag, num_offsets = 0, 0
    if offsets is None:
        bags, per_bag = ids.size(0), ids.size(1)
    else:
        offsets, num_offsets = offsets.contiguous(), offsets.numel()
        bags = num_offsets - 1 if ends_with_total else num_offsets
    out, source = torch.empty(bags, dim), torch.empty(num_ids, dtype=torch.int64)
    share = torch.empty(num_ids) if mean else None
    given, scale = ids.contiguous(), None if scale is None else _floats(scale)
    bad = _share(
        num_ids * dim,
        steps.fetch_bags_at,
        weight.data_ptr(),
        num_embeddings,
        dim,
        given.data_ptr(),
        ids.dtype is torch.int64,
        num_ids,
        0 if offsets is None else offsets.data_ptr(),
        offsets is not None and offsets.dtype is torch.int64,
        num_offsets,
        ends_with_total,
        per_bag,
        0 if scale is None else scale.data_ptr(),
        skipped,
        mean,
        out.data_ptr(),
        source.data_ptr(),
        0 if share is None else share.data_ptr(),
    )
    if max(bad) >= 0:
        check_ids(ids, num_embeddings, "embedding_bag")
    return None if min(bad) == steps.BAD_BOUNDS else (out, source, share)


def _share(numbers: int, kernel: Callable[..., Any], *args: Any) -> Sequence[Any]:
    """Run `kernel` in as many threads as torch may use, if there is enough to do.

    The kernel's last argument is the address of a counter by which threads share the work out, 0
    for one alone. A helper that has not begun when all is done is called off, so a busy machine
    costs no waiting for it.

    Returns:
        What each thread that took part returned.
    """
    others = 0 if numbers < FEW else torch.get_num_threads() - 1
    if others == 0:
        return (kernel(*args, 0),)
    taken = np.zeros(1, np.int64)
    args = (*args, taken.ctypes.data)
    helpers = [_pool(os.getpid()).submit(kernel, *args) for _ in range(others)]
    results = [kernel(*args)]
    return results + [helper.result() for helper in helpers if not helper.cancel()]


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """Return the threads of this process; those of its parent do not live on in a fork."""
    return ThreadPoolExecutor(thread_name_prefix="sajeon-rows")
