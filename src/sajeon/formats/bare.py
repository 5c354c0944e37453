"""A matrix alone, .npy or safetensors, with its tokens in a file of their own; and such a file.

A vocabulary is a text with a token on each line, in UTF-8. Where every line goes on with a blank or
a tab and a whole number (word2vec's ``-save-vocab``, gensim's ``fvocab``), those are the counts. Or
it is JSON: a list of tokens, or tokens and their ids.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from ..errors import FormatError
from ..types import Counts
from .matrixfile import open_table
from .source import Source
from .vectorfile import VectorFile, chunks_of

_COUNTED = re.compile(rb"(.*)[ \t]([0-9]{1,18})", re.S)


class Vocab(NamedTuple):
    """What a vocabulary file holds.

    Attributes:
        tokens: In id order, in UTF-8 if the file is right.
        counts: (tokens,) int64, or None.
    """

    tokens: list[bytes]
    counts: Counts | None


def open_bare(source: Source, vocab: str | os.PathLike[str] | None = None) -> VectorFile:
    """Open a .npy or safetensors file, memory-mapped, and the vocabulary that belongs to it.

    Args:
        source: The matrix.
        vocab: The vocabulary file. None: it lies beside, as NAME.vocab.txt, NAME.vocab,
            NAME.vocab.json, vocab.txt or vocab.json.

    Raises:
        FormatError: The matrix is no table of numbers, there is no vocabulary, or their sizes
            differ.
    """
    path = source.unpacked()
    matrix = open_table(path)
    beside = _beside(path) if vocab is None else Path(vocab)
    tokens, counts = read_vocab(beside)
    if len(tokens) != len(matrix):
        raise FormatError(
            f"{beside}: expected a token for each of the {len(matrix):,} rows of {path}, got "
            f"{len(tokens):,}."
        )
    return VectorFile(
        format="npy",
        name=source.name,
        dim=matrix.shape[1],
        num_rows=len(matrix),
        num_rows_certain=True,
        stored=source.stored,
        chunks=lambda: chunks_of(tokens, matrix, source.stored),
        tokens=tokens,
        matrix=matrix if matrix.dtype in (np.float32, np.float16) else None,
        counts=counts,
    )


def _beside(path: Path) -> Path:
    stem = path.name.removesuffix(path.suffix)
    names = [f"{stem}.vocab.txt", f"{stem}.vocab", f"{stem}.vocab.json", "vocab.txt", "vocab.json"]
    for name in names:
        if path.with_name(name).is_file():
            return path.with_name(name)
    raise FormatError(
        f"{path}: holds numbers without tokens, expected them beside it, one a line, in "
        f"{' or '.join(names)}; name another file with vocab= (--vocab)."
    )


def read_vocab(path: Path) -> Vocab:
    """Read a vocabulary file.

    Raises:
        FormatError: It is JSON of another shape.
        FileNotFoundError: There is no such file.
    """
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if content[:1] in (b"{", b"[") and path.suffix == ".json":
        return Vocab(_from_json(path, content), None)
    lines = [line.removesuffix(b"\r") for line in content.removesuffix(b"\n").split(b"\n")]
    found = [_COUNTED.fullmatch(line) for line in lines]
    if not all(found):
        return Vocab(lines if content else [], None)
    counts = [int(match[2]) for match in found if match]
    return Vocab([match[1] for match in found if match], np.array(counts, np.int64))


def _from_json(path: Path, content: bytes) -> list[bytes]:
    try:
        value = json.loads(content)
        if isinstance(value, dict):
            if sorted(value.values()) != list(range(len(value))):
                raise ValueError("the ids are not 0 to their number, each once")
            value = sorted(value, key=value.__getitem__)
        return [token.encode("utf-8", "surrogatepass") for token in value]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"{path}: expected a JSON list of tokens, or an object of tokens and ids: {error}."
        ) from error


def write_vocab(file: IO[bytes], tokens: Sequence[bytes]) -> None:
    """Write a token on each line.

    Raises:
        FormatError: A token with a line end in it.
    """
    for token in tokens:
        if b"\n" in token or b"\r" in token:
            raise FormatError(
                f"the token {token.decode('utf-8', 'replace')!r} cannot be written one a line: "
                "choose another format."
            )
    file.write(b"".join(b"%s\n" % token for token in tokens))
