"""Files, compressed or not, and standard input as blocks of bytes, read ahead in the background."""

from __future__ import annotations

import bz2
import glob
import gzip
import lzma
import os
import queue
import sys
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

from ..errors import CorpusError, FormatError, MissingExtraError

T = TypeVar("T")

STANDARD_INPUT = "-"
BLOCK = 1 << 20  # bytes of a block; no difference seen between a quarter and four times this
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
        done: Bytes read from disk so far.

    Raises:
        FileNotFoundError: There is no such file.
        IsADirectoryError: It is a folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.done = 0
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

    def blocks(self) -> Iterator[bytes]:
        """Yield the text in blocks of about a megabyte, without a byte order mark.

        Raises:
            CorpusError: The file was changed while it was read.
            FormatError: Compressed data are cut short or damaged, or the text is UTF-16.
            MissingExtraError: It is zstandard-compressed and that package is missing.
        """
        self.done = 0
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
        head = b""
        while len(head) < 6 and (more := file.read(6 - len(head))):
            head += more
        if head[:2] in _UTF16_MARKS:
            raise FormatError(
                f"{self.name} is UTF-16, expected UTF-8: iconv -f UTF-16 -t UTF-8 {self.name}"
            )
        first = True
        try:
            for block in _decompressed(_Counted(self, head, file), head):
                skip = len(_BYTE_ORDER_MARK) if first and block.startswith(_BYTE_ORDER_MARK) else 0
                yield block[skip:] if skip else block
                first = False
        except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
            raise self._damaged(error) from error
        except OSError as error:
            if error.errno is not None:  # the system's own trouble, for example a bad disk
                raise
            raise self._damaged(error) from error  # bz2 says "Invalid data stream" this way

    def _damaged(self, error: Exception) -> FormatError:
        return FormatError(
            f"{self.name}: the compressed data are cut short or damaged ({error}); "
            "fetch or compress the file again"
        )


_State: TypeAlias = tuple[int, int, int, int]


def _state(found: os.stat_result) -> _State:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class _Counted:
    """A file whose first bytes were taken already and are given out again."""

    def __init__(self, owner: TextFile, head: bytes, file: BinaryIO) -> None:
        self._owner, self._head, self._file = owner, head, file

    def read(self, size: int = -1) -> bytes:
        if self._head:  # a short read is allowed
            data, self._head = self._head[:size], self._head[size:]
        else:
            data = self._file.read(size)
        self._owner.done += len(data)
        return data


def _decompressed(file: _Counted, head: bytes) -> Iterator[bytes]:
    opened: Any = file
    if head.startswith(b"\x1f\x8b"):
        opened = gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[call-overload]
    elif head.startswith(b"BZh"):
        opened = bz2.BZ2File(file)  # type: ignore[call-overload]
    elif head.startswith(b"\xfd7zXZ\x00"):
        opened = lzma.LZMAFile(file)  # type: ignore[arg-type]  # noqa: SIM115
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        yield from _zstandard_blocks(file)
        return
    elif head:
        yield file.read(len(head)) + file.read(BLOCK)
    while block := opened.read(BLOCK):
        yield block


def _zstandard_blocks(file: _Counted) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtraError("reading .zst files", "data") from error
    frame = None
    while data := file.read(BLOCK // 8):  # small, since it may grow a thousandfold
        while data:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            try:
                if block := frame.decompress(data):
                    yield block
            except zstandard.ZstdError as error:
                raise zlib.error(str(error)) from error
            data, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise EOFError("the last frame has no end")


def read_ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield the items while a thread already makes the next one.

    Reading and decompressing release the GIL, so they run beside the scan. The thread is a daemon:
    one that waits for standard input must not keep Ctrl-C from ending the program.
    """
    made: queue.Queue[tuple[bool, Any]] = queue.Queue(maxsize=2)
    stopped = threading.Event()

    def put(entry: tuple[bool, Any]) -> bool:
        while not stopped.is_set():
            try:
                made.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as error:  # handed to whoever reads, traceback and all
            put((False, error))

    threading.Thread(target=make, name="sajeon-reader", daemon=True).start()
    try:
        while True:
            is_item, value = made.get()
            if is_item:
                yield value
            elif value is None:
                return
            else:
                raise value
    finally:
        stopped.set()


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
