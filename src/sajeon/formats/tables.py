"""One column of one or several files of rows, as texts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from ..tokens.readers import find_files
from .columns import read_columns


def texts_of_column(
    source: Any, column: str, encoding_errors: Literal["strict", "replace"] = "strict"
) -> Iterator[str]:
    """Return the cells of a column, row by row.

    Args:
        source: A path, a glob, or several of them: see `columns.read_columns`.
        column: Its name.
        encoding_errors: See `columns.read_columns`.

    Raises:
        FileNotFoundError: There is no such file. So much is seen at once, the rest on reading.
        FormatError: See `columns.read_columns`.
        TypeError: The source is no path.
    """
    paths = [source] if isinstance(source, str | os.PathLike) else source
    if not isinstance(paths, Iterable):
        raise TypeError(f"with text=, a source is paths of tables, got {type(source).__name__}")
    files = [file.path for path in paths for file in find_files(_path(path))]
    return (
        row[0]
        for file in files
        for row in read_columns(file, [column], encoding_errors=encoding_errors)
    )


def _path(path: Any) -> str | os.PathLike[str]:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"with text=, a source is paths of tables, got {type(path).__name__}")
    return path
