"""Tables that lie in a file: mapped into memory, read page by page as rows are looked up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import FormatError
from ..formats import safetensors
from ..types import Array

NAMES = ("weight", "embeddings", "embedding.weight")
"""Names of the tensor that is taken where a file has several tables: torch's, sajeon's, others'."""


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
    table = _npy(path) if path.suffix == ".npy" else _tensor(path, name)
    if table.ndim != 2 or table.dtype.kind != "f" or not table.dtype.isnative:
        raise FormatError(
            f"{path}: expected floating-point numbers of shape (num_embeddings, dim), got "
            f"{table.dtype} {table.shape}."
        )
    return table


def as_tensor(array: Array) -> Tensor:
    """Return a tensor that shares the memory of an array which must not be written to.

    torch knows no read-only tensors: writing to this one changes what `array` holds, and stops the
    process where that is a mapped file.

    Args:
        array: (num_embeddings, dim), held by the tensor.

    Returns:
        The same shape and dtype.
    """
    return torch.from_numpy(np.asarray(_Unlocked(array)))


class _Unlocked:
    """Passes an array on as a writable one, which torch.from_numpy would warn about otherwise.

    Silencing the warning with `warnings.catch_warnings` would not be safe between threads.
    """

    def __init__(self, array: Array) -> None:
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface
        self.array = array  # its memory must live as long as this


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
