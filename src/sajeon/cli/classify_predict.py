"""``sajeon classify predict``: a line of labels for each text, as soon as the text is there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from ..errors import FormatError
from .classify_options import encoding_option, text_option
from .output import json_option, on_terminal, one_line, printable

if TYPE_CHECKING:
    from ..formats.textlines import EncodingErrors

Found: TypeAlias = "list[tuple[Any, float]]"

_BLOCK = 1 << 20  # bytes taken from a pipe at once, if so many wait there
_BATCH = 4096  # texts of a file labelled at once
_WIDEST = 24  # characters of a label in a table


@click.command()
@click.argument("model")
@click.argument("file", required=False, default="-")
@text_option
@click.option("-k", default=1, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option(
    "--threshold",
    default=0.0,
    show_default=True,
    metavar="X",
    type=click.FloatRange(0, 1),
    help="Leave out labels less likely than this.",
)
@click.option("--proba", is_flag=True, help="Print the probability of each label.")
@encoding_option
@json_option
def predict(
    model: str,
    file: str,
    text: str | None,
    k: int,
    threshold: float,
    proba: bool,
    encoding_errors: EncodingErrors,
    as_json: bool,
) -> None:
    """Label texts: those of FILE, or of standard input, one on a line.

    With --text, FILE is a table: CSV, TSV, JSON lines or Parquet. A line of labels, the likeliest
    first, answers each text; one from a slow pipe at once.
    """
    from ..classify import load

    classifier = load(model)
    printer = _JsonPrinter() if as_json else _printer(proba)
    for texts in _texts(file, text, encoding_errors):
        printer.show(texts, classifier.top(texts, k, threshold))
    printer.end()


def _texts(file: str, column: str | None, errors: EncodingErrors) -> Iterator[list[str]]:
    """Yield the texts in batches, none of which is empty."""
    if column is None and file == "-":
        yield from _as_they_come(errors)
        return
    texts = _of_column(file, column, errors) if column is not None else _of_lines(file, errors)
    while batch := list(islice(texts, _BATCH)):
        yield batch


def _of_column(file: str, column: str, errors: EncodingErrors) -> Iterator[str]:
    from ..formats.columns import read_columns

    return (text for (text,) in read_columns(file, [column], encoding_errors=errors))


def _of_lines(file: str, errors: EncodingErrors) -> Iterator[str]:
    from ..formats.textlines import TextLines

    source = TextLines(file, errors)
    source.check_text()
    return (line.rstrip("\r\n") for line in source.lines())


def _as_they_come(errors: EncodingErrors) -> Iterator[list[str]]:
    """Yield the lines that wait in standard input, and wait only if none does."""
    buffered = sys.stdin.buffer
    raw = getattr(buffered, "raw", buffered)  # gives what is there, not a full buffer
    rest, done = b"", 0
    while block := raw.read(_BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        if lines:
            yield _decoded(lines, done, errors)
            done += len(lines)
    if rest:
        yield _decoded([rest], done, errors)


def _decoded(lines: list[bytes], done: int, errors: EncodingErrors) -> list[str]:
    texts = []
    for number, line in enumerate(lines, done + 1):
        try:
            texts.append(line.removesuffix(b"\r").decode("utf-8", errors))
        except UnicodeDecodeError as error:
            raise FormatError(
                f"standard input:{number}: byte {error.start + 1:,} of the line: not UTF-8; "
                "to go on, --encoding-errors replace"
            ) from error
    return texts


class _LinePrinter:
    """Labels with tabs between, after each its probability if that is wanted."""

    def __init__(self, proba: bool) -> None:
        self._proba = proba

    def show(self, texts: list[str], found: list[Found]) -> None:
        lines = [self._line(text, labels) for text, labels in zip(texts, found, strict=True)]
        click.echo("\n".join(lines), color=True)

    def end(self) -> None: ...

    def _line(self, text: str, labels: Found) -> str:
        if not self._proba:
            return "\t".join(one_line(str(label)) for label, _ in labels)
        return "\t".join(f"{one_line(str(label))}\t{share:.4f}" for label, share in labels)


class _TablePrinter(_LinePrinter):
    """The same for people: the labels in a column, then the text as far as it fits."""

    def _line(self, text: str, labels: Found) -> str:
        cells = (
            f"{printable(str(label))}{f' {share:.3f}' if self._proba else ''}"
            for label, share in labels
        )
        return f"{'  '.join(cells):<{_WIDEST}}  {printable(text)}"


class _JsonPrinter:
    """One JSON list, of which each text is a line that is written when it is known."""

    def __init__(self) -> None:
        self._before = "["

    def show(self, texts: list[str], found: list[Found]) -> None:
        lines = [self._object(text, labels) for text, labels in zip(texts, found, strict=True)]
        click.echo(self._before + "\n" + ",\n".join(lines), nl=False, color=True)
        self._before = ","

    def end(self) -> None:
        click.echo("[]" if self._before == "[" else "\n]")

    def _object(self, text: str, labels: Found) -> str:
        named = [{"label": _plain(label), "probability": float(share)} for label, share in labels]
        return json.dumps({"text": text, "labels": named}, ensure_ascii=False)


def _printer(proba: bool) -> _LinePrinter:
    return _TablePrinter(proba) if on_terminal() else _LinePrinter(proba)


def _plain(label: Any) -> Any:
    """Return a NumPy scalar as Python's."""
    return label.item() if hasattr(label, "item") else label
