"""Random numbers by counting: draw ``i`` of a key is a hash of ``key + (i + 1) * golden``.

This is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014, figure 13) read as a function of its counter. A generator with a state would give other
numbers when blocks of the corpus change hands; here a draw depends on (seed, epoch, block) and its
number alone, so that which thread makes it, and when, does not matter.

Every constant is a np.uint64: Numba makes a float64 of an int64 combined with a uint64. Products
wrap around on purpose. Compiled that is silent; the same functions uncompiled warn of it, so run
them under ``np.errstate(over="ignore")``. Twins take arrays and give the same numbers.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Doubles, Ids, Ids32
from ._compile import helper

Words: TypeAlias = NDArray[np.uint64]

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, made odd
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_11 = np.uint64(11)
_LOW = np.uint64(0xFFFFFFFF)
_UNIT = 2.0**-53


@helper
def _finalise(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> _30)) * _MIX_1
    z = (z ^ (z >> _27)) * _MIX_2
    return z ^ (z >> _31)


@helper
def draw(key: Any, i: Any) -> np.uint64:
    """Return draw number `i`, from 0, of `key`: 64 random bits."""
    return _finalise(np.uint64(key) + (np.uint64(i) + _ONE) * _GOLDEN)


@helper
def block_key(seed: Any, epoch: Any, block: Any) -> np.uint64:
    """Return the key of one block of the corpus in one epoch; see `block_key_reference`."""
    return draw(draw(draw(_ZERO, seed), epoch), block)


@helper
def draw_below(x: Any, n: Any) -> np.uint64:
    """Turn the draw `x` into a number below `n` (at most 2**32); see `draw_below_reference`."""
    return _scale(np.uint64(x), np.uint64(n)) >> _32


@helper
def to_unit(x: Any) -> float:
    """Turn the draw `x` into a float64 in [0, 1)."""
    return float(np.uint64(x) >> _11) * _UNIT


@helper
def high_bits(x: Any) -> np.uint32:
    """Return the upper 32 bits of a draw: with `low_bits`, two draws out of one."""
    return np.uint32(np.uint64(x) >> _32)


@helper
def low_bits(x: Any) -> np.uint32:
    """Return the lower 32 bits of a draw."""
    return np.uint32(np.uint64(x) & _LOW)


@helper
def alias_draw(x: Any, threshold: NDArray[np.uint32], alias: Ids32) -> np.int64:
    """Pick an id of an alias table with the draw `x`; see `alias_draw_reference`."""
    scaled = _scale(np.uint64(x), np.uint64(len(threshold)))
    slot = np.int64(scaled >> _32)
    return slot if (scaled & _LOW) < np.uint64(threshold[slot]) else np.int64(alias[slot])


@helper
def _scale(x: np.uint64, n: np.uint64) -> np.uint64:
    """Return ``x * n / 2**32``, rounded down, without 128-bit numbers; `n` is at most 2**32."""
    return (x >> _32) * n + (((x & _LOW) * n) >> _32)


def draw_reference(key: ArrayLike, i: ArrayLike) -> Words:
    """Return draw number `i` of `key`, for arrays.

    Args:
        key: (...,) uint64, from `block_key_reference`.
        i: (...,) integers, not negative, broadcast with `key`.

    Returns:
        (...,) uint64, evenly distributed.
    """
    with np.errstate(over="ignore"):
        z = _words(key) + (_words(i) + _ONE) * _GOLDEN
        z = (z ^ (z >> _30)) * _MIX_1
        z = (z ^ (z >> _27)) * _MIX_2
        return np.asarray(z ^ (z >> _31), dtype=np.uint64)


def block_key_reference(seed: ArrayLike, epoch: ArrayLike, block: ArrayLike) -> Words:
    """Return the key of each (seed, epoch, block): a draw of a draw of a draw.

    Args:
        seed: (...,) integers, not negative.
        epoch: (...,) integers, not negative.
        block: (...,) integers, not negative: number of the block in the whole corpus.

    Returns:
        (...,) uint64, the three broadcast together.
    """
    return draw_reference(draw_reference(draw_reference(_ZERO, seed), epoch), block)


def draw_below_reference(x: ArrayLike, n: int) -> Words:
    """Turn draws into numbers below `n`: ``x * n / 2**64``, rounded down (Lemire 2019).

    All 64 bits count, so a number's chance is off by at most ``n / 2**64`` of itself.

    Args:
        x: (...,) uint64 draws.
        n: How many numbers, at most 2**32.

    Returns:
        (...,) uint64, each in ``[0, n)``.
    """
    return np.asarray(_scale_reference(_words(x), n) >> _32, dtype=np.uint64)


def to_unit_reference(x: ArrayLike) -> Doubles:
    """Turn draws into float64 in [0, 1): the upper 53 bits, (...,)."""
    return np.asarray((_words(x) >> _11) * _UNIT, dtype=np.float64)


def alias_draw_reference(x: ArrayLike, threshold: NDArray[np.uint32], alias: Ids32) -> Ids:
    """Pick ids from an alias table, one multiplication and two reads a draw (Walker 1977).

    ``x * n / 2**64`` has the slot before its point and, behind it, 32 bits that choose between the
    slot and its alias.

    Args:
        x: (...,) uint64 draws.
        threshold: (n,) uint32, from `sajeon.sampling.build_alias`.
        alias: (n,) int32, likewise.

    Returns:
        (...,) int64, each in ``[0, n)``.
    """
    scaled = _scale_reference(_words(x), len(threshold))
    slot = (scaled >> _32).astype(np.int64)
    return np.where((scaled & _LOW) < threshold[slot], slot, alias[slot])


def _scale_reference(x: Words, n: int) -> Words:
    size = np.uint64(n)
    return np.asarray((x >> _32) * size + (((x & _LOW) * size) >> _32), dtype=np.uint64)


def _words(values: ArrayLike) -> Words:
    return np.asarray(values).astype(np.uint64)
