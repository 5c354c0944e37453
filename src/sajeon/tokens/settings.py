"""Settings of tokenizers: what they are compared by, and how they are read.

They come as text from the command line, and as JSON from a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Settled:
    """What its class and its settings say all about: so it is compared, hashed and shown."""

    name: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that make this tokenizer again."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other.settings == self.settings

    def __hash__(self) -> int:
        return hash((self.name, *self.settings.values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({shown})"


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> Any:
    """Return `value`, one of `allowed`.

    Raises:
        ValueError: It is something else.
    """
    if value not in allowed:
        raise ValueError(f"{name} must be {' or '.join(map(repr, allowed))}, got {value!r}")
    return value


def flag(name: str, value: Any) -> bool:
    """Return a bool, which may be written "true" or "false".

    Raises:
        ValueError: It is something else.
    """
    if isinstance(value, bool):
        return value
    one_of(name, value, ("true", "false"))
    return bool(value == "true")


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return an int, which may be written in digits.

    Raises:
        ValueError: It is no whole number, below `least` or above `most`.
    """
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    within = isinstance(number, int) and not isinstance(number, bool) and number >= least
    if not within or (most is not None and number > most):
        expected = f"{least} or more" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number, {expected}; got {value!r}")
    return int(number)
