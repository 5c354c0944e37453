"""Tensors of tables that lie in a file, read page by page as rows are looked up."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..types import Array


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
