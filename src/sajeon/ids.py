"""What counts as an id: checked once, at the edge, by everything that takes ids from a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sajeon.types import Array, Ids


def as_ids(values: object, num_embeddings: int | None = None, *, name: str = "ids") -> Ids:
    """Return `values` as ids, or say which value is none and where it stands.

    Args:
        values: Integers of any shape: a number, a (nested) list, an array or a torch tensor.
        num_embeddings: Number of rows that the ids may point to. None: the range is not checked.
        name: What messages call the values.

    Returns:
        The shape of `values`, int64. The very same array where it is int64 already.

    Raises:
        TypeError: Not integers. Floats are refused even where they are whole: an id is the number
            of a row, it has no size and no order.
        ValueError: A nested list whose parts differ in length.
        IndexError: An id is negative or not below `num_embeddings`.
    """
    array = _as_array(values, name)
    if array.size == 0 and array.dtype.kind == "f":  # np.asarray([]) is float64
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(_not_integers(array, name))
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise IndexError(f"{name} must fit into int64, got {array.max()}.")
    ids: Ids = array.astype(np.int64, copy=False)
    if num_embeddings is not None:
        _check_range(ids, num_embeddings, name)
    return ids


def _as_array(values: object, name: str) -> Array:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} must have one length in each direction, got parts that differ. "
            "Make them equally long with sajeon.pad(), or use sajeon.encode.flatten()."
        ) from error


def _not_integers(array: Array, name: str) -> str:
    first = array.ravel()[:1].tolist()[0]
    seen = f"{name} must be integers, got {array.dtype} (the first is {first!r})."
    if array.dtype.kind == "f":
        return (
            f"{seen} An id is the number of a row: it is looked up, not computed with. "
            "If these are ids kept as floats, convert them with .astype(np.int64)."
        )
    if array.dtype.kind in "UO":
        return f"{seen} Turn tokens into ids first: vocab.encode(...) or vocab.encode_batch(...)."
    return seen


def _check_range(ids: Ids, num_embeddings: int, name: str) -> None:
    if ids.size == 0 or (ids.min() >= 0 and ids.max() < num_embeddings):
        return
    flat = int(np.flatnonzero((ids < 0) | (ids >= num_embeddings))[0])
    position = tuple(int(axis) for axis in np.unravel_index(flat, ids.shape))
    where = "" if not position else f" at position {position[0] if ids.ndim == 1 else position}"
    allowed = f"0 to {num_embeddings - 1}" if num_embeddings > 0 else "none, there are no rows"
    raise IndexError(
        f"{name} must be in the range {allowed}, got {ids.ravel()[flat]}{where}. "
        "Are these ids from another vocabulary, or is the table smaller than len(vocab)?"
    )
