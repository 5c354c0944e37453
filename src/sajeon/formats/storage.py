"""Rows in fewer bytes: float16, or int8 with a scale for each row.

int8: row x is stored as round(x / s) with s = max |x| / 127, so that the error of a number is at
most s / 2. A cosine does not depend on the scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import FormatError
from ..types import Array, Floats

DTYPES = {"float32": np.float32, "float16": np.float16, "int8": np.int8}
_LARGEST = 127


def dtype_of(name: str) -> np.dtype[Any]:
    """Return the dtype of that name; ValueError for one that rows are not stored in."""
    if name not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}; got {name!r}.")
    return np.dtype(DTYPES[name])


def shrunk(rows: Array, dtype: np.dtype[Any]) -> tuple[Array, Floats | None]:
    """Return rows as they are to be stored, and the scales of int8 rows.

    Args:
        rows: (rows, dim) float32 or float16.
        dtype: One of `DTYPES`.

    Returns:
        (rows, dim) of that dtype, and (rows,) float32 or None. A row that holds NaN or infinity has
        a scale of NaN.

    Raises:
        FormatError: A number is too large for float16.
    """
    if dtype == np.int8:
        return _to_int8(np.asarray(rows, np.float32))
    with np.errstate(over="ignore"):
        stored = np.asarray(rows, dtype)
    if dtype == np.float16 and (np.isinf(stored) & ~np.isinf(rows)).any():
        raise FormatError(
            f"float16 holds numbers up to {np.finfo(np.float16).max:,.0f}; there is one of "
            f"{np.abs(rows[np.isfinite(rows)]).max():g}: store them as float32 or int8."
        )
    return stored, None


def _to_int8(rows: Floats) -> tuple[Array, Floats]:
    largest = np.abs(rows).max(axis=1, initial=0)
    scales = np.where(np.isfinite(largest), largest / _LARGEST, np.nan).astype(np.float32)
    usable = scales > 0  # false for NaN too
    divisor = np.where(usable, scales, 1)[:, None]
    whole = np.rint(np.where(usable[:, None], rows, 0) / divisor)
    return whole.clip(-_LARGEST, _LARGEST).astype(np.int8), scales


def restored(rows: Array, scales: Array | None) -> Floats:
    """Return (rows, dim) float32 of stored rows."""
    floats: Floats = np.asarray(rows, np.float32)
    return floats if scales is None else floats * scales[:, None]
