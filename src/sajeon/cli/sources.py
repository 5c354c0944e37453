"""What ``sajeon train`` learns from, where that is no text: a table of events, or a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])
_TAKEN = ("sequence", "item", "order", "titles", "walks")
_WALKS = {"walks": int, "length": int, "p": float, "q": float}


def source_options(command: _F) -> _F:
    """Give ``train`` the options that say what the files hold."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--text",
        metavar="COLUMN",
        help="The files are tables (CSV or TSV with a header, JSON lines, Parquet); learn from "
        "this column.",
    ),
    click.option(
        "--sequence",
        metavar="COLUMN",
        help="The files are tables with a row for each event; those with the same value here "
        "(a user, a session) are one sequence of items.",
    ),
    click.option("--item", metavar="COLUMN", help="With --sequence: what a vector is learned of."),
    click.option("--order", metavar="COLUMN", help="With --sequence: sort by this."),
    click.option(
        "--titles",
        metavar="FILE:COLUMN",
        help="With --sequence: a table that says what the items are called.",
    ),
    click.option(
        "--walks",
        metavar="SOURCE,TARGET[,KEY=VALUE...]",
        help="The files are tables of edges with these two columns; learn from random walks. Keys: "
        "weight, directed, walks, length, p, q, as in walks=10,length=80,p=1,q=1.",
    ),
)


def source_of(files: tuple[str, ...], settings: dict[str, Any]) -> Iterator[list[str]] | None:
    """Return token lists, None where the files are texts.

    Args:
        files: As given.
        settings: All options; those that only say what the files hold are taken out.

    Raises:
        click.UsageError: Options that do not go together.
    """
    sequence, item, order, titles, walks = (settings.pop(name) for name in _TAKEN)
    if sum(option is not None for option in (settings["text"], sequence, walks)) > 1:
        raise click.UsageError("--text, --sequence and --walks exclude each other.")
    if sequence is None and (item or order or titles):
        raise click.UsageError("--item, --order and --titles need --sequence.")
    if walks is not None:
        return _walks(files, walks, settings["seed"])
    if sequence is None:
        return None
    if item is None:
        raise click.UsageError("--sequence needs --item: the column of what a vector is of.")
    from ..sequences import read_sequences

    named = _titles(titles)
    return chain.from_iterable(
        [
            read_sequences(file, sequence=sequence, item=item, order=order, titles=named)
            for file in files
        ]
    )


def _titles(value: str | None) -> tuple[str, str] | None:
    if value is None:
        return None
    file, colon, column = value.rpartition(":")
    if not colon or not file or not column:
        raise click.UsageError(f"--titles {value!r}: expected FILE:COLUMN.")
    return file, column


def _walks(files: tuple[str, ...], spec: str, seed: int) -> Iterator[list[str]]:
    from ..sequences import random_walks

    parts = spec.split(",")
    columns, settings = parts[:2], [part.partition("=") for part in parts[2:]]
    if len(columns) < 2 or not all(equals for _, equals, _ in settings):
        raise click.UsageError(
            f"--walks {spec!r}: expected two columns, then KEY=VALUE, such as "
            "source,target,weight=w,p=1,q=0.5."
        )
    given = {key: _setting(key, value) for key, _, value in settings}
    walked = [
        random_walks(file, source=columns[0], target=columns[1], seed=seed, **given)
        for file in files
    ]
    return chain.from_iterable(walked)


def _setting(key: str, value: str) -> Any:
    if key == "weight":
        return value
    if key == "directed" and value in ("true", "false"):
        return value == "true"
    if key not in _WALKS:
        expected = ", ".join(["weight", "directed=true|false", *_WALKS])
        raise click.UsageError(f"--walks: there is no {key}={value}; there are {expected}.")
    try:
        return _WALKS[key](value)
    except ValueError:
        raise click.UsageError(f"--walks: {key}={value}: expected a number.") from None
