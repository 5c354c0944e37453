"""Square roots, quotients and vectors cut short: what optimisers need beside `simd.py`.

A row of a table that belongs to somebody else is as long as it is: nothing pads it to whole
vectors, and what follows is the next row, which another thread may be changing. So the last vector
of a row is read and written in part. Tried for all vectors: on AMD's Zen 1 a lookup of rows of 64
took 0.64 ms in place of 0.29, and Adam's update 1.26 in place of 0.63; so whole ones stay whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._compile import HAVE_NUMBA, inline, intrinsic, needs_numba
from .simd import LANES, load, store

AHEAD = 8
"""Rows between asking for one and using it: 4 to 24 made no difference."""

LINE = 64
"""Bytes that come from memory together."""

if not HAVE_NUMBA:

    def __getattr__(name: str) -> Callable[..., Any]:
        return needs_numba(name)

else:
    from ._compile import cgutils, ir, types
    from .simd import f32x16

    _i1, _i32 = ir.IntType(1), ir.IntType(32)
    _vector, _ints = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(_i32, LANES)
    _mask = ir.VectorType(_i1, LANES)

    @intrinsic
    def sqrt(_typing: Any, x: Any) -> Any:
        """Square root of each lane, rounded once."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            function_type = ir.FunctionType(_vector, [_vector])
            name = f"llvm.sqrt.v{LANES}f32"
            function = cgutils.get_or_insert_function(builder.module, function_type, name)
            return builder.call(function, args)

        return f32x16(f32x16), codegen

    @intrinsic
    def divide(_typing: Any, x: Any, y: Any) -> Any:
        """``x / y``, rounded once."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.fdiv(*args)

        return f32x16(f32x16, f32x16), codegen

    def _first_lanes(builder: Any, count: Any) -> Any:
        """The mask of the lanes below `count`, an int64."""
        narrow = builder.trunc(count, _i32)
        undefined = ir.Constant(_ints, ir.Undefined)
        one = builder.insert_element(undefined, narrow, ir.Constant(_i32, 0))
        every = builder.shuffle_vector(one, undefined, ir.Constant(_ints, [0] * LANES))
        return builder.icmp_signed("<", ir.Constant(_ints, list(range(LANES))), every)

    @intrinsic
    def load_part(_typing: Any, address: Any, count: Any) -> Any:
        """Read `count` floats at `address`, no more; zeros in the other lanes."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], _vector.as_pointer())
            function_type = ir.FunctionType(_vector, [pointer.type, _i32, _mask, _vector])
            name = f"llvm.masked.load.v{LANES}f32.p0"
            function = cgutils.get_or_insert_function(builder.module, function_type, name)
            zeros = ir.Constant(_vector, [0.0] * LANES)
            mask = _first_lanes(builder, args[1])
            return builder.call(function, [pointer, ir.Constant(_i32, 4), mask, zeros])

        return f32x16(types.int64, types.int64), codegen

    @intrinsic
    def store_part(_typing: Any, address: Any, vector: Any, count: Any) -> Any:
        """Write the first `count` lanes at `address`, and nothing behind them."""

        def codegen(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], _vector.as_pointer())
            function_type = ir.FunctionType(ir.VoidType(), [_vector, pointer.type, _i32, _mask])
            name = f"llvm.masked.store.v{LANES}f32.p0"
            function = cgutils.get_or_insert_function(builder.module, function_type, name)
            mask = _first_lanes(builder, args[2])
            builder.call(function, [args[1], pointer, ir.Constant(_i32, 4), mask])
            return context.get_dummy_value()

        return types.void(types.int64, f32x16, types.int64), codegen


@inline
def load_up_to(address, count):
    """Read sixteen floats, or the `count` that are left of the row."""
    return load(address) if count >= LANES else load_part(address, count)


@inline
def store_up_to(address, vector, count):
    """Write sixteen floats, or the `count` that are left of the row."""
    if count >= LANES:
        store(address, vector)
    else:
        store_part(address, vector, count)


@inline
def copy_row(to, source, dim):
    """Copy the `dim` floats at address `source`."""
    for d in range(0, dim, LANES):
        store_up_to(to + d * 4, load_up_to(source + d * 4, dim - d), dim - d)
