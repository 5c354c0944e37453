"""Sums of words, ``king - man + woman``: the answer, and the plane in which the words lie."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import search

if TYPE_CHECKING:
    from ..types import Doubles
    from ..vectors import Vectors

_MOST_TERMS = 20
_SHOWN = 10
_IN_PLANE = 4  # answers drawn
_SIGN = re.compile(r"(?:^|\s)([+\-−–])(?=\s|$)")  # between blanks: a token may hold a hyphen


def parse(expression: str) -> list[tuple[int, str]]:
    """Return the terms of a sum of tokens, each 1 or -1 and the token.

    >>> parse("king - man + woman")
    [(1, 'king'), (-1, 'man'), (1, 'woman')]

    Raises:
        ValueError: A sign without a token, a token without a sign, or too many of them.
    """
    parts = _SIGN.split(expression)
    pairs = list(zip(["+", *parts[1::2]], parts[0::2], strict=True))
    if not pairs[0][1].strip() and len(pairs) > 1:
        pairs = pairs[1:]  # it begins with a sign
    terms = [(1 if sign == "+" else -1, token.strip()) for sign, token in pairs]
    if not all(token for _, token in terms):
        raise ValueError(
            f"expected tokens with + or - between them, blanks around the signs, as in "
            f"'king - man + woman'; got {expression.strip()[:60]!r}."
        )
    if len(terms) > _MOST_TERMS:
        raise ValueError(f"expected at most {_MOST_TERMS} tokens, got {len(terms)}.")
    return terms


def arithmetic(vectors: Vectors, expression: str) -> dict[str, Any]:
    """Answer a sum of words.

    Returns:
        ``terms``; ``answers``, tokens with their cosine to the sum; ``points`` in the plane, each
        with x, y, its kind ("term", "sum", "answer") and how far it lies from the plane; for three
        terms, ``parallelogram``: the places of its corners among the points, in order.

    Raises:
        ValueError: Not a sum of tokens.
        UnknownTokenError: A token is not here.
    """
    terms = parse(expression)
    positive = [token for sign, token in terms if sign > 0]
    negative = [token for sign, token in terms if sign < 0]
    units = search.unit(vectors[[token for _, token in terms]])  # (terms, dim)
    total = np.array([sign for sign, _ in terms]) @ units
    if positive:
        answers = vectors.nearest(positive, _SHOWN, negative=negative)
    else:
        answers = vectors.nearest(total, _SHOWN)
    drawn = [token for token, _ in answers[:_IN_PLANE]]
    others = search.unit(vectors[drawn]) if drawn else np.zeros((0, vectors.dim))
    placed, distance = _in_plane(np.vstack([units, total, others]), len(units))
    kinds = ["term"] * len(terms) + ["sum"] + ["answer"] * len(drawn)
    names = [token for _, token in terms] + [expression.strip(), *drawn]
    return {
        "terms": [{"sign": sign, "token": token} for sign, token in terms],
        "answers": [{"token": token, "cosine": cosine} for token, cosine in answers],
        "points": [
            {"token": name, "kind": kind, "x": x, "y": y, "distance": far}
            for name, kind, (x, y), far in zip(
                names, kinds, placed.tolist(), distance.tolist(), strict=True
            )
        ],
        "parallelogram": _corners([sign for sign, _ in terms]),
    }


def _in_plane(points: Doubles, num_terms: int) -> tuple[Doubles, Doubles]:
    """Return (points, 2) places in the plane of the terms, and (points,) distances from it.

    Three terms lie in one plane, and so does their sum if the signs add up to 1: then it is drawn
    as it is. Fewer terms leave it open; the answers decide then.
    """
    deciding = points[:num_terms] if num_terms >= 3 else points
    centre = deciding.mean(axis=0)
    _, _, axes = np.linalg.svd(deciding - centre, full_matrices=False)
    axes = axes[:2] if len(axes) >= 2 else np.vstack([axes, np.zeros_like(axes)])[:2]
    away = points - centre
    placed = away @ axes.T
    return placed, np.linalg.norm(away - placed @ axes, axis=1)


def _corners(signs: list[int]) -> list[int] | None:
    """Return the corners, for b - a + c in any order: a, b, the sum, c."""
    if sorted(signs) != [-1, 1, 1]:
        return None
    a = signs.index(-1)
    b, c = (i for i in range(3) if i != a)
    return [a, b, 3, c]
