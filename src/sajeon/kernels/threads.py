"""What threads need to work on one set of arrays: atomic additions, and a barrier.

Memory order: the touch counts are plain sums, so any order will do; the task counter and the
barrier are sequentially consistent, which is what makes everything written before a barrier
visible after it.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from typing import Any

from ._compile import HAVE_NUMBA, inline, intrinsic, needs_numba

BARRIER_SIZE = 24
"""Length of the int64 array of a barrier: three numbers, each on a cache line of its own."""

# Looks at the barrier before a thread sleeps, some microseconds. From 300 to 20,000 nothing changed
# on 2 cores. Without sleep, 8 threads on 2 cores trained 0.11M words/s in place of 4.1M, and
# 2 threads beside a competing process 1.5M in place of 2.7M.
_SPINS = 1000

# Linux's futex: sleep while a number is what it was, wake who sleeps (futex(2)). Elsewhere waiting
# threads offer their core to others again and again.
_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine()) if sys.platform == "linux" else None
_WAIT, _WAKE = 128, 129  # FUTEX_WAIT and FUTEX_WAKE within one process

if not HAVE_NUMBA:

    def __getattr__(name: str) -> Callable[..., Any]:
        return needs_numba(name)

else:
    from ._compile import cgutils, ir, types

    _i8, _i32, _i64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)

    @intrinsic
    def count_up(_typing: Any, address: Any) -> Any:
        """Add 1 to the byte at `address`; the order between threads does not matter."""

        def codegen(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], _i8.as_pointer())
            builder.atomic_rmw("add", pointer, ir.Constant(_i8, 1), "monotonic")
            return context.get_dummy_value()

        return types.void(types.int64), codegen

    @intrinsic
    def take_number(_typing: Any, address: Any) -> Any:
        """Add 1 to the int64 at `address` and return what it was."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], _i64.as_pointer())
            return builder.atomic_rmw("add", pointer, ir.Constant(_i64, 1), "seq_cst")

        return types.int64(types.int64), codegen

    @intrinsic
    def give_back_number(_typing: Any, address: Any) -> Any:
        """Take 1 off the int64 at `address`."""

        def codegen(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], _i64.as_pointer())
            builder.atomic_rmw("sub", pointer, ir.Constant(_i64, 1), "seq_cst")
            return context.get_dummy_value()

        return types.void(types.int64), codegen

    @intrinsic
    def atomic_load(_typing: Any, address: Any) -> Any:
        """Read the int64 at `address`."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.load_atomic(builder.inttoptr(args[0], _i64.as_pointer()), "seq_cst", 8)

        return types.int64(types.int64), codegen

    @intrinsic
    def atomic_store(_typing: Any, address: Any, value: Any) -> Any:
        """Write the int64 at `address`."""

        def codegen(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], _i64.as_pointer())
            builder.store_atomic(args[1], pointer, "seq_cst", 8)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    def _number(value: int) -> Any:
        return ir.Constant(_i64, value)

    def _call(builder: Any, name: str, of: Any, args: list[Any], *, var_arg: bool = False) -> Any:
        function_type = ir.FunctionType(of, [arg.type for arg in args], var_arg=var_arg)
        return builder.call(
            cgutils.get_or_insert_function(builder.module, function_type, name), args
        )

    @intrinsic
    def _rest(_typing: Any, address: Any, seen: Any) -> Any:
        """Sleep while the int64 at `address` is `seen`; may return early."""

        def codegen(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            if _FUTEX is None:
                name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
                _call(builder, name, _i32, [])
            else:
                zero = ir.Constant(_i64, 0)
                order = [
                    ir.Constant(_i64, _FUTEX),
                    args[0],
                    ir.Constant(_i64, _WAIT),
                    args[1],
                    zero,
                ]
                _call(builder, "syscall", _i64, order, var_arg=True)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), codegen

    @intrinsic
    def _wake_all(_typing: Any, address: Any) -> Any:
        """Wake all threads that `_rest` on `address`."""

        def codegen(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            if _FUTEX is not None:
                order = [_number(_FUTEX), args[0], _number(_WAKE), _number(2**31 - 1)]
                _call(builder, "syscall", _i64, order, var_arg=True)
            return context.get_dummy_value()

        return types.void(types.int64), codegen


@inline
def wait_for_all(barrier, num_threads, passed):
    """Wait until every thread has come here as often as this one.

    A thread that waits long sleeps, so that a core is free for the one it waits for.

    Args:
        barrier: Address of the `BARRIER_SIZE` int64 that the threads share, all zero at first.
        num_threads: How many threads meet here.
        passed: How many barriers this thread has passed before.

    Returns:
        ``passed + 1``.
    """
    open_for, sleepers = barrier + 64, barrier + 128
    if take_number(barrier) + 1 == (passed + 1) * num_threads:  # the last to come
        atomic_store(open_for, passed + 1)
        if atomic_load(sleepers) > 0:
            _wake_all(open_for)
    else:
        spins = 0
        while spins < _SPINS and atomic_load(open_for) <= passed:
            spins += 1
        if atomic_load(open_for) <= passed:
            take_number(sleepers)
            while atomic_load(open_for) <= passed:
                _rest(open_for, passed)
            give_back_number(sleepers)
    return passed + 1
