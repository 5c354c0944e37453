"""``sajeon phrases``: which words of a text belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .output import Column, json_option, show


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--min-count", default=5, show_default=True, metavar="N", help="Seen less: no phrase."
)
@click.option(
    "--threshold",
    type=float,
    metavar="X",
    help="Scores above this are phrases.  [default: 100; npmi 0.5]",
)
@click.option(
    "--scoring", type=click.Choice(["word2vec", "npmi"]), default="word2vec", show_default=True
)
@click.option(
    "--passes", default=1, show_default=True, metavar="N", help="2 finds phrases of up to 4 words."
)
@click.option("--tokens", default="words", show_default=True, metavar="NAME", help="See train.")
@json_option
def phrases(files: tuple[str, ...], tokens: str, as_json: bool, **settings: Any) -> None:
    """List the phrases of text files, best first: what --tokens phrases would join.

    The score of a pair says how much more often its words come together than by chance.
    """
    from ..corpus import find_phrases
    from ..learn.progress import reporter_for

    with reporter_for(None) as report:
        found = find_phrases(
            [Path(file) for file in files], tokens=tokens, progress=report.reading, **settings
        )
    records = [
        {"phrase": f"{one.first} {one.second}", "count": one.together, "score": one.score}
        for one in found
    ]
    columns = Column("phrase"), Column("count", "d"), Column("score", ".4g")
    show(records, columns, as_json=as_json)
