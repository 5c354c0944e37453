"""Sixteen floats at a time, written as ordinary Python inside a kernel.

Numba has no vector type, and a plain loop reaches about half the speed: LLVM sums each accumulator
across its lanes on its own, and assumes that rows may overlap. So this module gives kernels a type
`f32x16` and a dozen operations on it, each one or two LLVM instructions on `<16 x float>`.

The width is the same on every machine. LLVM cuts the sixteen lanes into what the processor has
(one AVX-512 register, two of AVX, four of NEON), and since no operation here lets it reorder a sum,
the same kernel gives the same bits on all of them. No machine and no size needs another kernel:
rows are padded with zeros to a multiple of sixteen.

Addresses are int64, in bytes; rows must be readable for the whole of each sixteen floats.
Without Numba the names exist and raise when called: the NumPy twins are used then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._compile import HAVE_NUMBA, intrinsic, needs_numba

LANES = 16
VECTOR_BYTES = LANES * 4
_CACHE_LINE = 64

LIMIT = 20.0
"""Scores beyond this count as this, in the step and in the loss: the sigmoid of 20 is 1 - 2e-9. So
four factors ``1 + exp(-score)`` can be multiplied before one logarithm."""


def padded(dim: int) -> int:
    """`dim` rounded up to whole vectors: the row length of a table that kernels work on."""
    return -(-dim // LANES) * LANES


def aligned_zeros(rows: int, stride: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return (rows, stride) float32 zeros that begin at a cache line.

    Tried: asking for large pages (MADV_HUGEPAGE), for a table of 62 MB; 4 % slower here.
    """
    raw = np.zeros(rows * stride * 4 + _CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE
    return raw[start : start + rows * stride * 4].view(np.float32).reshape(rows, stride)


if not HAVE_NUMBA:

    def __getattr__(name: str) -> Callable[..., Any]:
        return needs_numba(name)

else:
    from ._compile import cgutils, ir, models, register_model, types

    _f32, _i32, _i64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
    _vector, _ints = ir.VectorType(_f32, LANES), ir.VectorType(_i32, LANES)

    class _F32x16(types.Type):
        def __init__(self) -> None:
            super().__init__(name="f32x16")

    f32x16 = _F32x16()

    @register_model(_F32x16)
    class _F32x16Model(models.PrimitiveModel):
        def __init__(self, manager: Any, fe_type: Any) -> None:
            super().__init__(manager, fe_type, _vector)

    def _constant(value: float) -> Any:
        return ir.Constant(_vector, [float(np.float32(value))] * LANES)

    def _call(builder: Any, name: str, *args: Any) -> Any:
        function_type = ir.FunctionType(_vector, [_vector] * len(args))
        function = cgutils.get_or_insert_function(
            builder.module, function_type, f"llvm.{name}.v{LANES}f32"
        )
        return builder.call(function, args)

    def _pointer(builder: Any, address: Any) -> Any:
        return builder.inttoptr(address, _vector.as_pointer())

    def _splat(builder: Any, scalar: Any) -> Any:
        undefined = ir.Constant(_vector, ir.Undefined)
        first = builder.insert_element(undefined, scalar, ir.Constant(_i32, 0))
        return builder.shuffle_vector(first, undefined, ir.Constant(_ints, [0] * LANES))

    @intrinsic
    def load(_typing: Any, address: Any) -> Any:
        """Read sixteen floats at `address`."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.load(_pointer(builder, args[0]), align=4)

        return f32x16(types.int64), codegen

    @intrinsic
    def load_address(_typing: Any, address: Any) -> Any:
        """Read the int64 at `address`: an entry of a list of addresses."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.load(builder.inttoptr(args[0], _i64.as_pointer()))

        return types.int64(types.int64), codegen

    @intrinsic
    def store(_typing: Any, address: Any, vector: Any) -> Any:
        """Write `vector` at `address`."""

        def codegen(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            builder.store(args[1], _pointer(builder, args[0]), align=4)
            return context.get_dummy_value()

        return types.void(types.int64, f32x16), codegen

    @intrinsic
    def splat(_typing: Any, scalar: Any) -> Any:
        """Sixteen times the same float32."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return _splat(builder, args[0])

        return f32x16(types.float32), codegen

    @intrinsic
    def load_splat(_typing: Any, address: Any) -> Any:
        """Sixteen times the float at `address`."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return _splat(builder, builder.load(builder.inttoptr(args[0], _f32.as_pointer())))

        return f32x16(types.int64), codegen

    @intrinsic
    def zero(_typing: Any) -> Any:
        """Sixteen zeros."""
        return f32x16(), lambda _context, _builder, _sig, _args: _constant(0.0)

    @intrinsic
    def fma(_typing: Any, x: Any, y: Any, z: Any) -> Any:
        """``x * y + z``, rounded once, on every machine."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return _call(builder, "fma", *args)

        return f32x16(f32x16, f32x16, f32x16), codegen

    def _binary(name: str, doc: str) -> Any:
        def operation(_typing: Any, x: Any, y: Any) -> Any:
            def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
                return getattr(builder, name)(*args)

            return f32x16(f32x16, f32x16), codegen

        operation.__doc__ = doc
        return intrinsic(operation)

    add = _binary("fadd", "``x + y``.")
    sub = _binary("fsub", "``x - y``.")
    mul = _binary("fmul", "``x * y``.")

    def _fold(builder: Any, a: Any, b: Any, width: int) -> Any:
        """Halve groups of `width` lanes of both: lanes of `a` end in the first half of a group."""
        half = width // 2
        low = [
            base + p if p < half else LANES + base + p - half
            for base in range(0, LANES, width)
            for p in range(width)
        ]
        first = builder.shuffle_vector(a, b, ir.Constant(_ints, low))
        second = builder.shuffle_vector(a, b, ir.Constant(_ints, [lane + half for lane in low]))
        return builder.fadd(first, second)

    def _sums(builder: Any, vectors: list[Any]) -> Any:
        width = count = LANES
        while count > 1:
            count //= 2
            vectors = [_fold(builder, vectors[i], vectors[i + count], width) for i in range(count)]
            width //= 2
        return vectors[0]

    @intrinsic
    def sum_lanes(_typing: Any, vectors: Any) -> Any:
        """Lane i of the answer sums the lanes of ``vectors[i]``, a tuple of up to sixteen.

        Sixteen sums as a tree of 15 vector additions, where sixteen separate ones would take 64.
        """

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            given = cgutils.unpack_tuple(builder, args[0])
            return _sums(builder, given + [_constant(0.0)] * (LANES - len(given)))

        return f32x16(vectors), codegen

    @intrinsic
    def limited(_typing: Any, x: Any) -> Any:
        """`x`, but within ±`LIMIT`."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            # Compare and select is one instruction; llvm.minnum is three, for the sake of NaN.
            b, high, low = builder, _constant(LIMIT), _constant(-LIMIT)
            below = b.select(b.fcmp_ordered("<", args[0], high), args[0], high)
            return b.select(b.fcmp_ordered(">", below, low), below, low)

        return f32x16(f32x16), codegen

    @intrinsic
    def exp_minus(_typing: Any, x: Any) -> Any:
        """``exp(-x)`` for each lane, ``|x|`` at most `LIMIT`; relative error below 3e-7.

        exp(-x) = 2**n * 2**f with n whole and f in [-0.5, 0.5]; the polynomial is the Taylor
        series of 2**f, and 2**n is built from its bits.
        """

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            b = builder
            power = b.fmul(args[0], _constant(-1.4426950408889634))
            whole = _call(b, "rint", power)
            part = b.fsub(power, whole)
            result = _constant(0.00015403530393381608)
            for c in (
                0.0013333558146428443, 0.009618129107628477, 0.05550410866482158,
                0.2402265069591007, 0.6931471805599453, 1.0,
            ):  # fmt: skip
                result = _call(b, "fma", result, part, _constant(c))
            exponent = b.add(b.fptosi(whole, _ints), ir.Constant(_ints, [127] * LANES))
            scale = b.bitcast(b.shl(exponent, ir.Constant(_ints, [23] * LANES)), _vector)
            return b.fmul(result, scale)

        return f32x16(f32x16), codegen

    @intrinsic
    def reciprocal(_typing: Any, x: Any) -> Any:
        """``1 / x``, rounded once."""

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            return builder.fdiv(_constant(1.0), args[0])

        return f32x16(f32x16), codegen

    @intrinsic
    def inverse_root(_typing: Any, x: Any) -> Any:
        """``1 / sqrt(x)`` for each lane, x at least 0; relative error below 5e-6, finite at 0.

        A first guess from the bits of x and two steps of Newton (Lomont 2003, "Fast inverse square
        root"): a third of the time of a root and a division.
        """

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            b = builder
            halved = b.lshr(b.bitcast(args[0], _ints), ir.Constant(_ints, [1] * LANES))
            result = b.bitcast(b.sub(ir.Constant(_ints, [0x5F375A86] * LANES), halved), _vector)
            half = b.fmul(args[0], _constant(-0.5))
            for _ in range(2):
                part = b.fmul(half, result)
                result = b.fmul(result, _call(b, "fma", part, result, _constant(1.5)))
            return result

        return f32x16(f32x16), codegen

    @intrinsic
    def log(_typing: Any, x: Any) -> Any:
        """Natural logarithm of x >= 1, absolute error below 3e-6: enough for a loss that is shown.

        x = 2**n * m with m in [1, 2); log(m) = 2 atanh((m - 1) / (m + 1)), as a series.
        """

        def codegen(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
            b = builder
            bits = b.bitcast(args[0], _ints)
            shifted = b.lshr(bits, ir.Constant(_ints, [23] * LANES))
            exponent = b.sitofp(b.sub(shifted, ir.Constant(_ints, [127] * LANES)), _vector)
            kept = b.and_(bits, ir.Constant(_ints, [0x007FFFFF] * LANES))
            mantissa = b.bitcast(b.or_(kept, ir.Constant(_ints, [0x3F800000] * LANES)), _vector)
            one = _constant(1.0)
            t = b.fdiv(b.fsub(mantissa, one), b.fadd(mantissa, one))
            square = b.fmul(t, t)
            series = _constant(2 / 9)
            for c in (2 / 7, 2 / 5, 2 / 3, 2.0):
                series = _call(b, "fma", series, square, _constant(c))
            return _call(b, "fma", exponent, _constant(0.6931471805599453), b.fmul(series, t))

        return f32x16(f32x16), codegen

    @intrinsic
    def ones(_typing: Any) -> Any:
        """Sixteen ones."""
        return f32x16(), lambda _context, _builder, _sig, _args: _constant(1.0)

    def _prefetch(for_writing: int, doc: str) -> Any:
        def operation(_typing: Any, address: Any) -> Any:
            def codegen(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
                pointer = ir.IntType(8).as_pointer()
                function = cgutils.get_or_insert_function(
                    builder.module,
                    ir.FunctionType(ir.VoidType(), [pointer, _i32, _i32, _i32]),
                    "llvm.prefetch.p0",
                )
                settings = [ir.Constant(_i32, value) for value in (for_writing, 3, 1)]
                builder.call(function, [builder.inttoptr(args[0], pointer), *settings])
                return context.get_dummy_value()

            return types.void(types.int64), codegen

        operation.__doc__ = doc
        return intrinsic(operation)

    prefetch = _prefetch(0, "Ask for the cache line at `address`, to be read soon.")
    prefetch_write = _prefetch(1, "Ask for the cache line at `address`, to be changed soon.")
