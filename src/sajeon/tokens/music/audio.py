"""Recordings as blocks of one channel."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import FormatError, FormatWarning, MissingExtraError
from ...types import Floats

_BLOCK = 1 << 18  # samples of all channels read at once: a header's length is never trusted
_RATES = (4_000, 768_000)  # Hz; beyond, a header is wrong, and resampling would grow without bound
_UNKNOWN = b"\xff\xff\xff\xff"  # what programs write that do not know the length yet


class Recording:
    """A sound file, of any format that libsndfile reads: WAV, FLAC, OGG and others.

    Args:
        path: Where it is.

    Attributes:
        rate: Samples a second.

    Raises:
        FormatError: It is no sound file, or its sample rate is no such.
        MissingExtraError: soundfile is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        with self._opened() as file:
            self.rate = int(file.samplerate)
        _warn_if_cut(self._path)
        if not _RATES[0] <= self.rate <= _RATES[1]:
            raise FormatError(
                f"{self._path}: its header says {self.rate:,} samples a second, expected "
                f"{_RATES[0]:,} to {_RATES[1]:,}; the file is damaged"
            )

    def blocks(self) -> Iterator[Floats]:
        """Yield (samples,) float32, the mean of the channels, within ±1 where the file is.

        Raises:
            FormatError: The file is damaged, holds NaN or infinity, or no sound at all.
        """
        done = 0
        with self._opened() as file:
            length = max(1, _BLOCK // file.channels)
            while len(block := file.read(length, dtype="float32", always_2d=True)):
                mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
                if not np.isfinite(mono).all():
                    at = (done + int(np.argmin(np.isfinite(mono)))) / self.rate
                    raise FormatError(f"{self._path}: NaN or infinity at {at:.3f} s")
                done += len(mono)
                yield mono
        if not done:
            raise FormatError(f"{self._path}: expected sound, but there is not one sample")

    def peak(self) -> float:
        """Return the largest absolute value."""
        return max(float(np.abs(block).max()) for block in self.blocks())

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            import soundfile
        except ImportError as error:
            raise MissingExtraError("reading recordings", "music") from error
        try:
            with soundfile.SoundFile(self._path) as file:
                yield file
        except soundfile.LibsndfileError as error:
            said = error.error_string.strip().rstrip(".")
            raise FormatError(
                f"{self._path}: expected a whole recording (WAV, FLAC, OGG), but it cannot be read "
                f"({said})"
            ) from error


def _warn_if_cut(path: str) -> None:
    """Warn of a WAV file that is shorter than its header says; libsndfile reads what is there."""
    with Path(path).open("rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF":
        return
    said = int.from_bytes(head[4:], "little") + len(head)
    size = Path(path).stat().st_size
    if head[4:] != _UNKNOWN and said > size + 1:
        warnings.warn(
            f"{path}: cut short: its header says {said:,} bytes, but there are {size:,}; what is "
            "there is read",
            FormatWarning,
            stacklevel=2,
        )
