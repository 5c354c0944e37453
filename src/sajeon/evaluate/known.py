"""Which tokens the words of a test set are. Words are compared without regard to case."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..types import Ids
    from ..vectors import Vectors


def fold(word: str) -> str:
    """Return the form in which words are compared; upper case, as gensim does."""
    return unicodedata.normalize("NFC", word).upper()


def ids_of(vectors: Vectors, rows: Sequence[tuple[str, ...]], num: int | None = None) -> Ids:
    """Return (rows, words) int64: the first token equal but for case to each word, -1 for none.

    Args:
        vectors: Whose tokens.
        rows: Words, as many in each.
        num: Only the first so many tokens are known. None: all.
    """
    wanted = [[fold(word) for word in row] for row in rows]
    missing = {word for row in wanted for word in row}
    first: dict[str, int] = {}
    for i, token in enumerate(vectors.tokens):
        if i == num or not missing:
            break
        folded = fold(token)
        if folded in missing:
            missing.discard(folded)
            first[folded] = i
    return np.array([[first.get(word, -1) for word in row] for row in wanted], dtype=np.int64)


@dataclass(frozen=True)
class Forms:
    """Tokens that differ in case alone.

    Attributes:
        first: (num,) int64. For each token the first token of the same form, often itself.
        others: (num, most) int64. For each first token all tokens of its form, filled with -1.
    """

    first: Ids
    others: Ids


def forms_of(vectors: Vectors, num: int) -> Forms:
    """Return which of the first `num` tokens differ in case alone."""
    seen: dict[str, int] = {}
    first = np.empty(num, dtype=np.int64)
    members: dict[int, list[int]] = {}
    for i, token in zip(range(num), vectors.tokens, strict=False):
        first[i] = seen.setdefault(fold(token), i)
        members.setdefault(first.item(i), []).append(i)
    others = np.full((num, max(map(len, members.values()))), -1, dtype=np.int64)
    for i, forms in members.items():
        others[i, : len(forms)] = forms
    return Forms(first, others)
