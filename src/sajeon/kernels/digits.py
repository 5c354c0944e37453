"""Numbers to text: float32 with as few digits as bring the same bits back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Array, Floats, Ids
from ._compile import helper, jit

_LOWEST, _HIGHEST = -64, 38  # powers of ten in the table
_EXACT = 22  # 10**22 is the highest power of ten that a double holds exactly
_POWERS = np.array([float(f"1e{e}") for e in range(_LOWEST, _HIGHEST + 1)])
_MARGIN = 2.0**-50  # a product of two doubles is nearer than that
_SPACE, _PLUS, _MINUS, _POINT = 32, 43, 45, 46


LONGEST = 17
"""Bytes of a number that `format_rows` writes, at most, with the blank before it."""

_LEAST, _MOST = 6, 9  # digits; nine are enough for any float32


def format_rows_reference(rows: Floats) -> list[bytes]:
    """Write each row as numbers with a blank before each, to be read back to the same bits.

    Args:
        rows: (rows, dim) float32.

    Returns:
        For each row ``b" 0.25 -1e-07"``: of six to nine digits the fewest that read back to the
        same float32, in the form of ``%g``, without zeros at the end.
    """
    return [b"".join(b" " + _shortest(number) for number in row) for row in rows]


def _shortest(number: np.float32) -> bytes:
    forms = (f"{number:.{digits}g}" for digits in range(_LEAST, _MOST + 1))
    for text in forms:
        if np.float32(float(text)) == number or text == "nan":
            return text.encode()
    raise AssertionError(f"nine digits do not suffice for {number!r}")


@jit
def format_rows(rows: Floats, out: Array, ends: Ids) -> int:
    """See `format_rows_reference`; as bytes one after another.

    Args:
        rows: (rows, dim) float32.
        out: (at least rows * dim * `LONGEST`,) uint8, changed.
        ends: (rows,) int64, changed. Where each row ends in `out`.

    Returns:
        How many bytes are used.
    """
    used = 0
    digits = np.empty(_MOST, np.uint8)
    for r in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            out[used] = _SPACE
            used = _put_number(out, used + 1, rows[r, c], digits)
        ends[r] = used
    return used


@helper
def _put_number(out: Array, at: int, number: Any, digits: Array) -> int:
    if number != number:
        return _put_word(out, at, 110, 97, 110)  # nan
    if np.signbit(number):
        out[at] = _MINUS
        at += 1
    value = abs(np.float64(number))
    if value == 0.0:
        out[at] = 48
        return at + 1
    if value == np.inf:
        return _put_word(out, at, 105, 110, 102)  # inf
    exponent: Any = np.int64(np.floor(np.log10(value)))
    mantissa: Any = np.int64(0)
    length = 0
    for length in range(_LEAST, _MOST + 1):
        shift = length - 1 - exponent
        mantissa = np.int64(np.rint(_times_power(value, shift)))
        back = _times_power(np.float64(mantissa), -shift)
        low, high = np.float32(back * (1.0 - _MARGIN)), np.float32(back * (1.0 + _MARGIN))
        if low == np.float32(value) and high == np.float32(value):
            break
    if mantissa >= 10**length:  # 9.9999999 became 10
        exponent += 1
        mantissa //= 10
    elif mantissa < 10 ** (length - 1):  # the logarithm of a power of ten came out too high
        exponent -= 1
        mantissa *= 10
    fixed = -5 < exponent < length
    while mantissa % 10 == 0:
        mantissa //= 10
        length -= 1
    for place in range(length - 1, -1, -1):
        digits[place] = 48 + mantissa % 10
        mantissa //= 10
    if fixed:
        return _put_fixed(out, at, digits, length, exponent)
    return _put_scientific(out, at, digits, length, exponent)


@helper
def _times_power(value: Any, exponent: int) -> Any:
    """``value * 10**exponent``, in two steps where the power alone is beyond the table."""
    while exponent > _HIGHEST:
        value *= 1e22
        exponent -= _EXACT
    while exponent < _LOWEST:
        value /= 1e22
        exponent += _EXACT
    if exponent < 0:
        return (
            value / _POWERS[-exponent - _LOWEST]
            if exponent >= -_HIGHEST
            else value * (_POWERS[exponent - _LOWEST])
        )
    return value * _POWERS[exponent - _LOWEST]


@helper
def _put_word(out: Array, at: int, a: int, b: int, c: int) -> int:
    out[at], out[at + 1], out[at + 2] = a, b, c
    return at + 3


@helper
def _put_fixed(out: Array, at: int, digits: Array, length: int, exponent: int) -> int:
    if exponent < 0:
        out[at], out[at + 1] = 48, _POINT
        at += 2
        for _ in range(-exponent - 1):
            out[at] = 48
            at += 1
    for place in range(max(length, exponent + 1)):
        if place == exponent + 1 and exponent >= 0:
            out[at] = _POINT
            at += 1
        out[at] = digits[place] if place < length else 48
        at += 1
    return at


@helper
def _put_scientific(out: Array, at: int, digits: Array, length: int, exponent: int) -> int:
    out[at] = digits[0]
    at += 1
    if length > 1:
        out[at] = _POINT
        at += 1
    for place in range(1, length):
        out[at] = digits[place]
        at += 1
    out[at] = 101
    out[at + 1] = _MINUS if exponent < 0 else _PLUS
    out[at + 2] = 48 + abs(exponent) // 10
    out[at + 3] = 48 + abs(exponent) % 10
    return at + 4
