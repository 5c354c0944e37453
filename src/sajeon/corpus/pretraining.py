"""A tokenizer trained on the source that it is going to cut, which is therefore read twice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO

from ..files import read_ahead
from ..tokens import Tokenizer
from ..tokens.readers import STANDARD_INPUT, TextFile
from .cutting import decoded_lines, without_surrogates

_LENGTH_BYTES = 8


def trained_on_files(
    tokenizer: Any, files: list[TextFile], encoding_errors: str, stack: ExitStack
) -> tuple[Tokenizer, Iterator[str] | None]:
    """Train a tokenizer on the lines of files.

    Args:
        tokenizer: One that is ``untrained``.
        files: Read here once.
        encoding_errors: See `build_corpus`.
        stack: Closes what is kept.

    Returns:
        The trained tokenizer; and the lines, where a file cannot be read twice, else None.
    """
    lines = (
        line
        for file in files
        for line in decoded_lines(read_ahead(file.blocks()), file.name, encoding_errors)
    )
    if any(file.path == STANDARD_INPUT for file in files):
        return trained_on_texts(tokenizer, lines, encoding_errors, stack)
    return tokenizer.trained(lines), None


def trained_on_texts(
    tokenizer: Any, texts: Iterable[str], encoding_errors: str, stack: ExitStack
) -> tuple[Tokenizer, Iterator[str]]:
    """Train a tokenizer on texts, which are kept in a file without a name; return both."""
    kept = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    trained = tokenizer.trained(_kept_in(kept, without_surrogates(texts, encoding_errors)))
    kept.seek(0)
    return trained, _texts_of(kept)


def _kept_in(file: BinaryIO | Any, texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        data = text.encode()
        file.write(len(data).to_bytes(_LENGTH_BYTES, "little") + data)
        yield text


def _texts_of(file: BinaryIO | Any) -> Iterator[str]:
    while head := file.read(_LENGTH_BYTES):
        yield file.read(int.from_bytes(head, "little")).decode()
