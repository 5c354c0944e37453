"""Two models side by side: how alike their neighbourhoods are, and where they differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .subject import Subject

_NEIGHBOURS = 10
_SAMPLE = 2000


def compared(one: Subject, other: Subject) -> dict[str, Any]:
    """Compare the neighbours of words that both models have; see `evaluate.Overlap`.

    Raises:
        EvaluationError: The models have (nearly) no words in common.
    """
    from ..evaluate import compare

    names = [one.name, other.name]
    if names[0] == names[1]:
        names = [f"{name} ({place})" for place, name in enumerate(names, 1)]
    found = compare([one.vectors, other.vectors], [], names=names, k=_NEIGHBOURS, sample=_SAMPLE)
    pair = found.overlaps[0]
    return {
        "names": names,
        "common": found.common,
        "k": pair.k,
        "overlap": pair.overlap,
        "bands": [{"name": b.name, "overlap": b.overlap, "words": b.words} for b in pair.bands],
        "changed": [
            {"token": word.word, "overlap": word.overlap,
             "one": list(word.neighbours_a), "other": list(word.neighbours_b)}
            for word in pair.changed
        ],
        "notices": list(found.notices),
    }  # fmt: skip
