"""Models of torch in our model folders: safetensors and JSON, nothing that could run code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import FormatError
from ..formats import folder
from ..formats.tokentable import TokenTable
from ..tokens.protocol import tokenizer_from_config, tokenizer_to_config
from ..types import Array
from ..vocab import Vocabulary

TABLE = "embedding.weight"
"""The parameter that becomes the folder's table of embeddings."""


@dataclass(frozen=True)
class Saved:
    """What a model folder holds, checked as far as that can be without knowing the model.

    Attributes:
        vocab: The vocabulary.
        settings: JSON values, of "training" in config.json.
        weights: Parameters of the network by name, read-only views of the file.
        path: For messages.
    """

    vocab: Vocabulary
    settings: Mapping[str, Any]
    weights: Mapping[str, Array]
    path: str


def save(
    path: str | os.PathLike[str],
    kind: str,
    network: torch.nn.Module,
    vocab: Vocabulary,
    settings: Mapping[str, Any],
) -> None:
    """Write a model folder, all at once: see `sajeon.formats.folder`.

    The same model gives the same bytes.

    Raises:
        FormatError: `path` holds something that is not a model.
        OSError: It cannot be written; what was there before is unchanged.
    """
    folder.check_target(path)  # before the work of describing the model
    weights = {
        name: np.ascontiguousarray(weight.detach().to("cpu", torch.float32).numpy())
        for name, weight in network.state_dict().items()
    }
    data = folder.ModelData(
        tokens=TokenTable.from_tokens(vocab.tokens),
        matrix=weights.pop(TABLE),
        counts=vocab.counts,
        tokenizer=tokenizer_to_config(vocab.tokenizer),
        vocabulary={"specials": list(vocab.specials), "pad": vocab.pad, "unk": vocab.unk},
        settings=settings,
        kind=kind,
        tensors=weights,
    )
    folder.write_folder(path, data)


def load(path: str | os.PathLike[str], kind: str) -> Saved:
    """Read a model folder.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        FormatError: It is no model folder, damaged, or of another kind.
    """
    data = folder.read_folder(path, kind)
    matrix = data.matrix
    if matrix.dtype != np.float32:
        raise FormatError(f"{path}: expected a table of float32, got {matrix.dtype}.")
    return Saved(_vocabulary(path, data), data.settings, {TABLE: matrix, **data.tensors}, str(path))


def _vocabulary(path: str | os.PathLike[str], data: folder.ModelData) -> Vocabulary:
    described = data.vocabulary
    tokenizer = "words" if data.tokenizer is None else tokenizer_from_config(data.tokenizer)
    try:
        return Vocabulary(
            list(data.tokens),
            data.counts,
            described.get("specials", ()),
            described.get("pad"),
            described.get("unk"),
            tokenizer,
        )
    except (TypeError, ValueError) as error:
        raise FormatError(f"{path}: the vocabulary in config.json does not fit: {error}") from error


def fill(network: torch.nn.Module, saved: Saved, device: torch.device) -> None:
    """Give `network`, made on the device "meta" and so without memory, the saved weights.

    Raises:
        FormatError: The weights are not those that the settings call for.
    """
    expected = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    found = {name: weight.shape for name, weight in saved.weights.items()}
    if expected != found:
        raise FormatError(
            f"{saved.path}: the settings in config.json call for the weights {expected}, "
            f"model.safetensors holds {found}."
        )
    for name, weight in saved.weights.items():
        if weight.dtype != np.float32 or not np.isfinite(weight).all():
            raise FormatError(f"{saved.path}: {name} must hold finite numbers of float32.")
    state = {name: torch.from_numpy(np.array(w)) for name, w in saved.weights.items()}
    network.load_state_dict(state, assign=True)
    network.to(device).eval()
