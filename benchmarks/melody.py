"""Pitch of recordings: swift-f0 as sajeon uses it, pyin beside, against a singer's annotation.

    python benchmarks/melody.py [FOLDER]

FOLDER holds vocadito_1.wav with vocadito_1.f0.csv, and two single notes of TinySOL; default: the
folder "music" under SAJEON_DATA. Figures are mir_eval's, on frames of 20 ms before they become
levels; pyin once as ``method=pyin`` has it and once as librosa is called by default, at its own
rate and step. Raw pitch accuracy counts an unvoiced frame as wrong, since frames without pitch hold
no guess. CPU seconds are those of the second call, without loading and compiling.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import librosa
import mir_eval
import numpy as np

from sajeon.tokens.music import FRAME
from sajeon.tokens.music.pitch import FMAX, FMIN, METHODS, contour
from sajeon.tokens.music.scales import midi_of

NOTES = {"tinysol.Contrabass-A2.wav": 45, "tinysol.Flute-C4.wav": 60}
MEASURES = ("Voicing Recall", "Voicing False Alarm", "Raw Pitch Accuracy", "Overall Accuracy")

Frames = tuple[np.ndarray, np.ndarray]  # times in seconds; hertz, 0 where there is no pitch


def ours(method: Any) -> Callable[[Path], Frames]:
    """Return what finds the frames of a recording by a method."""

    def find(path: Path) -> Frames:
        hz = contour(path, method=method).frames()
        return np.arange(len(hz)) * FRAME, hz

    return find


def librosa_defaults(path: Path) -> Frames:
    """Find pitch as librosa's documentation does."""
    signal, rate = librosa.load(path)
    hz, voiced, _ = librosa.pyin(signal, fmin=FMIN, fmax=FMAX, sr=rate)
    return librosa.times_like(hz, sr=rate), np.where(voiced, np.nan_to_num(hz), 0.0)


def main() -> None:
    """Measure and print the tables."""
    data = Path(os.environ.get("SAJEON_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=data / "music")
    folder = parser.parse_args().folder
    sides = {f"sajeon, {method}": ours(method) for method in METHODS}
    sides["librosa.pyin, defaults"] = librosa_defaults
    for find in sides.values():  # load and compile
        find(folder / next(iter(NOTES)))
    packages = ("swift-f0", "librosa", "mir_eval", "numpy")
    print(f"Python {platform.python_version()}, {', '.join(f'{p} {version(p)}' for p in packages)}")
    times, hertz = np.loadtxt(folder / "vocadito_1.f0.csv", delimiter=",", unpack=True)
    print(f"\n| vocadito_1 | {' | '.join(MEASURES)} | CPU s |\n|{'---|' * 6}")
    for name, find in sides.items():
        start = time.process_time()
        frames = find(folder / "vocadito_1.wav")
        seconds = time.process_time() - start
        scores = mir_eval.melody.evaluate(times, hertz, *frames)
        shown = " | ".join(f"{scores[measure]:.3f}" for measure in MEASURES)
        print(f"| {name} | {shown} | {seconds:.1f} |")
    print(
        "\n| single note | side | voiced | median, cents off | within 50 |\n|---|---|---|---|---|"
    )
    for file, midi in NOTES.items():
        for name, find in sides.items():
            hz = find(folder / file)[1]
            cents = 100 * (midi_of(hz[hz > 0]) - midi)
            near = (np.abs(cents) < 50).mean()
            voiced = (hz > 0).mean()
            print(f"| {file} | {name} | {voiced:.2f} | {np.median(cents):+.1f} | {near:.2f} |")


if __name__ == "__main__":
    main()
