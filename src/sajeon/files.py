"""Bytes of a file, decompressed by what its first bytes say, counted, and read ahead."""

from __future__ import annotations

import bz2
import gzip
import lzma
import queue
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from .errors import FormatError, MissingExtraError

T = TypeVar("T")

BLOCK = 1 << 20  # bytes of a block; no difference seen between a quarter and four times this
HEAD = 6  # bytes by which compression is told
_GZIP, _BZIP2, _XZ, _ZSTANDARD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"


class Counted:
    """A file whose first bytes were taken already and are given out again.

    Attributes:
        done: Bytes given out so far.
    """

    def __init__(self, file: Any, head: bytes = b"") -> None:
        self._file, self._head = file, head
        self.done = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        if self._head:  # a short read is allowed
            data, self._head = self._head[:size], self._head[size:]
        else:
            data = self._file.read(size)
        self.done += len(data)
        return data


def read_head(file: Any, size: int = HEAD) -> bytes:
    """Return the first `size` bytes, fewer only where there are no more."""
    head = b""
    while len(head) < size and (more := file.read(size - len(head))):
        head += more
    return head


def is_compressed(head: bytes) -> bool:
    """Return whether these are the first bytes of gzip, bzip2, xz or zstandard data."""
    return head.startswith((_GZIP, _BZIP2, _XZ, _ZSTANDARD))


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """Turn what a decompressor raises into a FormatError that names the file."""
    try:
        yield
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(name, error) from error
    except OSError as error:
        if error.errno is not None:  # the system's own trouble, for example a bad disk
            raise
        raise _damaged(name, error) from error  # bz2 says "Invalid data stream" this way


def _damaged(name: str, error: Exception) -> FormatError:
    return FormatError(
        f"{name}: the compressed data are cut short or damaged ({error}); "
        "fetch or compress the file again"
    )


def decompressed(file: Counted, head: bytes) -> Iterator[bytes]:
    """Yield what a file holds in blocks, decompressed if `head`, its first bytes, say so."""
    opened: Any = file
    if head.startswith(_GZIP):
        opened = gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[call-overload]
    elif head.startswith(_BZIP2):
        opened = bz2.BZ2File(file)  # type: ignore[call-overload]
    elif head.startswith(_XZ):
        opened = lzma.LZMAFile(file)  # type: ignore[arg-type]  # noqa: SIM115
    elif head.startswith(_ZSTANDARD):
        yield from _zstandard_blocks(file)
        return
    elif head:
        yield file.read(len(head)) + file.read(BLOCK)
    while block := opened.read(BLOCK):
        yield block


def _zstandard_blocks(file: Counted) -> Iterator[bytes]:
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
