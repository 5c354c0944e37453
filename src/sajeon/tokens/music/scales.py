"""Pitch in hertz to the level of a scale: what a table of pitches is indexed by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...types import Array, Doubles, Ids

ScaleName = Literal["midi", "log", "mel"]

SCALES: tuple[ScaleName, ...] = ("midi", "log", "mel")
MIDI_LEVELS = 128
UNVOICED = -1
"""Stands for the level where there is no pitch."""

_A4, _A4_HZ, _SEMITONES = 69, 440.0, 12


def midi_of(hz: Array | float) -> Doubles:
    """Return MIDI numbers, 69 for 440 Hz and 1 for a semitone; fractions are kept."""
    numbers: Doubles = _A4 + _SEMITONES * np.log2(np.asarray(hz, np.float64) / _A4_HZ)
    return numbers


def hz_of(midi: Array | Sequence[float] | float) -> Doubles:
    """Return the hertz of MIDI numbers."""
    hertz: Doubles = _A4_HZ * 2.0 ** ((np.asarray(midi, np.float64) - _A4) / _SEMITONES)
    return hertz


def mel_of(hz: Array | float) -> Doubles:
    """Return mels, 2595 log10(1 + f / 700) (O'Shaughnessy, Speech Communication, 1987)."""
    mels: Doubles = 2595.0 * np.log10(1.0 + np.asarray(hz, np.float64) / 700.0)
    return mels


@dataclass(frozen=True)
class Scale:
    """Levels of pitch: 0 the lowest, ``levels - 1`` the highest.

    Args:
        name: "midi": a level for each semitone, its MIDI number. "log": from `fmin` to `fmax` in
            equal ratios. "mel": in equal steps of the mel scale.
        levels: How many; "midi" has 128.
        fmin: Hertz of level 0, for "log" and "mel".
        fmax: Hertz of the highest level, likewise.

    >>> Scale("midi", 128, 50, 2000).levels_of(np.array([440.0, 0.0, 261.6])).tolist()
    [69, -1, 60]
    """

    name: ScaleName
    levels: int
    fmin: float
    fmax: float

    def positions(self, hz: Array) -> Doubles:
        """Return where hertz above 0 lie among the levels, between them and beyond included."""
        if self.name == "midi":
            return midi_of(hz)
        of = np.log if self.name == "log" else mel_of
        low, high = of(self.fmin), of(self.fmax)
        positions: Doubles = (self.levels - 1) * (of(hz) - low) / (high - low)
        return positions

    def levels_of(self, hz: Array) -> Ids:
        """Return the nearest level of each pitch; pitches beyond the scale get its end.

        Args:
            hz: Hertz of any shape; 0 where there is no pitch.

        Returns:
            int64 of the same shape; `UNVOICED` where there is no pitch.
        """
        hz = np.asarray(hz, np.float64)
        voiced = hz > 0
        positions = self.positions(np.where(voiced, hz, 1.0))
        levels = np.clip(np.floor(positions + 0.5), 0, self.levels - 1).astype(np.int64)
        return np.where(voiced, levels, UNVOICED)
