"""Layouts that took long, kept in the user's cache under the hash of the vectors they are of."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..formats.atomic import replacing_file

if TYPE_CHECKING:
    from ..types import Floats

_VERSION = b"1"  # raised whenever the same vectors would get another layout


def cache_folder() -> Path:
    """Return the folder for what can be made again; SAJEON_CACHE in the environment moves it."""
    if moved := os.environ.get("SAJEON_CACHE"):
        return Path(moved)
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(home) / "sajeon" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sajeon"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sajeon"


def layout_file(method: str, rows: Floats) -> Path:
    """Return where the layout of these rows is kept; other rows have another file."""
    digest = hashlib.blake2b(_VERSION + str(rows.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(rows).data)
    return cache_folder() / "layouts" / f"{method}-{digest.hexdigest()}.npy"


def read_layout(file: Path, num: int) -> Floats | None:
    """Return (num, 2) float32; None where there is none, or something else."""
    try:
        placed = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if placed.shape != (num, 2) or placed.dtype != np.float32 or not np.isfinite(placed).all():
        return None
    return placed  # type: ignore[no-any-return]


def write_layout(file: Path, placed: Floats) -> None:
    """Keep a layout, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing_file(file) as fresh, fresh.open("wb") as out:
        np.save(out, placed)
        out.flush()
        os.fsync(out.fileno())
