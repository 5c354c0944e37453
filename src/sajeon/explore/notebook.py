"""Vectors in a notebook: a short table where they are displayed, and the map inside the page."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..vectors import Vectors

_ROWS, _COLUMNS = 5, 6
_HEIGHT = 620  # pixels
_LONGEST = 40  # characters of a token


def table(vectors: Vectors) -> str:
    """Return HTML of the first rows; tokens are escaped, whatever they hold."""
    dim, num = vectors.dim, len(vectors)
    columns = min(_COLUMNS, dim)
    more = "<td>…</td>" if dim > columns else ""
    counted = vectors.counts is not None
    head = "<th></th>" + ("<th>count</th>" if counted else "")
    head += "".join(f"<th>{i}</th>" for i in range(columns)) + ("<th></th>" if more else "")
    lines = []
    for i, token in enumerate(vectors.tokens[:_ROWS]):
        count = f"<td>{int(vectors.counts[i]):,}</td>" if vectors.counts is not None else ""
        numbers = "".join(f"<td>{x:+.3f}</td>" for x in vectors[token][:columns].tolist())
        shown = token if len(token) <= _LONGEST else f"{token[:_LONGEST]}…"
        lines.append(f"<tr><th>{escape(shown)}</th>{count}{numbers}{more}</tr>")
    if num > _ROWS:
        lines.append(f"<tr><th>…</th><td colspan={1 + counted + columns}></td></tr>")
    title = escape(repr(vectors).strip("<>"))
    return f"<p>{title}</p><table><tr>{head}</tr>{''.join(lines)}</table>"


class Map:
    """A page that shows itself in a notebook; what `Vectors.map` returns.

    Args:
        html: The page, self-contained.
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file that any browser opens."""
        Path(path).write_text(self.html, encoding="utf-8")

    def __repr__(self) -> str:
        return f"<Map: a page of {len(self.html) / 1e6:.1f} MB; .save(path) writes it>"

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, so that neither it nor the notebook is styled."""
        inside = escape(self.html, quote=True)
        return (
            f'<iframe srcdoc="{inside}" sandbox="allow-scripts allow-downloads" '
            f'style="width:100%;height:{_HEIGHT}px;border:0" title="map of words"></iframe>'
        )


def map_of(vectors: Vectors, limit: int, method: str) -> Map:
    """Return the map of the first `limit` words; see `Vectors.map`."""
    from .maps import LAYOUTS, Maps
    from .saving import page_of
    from .subject import Subject

    if method not in LAYOUTS:
        raise ValueError(f"method must be one of {', '.join(LAYOUTS)}, got {method!r}.")
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}.")
    name = str(vectors.settings.get("model") or "vectors")
    subject = Subject(vectors, name, points=limit)
    if method == "tsne":
        Maps(subject).wait_for_tsne()
    return Map(page_of([subject], limit))
