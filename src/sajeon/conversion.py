"""`sajeon.convert`: vectors from one format to another, streamed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .formats import atomic, folder, huggingface, safetensors, storage
from .formats.folder_rows import Encoded
from .formats.registry import open_file
from .formats.selection import Selected, Selection, selected
from .formats.targets import TARGETS, Target, target_of
from .formats.tokentable import TokenTable
from .formats.vectorfile import Errors, Progress, VectorFile, as_floats, chunks_of
from .kept import KeptNeighbours
from .types import Array, Ids
from .vectors import Vectors


@dataclass(frozen=True)
class Converted:
    """What a conversion did.

    Attributes:
        rows: How many rows were written.
        dim: Numbers in a row.
        source: The format that was read.
        target: The format that was written.
        dtype: What the rows are stored as.
        kept: What share of the ten nearest neighbours is still among them, on sampled tokens; None
            where the rows are stored as they were.
    """

    rows: int
    dim: int
    source: str
    target: str
    dtype: str
    kept: float | None


def convert(
    source: str | os.PathLike[str] | Vectors,
    target: str | os.PathLike[str],
    *,
    to: str | None = None,
    dtype: str | None = None,
    limit: int | None = None,
    tokens: Collection[str] | None = None,
    blanks: str | None = None,
    errors: Errors = "strict",
    strict: bool = True,
    vocab: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Converted:
    """Write vectors in another format.

    Rows are streamed: a table of any size takes the memory of its tokens and of some megabytes of
    rows. The target is replaced when it is whole, and on any failure is as it was.

    Args:
        source: A file or folder in any format that `sajeon.load` opens, or vectors.
        target: The file or folder to write.
        to: The format; None: what the ending of `target` says, a folder where it has none.
        dtype: "float32", "float16" or "int8", of our own folder. None: as the source has them,
            float16 or float32.
        limit: Only the first so many rows.
        tokens: Only these tokens.
        blanks: What to write in place of each blank in a token, for formats that cannot hold one.
        errors: What to do with tokens that are not UTF-8: "strict", "replace" or "ignore".
        strict: Whether a header that promises other rows than there are is an error.
        vocab: See `sajeon.load`.
        progress: Called with the bytes on disk that are done, and with how many there are.

    Raises:
        FormatError: The source is damaged or of no known format, a token cannot be written, or
            `target` holds something that would be lost.
        ValueError: An argument that cannot be used.
        MissingExtraError: The format needs a package that is not installed.
    """
    name = target_of(Path(target), to)
    selection = Selection(limit, tokens, errors)
    if dtype is not None and name != "sajeon":
        raise ValueError(f"dtype is for our own folder; {name} holds float32.")
    file = (
        _of_vectors(source)
        if isinstance(source, Vectors)
        else open_file(source, strict=strict, vocab=vocab)
    )
    parts = _reported(selected(file, selection), file, progress)
    if blanks is not None:
        parts = _without_blanks(parts, blanks)
    writer = TARGETS[name]
    if writer.write is None:
        rows, stored, kept = _write_folder(target, file, parts, _stored_as(file, dtype))
    else:
        rows, stored, kept = _write_files(Path(target), file, parts, writer), "float32", None
    return Converted(rows, file.dim, file.format, name, stored, kept)


def _of_vectors(vectors: Vectors) -> VectorFile:
    tokens, matrix = Encoded(vectors.tokens), vectors.matrix
    tokenizer, _ = vectors._described_tokenizer()
    return VectorFile(
        format="vectors", name="the vectors", dim=vectors.dim, num_rows=len(vectors),
        num_rows_certain=True, stored=matrix.nbytes,
        chunks=lambda: chunks_of(tokens, matrix, matrix.nbytes, vectors.scales),
        counts=vectors.counts, tokenizer=tokenizer, settings=vectors.settings,
        tensors={n: t for n, t in vectors._tensors().items() if n != "scales"},
    )  # fmt: skip


def _reported(
    parts: Iterator[Selected], file: VectorFile, progress: Progress | None
) -> Iterator[Selected]:
    for part in parts:
        yield part
        if progress is not None:
            progress(part.done, file.stored)


def _without_blanks(parts: Iterator[Selected], blanks: str) -> Iterator[Selected]:
    for part in parts:
        tokens = [token.replace(b" ", blanks.encode()) for token in part.tokens]
        yield part._replace(tokens=tokens)


def _stored_as(file: VectorFile, dtype: str | None) -> np.dtype[Any]:
    if dtype is not None:
        return storage.dtype_of(dtype)
    found = np.float32 if file.matrix is None else file.matrix.dtype
    return np.dtype(found)


def _write_files(path: Path, file: VectorFile, parts: Iterator[Selected], target: Target) -> int:
    assert target.write is not None
    if path.is_dir():
        raise IsADirectoryError(21, "is a folder, expected the name of a file", str(path))
    with ExitStack() as stack:
        paths = [stack.enter_context(atomic.replacing_file(p)) for p in target.paths(path)]
        rows = target.write(paths, file, parts)
        for fresh in paths:
            with fresh.open("rb+") as written:
                safetensors.flush_to_disk(written)
    return rows


def _write_folder(
    path: str | os.PathLike[str],
    file: VectorFile,
    parts: Iterator[Selected],
    dtype: np.dtype[Any],
) -> tuple[int, str, float | None]:
    """Write our own folder: how many rows, stored as what, and what share of neighbours is kept."""
    folder.check_target(path)
    seen = _Seen(dtype)
    folder.write_stream(path, dtype, file.dim, seen.stored(parts), lambda: seen.model(file))
    return len(seen.tokens), dtype.name, None if seen.kept is None else seen.kept.share()


class _Seen:
    """What the folder holds besides its rows, collected while these pass by."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.tokens: list[bytes] = []
        self.kept: KeptNeighbours | None = None
        self._places: list[Ids] = []
        self._scales: list[Array] = []

    def stored(self, parts: Iterator[Selected]) -> Iterator[Array]:
        for part in parts:
            rows, scales = storage.shrunk(part.rows, self.dtype)
            self.tokens += part.tokens
            self._places.append(part.places)
            if scales is not None:
                self._scales.append(scales)
            if rows.dtype != part.rows.dtype and rows.itemsize < part.rows.itemsize:
                self.kept = self.kept or KeptNeighbours()
                self.kept.see(as_floats(part.rows), storage.restored(rows, scales))
            yield rows

    def model(self, file: VectorFile) -> folder.ModelData:
        tokens = TokenTable.from_encoded(self.tokens)
        places = np.concatenate([np.zeros(0, np.int64), *self._places])
        tensors = dict(file.tensors)
        if self.dtype == np.int8:
            tensors["scales"] = np.concatenate([np.zeros(0, np.float32), *self._scales])
        return folder.ModelData(
            tokens=tokens,
            matrix=np.zeros((0, file.dim), self.dtype),
            counts=None if file.counts is None else file.counts[places],
            tokenizer=file.tokenizer,
            vocabulary={"min_count": file.settings.get("min_count"), "specials": []},
            settings=file.settings,
            tensors=tensors,
            hf_tokenizer=huggingface.offered(file.tokenizer, tokens, self.dtype),
        )
