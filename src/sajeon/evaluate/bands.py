"""Items by the frequency of their rarest word, told by its rank in the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..types import Ids
    from ..vectors import Vectors

EDGES = (1_000, 10_000, 100_000)
_LOOKED_AT = 1000


def ranks_of(vectors: Vectors) -> Ids | None:
    """Return (n,) int64: the rank of each token by frequency, from 0; equal counts by id.

    Without counts the order of the tokens is taken for that of their frequency, as in files of
    word2vec, GloVe and fastText. None where it cannot be: they are in the order of the alphabet.
    """
    num = len(vectors)
    if vectors.counts is not None:
        ranks = np.empty(num, dtype=np.int64)
        ranks[np.argsort(-vectors.counts, kind="stable")] = np.arange(num)
        return ranks
    head = vectors.tokens[:_LOOKED_AT]
    if len(head) > 2 and head == sorted(head):
        return None
    return np.arange(num)


def bands_of(ranks: Ids) -> list[tuple[str, Ids]]:
    """Return the name of each band that is not empty, and its items, most frequent first.

    Args:
        ranks: (items,) int64. The rank of the rarest word of each, from 0.
    """
    place = np.searchsorted(EDGES, ranks, side="right")  # (items,)
    return [(_name(i), np.flatnonzero(place == i)) for i in np.unique(place).tolist()]


def _name(i: int) -> str:
    low = EDGES[i - 1] + 1 if i else 1
    return f"{low:,}-{EDGES[i]:,}" if i < len(EDGES) else f"over {EDGES[-1]:,}"
