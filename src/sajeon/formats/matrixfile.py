"""A table of numbers alone in a file, .npy or safetensors, mapped into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import FormatError
from ..types import Array
from . import safetensors

NAMES = ("embeddings", "weight", "embedding.weight", "vectors", "matrix")
"""Names of the tensor that is taken where a file has several tables: sajeon's, torch's, others'."""


def open_table(path: Path, name: str | None = None) -> Array:
    """Map the table of a .npy or safetensors file into memory.

    Args:
        path: The file.
        name: Of the tensor in a safetensors file. None: the only table, or one of `NAMES`.

    Returns:
        (num_embeddings, dim) float16, float32 or float64, a read-only view of the file.

    Raises:
        FormatError: The file is damaged or has no such table.
        FileNotFoundError: There is no such file.
    """
    table = _npy(path) if _is_npy(path) else _tensor(path, name)
    if table.ndim != 2 or not table.size or table.dtype.kind != "f" or not table.dtype.isnative:
        raise FormatError(
            f"{path}: expected floating-point numbers of shape (num_embeddings, dim), got "
            f"{table.dtype} {table.shape}."
        )
    return table


def _is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6) == b"\x93NUMPY"


def _npy(path: Path) -> Array:
    try:
        table: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy evaluates the header as a literal: anything may be raised
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"{path}: not a whole .npy file of numbers: {error}.") from error
    return table


def _tensor(path: Path, name: str | None) -> Array:
    tensors, _ = safetensors.read(path)
    tables = [key for key, tensor in tensors.items() if tensor.ndim == 2]
    known = tables if len(tables) == 1 else [key for key in NAMES if key in tables]
    wanted = name if name is not None else next(iter(known), None)
    if wanted not in tensors:
        shapes = ", ".join(f"{key} {tensor.shape}" for key, tensor in tensors.items())
        raise FormatError(
            f"{path}: expected a table named {wanted or ' or '.join(NAMES)}; it has {shapes}. "
            "Choose one with name=."
        )
    return tensors[wanted]
