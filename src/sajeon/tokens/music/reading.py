"""A file as melodies: which kind it is, its first bytes tell, not its name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ... import files
from ...errors import FormatError
from ..readers import TextFile
from . import abc, midi
from .melodies import Melody
from .pitch import CONFIDENCE, FMAX, FMIN, Method, contour

_HEAD = 12
_MOST = 1 << 26  # bytes of a score: 64 MB, a thousand tune books
_SOUND = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b"caff",
          b".snd", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")  # fmt: skip


def read(
    path: str | os.PathLike[str],
    *,
    track: int | None = None,
    method: Method = "swift-f0",
    fmin: float = FMIN,
    fmax: float = FMAX,
    confidence: float = CONFIDENCE,
) -> Sequence[Melody]:
    """Read a recording (WAV, FLAC, OGG), a MIDI file or a book of ABC tunes.

    Args:
        path: The file. ABC may be compressed.
        track: Of MIDI the track, of ABC the voice, counted from 1 among those with notes; None for
            the top line of all.
        method: How the pitch of a recording is found; see `contour`.
        fmin: Hertz below which no pitch is looked for in a recording.
        fmax: Hertz above which none is.
        confidence: How sure swift-f0 must be that there is a pitch, from 0 to 1.

    Returns:
        The melodies in order: one, or of ABC as many as there are tunes.

    Raises:
        FileNotFoundError: There is no such file.
        IsADirectoryError: It is a folder.
        FormatError: It is none of these, or damaged.
        MissingExtraError: What it takes is not installed.
    """
    name = os.fspath(path)
    text_file = TextFile(Path(path))  # says what is wrong with a path
    if not Path(path).is_file():
        raise FormatError(f"{name}: expected a file, not a pipe or a device")
    with Path(path).open("rb") as file:
        head = files.read_head(file, _HEAD)
    if midi.is_midi(head):
        return [midi.read(_bytes(text_file, name), track, name)]
    if head.startswith(_SOUND):
        return [contour(path, method=method, fmin=fmin, fmax=fmax, confidence=confidence)]
    text = _text(_bytes(text_file, name)) if files.is_compressed(head) or b"\0" not in head else ""
    if not abc.is_abc(text):
        raise FormatError(
            f"{name}: expected a recording (WAV, FLAC, OGG), MIDI or ABC; it begins with {head!r}"
        )
    return abc.read(text, track, name)


def _bytes(file: TextFile, name: str) -> bytes:
    """Return what a file holds, decompressed."""
    blocks, size = [], 0
    for block in file.blocks():
        blocks.append(block)
        size += len(block)
        if size > _MOST:
            raise FormatError(f"{name}: over {_MOST >> 20} MB, which is no score")
    return b"".join(blocks)


def _text(data: bytes) -> str:
    """Decode UTF-8, or Latin-1, in which older tune books are."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
