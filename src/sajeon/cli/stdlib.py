"""A text that every machine with Python has: the source code of Python's standard library."""

from __future__ import annotations

import platform
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from ..errors import CorpusError

_LEFT_OUT = {
    "site-packages",  # not part of the library
    "dist-packages",
    "test",  # tests repeat what they test, with made-up words
    "tests",
    "encodings",  # tables of characters
    "pydoc_data",  # one file, the language reference
}
_WORD = re.compile(r"[^\W\d_]+")  # letters: snake_case falls into its words, numbers drop out
_FEWEST_FILES = 200


def source_files(library: Path | None = None) -> list[Path]:
    """Return the library's source files, sorted.

    Args:
        library: Folder to look in; None: that of the running Python.

    Raises:
        CorpusError: This Python comes without its sources, or most of them.
    """
    folder = library or Path(sysconfig.get_paths()["stdlib"])
    files = sorted(
        path
        for path in folder.rglob("*.py")
        if not _LEFT_OUT.intersection(path.relative_to(folder).parts)
    )
    if len(files) < _FEWEST_FILES:
        raise CorpusError(
            f"{folder}: expected the source code of Python's standard library, at least "
            f"{_FEWEST_FILES} .py files, but found {len(files)}: this Python keeps it elsewhere, "
            "perhaps zipped. Try a text of your own: sajeon train FILE -o MODEL"
        )
    return files


def words_of(files: list[Path]) -> Iterator[list[str]]:
    """Yield the words of each file, identifiers cut at underscores, in lower case."""
    for path in files:
        yield _WORD.findall(path.read_text("utf-8", errors="ignore").lower())


def python_name() -> str:
    """Return what the running Python is called, such as ``Python 3.12``."""
    major, minor, _ = platform.python_version_tuple()
    return f"Python {major}.{minor}"
