"""Looking into a model: ``vector``, ``nearest``, ``similarity``, ``analogy``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import click

from .errors import Failure
from .output import Column, json_option, on_terminal, show

if TYPE_CHECKING:
    from ..types import Floats

_restrict = click.option(
    "--restrict",
    metavar="N",
    type=click.IntRange(min=1),
    help="Look among the first N tokens only, the most frequent.",
)
_SCORED = (Column("token"), Column("cosine", ".4f"))


@click.command()
@click.argument("model")
@click.argument("tokens", metavar="TOKEN...", nargs=-1, required=True)
@json_option
def vector(model: str, tokens: tuple[str, ...], as_json: bool) -> None:
    """Print the vector of each TOKEN.

    In a pipe: the token, then its numbers, tabs between them.
    """
    from ..loading import load

    rows = load(model)[list(tokens)]  # (tokens, dim)
    if as_json:
        records = [
            {"token": token, "vector": [float(number) for number in _shortest(row)]}
            for token, row in zip(tokens, rows, strict=True)
        ]
        show(records, (), as_json=True)
    elif on_terminal():
        pairs = zip(tokens, rows, strict=True)
        shown = [{"token": t, "vector": " ".join(f"{x:+.4f}" for x in row)} for t, row in pairs]
        show(shown, (Column("token"), Column("vector")), as_json=False)
    else:
        columns = [Column(str(i)) for i in range(-1, rows.shape[1])]
        keys = [column.key for column in columns]
        cells = ([t, *_shortest(row)] for t, row in zip(tokens, rows, strict=True))
        show([dict(zip(keys, row, strict=True)) for row in cells], columns, as_json=False)


@click.command()
@click.argument("model")
@click.argument("tokens", metavar="TOKEN...", nargs=-1, required=True)
@click.option("-k", default=10, show_default=True, help="How many.")
@click.option("--negative", metavar="TOKEN", multiple=True, help="Be far from TOKEN; repeatable.")
@_restrict
@json_option
def nearest(
    model: str,
    tokens: tuple[str, ...],
    k: int,
    negative: tuple[str, ...],
    restrict: int | None,
    as_json: bool,
) -> None:
    """List the tokens most similar to TOKEN.

    Several tokens stand for the mean of their vectors.
    """
    from ..loading import load

    found = load(model).nearest(list(tokens), k, negative=negative, restrict=restrict)
    _show_scored(found, as_json)


@click.command()
@click.argument("model")
@click.argument("tokens", metavar="A B | -", nargs=-1, required=True)
@json_option
def similarity(model: str, tokens: tuple[str, ...], as_json: bool) -> None:
    """Print the cosine of two tokens, from -1 to 1.

    "-" instead of two tokens reads pairs from standard input, one on a line.
    """
    if tokens != ("-",) and len(tokens) != 2:
        raise click.UsageError('give two tokens, or "-" to read pairs from standard input.')
    from ..loading import load

    pairs = _read_pairs(sys.stdin.buffer) if tokens == ("-",) else [tokens]
    vectors = load(model)
    records = [{"a": a, "b": b, "cosine": vectors.similarity(a, b)} for a, b in pairs]
    show(records, (Column("a"), Column("b"), Column("cosine", ".4f")), as_json=as_json)


@click.command()
@click.argument("model")
@click.argument("a")
@click.argument("b")
@click.argument("c")
@click.option("-k", default=5, show_default=True, help="How many.")
@click.option(
    "--method",
    type=click.Choice(["add", "mul"]),
    default="add",
    show_default=True,
    help="By the sum of vectors (3CosAdd) or the product of similarities (3CosMul).",
)
@_restrict
@json_option
def analogy(
    model: str,
    a: str,
    b: str,
    c: str,
    k: int,
    method: Literal["add", "mul"],
    restrict: int | None,
    as_json: bool,
) -> None:
    """Complete "A is to B as C is to ...", as in: man king woman."""
    from ..loading import load

    _show_scored(load(model).analogy(a, b, c, k, method=method, restrict=restrict), as_json)


def _show_scored(found: Iterable[tuple[str, float]], as_json: bool) -> None:
    show([{"token": token, "cosine": cosine} for token, cosine in found], _SCORED, as_json=as_json)


def _shortest(row: Floats) -> list[str]:
    """Write each float32 with the fewest digits that give the same float32 back."""
    return [str(number) for number in row]


def _read_pairs(lines: Iterable[bytes]) -> list[tuple[str, ...]]:
    pairs: list[tuple[str, ...]] = []
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        pair = tuple(text.split("\t") if "\t" in text else text.split())
        if len(pair) != 2:
            raise Failure(
                f"standard input:{number}: expected two tokens with a tab or blank between, "
                f"got {text[:60]!r}."
            )
        pairs.append(pair)
    return pairs
