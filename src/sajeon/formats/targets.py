"""What writes each format, and what the name of a target says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import arrow, bare, word2vec
from .selection import Selected
from .vectorfile import VectorFile, as_floats


class Target(NamedTuple):
    """A form that vectors can be written in.

    Attributes:
        suffixes: Of file names that mean it.
        what: In a few words.
        write: Writes rows to a file, and what stands beside it to another; returns how many there
            are. None for our own folder.
        beside: Suffix of the file beside, if there is one.
    """

    suffixes: tuple[str, ...]
    what: str
    write: Callable[[Sequence[Path], VectorFile, Iterator[Selected]], int] | None
    beside: str | None = None

    def paths(self, path: Path) -> list[Path]:
        """Return the files that are written, `path` first."""
        if self.beside is None:
            return [path]
        return [path, path.with_name(path.name.removesuffix(path.suffix) + self.beside)]


def _lines() -> Any:
    """Imported when it is needed, since it imports Numba: half a second."""
    from . import lines

    return lines


def _write_word2vec(paths: Sequence[Path], file: VectorFile, parts: Iterator[Selected]) -> int:
    return _write_counted(paths[0], file, parts, word2vec.write_rows)


def _write_text(paths: Sequence[Path], file: VectorFile, parts: Iterator[Selected]) -> int:
    return _write_counted(paths[0], file, parts, _lines().write_lines)


def _write_counted(
    path: Path, file: VectorFile, parts: Iterator[Selected], write: Callable[..., None]
) -> int:
    """Write rows behind a header; their number is known only at the end.

    Blanks stand before a number that turned out shorter than was kept for it: every reader of the
    form passes over them, while blanks behind would become part of the first token.
    """
    width, num = len(str(file.num_rows or 10**9)), 0
    with path.open("wb") as out:
        out.write(b"%*d %d\n" % (width, 0, file.dim))
        for part in parts:
            write(out, part.tokens, as_floats(part.rows))
            num += len(part.tokens)
        out.seek(0)
        out.write(b"%*d %d\n" % (width, num, file.dim))
    return num


def _write_glove(paths: Sequence[Path], _: VectorFile, parts: Iterator[Selected]) -> int:
    num = 0
    with paths[0].open("wb") as out:
        for part in parts:
            _lines().write_lines(out, part.tokens, as_floats(part.rows))
            num += len(part.tokens)
    return num


def _write_projector(paths: Sequence[Path], _: VectorFile, parts: Iterator[Selected]) -> int:
    """Write numbers with tabs between, and the tokens beside them."""
    num = 0
    with paths[0].open("wb") as out, paths[1].open("wb") as names:
        for part in parts:
            bare.write_vocab(names, part.tokens)
            rows = _lines().formatted(np.ascontiguousarray(part.rows, np.float32))
            out.write(b"".join(row[1:].replace(b" ", b"\t") + b"\n" for row in rows))
            num += len(part.tokens)
    return num


def _write_npy(paths: Sequence[Path], file: VectorFile, parts: Iterator[Selected]) -> int:
    """Write the matrix, whose header is filled in last, and the tokens beside it."""
    num = 0
    with paths[0].open("wb") as out, paths[1].open("wb") as names:
        _npy_header(out, 0, file.dim)
        for part in parts:
            bare.write_vocab(names, part.tokens)
            out.write(np.ascontiguousarray(part.rows, "<f4").data)
            num += len(part.tokens)
        out.seek(0)
        _npy_header(out, num, file.dim)
    return num


def _npy_header(out: Any, num: int, dim: int) -> None:
    # NumPy leaves room in it for a first axis that grows (numpy.lib.format).
    header = {"descr": "<f4", "fortran_order": False, "shape": (num, dim)}
    np.lib.format.write_array_header_1_0(out, header)


TARGETS: dict[str, Target] = {
    "sajeon": Target(("",), "our own folder, which model2vec and sentence-transformers open", None),
    "word2vec": Target((".bin",), "word2vec's binary form", _write_word2vec),
    "word2vec-text": Target((".vec", ".txt"), "text with a header: fastText's .vec", _write_text),
    "glove": Target((".glove",), "text without a header", _write_glove),
    "npy": Target((".npy",), "a NumPy matrix, its tokens beside it", _write_npy, ".vocab.txt"),
    "projector": Target(
        (".tsv",), "TensorBoard's projector: two files", _write_projector, ".metadata.tsv"
    ),
    "parquet": Target((".parquet",), "Parquet (extra data)", arrow.write_parquet),
    "arrow": Target((".arrow", ".feather"), "Arrow (extra data)", arrow.write_arrow),
}
_ALIASES = {
    "model2vec": "sajeon",
    "sentence-transformers": "sajeon",
    "vec": "word2vec-text",
    "fasttext-vec": "word2vec-text",
    "word2vec-binary": "word2vec",
}


def names() -> list[str]:
    """Return all names of formats that can be written."""
    return [*TARGETS, *_ALIASES]


def target_of(path: Path, name: str | None) -> str:
    """Return which format is to be written, a key of `TARGETS`.

    Args:
        path: The target, whose suffix says it where `name` does not.
        name: The format, or another name for one.

    Raises:
        ValueError: There is no such format.
    """
    if name is not None:
        known = _ALIASES.get(name, name)
        if known not in TARGETS:
            raise ValueError(f"to must be one of {', '.join(names())}; got {name!r}.")
        return known
    found = [key for key, target in TARGETS.items() if path.suffix.lower() in target.suffixes]
    if not found:
        raise ValueError(
            f"{path}: the ending {path.suffix!r} says no format; say which with to= (--to): one of "
            f"{', '.join(names())}."
        )
    return found[0]
