"""``sajeon demo``: the whole way from text to neighbours, on a text that is already there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from .errors import say
from .output import Column, json_option, on_terminal, show

if TYPE_CHECKING:
    from ..vectors import Vectors

SETTINGS: dict[str, Any] = {"dim": 64, "epochs": 5, "lr": 0.05, "min_count": 10, "seed": 1}
WORDS = ("red", "left", "horizontal", "min", "true", "year", "monday", "encode", "open", "client",
         "lock", "host")  # fmt: skip
ANALOGY = ("read", "write", "reader")
_NEIGHBOURS = 3
_NEAR = 0.7  # what is less similar says little; the nearest is shown in any case


@click.command()
@click.option("-o", "--output", metavar="MODEL", help="Keep the model in this folder.")
@json_option
def demo(output: str | None, as_json: bool) -> None:
    """Learn from the source code of Python's own library; show what came out.

    Nothing is downloaded, and nothing is kept unless you say where.
    """
    from ..learn.train import train
    from .stdlib import python_name, source_files, words_of

    files = source_files()
    say(f"learning from the source code of {python_name()}'s library: {len(files):,} files")
    vectors = train(words_of(files), output=output, progress=True, **SETTINGS)
    _show(vectors, as_json)
    _what_next(output)


def _show(vectors: Vectors, as_json: bool) -> None:
    neighbours = {word: _neighbours(vectors, word) for word in WORDS if word in vectors}
    answers = vectors.analogy(*ANALOGY, k=1) if all(word in vectors for word in ANALOGY) else []
    found = neighbours | {" ".join(ANALOGY): answers}
    if on_terminal() and not as_json:
        _show_to_people(neighbours, answers)
    else:
        columns = (Column("query"), Column("token"), Column("cosine", ".4f"))
        show(_records(found), columns, as_json=as_json)


def _neighbours(vectors: Vectors, word: str) -> list[tuple[str, float]]:
    first, *others = vectors.nearest(word, _NEIGHBOURS)
    return [first, *(pair for pair in others if pair[1] >= _NEAR)]


def _show_to_people(
    neighbours: dict[str, list[tuple[str, float]]], answers: list[tuple[str, float]]
) -> None:
    heading = "nearest, with the cosine of the two vectors"
    lines = [
        {"word": word, heading: "   ".join(f"{token} {cosine:.2f}" for token, cosine in found)}
        for word, found in neighbours.items()
    ]
    click.echo()
    show(lines, (Column("word"), Column(heading)), as_json=False)
    a, b, c = ANALOGY
    for token, cosine in answers:
        click.echo(f"\n{a} is to {b} as {c} is to ... {token} {cosine:.2f}")


def _records(found: dict[str, list[tuple[str, float]]]) -> list[dict[str, Any]]:
    return [
        {"query": query, "token": token, "cosine": cosine}
        for query, pairs in found.items()
        for token, cosine in pairs
    ]


def _what_next(output: str | None) -> None:
    model = shlex.quote(output or "demo-model")
    commands = [f"nearest {model} socket", f"similarity {model} width height", f"info {model}"]
    if output is None:
        heading = "The model was not kept. To keep it, and to look around in it:"
        commands.insert(0, f"demo -o {model}")
    else:
        heading = f"The model is in {output}. To look around in it:"
    commands = [f"  sajeon {command}" for command in commands]
    last = ["And with a text of your own:", "  sajeon train FILE -o MODEL"]
    click.echo("\n".join(["", heading, *commands, *last]), err=True)
