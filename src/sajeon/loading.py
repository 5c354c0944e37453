"""`sajeon.load`: vectors in any form that is known."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from .formats.folder_kind import is_ours
from .subwords import subwords_of
from .vectors import Vectors

if TYPE_CHECKING:
    from .formats.vectorfile import Errors, Progress


def load(
    path: str | os.PathLike[str],
    *,
    limit: int | None = None,
    tokens: Collection[str] | None = None,
    errors: Errors = "strict",
    strict: bool = True,
    vocab: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Vectors:
    """Open vectors: a model folder of sajeon, or a file or folder from elsewhere.

    What it is, its content tells: word2vec (binary, text), GloVe, fastText (.vec, .bin, .ftz),
    model2vec, sentence-transformers, .npy and safetensors with a vocabulary, Parquet, Arrow;
    compressed by gzip, bzip2, xz or zstandard, or inside a .zip (``a.zip/b.txt``).

    A model folder is memory-mapped: opening takes milliseconds for any size, and processes that
    open the same model share its memory. A file from elsewhere is read into memory, matrix and
    tokens and no more; `sajeon.convert` makes a folder of it. Nothing is ever unpickled.

    Args:
        path: The folder or file.
        limit: Only the first so many rows.
        tokens: Only these tokens; those that are not there are passed over.
        errors: Tokens that are not UTF-8: "strict" refuses, "replace" puts U+FFFD in place of
            such bytes, "ignore" drops them.
        strict: Whether a header that promises other rows than there are is an error. False: what
            is there is taken.
        vocab: A file with the tokens of a .npy or safetensors file (default: NAME.vocab.txt or
            vocab.txt beside it), or with tokens and their counts for any other.
        progress: Called with the bytes on disk that are done, and with how many there are.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        FormatError: It is damaged, of a later format, or no vectors that are known.
        MissingExtraError: Reading it needs a package that is not installed.
    """
    if is_ours(path) and limit is None and tokens is None and vocab is None:
        return Vectors.load(path)
    from .formats.registry import open_file
    from .formats.selection import Selection, collect

    file = open_file(path, strict=strict, vocab=vocab)
    found = collect(file, Selection(limit, tokens, errors), progress)
    return Vectors(
        found.tokens,
        found.matrix,
        found.counts,
        tokenizer=file.tokenizer,
        settings=file.settings,
        subwords=subwords_of(file.name, file.tensors, file.settings),
    )
