"""What a recording or a score is to us: notes, and a pitch every 20 ms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ...errors import FormatError
from ...types import Doubles
from .scales import hz_of

FRAME = 0.02
"""Seconds between frames."""

_LONGEST = 24 * 3600  # seconds: a file of a few bytes may claim years
_CHORD = 0.03  # seconds between notes that a hand strikes together
_EPSILON = 1e-6  # seconds: what is left of rounding


class Note(NamedTuple):
    """A note.

    Attributes:
        start: Seconds from the beginning.
        duration: Seconds.
        midi: Its pitch as a MIDI number; of recordings with a fraction.
    """

    start: float
    duration: float
    midi: float

    @property
    def end(self) -> float:
        """Seconds from the beginning."""
        return self.start + self.duration


class Melody(Protocol):
    """One tune.

    Attributes:
        title: As the file has it; may be empty.
    """

    @property
    def title(self) -> str: ...  # noqa: D102
    def notes(self) -> list[Note]:
        """Return one note after another, by start."""
        ...

    def frames(self) -> Doubles:
        """Return (frames,) float64, the hertz at 0, 20, 40, ... ms; 0 where there is no pitch."""
        ...


@dataclass(frozen=True)
class Score:
    """A tune that was written down as notes.

    Attributes:
        name: Of the file, for messages.
        title: Of the tune.
        line: Its notes, one after another.
        bar: Seconds that a bar lasts at the beginning; 0 where the file does not say.
    """

    name: str
    title: str
    line: Sequence[Note]
    bar: float = 0.0

    def notes(self) -> list[Note]:
        """See `Melody`."""
        return list(self.line)

    def frames(self) -> Doubles:
        """See `Melody`.

        Raises:
            FormatError: It claims to last more than a day.
        """
        last = max((note.end for note in self.line), default=0.0)
        if last > _LONGEST:
            raise FormatError(
                f"{self.name}: its notes last {last / 3600:,.0f} hours, expected a day at most; "
                "the file is damaged, or use its notes instead of frames"
            )
        hz = np.zeros(_frames_before(last))
        for note in self.line:
            hz[_frames_before(note.start) : _frames_before(note.end)] = hz_of(note.midi)
        return hz


def _frames_before(seconds: float) -> int:
    return math.ceil((seconds - _EPSILON) / FRAME) if seconds > _EPSILON else 0


def top_line(notes: Iterable[Note]) -> list[Note]:
    """Return the upper line of notes that sound together, one note after another.

    Of notes struck together the highest is kept. A note below one that sounds on for half of its
    length or more is left out, so that a held note is not interrupted by those under it; else it
    ends the one before, as where notes of a line overlap a little.
    """
    line: list[Note] = []
    for note in sorted(notes, key=lambda note: (note.start, -note.midi)):
        if line and line[-1].end > note.start + _EPSILON:
            before = line[-1]
            together = note.start - before.start < _CHORD
            below = note.midi <= before.midi
            if below and (together or before.end - note.start >= note.duration / 2):
                continue
            line.pop()
            if not together:
                line.append(before._replace(duration=note.start - before.start))
        line.append(note)
    return line


def chosen(parts: Sequence[Part], track: int | None, name: str) -> list[Note]:
    """Return the top line of one part, or of all that have pitches.

    Args:
        parts: Those that have notes.
        track: Which, counted from 1; None for all but drums.
        name: Of the file.

    Raises:
        FormatError: There is no such part; the message lists those there are.
    """
    if track is None:
        return top_line(note for part in parts if not part.drums for note in part.notes)
    if track > len(parts):
        listed = "; ".join(f"{i} {part}" for i, part in enumerate(parts, 1)) or "none with notes"
        raise FormatError(f"{name}: there is no track {track}; there are: {listed}")
    return top_line(parts[track - 1].notes)


@dataclass(frozen=True)
class Part:
    """A track or a voice.

    Attributes:
        name: As the file has it; may be empty.
        notes: They may sound together.
        drums: Whether its notes are no pitches.
    """

    name: str
    notes: Sequence[Note]
    drums: bool = False

    def __str__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        return f"({name}{len(self.notes):,} notes{', drums' if self.drums else ''})"
