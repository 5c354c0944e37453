"""Folders of model2vec and of sentence-transformers' StaticEmbedding.

    model.safetensors   "embeddings", or "embedding.weight": a row for each token id; model2vec's
                        also "mapping" (tokens,), the row of each token, and "weights" (tokens,), by
                        which its row is multiplied
    tokenizer.json      Hugging Face's tokenizer; of it only the vocabulary is read here

Sentence-transformers keeps both in a folder of their own, ``0_StaticEmbedding``.
Source: how model2vec 0.10 and sentence-transformers 6.2 read them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError
from ..types import Array
from . import safetensors
from .vectorfile import Chunk, VectorFile, chunks_of, rows_per_chunk

_KEYS = ("embeddings", "embedding.weight")
_INNER = "0_StaticEmbedding"


def open_static(folder: Path) -> VectorFile:
    """Open a folder of static embeddings; rows are memory-mapped.

    Texts cannot be cut into its tokens here, so its tokenizer is not kept: give token lists.

    Raises:
        FormatError: A file is missing or damaged, or the two do not fit together.
    """
    path, vocabulary = _files(folder)
    tensors, _ = safetensors.read(path)
    key = next((key for key in _KEYS if key in tensors), None)
    if key is None or tensors[key].ndim != 2 or not tensors[key].size:
        raise FormatError(
            f"{path}: expected a tensor {' or '.join(map(repr, _KEYS))} (tokens, dim), it has "
            f"{ {name: tensor.shape for name, tensor in tensors.items()} }."
        )
    matrix = tensors[key]
    tokens = read_tokenizer_json(vocabulary)
    mapping, weights = tensors.get("mapping"), tensors.get("weights")
    _check(path, tokens, matrix, mapping, weights)
    plain = mapping is None and weights is None and matrix.dtype in (np.float32, np.float16)
    stored = path.stat().st_size

    def chunks() -> Iterator[Chunk]:
        if plain:
            yield from chunks_of(tokens, matrix, stored)
        else:
            yield from _folded(tokens, matrix, mapping, weights, stored)

    return VectorFile(
        format="static",
        name=str(folder),
        dim=matrix.shape[1],
        num_rows=len(tokens),
        num_rows_certain=True,
        stored=stored,
        chunks=chunks,
        tokens=tokens,
        matrix=matrix if plain else None,
        tokenizer=None,
    )


def _files(folder: Path) -> tuple[Path, Path]:
    """Return the files of rows and of the tokenizer."""
    for place in (folder, folder / _INNER):
        both = place / "model.safetensors", place / "tokenizer.json"
        if all(file.is_file() for file in both):
            return both
    raise FormatError(
        f"{folder}: expected model.safetensors and tokenizer.json side by side, as model2vec and "
        "sentence-transformers save them (only their static embeddings are tables)."
    )


def _check(
    path: Path, tokens: Sequence[bytes], matrix: Array, mapping: Array | None, weights: Array | None
) -> None:
    num = len(tokens)
    for name, array in (("mapping", mapping), ("weights", weights)):
        if array is not None and array.shape != (num,):
            raise FormatError(f"{path}: expected {name} ({num:,},), got {array.shape}.")
    if mapping is None:
        if len(matrix) != num:
            raise FormatError(
                f"{path}: {len(matrix):,} rows, but tokenizer.json has {num:,} tokens; expected "
                "one row for each."
            )
    elif mapping.dtype.kind not in "iu" or mapping.min() < 0 or mapping.max() >= len(matrix):
        raise FormatError(
            f"{path}: expected mapping to hold rows from 0 to {len(matrix) - 1:,}, got "
            f"{mapping.dtype}, {mapping.min()} to {mapping.max()}."
        )


def _folded(
    tokens: Sequence[bytes],
    matrix: Array,
    mapping: Array | None,
    weights: Array | None,
    stored: int,
) -> Iterator[Chunk]:
    step = rows_per_chunk(matrix.shape[1])
    for start in range(0, len(tokens), step):
        part = slice(start, min(start + step, len(tokens)))
        rows = (matrix[part] if mapping is None else matrix[mapping[part]]).astype(np.float32)
        if weights is not None:
            rows *= weights[part, None].astype(np.float32)
        yield Chunk(list(tokens[part]), rows, stored * part.stop // len(tokens))


def read_tokenizer_json(path: Path) -> list[bytes]:
    """Return the tokens of a Hugging Face tokenizer.json by id, in UTF-8.

    Raises:
        FormatError: It is not JSON, or its ids are not 0 to their number, each once.
    """
    try:
        content = json.loads(path.read_bytes())
        ids = dict(_pairs(content))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            f"{path}: expected a tokenizer.json with a vocabulary, got something else: {error!r}."
        ) from error
    tokens = list[bytes | None]([None] * len(ids))
    for token, i in ids.items():
        if not isinstance(i, int) or not 0 <= i < len(tokens) or tokens[i] is not None:
            raise FormatError(
                f"{path}: expected ids 0 to {len(ids) - 1:,}, each once; {token!r} has {i!r}."
            )
        tokens[i] = token.encode("utf-8", "surrogatepass")
    return [token for token in tokens if token is not None]


def _pairs(content: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield tokens and ids: those of the model, and those added to it, which it may have too."""
    vocabulary = content["model"]["vocab"]
    if isinstance(vocabulary, dict):
        yield from vocabulary.items()
    else:  # Unigram: [token, score] in id order
        yield from ((token, i) for i, (token, _) in enumerate(vocabulary))
    for added in content.get("added_tokens") or ():
        yield added["content"], added["id"]
