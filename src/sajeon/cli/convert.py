"""``sajeon convert``: vectors from one format to another."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .errors import say
from .output import json_option, show_json

if TYPE_CHECKING:
    from ..conversion import Converted

_TARGETS = """
\b
Formats (--to), and the endings of TARGET that mean them:
  sajeon         no ending           our own folder; also opens in model2vec, sentence-transformers
  word2vec       .bin                word2vec's binary form
  word2vec-text  .vec .txt           text with a header, also fastText's
  glove          .glove              text without a header
  npy            .npy                a NumPy matrix; its tokens in NAME.vocab.txt
  projector      .tsv                TensorBoard's projector; its tokens in NAME.metadata.tsv
  parquet        .parquet            Parquet, with the extra sajeon[data]
  arrow          .arrow .feather     Arrow, with the extra sajeon[data]
"""


@click.command(epilog=_TARGETS)
@click.argument("source")
@click.argument("target")
@click.option("--to", metavar="FORMAT", help="What to write; default: what TARGET's ending means.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "int8"]),
    help="How our own folder stores numbers; the loss of neighbours is reported.",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="Only the first N rows.")
@click.option("--tokens", metavar="FILE", help="Only the tokens in FILE, one on a line.")
@click.option("--blanks", metavar="SIGN", help="Write SIGN in place of each blank in a token.")
@click.option(
    "--vocab", metavar="FILE", help="Tokens of an .npy file, or counts: one on a line of FILE."
)
@click.option(
    "--lenient", is_flag=True, help="Take the rows that are there where the header says otherwise."
)
@click.option(
    "--encoding-errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    show_default=True,
    help="What to do with tokens that are not UTF-8.",
)
@json_option
def convert(source: str, target: str, as_json: bool, **options: Any) -> None:
    """Write the vectors of SOURCE in another format.

    SOURCE is told by content: word2vec (binary or text), GloVe, fastText (.vec, .bin, .ftz),
    model2vec, sentence-transformers, .npy or safetensors with a vocabulary, Parquet, Arrow, or our
    own folder; files may be compressed (.gz .bz2 .xz .zst), or inside a .zip: a.zip/b.txt.
    """
    from ..conversion import convert as convert_vectors

    tokens = options.pop("tokens")
    with _bar() as progress:
        done = convert_vectors(
            source,
            target,
            tokens=None if tokens is None else _lines_of(tokens),
            errors=options.pop("encoding_errors"),
            strict=not options.pop("lenient"),
            progress=progress,
            **options,
        )
    _show(done, target, as_json)


def _lines_of(path: str) -> list[str]:
    from ..formats.source import Source

    text = b"".join(block for block, _ in Source(path).blocks())
    return [line for line in text.decode("utf-8-sig").splitlines() if line]


@contextmanager
def _bar() -> Iterator[Any]:
    """Show how much of the source is done, if standard error is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from ..learn.progress import Bar

    with Bar() as bar:
        yield bar.reading


def _show(done: Converted, target: str, as_json: bool) -> None:
    if as_json:
        show_json(asdict(done))
        return
    say(f"{target}: {done.rows:,} rows of {done.dim}, {done.source} to {done.target}, {done.dtype}")
    if done.kept is not None:
        say(f"of the ten nearest neighbours {done.kept:.1%} stay among them (of up to 100 tokens)")
