"""``sajeon map``: a picture of where the words lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from .errors import Failure, say

if TYPE_CHECKING:
    from ..explore.tsne import Report
    from ..types import Floats


@click.command()
@click.argument("model")
@click.option("-o", "--output", metavar="FILE", required=True, help="A .png, .svg or .pdf.")
@click.option(
    "--layout",
    type=click.Choice(["tsne", "pca"]),
    default="tsne",
    show_default=True,
    help="tsne keeps neighbours together and takes a while; pca is there at once.",
)
@click.option(
    "--points",
    metavar="N",
    type=click.IntRange(min=1, max=100_000),
    default=2000,
    show_default=True,
    help="Words drawn, the most frequent.",
)
@click.option(
    "--labels",
    metavar="N",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="Names written, at most.",
)
def map(model: str, output: str, layout: Literal["tsne", "pca"], points: int, labels: int) -> None:
    """Draw the words of MODEL: like words lie near each other."""
    from ..explore.picture import FORMATS, draw_map
    from ..explore.subject import Subject

    if not output.lower().endswith(FORMATS):
        endings = ", ".join(f".{name}" for name in FORMATS)
        raise Failure(f"{output}: expected a name that ends in {endings}.")
    subject = Subject.open(model, points=points)
    for note in draw_map(output, subject, layout=layout, labels=labels, report=_reporter()):
        say(f"warning: {note}")
    say(f"saved {output}: {subject.points:,} words")


def _reporter() -> Report:
    """Return what says, now and then on a terminal, how far a t-SNE is."""
    import sys

    shown = sys.stderr.isatty()

    def report(done: int, total: int, _: Floats | None) -> bool:
        if shown and done % 50 == 0:
            click.echo(f"\rsajeon: t-SNE {done / total:4.0%} ", err=True, nl=done == total)
        return False

    return report
