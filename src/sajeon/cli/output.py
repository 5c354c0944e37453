"""Results on standard output: a table on a terminal, tab-separated lines in a pipe, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
Record = Mapping[str, Any]


class Column(NamedTuple):
    """What is shown of each record.

    Attributes:
        key: Of the record; also the heading.
        form: Format of a number, as in ``format(x, ".4f")``.
    """

    key: str
    form: str = ""


def json_option(command: Command) -> Command:
    """Give a command the option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def on_terminal() -> bool:
    """Return whether a person is reading what goes to standard output."""
    return sys.stdout.isatty()


def show(records: Sequence[Record], columns: Sequence[Column], *, as_json: bool) -> None:
    """Print records: all of each as a JSON array, or the given columns of each."""
    if as_json:
        show_json(list(records))
    elif on_terminal():
        show_table(records, columns)
    else:
        show_lines(records, columns)


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show_lines(records: Sequence[Record], columns: Sequence[Column]) -> None:
    """Print a line for each record, tabs between the columns, no headings."""
    rows = ([one_line(_cell(record, column)) for column in columns] for record in records)
    lines = ["\t".join(row) for row in rows]
    if lines:
        # One write, since click flushes after each. color=True: a token is not to be changed.
        click.echo("\n".join(lines), color=True)


def show_table(records: Sequence[Record], columns: Sequence[Column]) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(
            column.key.replace("_", " "),
            justify="right" if column.form else "left",
            style="" if place else "bold",
            overflow="fold",
        )
    for record in records:
        table.add_row(*(Text(printable(_cell(record, column))) for column in columns))
    Console().print(table)


def _cell(record: Record, column: Column) -> str:
    return format(record[column.key], column.form)


def one_line(text: str) -> str:
    """Escape what would end a cell or a line; tokens of the user's own may hold anything."""
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def printable(text: str) -> str:
    """Escape control characters: a token must not be able to command the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
