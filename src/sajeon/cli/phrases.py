"""``sajeon phrases``: which words of a text belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from .output import Column, json_option, show

_COLUMNS = (Column("phrase"), Column("count", "d"), Column("score", ".4f"))


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("-k", default=50, show_default=True, type=click.IntRange(min=0), help="0: all.")
@click.option(
    "--sort",
    type=click.Choice(["count", "score"]),
    default="count",
    show_default=True,
    help="Which come first.",
)
@click.option(
    "--min-count", default=5, show_default=True, metavar="N", help="Not what is seen less often."
)
@click.option(
    "--threshold",
    type=float,
    metavar="X",
    help="Not what scores less.  [default: 10; npmi 0.5]",
)
@click.option(
    "--scoring",
    type=click.Choice(["word2vec", "npmi"]),
    default="word2vec",
    show_default=True,
    help="npmi lies between -1 and 1 for any text.",
)
@click.option("--passes", default=2, show_default=True, metavar="N", help="With 2, up to 4 words.")
@click.option("--joiner", default="_", show_default=True, help="Stands between the words.")
@click.option(
    "--tokens", default="words", show_default=True, metavar="NAME", help="As of sajeon train."
)
@click.option(
    "--encoding-errors",
    type=click.Choice(["strict", "replace"]),
    default="strict",
    show_default=True,
    help="Bytes that are not UTF-8: stop, or put U+FFFD in their place.",
)
@json_option
def phrases(
    files: tuple[str, ...],
    k: int,
    sort: Literal["count", "score"],
    as_json: bool,
    **settings: Any,
) -> None:
    """List words of text files that stand together more often than chance.

    In a pipe: phrase, count, score. To train on a text with its phrases:
    sajeon train FILE -o MODEL --tokens phrases:threshold=10,passes=2,of=words
    """
    from ..corpus.finding import find_phrases
    from ..learn.progress import reporter_for

    with reporter_for(None) as report:
        paths = [Path(file) for file in files]
        found = find_phrases(paths, progress=report.reading, **settings).found or ()
    records: list[dict[str, Any]] = [
        {"phrase": p.token, "count": p.count, "score": p.score, "pass": number}
        for number, phrases in enumerate(found, 1)
        for p in phrases
    ]
    records.sort(key=lambda record: -record[sort])
    show(records[: k or None], _COLUMNS, as_json=as_json)
