"""Texts as batches of ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ..encode import pad
from ..numbering import refuse_text
from ..types import Bools, Ids
from ..vocab import Vocabulary
from .pooled import PooledNetwork

Text: TypeAlias = "str | Iterable[str]"


def check_texts(texts: Iterable[Any]) -> list[str | list[str]]:
    """Return texts, or token lists, as a list.

    Raises:
        TypeError: One text, or something that is no text.
    """
    refuse_text(texts, "expected several texts: write [text]")
    out: list[str | list[str]] = []
    for i, text in enumerate(texts):
        if isinstance(text, str):
            out.append(str(text))
            continue
        tokens = list(text) if isinstance(text, Iterable) else None
        if tokens is None or not all(isinstance(token, str) for token in tokens):
            seen = f"{type(text).__name__} {str(text)[:40]!r}"
            raise TypeError(f"text {i} must be a str or a list of tokens, got {seen}.")
        out.append(tokens)
    return out


def encode_all(vocab: Vocabulary, texts: Sequence[str | list[str]]) -> list[Ids]:
    """Return the ids of each text: (length,) int64."""
    if not any(isinstance(text, str) for text in texts):
        return vocab.encode_batch(texts)  # which may have no tokenizer
    # Asked for once: `Vocabulary.encode` looks for it with each text, which took twice as long.
    cut = vocab.tokenizer.tokens
    return [vocab.encode(cut(text) if isinstance(text, str) else text) for text in texts]


@dataclass(frozen=True)
class Examples:
    """Texts as ids, and their classes: (n, classes) bool, of which one or `several` are true."""

    seqs: list[Ids]
    indicator: Bools
    several: bool

    def __len__(self) -> int:
        return len(self.seqs)

    def targets(self, device: torch.device) -> Tensor:
        """Return what `loss_of` takes: (n,) int64, or (n, classes) float32."""
        if self.several:
            return torch.from_numpy(self.indicator).float().to(device)
        return torch.from_numpy(self.indicator.argmax(axis=1)).to(device)


def padded(
    seqs: Sequence[Ids], network: PooledNetwork, length: int | None, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return a batch as the network takes it: ids and mask, both (batch, length).

    As long as its longest text, at most `length`; for joined rows as long as those must be.
    """
    width = network.length
    if width is None:
        width = max(1, max(map(len, seqs), default=1))
        width = width if length is None else min(width, length)
    ids, mask = pad(seqs, width, network.pad_id, return_mask=True)
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
