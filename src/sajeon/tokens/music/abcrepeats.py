"""The order in which the bars of an ABC tune are played: repeats, endings and parts.

Source: the ABC standard 2.1, sections 3.1.9 (parts), 4.8 (repeats) and 4.9 (endings).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ...errors import FormatError

MOST_EVENTS = 200_000
"""A tune with more claims more than anyone plays: parts may multiply parts."""


@dataclass(frozen=True)
class Sound:
    """A note, a chord or a rest.

    Attributes:
        pitches: MIDI numbers; none for a rest.
        length: In whole notes.
        tied: Whether it goes on in the next one of the same pitch.
    """

    pitches: tuple[int, ...]
    length: float
    tied: bool = False


@dataclass(frozen=True)
class Tempo:
    """How many seconds a whole note lasts from here."""

    seconds: float


@dataclass(frozen=True)
class RepeatStart:
    """Where a repeated section begins."""


@dataclass(frozen=True)
class RepeatEnd:
    """Where one is played again, `times` in all."""

    times: int


@dataclass(frozen=True)
class Ending:
    """What follows is played in these passes alone."""

    passes: frozenset[int]


@dataclass(frozen=True)
class SectionEnd:
    """A double bar."""


@dataclass(frozen=True)
class PartStart:
    """Where a part begins that the ``P:`` field in the header may name."""

    label: str


Event: TypeAlias = "Sound | Tempo | RepeatStart | RepeatEnd | Ending | SectionEnd | PartStart"


def played(events: Sequence[Event], order: str, name: str) -> list[Sound | Tempo]:
    """Return what sounds, in the order in which it is played.

    Args:
        events: As written.
        order: The ``P:`` field of the header, such as ``A(AB)3C``; empty: as written.
        name: Of the file, for messages.

    Raises:
        FormatError: It would be longer than `MOST_EVENTS`.
    """
    parts = _parts(events)
    labels = [label for label in _labels(order, name) if label in parts]
    if not labels:
        return _repeated(events, name)
    result: list[Sound | Tempo] = []
    unrolled = {label: _repeated(parts[label], name) for label in dict.fromkeys(labels)}
    for label in ["", *labels]:
        result += unrolled.get(label, [])
        _check(len(result), name)
    return result


def _parts(events: Sequence[Event]) -> dict[str, list[Event]]:
    """Return the events of each part, those before the first under the empty label."""
    parts: dict[str, list[Event]] = {}
    label = ""
    for event in events:
        if isinstance(event, PartStart):
            label = event.label
        else:
            parts.setdefault(label, []).append(event)
    return parts


def _labels(order: str, name: str) -> list[str]:
    """Unfold ``A(AB)3`` to A, A, B, A, B, A, B."""
    stack: list[list[str]] = [[]]
    for sign, count in re.findall(r"([A-Za-z()])(\d?)", order):
        if sign == "(":
            stack.append([])
            continue
        group = [sign]
        if sign == ")":
            group = stack.pop() if len(stack) > 1 else []
        stack[-1] += group * int(count or 1)
        _check(len(stack[-1]), name)
    return [label for group in stack for label in group]


def _repeated(events: Sequence[Event], name: str) -> list[Sound | Tempo]:
    """Play one part.

    An end of a repeat goes back to its start, or where none is written to the last double bar or
    end of a repeat, or to the beginning.
    """
    result: list[Sound | Tempo] = []
    player = _Player()
    i = 0
    while i < len(events):
        event = events[i]
        if isinstance(event, Sound | Tempo):
            result.append(event)
            _check(len(result), name)
            i += 1
        else:
            i = player.next(events, i)
    return result


class _Player:
    """Where to go on at marks."""

    def __init__(self) -> None:
        self._begin(0, written=False)

    def _begin(self, start: int, *, written: bool) -> None:
        self._start, self._written, self._pass, self._wanted = start, written, 1, 1
        self._in_ending = False

    def next(self, events: Sequence[Event], i: int) -> int:
        """Return the place of the event to go on with after the mark at `i`."""
        mark = events[i]
        if isinstance(mark, RepeatEnd):
            return self._repeat(events, i, mark)
        if isinstance(mark, Ending):
            self._wanted = max(self._wanted, *mark.passes)
            self._in_ending = True
            return i + 1 if self._pass in mark.passes else self._skip(events, i)
        over = self._in_ending and self._pass >= self._wanted
        if isinstance(mark, RepeatStart) or not self._written or over:
            self._begin(i + 1, written=isinstance(mark, RepeatStart))
        return i + 1

    def _repeat(self, events: Sequence[Event], i: int, mark: RepeatEnd) -> int:
        following = events[i + 1] if i + 1 < len(events) else None
        self._wanted = max(self._wanted, mark.times)
        if isinstance(following, Ending):
            self._wanted = max(self._wanted, *following.passes)
        if self._pass < self._wanted:
            self._pass += 1
            self._in_ending = False
            return self._start
        self._begin(i + 1, written=False)
        return i + 1

    def _skip(self, events: Sequence[Event], i: int) -> int:
        """Return where the next ending is, or where this one is over."""
        for j in range(i + 1, len(events)):
            if isinstance(events[j], Ending):
                return j
            if isinstance(events[j], RepeatStart | SectionEnd | PartStart):
                return j
            if isinstance(events[j], RepeatEnd):
                if j + 1 < len(events) and isinstance(events[j + 1], Ending):
                    return j + 1
                self._begin(j + 1, written=False)
                return j + 1
        return len(events)


def _check(size: int, name: str) -> None:
    if size > MOST_EVENTS:
        raise FormatError(
            f"{name}: its repeats and parts give more than {MOST_EVENTS:,} notes; look at its P: "
            "field and its endings"
        )
