"""Near spellings of a token that is not there, fast enough for a large vocabulary.

Comparing with ``difflib`` is right but slow: 70,000 comparisons take seconds. Here NumPy counts,
for all tokens at once, the bytes they share with the query, which bounds the similarity from above
(the bound is that of ``difflib.SequenceMatcher.quick_ratio``); only the best few are compared.
"""

import numpy as np

from ..types import Array, Ids
from .tokentable import TokenTable

CUTOFF = 0.7
"""Smallest similarity, from 0 to 1, at which a token counts as a near spelling."""

_COMPARED = 60  # tokens given to difflib, about 30 µs each
_CHUNK = 1 << 16  # tokens looked at together: bounds the memory for any vocabulary


def near_spellings(tokens: TokenTable, query: str, k: int = 3) -> list[str]:
    """Return up to `k` tokens spelled like `query`, the nearest first.

    Other cases of the query come first where they are tokens, since "Paris" for "paris" is the
    most common slip. Equal ones stand in id order, so the more frequent token comes first.
    """
    from difflib import SequenceMatcher  # only a failed lookup pays for this import

    found = [form for form in _other_cases(query) if form in tokens]
    matcher = SequenceMatcher(b=query)
    scored = []
    for i in _best_bounded(tokens, query.encode(errors="ignore")).tolist():
        matcher.set_seq1(tokens[i])
        scored.append((-matcher.ratio(), i))
    near = [tokens[i] for score, i in sorted(scored) if -score >= CUTOFF]
    return list(dict.fromkeys(found + near))[:k]


def _other_cases(query: str) -> list[str]:
    forms = (query.lower(), query.capitalize(), query.upper())
    return [form for form in dict.fromkeys(forms) if form != query]


def _best_bounded(tokens: TokenTable, query: bytes) -> Ids:
    """Return the ids, at most `_COMPARED`, whose similarity may be highest."""
    wanted = np.bincount(np.frombuffer(query, np.uint8), minlength=256)
    bounds = [_bounds(tokens, wanted, len(query), start) for start in range(0, len(tokens), _CHUNK)]
    bound = np.concatenate([*bounds, np.zeros(0)])  # (tokens,)
    candidates = np.flatnonzero(bound >= CUTOFF)
    order = np.argsort(-bound[candidates], kind="stable")
    return candidates[order[:_COMPARED]]


def _bounds(tokens: TokenTable, wanted: Array, length: int, start: int) -> Array:
    """Return (chunk,) float64: 2 x shared bytes / all bytes, no less than the true similarity."""
    offsets = tokens.offsets[start : start + _CHUNK + 1]
    lengths = np.diff(offsets)
    # 2 min(a, b) / (a + b) bounds the similarity too, and spares most tokens the counting.
    plausible = np.flatnonzero(2 * np.minimum(lengths, length) >= CUTOFF * (lengths + length))
    sizes = lengths[plausible]
    owner = np.repeat(np.arange(len(plausible)), sizes)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    letters = tokens.data[np.repeat(offsets[plausible], sizes) + within]
    shared = np.zeros(len(plausible))
    for letter in np.flatnonzero(wanted):
        seen = np.bincount(owner[letters == letter], minlength=len(plausible))
        shared += np.minimum(seen, wanted[letter])
    result = np.zeros(len(lengths))
    result[plausible] = 2 * shared / np.maximum(sizes + length, 1)
    return result
