"""From a text to its vector, step by step, with the numbers of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..encode import one_hot, pad

if TYPE_CHECKING:
    from ..types import Bools, Floats, Ids
    from .subject import Subject

PAD, UNK = 0, 1
_SPECIALS = ("<pad>", "<unk>")
_MOST_TEXTS, _MOST_TOKENS = 8, 64
_NEIGHBOURS = 8
_LARGEST_PRODUCT = 1 << 28  # multiplications that are done only to be shown superfluous


def lookup(subject: Subject, text: str, pick: int = 0) -> dict[str, Any]:
    """Compute every step for a batch of texts, one a line.

    The table is the one that an embedding layer would get: row 0 is padding, row 1 the unknown,
    both zero, and the row of token i is i + 2 (`sajeon.Vocabulary` with its two specials, and
    `Vectors.embedding_matrix`).

    Args:
        subject: The model.
        text: Texts, one a line; blank lines are passed over.
        pick: Which place of the batch, counted row by row, the one-hot product is shown for.

    Raises:
        ValueError: There is no text.
    """
    lines = [line for line in text.splitlines() if line.strip()][:_MOST_TEXTS]
    if not lines:
        raise ValueError("expected a text, got only blanks.")
    cut = [subject.cut(line) for line in lines]
    tokens = [found[:_MOST_TOKENS] for found, _ in cut]
    ids = [np.where(rows >= 0, rows + 2, UNK) for rows in map(subject.ids, tokens)]
    batch, mask = pad(ids, value=PAD, return_mask=True)
    return {
        "texts": [
            _told(subject, line, found, rows)
            for line, found, rows in zip(lines, tokens, ids, strict=True)
        ],
        "batch": batch.tolist(),
        "mask": mask.tolist(),
        "rows": len(subject.vectors) + 2,
        "dim": subject.vectors.dim,
        "strips": _strips(subject, ids),
        "product": _product(subject, batch, mask, pick),
        "notes": sorted({note for _, note in cut if note})
        + [f"only the first {_MOST_TOKENS} tokens of a text are shown"]
        * any(len(found) > _MOST_TOKENS for found, _ in cut),
    }


def _told(subject: Subject, line: str, tokens: list[str], ids: Ids) -> dict[str, Any]:
    """Return one text: its tokens and ids, its mean vector, and the words nearest to that."""
    vectors = subject.vectors
    mean = vectors.encode([tokens])[0]
    near = vectors.nearest(mean, _NEIGHBOURS) if np.isfinite(mean).all() and mean.any() else []
    return {
        "text": line,
        "tokens": [
            {"token": token, "id": id_, "known": token in vectors}
            for token, id_ in zip(tokens, ids.tolist(), strict=True)
        ],
        "mean": _rounded(mean),
        "nearest": [{"token": token, "cosine": cosine} for token, cosine in near],
    }


def _strips(subject: Subject, ids: list[Ids]) -> dict[int, list[float | None]]:
    """Return the row of each id that occurs."""
    distinct = sorted({PAD, *(i for row in ids for i in row.tolist())})
    return {i: _rounded(_row(subject, i)) for i in distinct}


def _row(subject: Subject, id_: int) -> Floats:
    if id_ < 2:
        return np.zeros(subject.vectors.dim, np.float32)
    row: Floats = subject.vectors._rows(np.array([id_ - 2]))[0]
    return row


def _product(subject: Subject, batch: Ids, mask: Bools, pick: int) -> dict[str, Any]:
    """Return one_hot(id) · W beside the row of the same id: both computed, and compared."""
    if not batch.size:
        return {}
    pick = min(max(pick, 0), batch.size - 1)
    id_ = int(batch.ravel()[pick])
    num, dim = len(subject.vectors) + 2, subject.vectors.dim
    answer: dict[str, Any] = {
        "pick": pick,
        "id": id_,
        "padding": not mask.ravel()[pick],
        "token": _SPECIALS[id_] if id_ < 2 else subject.vectors.tokens[id_ - 2],
        "multiplications": num * dim,
    }
    row = _row(subject, id_)
    if num * dim > _LARGEST_PRODUCT:
        return answer | {"row": _rounded(row), "product": None}
    hot = one_hot(np.array(id_), num)
    with np.errstate(invalid="ignore"):  # a table may hold infinity, and 0 times that is NaN
        product = _times_table(subject, hot[2:].astype(np.float32))
    return answer | {
        "row": _rounded(row),
        "product": _rounded(product),
        "equal": bool(np.array_equal(product, row)),
        "around": list(range(max(0, id_ - 3), min(num, id_ + 4))),
    }


def _times_table(subject: Subject, hot: Floats) -> Floats:
    """Return (dim,) float32: ``hot @ W``, over all rows but the two special ones, which are zero.

    In chunks, since rows of fewer bits are made float32 first.
    """
    total = np.zeros(subject.vectors.dim, np.float32)
    step = 1 << 15
    for start in range(0, len(hot), step):
        part = np.arange(start, min(start + step, len(hot)))
        total += hot[part] @ subject.vectors._rows(part)
    return total


def _rounded(row: Floats) -> list[float | None]:
    """Return numbers with as many digits as a page shows; None for what is no number."""
    return [round(x, 4) if np.isfinite(x) else None for x in row.tolist()]
