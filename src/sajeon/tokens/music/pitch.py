"""Pitch of recordings, frame by frame, and the notes in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ...errors import MissingExtraError, SajeonError
from ...types import Bools, Doubles, Floats
from .audio import Recording
from .melodies import FRAME, Note
from .scales import midi_of

Method = Literal["swift-f0", "pyin"]

METHODS: tuple[Method, ...] = ("swift-f0", "pyin")
FMIN, FMAX = 46.875, 2093.75
"""Hertz between which swift-f0 finds pitch: F#1 to C7."""

_RATE, _HOP = 16_000, 256  # of swift-f0
_STEP = _HOP / _RATE  # 16 ms
CONFIDENCE = 0.5
"""From here on swift-f0 is calibrated to call a frame voiced.

On a singer (vocadito 1, steps of 16 ms) recall, false alarms and overall accuracy are .980, .063
and .958 there; .972, .038 and .963 from 0.7 on; .987, .112 and .944 from 0.3 on. Tried: frames from
0.3 on where they touch one from 0.5 on: .987, .109 and .945, so no better than a lower bound for
all. A sweep of one sine, which no voice is like, is voiced in 62, 39 and 94 of 100 steps.
"""

_PEAK = 0.5
# Recordings are brought to one loudness: the same singer a hundred times quieter was found voiced
# in 4 of 100 frames without, in as many as before with it. Any peak from 0.05 to 1 does as well.
_SILENT = 1e-4  # a peak of three steps of 16 bits: there is nothing to make louder
_PYIN_WINDOW = 1536
# samples, 96 ms, as librosa's own at 22 kHz: false alarms on that singer .29, of 128 ms .35


@dataclass(frozen=True, eq=False)
class Contour:
    """The pitch of a recording.

    Attributes:
        title: Empty: recordings have none.
        duration: Seconds.
        hz: (steps,) float64. Pitch at each 16 ms, where there is one and where there is none.
        confidence: (steps,) float64 from 0 to 1.
        loudness: (steps,) float64, decibels.
        bound: Confidence from which there is a pitch.
    """

    duration: float
    hz: Doubles
    confidence: Doubles
    loudness: Doubles
    bound: float = CONFIDENCE
    title: str = ""

    def frames(self) -> Doubles:
        """Return (frames,) float64, the hertz at 0, 20, 40, ... ms; 0 where there is no pitch.

        A frame is voiced if the nearest step is. Between two voiced steps its pitch is
        interpolated, in octaves; beside an unvoiced one it is that of the voiced one.
        """
        places = np.arange(max(1, int(np.ceil(self.duration / FRAME - 1e-6)))) * (FRAME / _STEP)
        places = np.minimum(places, len(self.hz) - 1)
        voiced = self.confidence >= self.bound
        nearest = np.floor(places + 0.5).astype(np.int64)
        pitch = _inside_runs(np.log2(np.maximum(self.hz, 1e-9)), voiced, places, nearest)
        return np.where(voiced[nearest], 2.0**pitch, 0.0)

    def notes(self) -> list[Note]:
        """Return the notes, as swift-f0 tells them: stretches that one pitch explains best."""
        swift = _swift_f0()
        times = np.arange(len(self.hz)) * _STEP
        result = swift.PitchResult(times, self.hz, self.confidence, self.loudness)
        return [
            Note(one.start, one.end - one.start, float(midi_of(one.pitch_hz)))
            for one in swift.segment_notes(result)
        ]


def _inside_runs(values: Doubles, voiced: Bools, places: Doubles, nearest: Any) -> Doubles:
    """Interpolate between the steps on both sides of each place where both are voiced."""
    low = np.floor(places).astype(np.int64)
    high = np.minimum(low + 1, len(values) - 1)
    share = places - low
    between: Doubles = values[low] * (1 - share) + values[high] * share
    return np.where(voiced[low] & voiced[high], between, values[nearest])


def contour(
    path: str | os.PathLike[str],
    *,
    method: Method = "swift-f0",
    fmin: float = FMIN,
    fmax: float = FMAX,
    confidence: float = CONFIDENCE,
) -> Contour:
    """Find the pitch of a recording.

    Args:
        path: A sound file of any sample rate and number of channels, whose mean is taken.
        method: "swift-f0", a small network whose weights come with it
            (https://swift-f0.github.io); or "pyin", librosa's probabilistic YIN (Mauch and Dixon,
            ICASSP 2014), ten times slower.
        fmin: Hertz below which no pitch is looked for.
        fmax: Hertz above which none is.
        confidence: From 0 to 1: how sure swift-f0 must be that there is a pitch.

    Raises:
        FormatError: It is no sound file, or damaged.
        MissingExtraError: An extra is not installed.
        SajeonError: "pyin" without librosa.
    """
    recording = Recording(path)
    peak = recording.peak()
    gain = _PEAK / peak if peak > _SILENT else 0.0
    find = _by_swift_f0 if method == "swift-f0" else _by_pyin
    return replace(find(recording, gain, fmin, fmax), bound=confidence)


def _by_swift_f0(recording: Recording, gain: float, fmin: float, fmax: float) -> Contour:
    swift = _swift_f0()
    low, high = max(fmin, swift.FMIN), min(fmax, swift.FMAX)
    # One thread: fast enough (45 times real time), and the bits do not depend on the cores.
    stream = swift.SwiftF0(threads=1, spin=False).stream(low, high)
    results, samples = [], 0
    for block in recording.blocks():
        samples += len(block)
        results.append(stream.push(block * np.float32(gain), recording.rate))
    results.append(stream.flush())
    found = swift.concat(results)
    return _contour(samples / recording.rate, found.pitch_hz, found.confidence, found.loudness_db)


def _by_pyin(recording: Recording, gain: float, fmin: float, fmax: float) -> Contour:
    try:
        import librosa
    except ImportError:
        raise SajeonError("method=pyin needs librosa: pip install librosa") from None
    signal = np.concatenate(list(_resampled(recording, gain)))
    duration = len(signal) / _RATE
    signal = np.pad(signal, (0, max(0, _PYIN_WINDOW - len(signal))))
    hz, voiced, _ = librosa.pyin(
        signal,
        fmin=max(fmin, 2 * _RATE / _PYIN_WINDOW + 1),  # two periods must fit into the window
        fmax=min(fmax, _RATE / 2),
        sr=_RATE,
        frame_length=_PYIN_WINDOW,
        hop_length=_HOP,
        fill_na=None,
    )
    confidence = np.where(voiced, 1.0, 0.0)
    return _contour(duration, hz, confidence, _loudness(signal, len(hz)))


def _contour(duration: float, hz: Doubles, confidence: Doubles, loudness: Doubles) -> Contour:
    if len(hz) == 0:  # shorter than a sample at 16 kHz
        hz = confidence = loudness = np.zeros(1)
    return Contour(duration, np.asarray(hz, np.float64), confidence, loudness)


def _resampled(recording: Recording, gain: float) -> Iterator[Floats]:
    """Yield blocks at 16 kHz."""
    import soxr  # comes with swift-f0's resampling, and with librosa

    resampler = soxr.ResampleStream(recording.rate, _RATE, 1, dtype="float32")
    for block in recording.blocks():
        yield resampler.resample_chunk(block * np.float32(gain))
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _loudness(signal: Floats, steps: int) -> Doubles:
    """Return (steps,) decibels of the 32 ms around each step, as swift-f0 has them."""
    padded = np.pad(signal, (_HOP, (steps + 1) * _HOP))[: (steps + 1) * _HOP]
    power = np.square(padded, dtype=np.float64).reshape(-1, _HOP).sum(axis=1)
    level: Doubles = 10 * np.log10(np.maximum((power[:-1] + power[1:]) / (2 * _HOP), 1e-14))
    return level


def _swift_f0() -> Any:
    try:
        import soxr  # noqa: F401  # what swift-f0 resamples with, an extra of its own
        import swift_f0
    except ImportError as error:
        raise MissingExtraError("pitch of recordings", "music") from error
    return swift_f0
