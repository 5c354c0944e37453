"""``sajeon align``: two models in one space."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from .errors import say
from .output import Column, json_option, show, show_json

if TYPE_CHECKING:
    from ..alignment import Alignment, Precision

_COLUMNS = (
    Column("by"),
    Column("precision_1", ".4f"),
    Column("precision_5", ".4f"),
    Column("words"),
    Column("among"),
)


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("-o", "--output", metavar="MODEL", required=True, help="Folder to save SOURCE to.")
@click.option(
    "--dictionary",
    metavar="FILE",
    help="Pairs of words, one a line with a tab or blank between.  [default: the shared tokens]",
)
@click.option("--centre", is_flag=True, help="Subtract the mean vector of each model first.")
@click.option(
    "--held-out",
    default=0.1,
    show_default=True,
    metavar="X",
    help="Share of the words that the precision is measured on.",
)
@click.option(
    "--restrict",
    default=20_000,
    show_default=True,
    metavar="N",
    help="Measure among the first N tokens of each model.",
)
@click.option("--seed", default=1, show_default=True, metavar="N", help="Of the words held out.")
@json_option
def align(
    source: str, target: str, output: str, dictionary: str | None, as_json: bool, **settings: Any
) -> None:
    """Rotate SOURCE into the space of TARGET, to compare words of both.

    Two models of one language are aligned by the tokens that both have, two languages by a
    dictionary. Printed is how often the right word is the nearest, or among the nearest 5, for
    words held out: by cosine, and by CSLS.
    """
    from ..alignment import align as aligned
    from ..formats.folder import check_target
    from ..loading import load

    check_target(output)
    with warnings.catch_warnings():  # said below, in words of its own
        warnings.simplefilter("ignore", RuntimeWarning)
        found = aligned(load(source), load(target), dictionary, **settings)
    found.vectors.save(output)
    if as_json:
        show_json(_facts(found, output))
        return
    say(f"{found.pairs:,} pairs, {found.lost:,} lost; saved in {output}")
    if found.pairs < len(found.rotation):
        say(f"warning: fewer pairs than the {len(found.rotation)} dimensions determine no rotation")
    if found.precision is None:
        say("too few pairs to hold any out: how good this is was not measured")
    else:
        show(_records(found.precision), _COLUMNS, as_json=False)


def _records(precision: Precision) -> list[dict[str, Any]]:
    p = precision
    rows = (("cosine", p.nearest_1, p.nearest_5), ("csls", p.csls_1, p.csls_5))
    return [
        {"by": by, "precision_1": one, "precision_5": five, "words": p.words, "among": p.among}
        for by, one, five in rows
    ]


def _facts(found: Alignment, output: str) -> dict[str, Any]:
    return {
        "model": output,
        "pairs": found.pairs,
        "lost": found.lost,
        "dim": found.vectors.dim,
        "precision": None if found.precision is None else _records(found.precision),
    }
