"""``sajeon melody``: the pitch of a recording, a MIDI file or an ABC tune."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import say
from .output import Column, json_option, show

if TYPE_CHECKING:
    from ..tokens.music import Melody, Scale

_FRAMES = (Column("time", ".2f"), Column("hz", ".2f"), Column("level", ">"))
_NOTES = (
    Column("start", ".3f"),
    Column("duration", ".3f"),
    Column("hz", ".2f"),
    Column("level", "d"),
    Column("note"),
)
_NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]


@click.command()
@click.argument("file")
@click.option("--notes", is_flag=True, help="Print notes instead of frames.")
@click.option(
    "--levels", metavar="N", help="Of the scale; midi has 128.  [default: 128]", default="128"
)
@click.option(
    "--scale",
    type=click.Choice(["midi", "log", "mel"]),
    default="midi",
    show_default=True,
    help="midi: a level for each semitone. log, mel: N levels from FMIN to FMAX.",
)
@click.option(
    "--fmin", metavar="HZ", help="The lowest pitch; also of log and mel.  [default: 46.875]"
)
@click.option("--fmax", metavar="HZ", help="The highest.  [default: 2093.75]")
@click.option(
    "--track",
    metavar="N",
    default="top",
    show_default=True,
    help="Track of MIDI or voice of ABC, from 1; top: the top line of all.",
)
@click.option(
    "--tune", metavar="N", type=click.IntRange(min=1), help="Which of the tunes of an ABC file."
)
@click.option(
    "--method",
    type=click.Choice(["swift-f0", "pyin"]),
    default="swift-f0",
    show_default=True,
    help="What finds the pitch of a recording; pyin needs librosa.",
)
@click.option(
    "--confidence",
    metavar="X",
    help="How sure swift-f0 must be of a pitch, 0 to 1.  [default: 0.5]",
)
@json_option
def melody(file: str, notes: bool, tune: int | None, as_json: bool, **settings: Any) -> None:
    """Print the pitch of FILE every 20 ms: time in seconds, hertz, level.

    FILE is a recording (WAV, FLAC, OGG) of one voice, a MIDI file or an ABC tune. Where there is no
    pitch, hertz are 0 and the level is "u"; in JSON both are null. With --notes: start and duration
    in seconds, hertz, level, name.
    """
    from ..tokens.melody import Melody as Tokenizer

    given = {name: value for name, value in settings.items() if value is not None}
    tokenizer = Tokenizer(**given)
    found = _chosen(tokenizer.tunes(Path(file)), tune, file)
    if notes:
        records = _notes(found, tokenizer.scale)
        show(records, _NOTES, as_json=as_json)
    else:
        records = _frames(found, tokenizer.scale, as_json)
        show(records, _FRAMES, as_json=as_json)
    if not any(record["hz"] for record in records):
        say(f"{file}: no pitch was found: silence, noise, or beyond --fmin and --fmax")


def _chosen(tunes: Sequence[Melody], tune: int | None, file: str) -> Melody:
    number = tune or 1
    if number > len(tunes):
        raise click.BadParameter(f"there are {len(tunes):,} tunes in {file}.", param_hint="--tune")
    found = tunes[number - 1]
    if len(tunes) > 1 and tune is None:
        say(f"{file} holds {len(tunes):,} tunes; this is the first, {found.title!r}: see --tune")
    return found


def _frames(found: Melody, scale: Scale, as_json: bool) -> list[dict[str, Any]]:
    from ..tokens.music import FRAME

    hz = found.frames()
    pairs = zip(hz.tolist(), scale.levels_of(hz).tolist(), strict=True)
    unvoiced = {"hz": None, "level": None} if as_json else {"hz": 0.0, "level": "u"}
    return [
        {"time": round(i * FRAME, 2), **({"hz": f0, "level": level} if f0 else unvoiced)}
        for i, (f0, level) in enumerate(pairs)
    ]


def _notes(found: Melody, scale: Scale) -> list[dict[str, Any]]:
    from ..tokens.music.scales import hz_of

    notes = found.notes()
    hz = hz_of([note.midi for note in notes])
    return [
        {
            "start": round(note.start, 6),
            "duration": round(note.duration, 6),
            "hz": f0,
            "level": level,
            "note": _name(note.midi),
        }
        for note, f0, level in zip(notes, hz.tolist(), scale.levels_of(hz).tolist(), strict=True)
    ]


def _name(midi: float) -> str:
    """Return the name of the nearest note, C4 for the middle C."""
    number = int(midi + 0.5)
    return f"{_NAMES[number % 12]}{number // 12 - 1}"
