"""What threads need to work on one set of arrays: atomic additions, and a barrier.

Memory order: the touch counts are plain sums, so any order will do; the task counter and the
barrier are sequentially consistent, which is what makes everything written before a barrier
visible after it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ._compile import HAVE_NUMBA, inline, intrinsic, needs_numba

_SPINS_BEFORE_YIELDING = 300  # about 10 microseconds; a phase of a round takes 30 to 400

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
    def atomic_load(_typing: Any, address: Any) -> Any:
        """Read the int64 at `address`."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.load_atomic(builder.inttoptr(args[0], _i64.as_pointer()), "seq_cst", 8)

        return types.int64(types.int64), codegen

    @intrinsic
    def _give_way(_typing: Any) -> Any:
        """Let another thread have this core."""
        name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"

        def codegen(context: Any, builder: Any, _sig: Any, _args: Any) -> Any:
            function_type = ir.FunctionType(_i32, [])
            builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), [])
            return context.get_dummy_value()

        return types.void(), codegen


@inline
def wait_for_all(arrivals, num_threads, passed):
    """Wait until every thread has come here as often as this one.

    Args:
        arrivals: Address of an int64 that counts all arrivals since the start.
        num_threads: How many threads meet here.
        passed: How many barriers this thread has passed before.

    Returns:
        ``passed + 1``.
    """
    take_number(arrivals)
    spins = 0
    while atomic_load(arrivals) < (passed + 1) * num_threads:
        spins += 1
        if spins > _SPINS_BEFORE_YIELDING:
            _give_way()
    return passed + 1
