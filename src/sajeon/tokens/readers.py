"""Files of text, compressed or not, and standard input, as blocks of bytes."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from .. import files
from ..errors import CorpusError, FormatError

STANDARD_INPUT = "-"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class TextFile:
    """One file of text, plain or compressed with gzip, bzip2, xz or zstandard.

    Which, its first bytes tell, not its name.

    Args:
        path: Where it is; "-" is standard input.

    Attributes:
        name: For messages.
        size: Bytes on disk; None where that cannot be known (a pipe).

    Raises:
        FileNotFoundError: There is no such file.
        IsADirectoryError: It is a folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._counted: files.Counted | None = None
        self._state: _State | None = None
        self.size: int | None = None
        self.name = "standard input" if self.path == STANDARD_INPUT else self.path
        if self.path == STANDARD_INPUT:
            return
        if not _exists(self.path):
            shown = self.path if len(self.path) < 200 else self.path[:197] + "..."
            raise FileNotFoundError(
                f"no such file: {shown}"
                + (" (to learn from a text itself, pass [text])" if " " in shown else "")
            )
        if Path(self.path).is_dir():
            raise IsADirectoryError(
                f"{self.path} is a folder, expected a file; for all in it: '{self.path}/*'"
            )
        if Path(self.path).is_file():
            self.size = Path(self.path).stat().st_size

    @property
    def done(self) -> int:
        """Bytes read from disk so far."""
        return 0 if self._counted is None else self._counted.done

    def blocks(self) -> Iterator[bytes]:
        """Yield the text in blocks of about a megabyte, without a byte order mark.

        Raises:
            CorpusError: The file was changed while it was read.
            FormatError: Compressed data are cut short or damaged, or the text is UTF-16.
            MissingExtraError: It is zstandard-compressed and that package is missing.
        """
        if self.path == STANDARD_INPUT:
            # Past the buffer: its lock, held by a thread that waits, would stop Python from ending.
            buffered = sys.stdin.buffer
            yield from self._checked(getattr(buffered, "raw", buffered))
        else:
            with Path(self.path).open("rb", buffering=0) as file:
                self._state = _state(os.fstat(file.fileno()))
                yield from self._checked(file)
                changed = _state(os.fstat(file.fileno())) != self._state
            if changed and self.size is not None:
                raise CorpusError(
                    f"{self.name} changed while it was read, so what was read is neither the old "
                    "text nor the new one: give a file that nobody writes to, for example a copy."
                )

    def changed(self) -> bool:
        """Return whether the file is no longer as it was when it was opened for reading."""
        if self._state is None or self.size is None:
            return False
        try:
            return _state(Path(self.path).stat()) != self._state
        except OSError:
            return True

    def _checked(self, file: BinaryIO | Any) -> Iterator[bytes]:
        head = files.read_head(file)
        if head[:2] in _UTF16_MARKS:
            raise FormatError(
                f"{self.name} is UTF-16, expected UTF-8: iconv -f UTF-16 -t UTF-8 {self.name}"
            )
        self._counted = files.Counted(file, head)
        first = True
        with files.damage_named(self.name):
            for block in files.decompressed(self._counted, head):
                skip = len(_BYTE_ORDER_MARK) if first and block.startswith(_BYTE_ORDER_MARK) else 0
                yield block[skip:] if skip else block
                first = False


_State: TypeAlias = tuple[int, int, int, int]


def _state(found: os.stat_result) -> _State:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def stretches(texts: Iterable[str], characters: int) -> Iterator[list[str]]:
    """Yield texts in lists of about so many characters."""
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(text)
        size += len(text) + 1
        if size >= characters:
            yield part
            part, size = [], 0
    if part:
        yield part


def lines_of(
    blocks: Iterable[bytes], *, name: str = "", longest: int | None = None
) -> Iterator[bytes]:
    """Yield the lines of a text that comes in blocks, with their ends; the last may have none.

    Args:
        blocks: The text.
        name: For the message.
        longest: Bytes that a line is not gathered beyond; None: of any length.

    Raises:
        FormatError: A line is longer than `longest`.
    """
    parts: list[bytes] = []
    length = 0
    for block in blocks:
        *lines, end = block.split(b"\n")
        if lines:
            yield b"".join([*parts, lines[0], b"\n"])
            yield from (line + b"\n" for line in lines[1:])
            parts, length = [], 0
        parts.append(end)
        length += len(end)
        if longest is not None and length > longest:
            raise FormatError(
                f"{name}: expected lines of text, got one of more than {longest:,} bytes."
            )
    if rest := b"".join(parts):
        yield rest


def find_files(source: str | os.PathLike[str]) -> list[TextFile]:
    """Return the files a path or a glob names, a glob's in sorted order.

    Raises:
        FileNotFoundError: There is no such file, or the glob matches none.
        IsADirectoryError: It is a folder.
    """
    path = os.fspath(source)
    if not glob.has_magic(path) or _exists(path):
        return [TextFile(path)]
    found = sorted(p for p in glob.glob(path, recursive=True) if not Path(p).is_dir())  # noqa: PTH207
    if not found:
        raise FileNotFoundError(f"no file matches {path!r}")
    return [TextFile(p) for p in found]


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL: a text, not a path
        return False
