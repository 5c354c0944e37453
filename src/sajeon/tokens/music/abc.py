"""ABC: tunes written in letters, one after another in a file.

What says how a tune sounds is read: keys, accidentals, octaves, lengths, broken rhythms, tuplets,
ties, chords, rests, voices, repeats, endings, parts and tempo. Chord names in quotes, words,
decorations, grace notes and overlays (``&``) are passed over, as is what is not understood: tune
books are written by hand. Source: the ABC standard 2.1 (https://abcnotation.com/wiki/abc:standard).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .abckeys import SHIFTS, Signature, signature
from .abcrepeats import (
    Ending,
    Event,
    PartStart,
    RepeatEnd,
    RepeatStart,
    SectionEnd,
    Sound,
    Tempo,
    played,
)
from .melodies import Note, Part, Score, chosen

_WHOLE = 4 * 60 / 120  # seconds of a whole note where no tempo is given: 120 quarters a minute
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MIDDLE_C = 60

_FIELD = re.compile(r"([A-Za-z]):(?![|:])(.*)")
_BEGINNING = re.compile(r"^X:", re.MULTILINE)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_BODY = re.compile(r"^K:", re.MULTILINE)
_COMMENT = re.compile(r"(?<!\\)%.*|\\$")

# A tie follows its note at once: "A3 -A2" are two notes to the standard and to abc2midi, though
# music21 joins them.
_LENGTH = r"(\d{0,6})((?:/\d{0,6}){0,8})"
_PITCH = r"(\^\^|\^|=|__|_)?([A-Ga-g])([,']{0,8})"
_MUSIC = re.compile(
    rf"""
    (?P<text> "[^"]{{0,500}}" | \+(?=[^+\s]{{0,30}}[h-z])[^+\s]{{1,30}}\+ |
              !\S[^!]{{0,50}}! | \{{[^}}]{{0,200}}\}} | &[^|]* )
  | \[(?P<field>[A-Za-z]):(?P<value>[^\]]{{0,200}})\]
  | (?P<bar> \[\| | \[(?=\d) | [.:]{{0,4}}\|[:|\]]{{0,4}} | :{{2,4}} )(?P<ending>\d[\d,-]{{0,20}})?
  | \((?P<p>[2-9])(?::(?P<q>\d?))?(?::(?P<r>\d?))?
  | \[(?P<chord>[^\]|]{{0,200}})\](?P<chord_length>{_LENGTH})(?P<chord_tie>-?)
  | (?P<note>{_PITCH})(?P<note_length>{_LENGTH})(?P<note_tie>-?)
  | (?P<rest>[zx])(?P<rest_length>{_LENGTH})
  | (?P<bars>[ZX])(?P<num_bars>\d{{0,3}})
  | (?P<broken>>{{1,3}}|<{{1,3}})
    """,
    re.VERBOSE,
)
_IN_CHORD = re.compile(_PITCH + _LENGTH)


def is_abc(text: str) -> bool:
    """Return whether a text holds a tune: a line that begins with ``K:``."""
    return _BODY.search(text) is not None


def read(text: str, track: int | None, name: str) -> list[Score]:
    """Read all tunes of a text.

    Args:
        text: From ``X:`` to the next empty line is a tune; without any ``X:``, all of it is one.
        track: The voice whose top line is wanted, counted from 1; None for that of all.
        name: Of the file, for messages.

    Raises:
        FormatError: A tune has no such voice, or its repeats are without end.
    """
    return [_read_tune(lines, track, name) for lines in _tunes(text)]


def _tunes(text: str) -> Iterator[list[str]]:
    """Yield the lines of each tune that has a key, and with it a body."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    books = _BEGINNING.split(text)
    for part in books[1:] or books:
        tune = _EMPTY_LINE.split(part, maxsplit=1)[0] if len(books) > 1 else part
        if is_abc(tune):
            yield [_COMMENT.sub("", line).rstrip() for line in tune.split("\n")]


def _read_tune(lines: list[str], track: int | None, name: str) -> Score:
    tune = _Tune()
    for line in lines:
        found = _FIELD.fullmatch(line.strip())
        if found:
            tune.set(found[1], found[2].strip())
        elif tune.in_body:
            tune.music(line)
    where = f"{name}: tune {tune.title!r}" if tune.title else name
    voices = [
        Part(label, notes)
        for label, voice in tune.voices.items()
        if (notes := _timed(played(voice.events, tune.order, where)))
    ]
    return Score(name, tune.title, chosen(voices, track, where), tune.bar)


def _timed(sounds: list[Sound | Tempo]) -> list[Note]:
    """Put sounds one after another in time; tied ones become one note."""
    notes: list[Note] = []
    whole = _WHOLE
    now = 0.0
    tied: dict[int, int] = {}  # pitch to the place of its note
    for sound in sounds:
        if isinstance(sound, Tempo):
            whole = sound.seconds
            continue
        duration = sound.length * whole
        going_on: dict[int, int] = {}
        for pitch in sound.pitches:
            place = tied.get(pitch, len(notes))
            if place < len(notes):
                notes[place] = notes[place]._replace(duration=notes[place].duration + duration)
            elif duration > 0:
                notes.append(Note(now, duration, float(pitch)))
            if sound.tied:
                going_on[pitch] = place
        tied = going_on
        now += duration
    return notes


@dataclass
class _Voice:
    """What is known while a voice is read."""

    key: Signature
    unit: float  # length of a note without a number, in whole notes
    events: list[Event] = field(default_factory=list)
    accidentals: Signature = field(default_factory=dict)  # of this bar
    tuplet: tuple[float, int] = (1.0, 0)  # factor, and notes left
    broken: float = 1.0  # factor of the next note
    held: dict[str, int] = field(default_factory=dict)  # tied notes as written, and their pitches


class _Tune:
    """A tune while it is read."""

    def __init__(self) -> None:
        self.title = ""
        self.order = ""
        self.in_body = False
        self.bar = 0.0  # seconds, at the beginning
        self.voices: dict[str, _Voice] = {}
        self._meter, self._unit = 1.0, 0.0
        self._compound = False
        self._key: Signature = {}
        self._tempo: Tempo | None = None
        self._voice: _Voice | None = None

    def set(self, letter: str, value: str) -> None:
        """Take a field."""
        if letter == "T" and not self.title:
            self.title = " ".join(value.split())
        elif letter == "M":
            self._set_meter(value)
        elif letter == "L":
            self._set_unit(value)
        elif letter == "Q":
            self._set_tempo(value)
        elif letter == "P":
            self._set_part(value)
        elif letter == "K":
            self._set_key(value)
        elif letter == "V" and self.in_body:
            self._set_voice(value)

    def _set_meter(self, value: str) -> None:
        found = re.match(r"\(?([\d+ ]{1,12})\)?/(\d{1,4})", value)
        if found and (below := int(found[2])):
            above = sum(map(int, re.findall(r"\d+", found[1])))
            self._meter = above / below or 1.0
            self._compound = above in (6, 9, 12)

    def _set_unit(self, value: str) -> None:
        found = re.match(r"(\d{1,4})(?:/(\d{1,4}))?", value)
        if found and int(found[1]) and int(found[2] or 1):
            self._unit = int(found[1]) / int(found[2] or 1)
            if self._voice:
                self._voice.unit = self._unit

    def _set_tempo(self, value: str) -> None:
        value = re.sub(r'"[^"]*"', "", value)
        found = re.search(r"((?:\d{1,4}/\d{1,4}\s*)+)=\s*(\d{1,4})", value)
        plain = re.search(r"(?:C\s*=\s*)?(\d{1,4})\s*$", value)
        if found:
            beats = re.findall(r"(\d+)/(\d+)", found[1])
            beat = sum(int(a) / max(int(b), 1) for a, b in beats)
            speed = int(found[2])
        elif plain:  # the old way: that many unit notes a minute
            beat, speed = self._unit_length(), int(plain[1])
        else:
            return
        if beat and speed:
            self._tempo = Tempo(60 / speed / beat)
            if self._voice:
                self._voice.events.append(self._tempo)

    def _set_part(self, value: str) -> None:
        if not self.in_body:
            self.order = value
        elif value:
            self._current().events.append(PartStart(value[0]))

    def _set_key(self, value: str) -> None:
        self._key = signature(value)
        if self._voice:
            self._voice.key = self._key
        self.in_body = True

    def _set_voice(self, value: str) -> None:
        label = value.split()[0] if value.split() else ""
        if label not in self.voices:
            voice = _Voice(self._key, self._unit_length())
            if self._tempo:
                voice.events.append(self._tempo)
            whole = self._tempo.seconds if self._tempo else _WHOLE
            self.bar = self.bar or self._meter * whole
            self.voices[label] = voice
        self._voice = self.voices[label]

    def _unit_length(self) -> float:
        """Return the length of a note without a number, in whole notes."""
        return self._unit or (1 / 16 if self._meter < 0.75 else 1 / 8)

    def _current(self) -> _Voice:
        if self._voice is None:
            self._set_voice("")
        assert self._voice is not None
        return self._voice

    def music(self, line: str) -> None:
        """Take a line of music."""
        for found in _MUSIC.finditer(line):
            if found["field"]:
                self.set(found["field"], found["value"].strip())
            elif found["bar"] is not None:
                self._bar(found["bar"], found["ending"])
            elif found["p"]:
                self._start_tuplet(found)
            elif found["broken"]:
                self._break(found["broken"])
            elif found["text"] is None:
                self._sound(found)

    def _bar(self, bar: str, ending: str | None) -> None:
        voice = self._current()
        if "|" in bar or ":" in bar:
            voice.accidentals = {}
        before, line, after = bar.partition("|")
        colons = before.count(":") if line else len(bar.strip("[")) // 2  # "::" is ":|" and "|:"
        if colons:
            voice.events.append(RepeatEnd(colons + 1))
        if ":" in (after if line else before):
            voice.events.append(RepeatStart())
        elif not colons and bar in ("||", "|]", "[|"):
            voice.events.append(SectionEnd())
        if ending:
            voice.events.append(Ending(_passes(ending)))

    def _start_tuplet(self, found: re.Match[str]) -> None:
        p = int(found["p"])
        odd = 3 if self._compound else 2
        usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p, odd)
        q, r = int(found["q"] or 0) or usual, int(found["r"] or 0) or p
        self._current().tuplet = (q / p, r)

    def _break(self, signs: str) -> None:
        """Lengthen one note and shorten the other: ``a>b`` is ``a3/2 b/2``."""
        voice = self._current()
        short = 0.5 ** len(signs)
        first, second = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        if voice.events and isinstance(before := voice.events[-1], Sound):
            voice.events[-1] = Sound(before.pitches, before.length * first, before.tied)
            voice.broken = second

    def _sound(self, found: re.Match[str]) -> None:
        voice = self._current()
        if found["bars"]:
            bars = int(found["num_bars"] or 1)
            voice.events.append(Sound((), bars * self._meter))
            return
        written: list[re.Match[str]] = []
        if found["note"]:
            written = list(_IN_CHORD.finditer(found["note"]))
            length, tied = _length(found["note_length"]), bool(found["note_tie"])
        elif found["rest"]:
            length, tied = _length(found["rest_length"]), False
        else:
            written = list(_IN_CHORD.finditer(found["chord"]))
            if not written:
                return
            length = _length(found["chord_length"]) * _length(written[0][4] + written[0][5])
            tied = bool(found["chord_tie"]) or "-" in found["chord"]
        pitches = {one[2] + one[3]: _pitch(one, voice) for one in written}
        voice.held = pitches if tied else {}
        voice.events.append(Sound(tuple(pitches.values()), length * self._factor(voice), tied))

    def _factor(self, voice: _Voice) -> float:
        """Return the length of the next note that has no number of its own, in whole notes."""
        factor, left = voice.tuplet
        voice.tuplet = (factor, left - 1) if left > 1 else (1.0, 0)
        factor *= voice.unit * voice.broken
        voice.broken = 1.0
        return factor


def _pitch(found: re.Match[str], voice: _Voice) -> int:
    """Return the MIDI number.

    An accidental holds for all octaves to the end of the bar, and for a note tied over it.
    """
    sign, letter, octaves = found[1], found[2], found[3]
    if not sign and letter + octaves in voice.held:
        return voice.held[letter + octaves]
    name = letter.upper()
    if sign:
        voice.accidentals[name] = SHIFTS[sign]
    shift = voice.accidentals.get(name, voice.key.get(name, 0))
    octave = (letter.islower()) + octaves.count("'") - octaves.count(",")
    return _MIDDLE_C + _LETTERS[name] + 12 * octave + shift


def _length(text: str) -> float:
    """Return ``3/2`` as 1.5, nothing as 1, ``/`` as a half and ``//`` as a quarter."""
    number, *divisors = text.split("/")
    length = float(number or 1)
    for divisor in divisors:
        length /= int(divisor or 2) or 1
    return length


def _passes(text: str) -> frozenset[int]:
    """Return the passes of an ending such as ``1,3`` or ``1-3``; above 9 there are none."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d)(?:-(\d))?", text):
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found - {0}) or frozenset({1})
