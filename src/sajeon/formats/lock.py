"""A lock between processes that ends with the process that holds it, however that ends."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUSY = {errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file `path`, which is made if it is missing; whoever holds it may delete it.

    On a file system without locks nothing is held.

    Raises:
        BlockingIOError: Somebody else holds it.
        OSError: The file cannot be made.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(handle)
            if _is_still(path, handle):
                yield
                return
        finally:
            os.close(handle)  # gives the lock back


def _is_still(path: Path, handle: int) -> bool:
    """Return False where the holder before us deleted the file that we then locked."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _take(handle: int) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            raise BlockingIOError(error.errno, "held by another process") from error
