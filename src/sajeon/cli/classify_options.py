"""Options that the commands of ``sajeon classify`` share, and what their values mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_RANGE = re.compile(r"(\d+)-(\d+)", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(|k|kb|m|mb)", re.ASCII | re.IGNORECASE)
_UNITS = {"": 1, "k": 1e3, "m": 1e6}


def text_option(command: Command) -> Command:
    """Give a command the option ``--text``."""
    return click.option("--text", metavar="COLUMN", help="Column of the texts in a table.")(command)


def label_option(command: Command) -> Command:
    """Give a command the option ``--label``."""
    told = click.option("--label", metavar="COLUMN", help="Column of the labels in a table.")
    return told(command)


def encoding_option(command: Command) -> Command:
    """Give a command the option ``--encoding-errors``."""
    return click.option(
        "--encoding-errors",
        type=click.Choice(["strict", "replace"]),
        default="strict",
        show_default=True,
        help="Bytes that are not UTF-8: stop, or put U+FFFD in their place.",
    )(command)


def threads_option(command: Command) -> Command:
    """Give a command the option ``--threads``."""
    return click.option("--threads", type=int, metavar="N", help="[default: all cores]")(command)


def char_ngrams(
    ctx: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Return min_n and max_n of a range such as 3-6; zeros for "none"."""
    if value is None:
        return None
    if value == "none":
        return 0, 0
    found = _RANGE.fullmatch(value)
    if found is None or not 0 < int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{value!r}: expected lengths such as 3-6, or none.")
    return int(found[1]), int(found[2])


def num_bytes(ctx: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """Return the bytes of a size such as 2000000, 500kB or 2MB."""
    if value is None:
        return None
    found = _SIZE.fullmatch(value)
    size = float(found[1]) * _UNITS[found[2].lower().removesuffix("b")] if found else 0
    if not 1 <= size < 1e15:
        raise click.BadParameter(f"{value!r}: expected a size such as 2MB, 500kB or 2000000.")
    return round(size)
