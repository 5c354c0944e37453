"""A model folder, read as any other file of vectors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import overload

from . import atomic
from .folder import read_folder
from .tokentable import TokenTable
from .vectorfile import VectorFile, chunks_of


def open_folder(path: str | os.PathLike[str]) -> VectorFile:
    """Open a model folder as any other file of vectors; int8 rows come multiplied by their scales.

    Raises:
        FormatError: See `read_folder`.
    """
    data = read_folder(path)
    tokens, scales = Encoded(data.tokens), data.tensors.get("scales")
    stored = (atomic.existing(Path(path)) / "model.safetensors").stat().st_size
    return VectorFile(
        format="sajeon",
        name=str(path),
        dim=data.matrix.shape[1],
        num_rows=len(data.tokens),
        num_rows_certain=True,
        stored=stored,
        chunks=lambda: chunks_of(tokens, data.matrix, stored, scales),
        tokens=tokens,
        matrix=data.matrix if scales is None else None,
        counts=data.counts,
        tokenizer=data.tokenizer,
        settings=data.settings,
        tensors={name: tensor for name, tensor in data.tensors.items() if name != "scales"},
    )


class Encoded(Sequence[bytes]):
    """The tokens of a table as bytes, none of which is made before somebody asks."""

    def __init__(self, tokens: TokenTable) -> None:
        self._tokens = tokens

    def __len__(self) -> int:
        return len(self._tokens)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [token.encode() for token in self._tokens[index]]
        return self._tokens[index].encode()
