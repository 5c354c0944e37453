"""Settings of a model, checked once at the edge."""

from __future__ import annotations

import math
from collections.abc import Sequence


def check_whole(name: str, value: object, *, least: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}.")


def check_number(name: str, value: object, *, low: float, high: float = math.inf) -> None:
    """Raise ValueError unless `value` is a number from `low` up to, but without, `high`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and low <= float(value) < high):  # type: ignore[arg-type]
        room = f"of at least {low:g}" if high == math.inf else f"from {low:g} to below {high:g}"
        raise ValueError(f"{name} must be a number {room}, got {value!r}.")


def check_choice(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        shown = ", ".join(map(repr, allowed))
        raise ValueError(f"{name} must be one of {shown}, got {value!r}.")
