"""Which id was wrong, and where it stood: looked for only after torch has refused the ids.

torch's kernels on the CPU check every id while they read it, so a second check would cost time and
find nothing. What they say is "index out of range in self"; here the id, its position and the range
are added, after torch's own words and in an exception of the same type.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor

ALWAYS = os.environ.get("SAJEON_CHECK_IDS") == "1"
"""Check before every look-up. On a GPU torch checks nothing, or stops the process with an assertion
that names no id; looking first makes the CPU wait for the GPU, so it is for hunting errors only."""

REFUSALS = (IndexError, RuntimeError, TypeError, AttributeError)
"""What torch raises for ids that are no rows or no tensor."""

_DTYPES = (torch.int64, torch.int32)
_REFUSED = {  # (exception, torch's words); the bag's are those of its slower kernels
    "embedding": (IndexError, "index out of range in self"),
    "embedding_bag": (
        RuntimeError,
        "embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be {id}",
    ),
}


def check_ids(ids: object, num_embeddings: int, what: str) -> None:
    """Raise what torch would raise for ids that are no rows, with the id and its position.

    Args:
        ids: (...) int64 or int32, on any device; a copy to the CPU is made only to name an id.
        num_embeddings: Number of rows.
        what: "embedding" or "embedding_bag", of which the exceptions differ in type and words.

    Raises:
        TypeError: Not a tensor.
        RuntimeError: The ids are not int64 or int32; or, for "embedding_bag", an id is no row.
        IndexError: For "embedding", an id is no row.
    """
    if not isinstance(ids, Tensor):
        seen = type(ids).__name__
        words = f"{what}(): argument 'indices' must be Tensor, not {seen}"
        raise TypeError(f"{words}. {_advice_for_type(ids)}")
    if ids.dtype not in _DTYPES:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {ids.type()} instead (while checking arguments for {what}). "
            f"{_advice_for_dtype(ids)}"
        )
    bad = _first_bad(ids, num_embeddings)
    if bad is not None:
        error, words = _REFUSED[what]
        raise error(f"{words.format(id=bad[0])}. {_advice_for_id(*bad, num_embeddings)}")


def explained(error: Exception, ids: object, num_embeddings: int) -> Exception:
    """Return an exception of the same type that says which id torch refused, and what to do.

    Args:
        error: What torch raised when it looked `ids` up.
        ids: What was to be looked up: anything.
        num_embeddings: Number of rows.

    Returns:
        `error` itself where its cause is another.
    """
    try:
        advice = _advice(ids, num_embeddings)
        if advice is None:
            return error
        words = str(error)
        return type(error)(f"{words}{'' if words.endswith(('.', '.)')) else '.'} {advice}")
    except Exception:  # ids that hold no numbers, such as those of a tracer: torch's words stand
        return error


def _advice(ids: object, num_embeddings: int) -> str | None:
    if not isinstance(ids, Tensor):
        return _advice_for_type(ids)
    if ids.dtype not in _DTYPES:
        return _advice_for_dtype(ids)
    bad = _first_bad(ids, num_embeddings)
    return None if bad is None else _advice_for_id(*bad, num_embeddings)


def _first_bad(ids: Tensor, num_embeddings: int) -> tuple[int, tuple[int, ...]] | None:
    """Return the first id that is no row and its position, or None."""
    if ids.is_nested:  # bags of different lengths: the position is that among all ids
        ids = ids.values()
    if ids.numel() == 0 or ids.is_meta:
        return None
    lowest, highest = torch.aminmax(ids.detach())
    if lowest >= 0 and highest < num_embeddings:
        return None
    outside = (ids < 0) | (ids >= num_embeddings)
    position = tuple(outside.nonzero()[0].tolist())
    return int(ids[position]), position


def _advice_for_id(bad: int, position: tuple[int, ...], num_embeddings: int) -> str:
    where = (
        "" if not position else f" at position {position[0] if len(position) == 1 else position}"
    )
    allowed = f"0 to {num_embeddings - 1}" if num_embeddings > 0 else "none, there are no rows"
    return (
        f"Ids must be in the range {allowed}, got {bad}{where}. "
        "Are these ids from another vocabulary, or is the table smaller than len(vocab)?"
    )


def _advice_for_dtype(ids: Tensor) -> str:
    seen = str(ids.dtype).removeprefix("torch.")
    if ids.is_floating_point() or ids.is_complex():
        return (
            f"Ids are row numbers, got {seen}. They are looked up, not computed with: "
            "make them with dtype=torch.int64; if they are ids kept as floats, call ids.long()."
        )
    return f"Ids are row numbers, int64 or int32, got {seen}: call ids.long()."


def _advice_for_type(ids: object) -> str:
    return f"Ids must be a tensor, got {type(ids).__name__}: write torch.as_tensor(ids)."
