"""Steps of row optimisers by the compiled kernels: float32 tables in the memory of the CPU.

The same functions as in `portable`, and the same results but for the rounding of sums.
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

from ..kernels import fetch as fetching
from ..kernels import rows as kernels
from ..types import Array
from .checks import check_ids
from .stash import Lookups

FEW = 1 << 19
"""Numbers looked up, below which a step stays on one thread. Waking another takes 70 to 150 µs, a
tenth of a step on 4,096 ids of 64 numbers. Measured where no second core was free, so this is what
it costs and not what it can bring: steps on 16,384 ids and more then took as long as on one thread.
"""

_NONE_INT, _NONE_FLOAT = np.empty(0, np.int64), np.empty(0, np.float32)


def can(weight: Tensor) -> bool:
    """Return whether the kernels can work on this table."""
    return (
        kernels.HAVE_NUMBA
        and weight.dtype == torch.float32
        and weight.device.type == "cpu"
        and weight.is_contiguous()
    )


class Scratch:
    """Arrays that are needed for the time of a step, kept from one to the next."""

    def __init__(self) -> None:
        self._room = -1

    def group(self, ids: Array, skipped: int) -> tuple[Array, Array, Array]:
        """Return the distinct rows, and the chains of positions: see `kernels.rows.group_rows`."""
        if len(ids) > self._room:
            self._room = len(ids)
            self._rows = np.empty(self._room, np.int64)
            self._first, self._last, self._next = np.empty((3, self._room), np.int32)
            self._places = np.empty(kernels.places_for(self._room), np.int32)
        places = self._places[: kernels.places_for(len(ids))]
        chains = self._first, self._last, self._next
        count = kernels.group_rows(ids, skipped, places, self._rows, *chains)
        return self._rows[:count], self._first[:count], self._next


def summed(
    weight: Tensor, lookups: Lookups, skipped: int, scratch: Scratch
) -> tuple[Tensor, Tensor]:
    """See `portable.summed`; rows come in the order of their first lookup."""
    rows, first, following = scratch.group(_array(lookups.ids), skipped)
    out = torch.empty(len(rows), weight.shape[1])
    none = (0.0, 0.0, 0.0, 0.0, 0.0)
    _update_rows(kernels.SUM, none, out, (), rows, first, following, lookups)
    return torch.from_numpy(rows.copy()), out


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
    rows, first, following = scratch.group(_array(lookups.ids), skipped)
    _update_rows(rule, settings, weight, states, rows, first, following, lookups)
    torch.autograd.graph.increment_version(weight)  # the kernel wrote behind autograd's back


def _update_rows(
    rule: int,
    settings: tuple[float, float, float, float, float],
    weight: Tensor,
    states: Sequence[Tensor],
    rows: Array,
    first: Array,
    following: Array,
    lookups: Lookups,
) -> None:
    dim = weight.shape[1]
    grads = _floats(lookups.grads)
    _share(
        kernels.update_rows,
        len(following) * dim,
        rule,
        settings,
        weight.data_ptr(),
        states[0].data_ptr() if states else 0,
        states[1].data_ptr() if len(states) > 1 else 0,
        grads.data_ptr(),
        dim,
        rows,
        first,
        following,
        _NONE_INT if lookups.source is None else lookups.source.numpy(),
        _NONE_FLOAT if lookups.scale is None else _floats(lookups.scale).detach().numpy(),
    )


def _floats(tensor: Tensor) -> Tensor:
    # Each of these calls takes a microsecond or more even where it changes nothing.
    if tensor.dtype != torch.float32:
        tensor = tensor.to(torch.float32)
    return tensor.contiguous()


def _array(ids: Tensor) -> Array:
    """Return (lookups,) of any ids, contiguous, so that one compiled kernel serves all."""
    ids = ids.contiguous()
    array: Array = (ids if ids.dim() == 1 else ids.view(-1)).numpy()
    return array


def fetch(weight: Tensor, ids: Tensor) -> Tensor:
    """Return the row of each id: (..., dim). An id that is no row raises `checks`' error."""
    num_embeddings, dim = weight.shape
    out = torch.empty((*ids.shape, dim))
    flat = _array(ids)
    bad = _share(
        fetching.fetch_rows,
        len(flat) * dim,
        weight.data_ptr(),
        num_embeddings,
        dim,
        flat,
        out.data_ptr(),
    )
    if max(bad) >= 0:
        check_ids(ids, num_embeddings, "embedding")
    return out


def fetch_bags(
    weight: Tensor,
    ids: Tensor,
    bounds: Tensor,
    scale: Tensor | None,
    skipped: int,
    mean: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum the rows of each bag: see `kernels.fetch.fetch_bags_reference`.

    Returns:
        (bags, dim) float32; (lookups,) int64, the bag of each id; (bags,) int64, its size.
    """
    num_embeddings, dim = weight.shape
    bags, flat = len(bounds) - 1, _array(ids)
    out = torch.empty(bags, dim)
    source, sizes = np.empty(len(flat), np.int64), np.empty(bags, np.int64)
    bad = _share(
        fetching.fetch_bags,
        len(flat) * dim,
        weight.data_ptr(),
        num_embeddings,
        dim,
        flat,
        bounds.numpy(),
        _NONE_FLOAT if scale is None else _floats(scale).detach().numpy(),
        skipped,
        mean,
        out.data_ptr(),
        source,
        sizes,
    )
    if max(bad) >= 0:
        check_ids(ids, num_embeddings, "embedding_bag")
    return out, torch.from_numpy(source), torch.from_numpy(sizes)


def _share(kernel: Callable[..., Any], numbers: int, *args: Any) -> Sequence[Any]:
    """Run `kernel` in as many threads as torch may use, if there is enough to do.

    The kernel's last argument is a counter by which threads share the work out. A helper that has
    not begun when all is done is called off, so a busy machine costs no waiting for it.

    Returns:
        What each thread that took part returned.
    """
    taken = np.zeros(1, np.int64)
    others = 0 if numbers < FEW else torch.get_num_threads() - 1
    if others == 0:
        return (kernel(*args, taken),)
    helpers = [_pool(os.getpid()).submit(kernel, *args, taken) for _ in range(others)]
    results = [kernel(*args, taken)]
    return results + [helper.result() for helper in helpers if not helper.cancel()]


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """Return the threads of this process; those of its parent do not live on in a fork."""
    return ThreadPoolExecutor(thread_name_prefix="sajeon-rows")
