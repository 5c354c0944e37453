"""MIDI files: the notes of each track, in seconds."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections import defaultdict, deque
from typing import Any

from ...errors import FormatError, MissingExtraError
from .melodies import Note, Part, Score, chosen

_MAGIC = b"MThd"

_RIFF, _RIFF_KIND = b"RIFF", b"RMID"
_DRUMS = 9  # the channel, counted from 0, that General MIDI gives to percussion
_TEMPO = 500_000  # microseconds a quarter note lasts until the file says otherwise


def is_midi(head: bytes) -> bool:
    """Return whether a file that begins so is MIDI, alone or in a RIFF wrapper."""
    return head.startswith(_MAGIC) or (head.startswith(_RIFF) and head[8:12] == _RIFF_KIND)


def read(data: bytes, track: int | None, name: str) -> Score:
    """Read a Standard MIDI File, alone or in a RIFF wrapper.

    Each channel of each track that has notes is a part, counted from 1.

    Args:
        data: The file.
        track: The part whose top line is wanted; None for the top line of all but drums.
        name: Of the file, for messages.

    Raises:
        FormatError: The file is damaged or cut short, or there is no such track.
        MissingExtraError: mido is not installed.
    """
    file = _parsed(data[max(data.find(_MAGIC), 0) :], name)  # within RIFF it begins later
    clock = _Clock(file, name)
    parts = [part for events in file.tracks for part in _parts(events, clock)]
    title = next((events.name for events in file.tracks if events.name), "")
    return Score(name, " ".join(title.split()), chosen(parts, track, name))


def _parsed(data: bytes, name: str) -> Any:
    try:
        import mido
    except ImportError as error:
        raise MissingExtraError("reading MIDI", "music") from error
    try:
        return mido.MidiFile(file=io.BytesIO(data), clip=True)
    except MemoryError:
        raise
    except Exception as error:  # mido lets out whatever its parser stumbles over
        said = str(error) or type(error).__name__
        raise FormatError(
            f"{name}: expected a whole MIDI file, but it is damaged or cut short ({said})"
        ) from error


class _Clock:
    """Ticks to seconds, by all changes of tempo in the file."""

    def __init__(self, file: Any, name: str) -> None:
        division = file.ticks_per_beat
        if division == 0:
            raise FormatError(f"{name}: a quarter note has 0 ticks, expected at least 1")
        self._ticks, self._seconds, self._rates = [0], [0.0], [0.0]
        if division < 0:  # ticks of film frames: -24, -25, -29 or -30 a second in the upper byte
            self._rates = [1 / (-(division >> 8) * max(division & 0xFF, 1))]
            return
        self._rates = [_TEMPO / 1e6 / division]
        for tick, tempo in sorted(_tempos(file)):
            seconds = self.seconds(tick)
            self._ticks.append(tick)
            self._seconds.append(seconds)
            self._rates.append(tempo / 1e6 / division)

    def seconds(self, tick: int) -> float:
        """Return when a tick is."""
        i = bisect_right(self._ticks, tick) - 1
        return self._seconds[i] + (tick - self._ticks[i]) * self._rates[i]


def _tempos(file: Any) -> list[tuple[int, int]]:
    found = []
    for events in file.tracks:
        tick = 0
        for event in events:
            tick += event.time
            if event.type == "set_tempo":
                found.append((tick, event.tempo))
    return found


def _parts(events: Any, clock: _Clock) -> list[Part]:
    """Return a part for each channel of a track on which there are notes."""
    sounding: defaultdict[tuple[int, int], deque[int]] = defaultdict(deque)
    found: defaultdict[int, list[Note]] = defaultdict(list)
    tick = 0

    def end(channel: int, number: int) -> None:
        start = clock.seconds(sounding[channel, number].popleft())
        duration = clock.seconds(tick) - start
        if duration > 0:
            found[channel].append(Note(start, duration, float(number)))

    for event in events:
        tick += event.time
        if event.type == "note_on" and event.velocity > 0:
            sounding[event.channel, event.note].append(tick)
        elif event.type in ("note_on", "note_off") and sounding[event.channel, event.note]:
            end(event.channel, event.note)
    for channel, number in list(sounding):
        while sounding[channel, number]:
            end(channel, number)
    name = " ".join(events.name.split())
    return [
        Part(_part_name(name, channel, alone=len(found) == 1), sorted(notes), channel == _DRUMS)
        for channel, notes in sorted(found.items())
    ]


def _part_name(name: str, channel: int, *, alone: bool) -> str:
    return name if alone else f"{name} channel {channel + 1}".strip()
