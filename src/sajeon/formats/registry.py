"""What reads each format."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError
from . import arrow, atomic, bare, sniff, static, word2vec
from .fasttext import open_fasttext
from .folder_kind import folder_format_of
from .folder_rows import open_folder
from .source import Source
from .vectorfile import VectorFile


def open_file(
    path: str | os.PathLike[str],
    *,
    strict: bool = True,
    vocab: str | os.PathLike[str] | None = None,
) -> VectorFile:
    """Open vectors in any form that is known, told by content.

    Args:
        path: A file, one inside a .zip archive (``a.zip/b.txt``), or a folder.
        strict: Whether a header that promises other rows than there are is an error.
        vocab: A file with the tokens of a .npy or safetensors file; or with the counts of tokens.

    Raises:
        FormatError: It is none of the forms, or damaged.
        FileNotFoundError: There is nothing at `path`.
    """
    there = atomic.existing(Path(path))
    if there.is_dir():
        opened = _open_folder(there)
    else:
        source = Source(there)
        opened = _READERS[sniff.format_of(source)](source, strict, vocab)
    if vocab is not None and opened.format != "npy":
        return _with_counts(opened, Path(vocab))
    return opened


def _open_folder(path: Path) -> VectorFile:
    if folder_format_of(path) == "sajeon":
        return open_folder(path)
    return static.open_static(path)


def _lines() -> Any:
    """Imported when it is needed, since it imports Numba: half a second."""
    from . import lines

    return lines


_Open = Callable[[Source, bool, "str | os.PathLike[str] | None"], VectorFile]
_READERS: dict[str, _Open] = {
    "word2vec": lambda source, strict, _: word2vec.open_word2vec(source, strict=strict),
    "word2vec-text": lambda source, strict, _: _lines().open_lines(source, strict=strict),
    "glove": lambda source, strict, _: _lines().open_lines(source, strict=strict),
    "fasttext": lambda source, strict, _: open_fasttext(source, strict=strict),
    "npy": lambda source, _, vocab: bare.open_bare(source, vocab),
    "safetensors": lambda source, _, vocab: bare.open_bare(source, vocab),
    "parquet": lambda source, _strict, _: arrow.open_arrow(source),
    "arrow": lambda source, _strict, _: arrow.open_arrow(source),
}


def _with_counts(file: VectorFile, vocab: Path) -> VectorFile:
    """Add the counts of a vocabulary file in the order of the rows."""
    tokens, counts = bare.read_vocab(vocab)
    if counts is None:
        raise FormatError(f"{vocab}: expected a token and its count on each line.")
    rows = [token for chunk in file.chunks() for token in chunk.tokens]
    known = dict(zip(tokens, counts.tolist(), strict=True))
    missing = next((token for token in rows if token not in known), None)
    if missing is not None:
        raise FormatError(
            f"{vocab}: has no count for the token {missing.decode('utf-8', 'replace')!r} of "
            f"{file.name}."
        )
    return replace(file, counts=np.array([known[token] for token in rows], np.int64))
