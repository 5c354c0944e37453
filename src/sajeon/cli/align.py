"""``sajeon align``: one model in the space of another."""

from __future__ import annotations

import warnings

import click

from .errors import say
from .output import Column, json_option, show


@click.command()
@click.argument("source")
@click.argument("target")
@click.option(
    "-o", "--output", metavar="MODEL", required=True, help="Folder for the turned SOURCE."
)
@click.option(
    "--dictionary",
    metavar="FILE",
    help="Pairs of words, a pair a line: first SOURCE's, then TARGET's.  [default: common words]",
)
@click.option("--seed", default=1, show_default=True, metavar="N", help="Of the pairs held out.")
@json_option
def align(
    source: str, target: str, output: str, dictionary: str | None, seed: int, as_json: bool
) -> None:
    """Turn the vectors of SOURCE into the space of TARGET, to compare words across them.

    A tenth of the pairs is held out once, to see how many of them are found.
    """
    from ..alignment import align as turn
    from ..formats.folder import check_target
    from ..loading import load

    check_target(output)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = turn(load(source), load(target), dictionary, seed=seed)
    for warning in caught:
        say(f"warning: {warning.message}")
    found.vectors.save(output)
    lost = f", {found.lost:,} lost" if dictionary else ""
    say(f"{found.pairs:,} pairs{lost}; saved in {output}")
    records = [
        {"measure": name, "score": score, "pairs": found.held_out}
        for name, score in (found.precision or {}).items()
    ]
    show(
        records, (Column("measure"), Column("score", ".4f"), Column("pairs", "d")), as_json=as_json
    )
