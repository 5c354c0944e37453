"""The map as a picture for a paper: PNG, SVG or PDF, names that do not cover each other."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import MissingExtraError
from ..formats.atomic import replacing_file
from .maps import Maps

if TYPE_CHECKING:
    from ..types import Floats
    from .subject import Subject
    from .tsne import Report

FORMATS = ("png", "svg", "pdf")
_FONTS = (
    "Noto Sans CJK KR", "Noto Sans KR", "Source Han Sans KR", "Pretendard", "Apple SD Gothic Neo",
    "Malgun Gothic", "NanumGothic", "NanumBarunGothic", "UnDotum", "Baekmuk Dotum",
)  # fmt: skip
"""Families that hold Hangul, the ones that also hold other scripts first."""

_SIZE = (7.0, 5.5)  # inches: a column and a half of a page
_DPI = 300
_POINTS_PER_INCH = 72
_FEWEST_DOTS = 1.0  # area of a dot in square points where there are very many


def draw_map(
    path: str | os.PathLike[str],
    subject: Subject,
    *,
    layout: Literal["pca", "tsne"] = "tsne",
    labels: int = 200,
    report: Report | None = None,
) -> list[str]:
    """Draw the words of a model and write the picture, whole or not at all.

    Args:
        path: Where to; its ending says the format: .png, .svg or .pdf.
        subject: The model.
        layout: How words are placed.
        labels: How many names are written at most, the most frequent first; fewer where they would
            cover each other.
        report: Called while t-SNE works, see `tsne.Report`.

    Returns:
        What the user should know: letters that no font of this system has.

    Raises:
        ValueError: The ending is another.
        MissingExtraError: matplotlib is not installed, or openTSNE for a t-SNE.
        OSError: The picture cannot be written.
    """
    target = Path(path).absolute()
    kind = target.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise ValueError(f"{path}: expected a name that ends in {', '.join(FORMATS)}.")
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtraError("drawing a map", "explore") from error
    maps = Maps(subject)
    placed = maps.pca[0] if layout == "pca" else maps.wait_for_tsne(report)
    settings = {"svg.hashsalt": "sajeon", "svg.fonttype": "none", "pdf.fonttype": 42}
    fonts, notes = _fonts_for(subject.tokens[:labels])
    settings |= {"font.family": fonts, "axes.unicode_minus": False}
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # said in a note
        figure = _drawn(placed, subject, labels)
        dates: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        with replacing_file(target) as fresh, fresh.open("wb") as out:
            figure.savefig(out, format=kind, dpi=_DPI, metadata=dates.get(kind))
            out.flush()
            os.fsync(out.fileno())
    return notes


def _drawn(placed: Floats, subject: Subject, labels: int) -> Any:
    """Return a figure without axes: distances in it mean something, coordinates do not."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.set_axis_off()
    area = max(_FEWEST_DOTS, 12_000 / max(len(placed), 1_000))
    axes.scatter(
        placed[:, 0], placed[:, 1], s=area, c="#9fb4cc", linewidths=0, alpha=0.7, rasterized=True
    )
    low, high = np.quantile(placed, (0.001, 0.999), axis=0)
    margin = (high - low) * 0.04 + 1e-6
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    _write_names(figure, axes, placed, subject.tokens, labels)
    return figure


def _write_names(figure: Any, axes: Any, placed: Floats, tokens: list[str], labels: int) -> None:
    """Write names in order of frequency wherever there is still room."""
    renderer = figure.canvas.get_renderer()
    inside = axes.get_window_extent(renderer)
    taken = np.zeros((0, 4))
    for token, (x, y) in zip(tokens[: 20 * labels], placed.tolist(), strict=False):
        if len(taken) == labels:
            return
        text = axes.annotate(
            token.replace("$", r"\$"), (x, y), (2, 0), textcoords="offset points", va="center",
            fontsize=7, color="#1d1c1a", annotation_clip=True,
        )  # fmt: skip
        box = text.get_window_extent(renderer)
        edges = np.array([box.x0, box.y0, box.x1, box.y1])
        fits = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0
        fits = fits and box.y1 <= inside.y1
        apart = (edges[2] < taken[:, 0]) | (edges[0] > taken[:, 2])
        apart |= (edges[3] < taken[:, 1]) | (edges[1] > taken[:, 3])
        if fits and apart.all():
            taken = np.vstack([taken, edges])
        else:
            text.remove()


def _fonts_for(tokens: list[str]) -> tuple[list[str], list[str]]:
    """Return families in order of preference, and a note where some letters have no font."""
    missing = {ord(letter) for token in tokens for letter in token if not letter.isspace()}
    families: list[str] = []
    for there in (_known_fonts, _all_fonts):
        for family, has in _holding(there(), families):
            if missing & has or not families:
                families.append(family)
            missing -= has
        if not missing:
            return families, []
    shown = "".join(sorted(map(chr, missing))[:10])
    note = (
        f"no font of this system has {len(missing)} of the letters ({shown}), they are drawn as "
        "boxes; for Korean: install Noto Sans CJK KR or NanumGothic (Debian: fonts-nanum)."
    )
    return families, [note]


def _holding(there: dict[str, str], but: list[str]) -> Iterator[tuple[str, set[int]]]:
    """Yield the families that are there, in order of preference, and the letters of each."""
    from matplotlib import font_manager

    for family in ("DejaVu Sans", *_FONTS):
        if family in there and family not in but:
            yield family, set(font_manager.get_font(there[family]).get_charmap())


def _known_fonts() -> dict[str, str]:
    """Return the files of families, as matplotlib saw them when it was first used."""
    from matplotlib import font_manager

    return {font.name: font.fname for font in font_manager.fontManager.ttflist}


def _all_fonts() -> dict[str, str]:
    """Return likewise, with fonts that were installed since then."""
    from matplotlib import font_manager

    known = set(_known_fonts().values())
    for file in font_manager.findSystemFonts():
        if file not in known:
            with suppress(RuntimeError, OSError):  # what calls itself a font and is none
                font_manager.fontManager.addfont(file)
    return _known_fonts()
