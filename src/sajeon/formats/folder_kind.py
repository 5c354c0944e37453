"""Whose model folder it is: the files in it tell. Apart, since a look-up imports this first."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..errors import FormatError
from . import atomic


def is_ours(path: str | os.PathLike[str]) -> bool:
    """Return whether there is a model folder of sajeon at `path`."""
    folder = atomic.existing(Path(path))
    return folder.is_dir() and folder_format_of(folder) == "sajeon"


def kind_of(path: str | os.PathLike[str]) -> str:
    """Return the kind of model in a folder of ours as its config.json says.

    "vectors" where it says none: whoever opens it as such says what is wrong.
    """
    try:
        config = json.loads((atomic.existing(Path(path)) / "config.json").read_bytes())
        return str(config["sajeon"]["kind"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return "vectors"


def folder_format_of(folder: Path) -> str:
    """Return "sajeon" or "static", by the files that are in a folder.

    Raises:
        FormatError: It is neither.
    """
    config = folder / "config.json"
    if config.is_file() and not _is_of_others(config):
        return "sajeon"  # or damaged, as its reader then says
    if any(folder.glob("*.safetensors")) or (folder / "0_StaticEmbedding").is_dir():
        return "static"
    if config.is_file():
        return "sajeon"  # whose reader says what is missing
    names = ", ".join(sorted(entry.name for entry in folder.iterdir())[:4]) or "nothing"
    raise FormatError(
        f"{folder}: expected a model folder of sajeon, model2vec or sentence-transformers, with "
        f"config.json and model.safetensors; it holds {names}."
    )


def _is_of_others(config: Path) -> bool:
    try:
        content = json.loads(config.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "sajeon" not in content
