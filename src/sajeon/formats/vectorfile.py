"""A file of vectors, opened: what its beginning says, and its rows piece by piece.

Every format is read into this and written from it. So each format is one file with one function
for each direction, and whatever is done to vectors on their way (dropping repeated tokens, taking
some of them, storing them smaller) is done once, here and in `selection.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from ..types import Array, Counts
from .storage import restored

CHUNK_BYTES = 1 << 24
"""About so many bytes of rows make a chunk."""

Progress = Callable[[int, int], None]
"""Called with the bytes on disk that are done, and with how many there are."""

Errors = Literal["strict", "replace", "ignore"]

WHITESPACE: Mapping[str, Any] = {"name": "whitespace", "settings": {"case": "keep"}}
"""word2vec, GloVe and fastText know the tokens between blanks, as they stand."""


class Chunk(NamedTuple):
    """Some rows of a file.

    Attributes:
        tokens: (rows,) what the file has for each token, in UTF-8 if the file is right.
        rows: (rows, dim) floating point; valid until the next chunk is asked for.
        done: Bytes on disk that are read by now.
    """

    tokens: list[bytes]
    rows: Array
    done: int


@dataclass(frozen=True)
class VectorFile:
    """A table of vectors in a file.

    Attributes:
        format: Its name in `registry.FORMATS`.
        name: For messages.
        dim: Numbers in a row.
        num_rows: How many rows the file says it has; None where it does not say.
        stored: Bytes on disk, what `Chunk.done` rises to.
        chunks: Gives the rows from the first on, each time it is called. Where the file goes wrong
            a FormatError is raised from it, after the rows before.
        num_rows_certain: Whether `num_rows` was checked against the size of the file.
        tokens: All tokens, where they are at hand without reading the rows; as `Chunk.tokens`.
        matrix: (num_rows, dim), memory-mapped, where the file holds it in one piece.
        counts: (num_rows,) int64. How often each token occurred, where the file says.
        tokenizer: What cuts texts into such tokens, as in config.json; or None.
        settings: JSON values: how the vectors were trained, as far as the file says.
        tensors: Further arrays by name, for example "subwords" (buckets, dim).
    """

    format: str
    name: str
    dim: int
    num_rows: int | None
    stored: int
    chunks: Callable[[], Iterator[Chunk]]
    num_rows_certain: bool = False
    tokens: Sequence[bytes] | None = None
    matrix: Array | None = None
    counts: Counts | None = None
    tokenizer: Mapping[str, Any] | None = field(default_factory=lambda: WHITESPACE)
    settings: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Array] = field(default_factory=dict)


def rows_per_chunk(dim: int, itemsize: int = 4) -> int:
    """Return how many rows of `dim` numbers make a chunk."""
    return max(1, CHUNK_BYTES // max(1, dim * itemsize))


def chunks_of(
    tokens: Sequence[bytes], matrix: Array, stored: int, scales: Array | None = None
) -> Iterator[Chunk]:
    """Cut tokens and a (rows, dim) matrix that are at hand into chunks.

    Rows are views; those of an int8 matrix are multiplied by their `scales` (rows,).
    """
    step = rows_per_chunk(matrix.shape[1], matrix.itemsize)
    for start in range(0, len(matrix), step):
        part = slice(start, min(start + step, len(matrix)))
        rows = matrix[part] if scales is None else restored(matrix[part], scales[part])
        yield Chunk(list(tokens[part]), rows, stored * part.stop // len(matrix))


def as_floats(rows: Array) -> Array:
    """Return rows as float32, themselves if they are that already."""
    return np.asarray(rows, dtype=np.float32)
