"""Melodies as tokens: pitch by 20 ms frame, by note, or by the interval from note to note."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePath
from typing import Any, Literal

from .music import Melody as Tune
from .music import Scale, read
from .music.pitch import CONFIDENCE, FMAX, FMIN, METHODS, Method
from .music.scales import MIDI_LEVELS, SCALES, ScaleName, hz_of
from .settings import Settled, flag, one_of, whole

Unit = Literal["frame", "note", "interval"]

UNVOICED = "u"
"""The token of a frame without pitch."""

TOP = "top"
"""Stands for the upper line of all tracks."""

_UNITS: tuple[Unit, ...] = ("frame", "note", "interval")
_MOST_LEVELS = 1 << 16
_HERTZ = (1, 100_000)


class Melody(Settled):
    """Tokens of a recording (WAV, FLAC, OGG), a MIDI file or ABC tunes, which is given by its path.

    A pitch is the token ``p60``, where 60 is its level and never a time; a frame without pitch is
    ``u``; two semitones up from note to note are ``i+2``, three down ``i-3``, a repeated note
    ``i0``. Rests between notes give no token.

    Args:
        unit: "frame": the pitch every 20 ms. "note": that of each note. "interval": the steps from
            each note to the next, which are the same for a tune in any key.
        levels: Of the scale; "midi" has 128.
        scale: "midi": a level for each semitone. "log" and "mel": `levels` from `fmin` to `fmax`,
            in equal ratios or in equal steps of the mel scale; pitches beyond get the last level.
        fmin: Hertz. Also the lowest pitch that is looked for in a recording.
        fmax: Hertz. Also the highest.
        track: Of MIDI the track, of ABC the voice, counted from 1 among those with notes; "top"
            for the top line of all.
        method: What finds the pitch of a recording: "swift-f0" or "pyin".
        confidence: How sure swift-f0 must be that there is a pitch, from 0 to 1.
        relative: True for unit="interval".
        ngrams: Tokens stand for so many in a row, joined by ``_``: then a mean over tokens keeps
            something of their order.

    Raises:
        ValueError: A setting has another value.

    >>> Melody(unit="interval")
    Melody(unit='interval', levels=128, scale='midi')
    """

    name = "melody"
    reads: Literal["audio"] = "audio"

    def __init__(
        self,
        unit: Unit | None = None,
        levels: int | str = MIDI_LEVELS,
        scale: ScaleName = "midi",
        fmin: float | str = FMIN,
        fmax: float | str = FMAX,
        track: int | str = TOP,
        method: Method = "swift-f0",
        confidence: float | str = CONFIDENCE,
        relative: bool | str = False,
        ngrams: int | str = 1,
    ) -> None:
        self.unit: Unit = _unit(unit, flag("relative", relative))
        self.method: Method = one_of("method", method, METHODS)
        self.track: int | str = TOP if track == TOP else whole("track", track, 1)
        self.ngrams = whole("ngrams", ngrams, 1, 16)
        self.confidence = _between("confidence", confidence, 0, 1)
        low, high = _between("fmin", fmin, *_HERTZ), _between("fmax", fmax, *_HERTZ)
        if not low * 1.01 < high:
            raise ValueError(f"fmin must be below fmax, got {low:g} and {high:g} Hz")
        one_of("scale", scale, SCALES)
        self.scale = Scale(scale, whole("levels", levels, 2, _MOST_LEVELS), low, high)
        if scale == "midi" and self.scale.levels != MIDI_LEVELS:
            raise ValueError(
                f"levels must be {MIDI_LEVELS} for scale='midi', a level for each semitone; for "
                f"{self.scale.levels} write scale=log or scale=mel"
            )
        if scale == "mel" and self.unit == "interval":
            raise ValueError(
                "a step in mel is no interval, since it depends on where it is: for "
                "unit='interval' scale must be 'midi' or 'log'"
            )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that make this tokenizer again."""
        return {
            "unit": self.unit,
            "levels": self.scale.levels,
            "scale": self.scale.name,
            "fmin": self.scale.fmin,
            "fmax": self.scale.fmax,
            "track": self.track,
            "method": self.method,
            "confidence": self.confidence,
            "ngrams": self.ngrams,
        }

    def tokens(self, item: str | os.PathLike[str]) -> list[str]:
        """Return the tokens of a file; of several tunes in it, one after another.

        Raises:
            TypeError: `item` is no path but a text.
            FormatError: The file holds no melody, or is damaged.
            MissingExtraError: What it takes is not installed.
        """
        return [token for tune in self.tunes(item) for token in self.tokens_of(tune)]

    def token_lists(self, items: Sequence[Any]) -> list[list[str]]:
        """Return the tokens of each tune of each file."""
        return [self.tokens_of(tune) for item in items for tune in self.tunes(item)]

    def tunes(self, item: Any) -> Sequence[Tune]:
        """Return the tunes of a file, given by its path; see `tokens`."""
        if not isinstance(item, PurePath):
            raise TypeError(
                f"melody takes the path of a recording, MIDI or ABC file, as a pathlib.Path; got "
                f"{type(item).__name__}"
            )
        return read(
            item,
            track=None if isinstance(self.track, str) else self.track,
            method=self.method,
            fmin=self.scale.fmin,
            fmax=self.scale.fmax,
            confidence=self.confidence,
        )

    def tokens_of(self, tune: Tune) -> list[str]:
        """Return the tokens of one tune."""
        if self.unit == "frame":
            found = self._pitches(tune.frames())
        else:
            hz = hz_of([note.midi for note in tune.notes()])
            found = self._pitches(hz) if self.unit == "note" else self._intervals(hz)
        if self.ngrams == 1:
            return found
        return [
            "_".join(run) for run in zip(*(found[i:] for i in range(self.ngrams)), strict=False)
        ]

    def _pitches(self, hz: Any) -> list[str]:
        levels = self.scale.levels_of(hz).tolist()
        names = {level: UNVOICED if level < 0 else f"p{level}" for level in set(levels)}
        return [names[level] for level in levels]

    def _intervals(self, hz: Any) -> list[str]:
        # Rounded once, from position to position: the levels themselves were rounded each, so that
        # their differences could depend on the key.
        positions = self.scale.positions(hz).tolist()
        steps = [math.floor(after - before + 0.5) for before, after in pairwise(positions)]
        return [f"i{step:+d}" if step else "i0" for step in steps]

    def __repr__(self) -> str:
        scale = self.scale
        return f"Melody(unit={self.unit!r}, levels={scale.levels}, scale={scale.name!r})"


def _unit(unit: Unit | None, relative: bool) -> Unit:
    if relative and unit == "frame":
        raise ValueError("relative=true counts from note to note: leave unit=frame out")
    if unit is None:
        return "interval" if relative else "frame"
    one_of("unit", unit, _UNITS)
    return "interval" if relative else unit


def _between(name: str, value: Any, least: int, most: int) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not least <= number <= most or isinstance(value, bool):
        raise ValueError(f"{name} must be a number from {least:,} to {most:,}, got {value!r}")
    return number
