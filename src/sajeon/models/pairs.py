"""Texts as pairs of a context and the token that follows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..types import Ids
from ..vocab import Vocabulary
from .texts import Text, check_texts, encode_all


@dataclass(frozen=True)
class Pairs:
    """All pairs of some texts; contexts are cut out of the ids when they are needed.

    Attributes:
        ids: (total,) int64. The ids of all texts, each behind a filled-up beginning where there is
            a boundary token.
        places: (pairs,) int64. Where in `ids` each target stands.
        reach: (context,) int64. Where its context stands, counted from the target: -2, -1.
    """

    ids: Tensor
    places: Tensor
    reach: Tensor

    def __len__(self) -> int:
        return len(self.places)

    def targets(self, which: Tensor | slice) -> Tensor:
        """Return (batch,) int64: the tokens to predict."""
        return self.ids[self.places[which]]

    def contexts(self, which: Tensor | slice) -> Tensor:
        """Return (batch, context) int64: the tokens before each."""
        return self.ids[self.places[which][:, None] + self.reach]


def pairs_of(
    texts: Iterable[Text],
    vocab: Vocabulary,
    context: int,
    *,
    boundary_id: int | None,
    newest_first: bool,
    device: torch.device,
) -> Pairs:
    """Cut texts into pairs.

    Args:
        texts: Texts, or token lists.
        vocab: Gives the ids.
        context: How many tokens predict the next.
        boundary_id: Fills up the beginning of each text, and ends it. None: a text of n tokens has
            ``n - context`` pairs, and fewer than that many tokens give none.
        newest_first: Whether a context begins with the token just before the target.
        device: Where to put the ids.

    Raises:
        TypeError: `texts` is one text, or holds something that is no text.
        UnknownTokenError: A token is not in the vocabulary, and there is no `unk`.
    """
    fill, ids, places, begin = _fill(context, boundary_id), [np.zeros(0, np.int64)], [], 0
    for seq in encode_all(vocab, check_texts(texts)):
        encoded = np.concatenate([fill[0], seq, fill[1]])
        ids.append(encoded)
        places.append(np.arange(begin + context, begin + len(encoded)))
        begin += len(encoded)
    reach = np.arange(-1, -context - 1, -1) if newest_first else np.arange(-context, 0)
    joined = np.concatenate(places) if places else np.zeros(0, np.int64)
    return Pairs(*(torch.from_numpy(a).to(device) for a in (np.concatenate(ids), joined, reach)))


def _fill(context: int, boundary_id: int | None) -> tuple[Ids, Ids]:
    """Return what comes before and behind the ids of a text."""
    if boundary_id is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.full(context, boundary_id), np.full(1, boundary_id)
