"""A file that may hold vectors, as bytes: plain, compressed, or a member of a .zip archive.

Compression is told by content. A member is named by a path that goes on behind the archive:
``glove.6B.zip/glove.6B.300d.txt``. Nothing is ever unpacked to a path that an archive names.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from .. import files
from ..errors import FormatError
from ..types import Array

HEAD = 1 << 20
"""Bytes at the beginning by which the format is told."""

_MOST_GROWTH = 200  # times: text and floats shrink to a half, a tenth if the values repeat
_GROWTH_CHECKED_FROM = 1 << 26  # bytes
_ZIP = b"PK\x03\x04"


class Source:
    """Bytes that may be a table of vectors.

    Args:
        path: A file, or a path that goes on inside a .zip archive.

    Attributes:
        name: For messages.
        size: Bytes that `blocks` gives in all, where that is known beforehand; otherwise None.
        stored: Bytes on disk, of which `blocks` says how many are done.
        head: The first `HEAD` bytes of the content.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is an archive without a single member to read, or compressed data are
            damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.fspath(path)
        self._path, self._member = _split(Path(self.name))
        self._zipped = _begins_with(self._path, _ZIP) and not _holds_code(self._path)
        self._info: zipfile.ZipInfo | None = None
        self.stored = self._path.stat().st_size
        self.size: int | None = self.stored
        if self._zipped:
            self._info = _chosen(self._path, self._member)
            self.name = f"{self._path}/{self._info.filename}"
            self.stored, self.size = self._info.compress_size, self._info.file_size
        self.compressed = False
        self.head = self._read_head()

    def blocks(self) -> Iterator[tuple[bytes, int]]:
        """Yield the content, each block with the bytes on disk that are done with it.

        Raises:
            FormatError: Compressed data are damaged, or grow beyond all that vectors could need.
        """
        with self._opened() as file:
            head = files.read_head(file)
            counted, length = files.Counted(file, head), 0
            with _damage_named(self.name):
                for block in files.decompressed(counted, head):
                    length += len(block)
                    self._check_growth(length, counted.done)
                    yield block, min(counted.done, self.stored)

    def unpacked(self) -> Path:
        """Return the path of a file that is neither compressed nor inside an archive.

        Raises:
            FormatError: It is.
        """
        if self._zipped or self.compressed:
            raise FormatError(
                f"{self.name}: expected this format as it is, since it is not read from beginning "
                "to end; unpack it first."
            )
        return self._path

    def mapped(self) -> Array:
        """Return the whole content (bytes,) uint8, read-only and memory-mapped.

        What is compressed is written to a temporary file without a name first.
        """
        if not self._zipped and not self.compressed:
            return _map(self._path)
        with tempfile.TemporaryFile(prefix="sajeon-") as file:
            for block, _ in self.blocks():
                file.write(block)
            file.flush()
            return _map(file)

    def _read_head(self) -> bytes:
        with self._opened() as file:
            first = files.read_head(file)
        self.compressed = files.is_compressed(first)
        if self.compressed:
            self.size = None
        head = b""
        for block, _ in self.blocks():
            head += block
            if len(head) >= HEAD:
                break
        return head[:HEAD]

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        with ExitStack() as stack:
            if self._info is None:
                yield stack.enter_context(self._path.open("rb", buffering=0))
                return
            with _damage_named(self.name):
                archive = stack.enter_context(zipfile.ZipFile(self._path))
                file = stack.enter_context(archive.open(self._info))
            yield file

    def _check_growth(self, length: int, done: int) -> None:
        on_disk = max(1, min(done, self.stored)) if not self._zipped else max(1, self.stored)
        if length > _GROWTH_CHECKED_FROM and length > _MOST_GROWTH * on_disk:
            raise FormatError(
                f"{self.name}: {on_disk:,} bytes have grown to {length:,} and go on: expected "
                f"vectors, which shrink less than {_MOST_GROWTH} times when they are compressed."
            )


@contextmanager
def _damage_named(name: str) -> Iterator[None]:
    with files.damage_named(name):
        try:
            yield
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise FormatError(f"{name}: the archive cannot be read: {error}.") from error


def _split(path: Path) -> tuple[Path, str | None]:
    """Part a path into a file and, where it goes on inside an archive, the member."""
    for file in (path, *path.parents):
        if file.is_file():
            inside = path.relative_to(file).as_posix()
            if inside != "." and not _begins_with(file, _ZIP):
                break
            return file, None if inside == "." else inside
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder, expected a file.")
    raise FileNotFoundError(f"{path}: there is no such file or folder.")


def _begins_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _holds_code(path: Path) -> bool:
    """Return whether it is a zip that another program gave a meaning: PyTorch's or NumPy's."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
        return False
    return any(name.endswith(("/data.pkl", ".npy")) for name in names)


def _chosen(path: Path, member: str | None) -> zipfile.ZipInfo:
    with _damage_named(str(path)), zipfile.ZipFile(path) as archive:
        found = [info for info in archive.infolist() if not info.is_dir()]
    for info in found:
        _check_member(path, info)
    if member is not None:
        found = [info for info in found if info.filename == member]
    if len(found) != 1:
        raise FormatError(_message(path, member, found))
    return found[0]


def _message(path: Path, member: str | None, found: list[zipfile.ZipInfo]) -> str:
    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    shown = ", ".join(f"{path}/{name}" for name in names[:6]) or "nothing"
    asked = f"{member!r}, once" if member else "one file of vectors in it"
    more = " ..." if len(names) > 6 else ""
    return f"{path}: expected {asked}, found {len(found) or 'none'}; it holds {shown}{more}."


def _check_member(path: Path, info: zipfile.ZipInfo) -> None:
    name = PurePosixPath(info.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in info.filename or ":" in info.filename:
        raise FormatError(f"{path}: a member is named {info.filename!r}, which leads elsewhere.")
    if info.flag_bits & 1:
        raise FormatError(f"{path}: {info.filename} is encrypted; unpack it with its password.")


def _map(file: Path | IO[bytes]) -> Array:
    """Return (bytes,) uint8, read-only; an empty file cannot be mapped."""
    size = file.stat().st_size if isinstance(file, Path) else os.fstat(file.fileno()).st_size
    if size == 0:
        return np.zeros(0, np.uint8)
    where: Any = file
    return np.asarray(np.memmap(where, dtype=np.uint8, mode="r"))
