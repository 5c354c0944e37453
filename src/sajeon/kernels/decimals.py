"""Text to numbers: lines of a token and its numbers to float32.

A decimal number is m * 10**e with a whole m. If m is below 2**53 and e within ±22, both are exact
doubles, so one multiplication or division gives the double nearest to the number (Clinger, "How to
Read Floating Point Numbers Accurately", PLDI 1990). Otherwise the product is off by some units in
the last place of a double; where that could change the float32, the field is left to Python, about
one in a million. So the result is always that of ``np.float32(float(text))``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Array, Floats, Ids
from ._compile import helper, jit

# Why `parse_rows` came back.
DONE = 0  # all whole lines are parsed; what is left begins at the position
FULL = 1  # the rows given are filled
WRONG_FIELDS = 2  # the line at the position has not a token and `dim` numbers

_MOST_DIGITS = 19  # 10**19 fits into 64 bits
_EXACT = 22  # 10**22 is the highest power of ten that a double holds exactly
_LOWEST, _HIGHEST = -64, 38  # powers beyond lead to 0 or infinity in float32: left to Python
_POWERS = np.array([float(f"1e{e}") for e in range(_LOWEST, _HIGHEST + 1)])
_MARGIN = 2.0**-50
_SPACE, _TAB, _RETURN, _NEWLINE = 32, 9, 13, 10
_PLUS, _MINUS, _POINT = 43, 45, 46


def parse_rows_reference(lines: list[bytes], dim: int) -> tuple[list[bytes], Floats]:
    """Part lines into tokens and numbers.

    Fields are parted by blanks (spaces and tabs). The last `dim` fields are the numbers and what
    stands before them is the token, inner blanks and all; blanks around it are dropped, and blank
    lines. A token may be empty where the line begins with a blank.

    Args:
        lines: Without their ends; a carriage return at the end counts as a blank.
        dim: Numbers in a line.

    Returns:
        The tokens and (tokens, dim) float32.

    Raises:
        ValueError: A line has fewer fields, or one of the last `dim` is no number.
    """
    tokens, rows = [], []
    for given in lines:
        line = given.rstrip(b" \t\r")
        if not line:
            continue
        fields = [b for b in line.replace(b"\t", b" ").split(b" ") if b][-dim:]
        rest = line
        for field in reversed(fields):
            rest = rest.rstrip(b" \t").removesuffix(field)
        if len(fields) < dim or not (rest or line[:1] in b" \t"):
            raise ValueError(f"expected a token and {dim} numbers, got {line[:60]!r}")
        tokens.append(rest.strip(b" \t"))
        rows.append([_value(field) for field in fields])
    return tokens, np.array(rows, np.float32).reshape(len(tokens), dim)


def _value(field: bytes) -> np.float32:
    if b"_" in field:  # Python's own digit separator
        raise ValueError(f"not a number: {field!r}")
    with np.errstate(over="ignore"):
        return np.float32(float(field))


@helper
def _is_blank(byte: int) -> bool:
    return byte in (_SPACE, _TAB)


@helper
def _number(data: Array, pos: int, stop: int) -> tuple[float, int, bool]:
    """Parse the number at `pos`: its value, where it ends, and whether the value is certain."""
    at, negative = pos, False
    if at < stop and (data[at] == _MINUS or data[at] == _PLUS):
        negative = data[at] == _MINUS
        at += 1
    mantissa: Any = np.uint64(0)
    digits, dropped, exponent, seen = 0, 0, 0, 0
    point = False
    while at < stop:
        byte = np.int64(data[at])
        if 48 <= byte <= 57:
            seen += 1
            if digits < _MOST_DIGITS:
                mantissa = mantissa * np.uint64(10) + np.uint64(byte - 48)
                if mantissa != 0:
                    digits += 1
                exponent -= point
            else:
                dropped += byte != 48
                exponent += not point
        elif byte == _POINT and not point:
            point = True
        else:
            break
        at += 1
    if seen == 0:
        return 0.0, at, False
    if at < stop and (data[at] == 69 or data[at] == 101):
        at += 1
        down = at < stop and data[at] == _MINUS
        if at < stop and (data[at] == _MINUS or data[at] == _PLUS):
            at += 1
        power: Any = 0
        places = 0
        while at < stop and 48 <= data[at] <= 57:
            if power < 10_000:
                power = power * 10 + np.int64(data[at]) - 48
            places += 1
            at += 1
        if places == 0:
            return 0.0, at, False
        exponent += -power if down else power
    value, certain = _scaled(mantissa, exponent, dropped == 0)
    return (-value if negative else value), at, certain


@helper
def _scaled(mantissa: Any, exponent: int, whole: bool) -> tuple[float, bool]:
    """``mantissa * 10**exponent``, and whether its float32 is certain."""
    if mantissa == 0:
        return 0.0, whole
    value = np.float64(mantissa)
    if whole and mantissa < np.uint64(1 << 53) and -_EXACT <= exponent <= _EXACT:
        if exponent < 0:
            return value / _POWERS[-exponent - _LOWEST], True
        return value * _POWERS[exponent - _LOWEST], True
    if exponent < _LOWEST or exponent > _HIGHEST:
        return value, False
    value *= _POWERS[exponent - _LOWEST]
    low, high = value * (1.0 - _MARGIN), value * (1.0 + _MARGIN)
    return value, np.float32(low) == np.float32(high)


@helper
def _line_end(data: Array, pos: int, stop: int) -> int:
    while pos < stop and data[pos] != _NEWLINE:
        pos += 1
    return pos


@jit
def parse_rows(
    data: Array,
    pos: int,
    stop: int,
    at_end: bool,
    rows: Floats,
    bounds: Ids,
    uncertain: Ids,
) -> tuple[int, int, int, int, int]:
    """Parse whole lines of `data`, as `parse_rows_reference` does.

    Args:
        data: (bytes,) uint8.
        pos: Where the first line begins.
        stop: Where the data end.
        at_end: Whether the last line is whole even without its end.
        rows: (capacity, dim) float32, changed.
        bounds: (capacity, 2) int64, changed. Where each token begins and ends.
        uncertain: (any, 4) int64, changed. Row, column, begin and end of fields that Python is to
            convert; at least `dim` entries.

    Returns:
        Why it came back; how many rows are filled, and how many fields are uncertain; where the
        next line begins; and how many lines were passed, blank ones included.
    """
    dim = rows.shape[1]
    filled = unsure = lines = 0
    while pos < stop:
        if filled == len(rows) or unsure + dim > len(uncertain):
            return FULL, filled, unsure, pos, lines
        begin, kept = pos, unsure
        # The usual line: a token without blanks, then the numbers and nothing else.
        while pos < stop and data[pos] != _SPACE and data[pos] != _TAB and data[pos] != _NEWLINE:
            pos += 1
        bounds[filled, 0], bounds[filled, 1] = begin, pos
        column = 0
        while column < dim and pos < stop and _is_blank(data[pos]):
            while pos < stop and _is_blank(data[pos]):
                pos += 1
            first = pos
            value, pos, certain = _number(data, pos, stop)
            rows[filled, column] = np.float32(value)
            if not certain:
                while (
                    pos < stop
                    and not _is_blank(data[pos])
                    and data[pos] != _NEWLINE
                    and data[pos] != _RETURN
                ):
                    pos += 1
                if pos == first:
                    break
                uncertain[unsure, 0], uncertain[unsure, 1] = filled, column
                uncertain[unsure, 2], uncertain[unsure, 3] = first, pos
                unsure += 1
            column += 1
        while pos < stop and (_is_blank(data[pos]) or data[pos] == _RETURN):
            pos += 1
        if pos == stop and not at_end:
            return DONE, filled, kept, begin, lines
        if column == dim and (pos == stop or data[pos] == _NEWLINE):
            filled += 1
        else:
            unsure = kept
            pos = _line_end(data, pos, stop)
            if pos == stop and not at_end:
                return DONE, filled, kept, begin, lines
            found, unsure = _from_behind(data, begin, pos, filled, rows, bounds, uncertain, unsure)
            if found < 0:
                return WRONG_FIELDS, filled, kept, begin, lines
            filled += found
        pos += 1
        lines += 1
    return DONE, filled, unsure, min(pos, stop), lines


@jit
def _from_behind(data, begin, end, filled, rows, bounds, uncertain, unsure):
    """Parse one line whose token has blanks, or that is blank: 1, 0, or -1 for a wrong one."""
    dim = rows.shape[1]
    while end > begin and (_is_blank(data[end - 1]) or data[end - 1] == _RETURN):
        end -= 1
    if end == begin:
        return 0, unsure
    for column in range(dim - 1, -1, -1):
        first = end
        while first > begin and not _is_blank(data[first - 1]):
            first -= 1
        if first == begin:
            return -1, unsure
        value, at, certain = _number(data, first, end)
        rows[filled, column] = np.float32(value)
        if not certain or at != end:
            uncertain[unsure, 0], uncertain[unsure, 1] = filled, column
            uncertain[unsure, 2], uncertain[unsure, 3] = first, end
            unsure += 1
        end = first
        while end > begin and _is_blank(data[end - 1]):
            end -= 1
    while begin < end and _is_blank(data[begin]):
        begin += 1
    bounds[filled, 0], bounds[filled, 1] = begin, end
    return 1, unsure
