"""Arrays that grow on disk: written piece by piece, then memory-mapped; gone with the process."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from ..types import Array

_T = TypeVar("_T")
_R = TypeVar("_R")

_ROWS_AT_ONCE = 1 << 20


class Spill:
    """One growing array in a file without a name, on the disk of the temporary folder.

    Plain writes, not a memory map, so that a full disk is an error and not a crash.

    Args:
        dtype: Of its numbers.
        what: What they are, for messages.
        width: Numbers of a row; 0 for an array of one axis.
    """

    def __init__(self, dtype: Any, what: str, width: int = 0) -> None:
        self._dtype, self._what, self._width = np.dtype(dtype), what, width
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._bytes = 0

    def __del__(self) -> None:
        """Close the file, also where what is still to be written cannot be."""
        with suppress(OSError):
            self._file.close()

    def add(self, array: Array) -> None:
        """Append an array of this type.

        Raises:
            OSError: The disk is full.
        """
        try:
            self._file.write(np.ascontiguousarray(array, self._dtype).data)
            self._bytes += array.nbytes
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise full(self._what, f"{self._bytes / 1e9:.2f} GB were written", error) from error

    def extend(self, rows: int) -> None:
        """Append zeros.

        Raises:
            OSError: The disk is full.
        """
        for start in range(0, rows, _ROWS_AT_ONCE):
            shape = (min(_ROWS_AT_ONCE, rows - start), max(self._width, 1))
            self.add(np.zeros(shape, self._dtype))

    def mapped(self, *, writable: bool = False) -> Array:
        """Return all of it, memory-mapped; nothing can be added.

        What is written to it needs no more of the disk, so it cannot fail.
        """
        with self._file:
            try:
                self._file.flush()
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise full(self._what, f"{self._bytes / 1e9:.2f} GB were written", error) from error
            shape = (-1, self._width) if self._width else (-1,)
            if self._bytes == 0:  # an empty file cannot be mapped
                return np.zeros(0, self._dtype).reshape(shape)
            mode: Literal["r+", "r"] = "r+" if writable else "r"
            return np.memmap(self._file, self._dtype, mode).reshape(shape)


def full(what: str, seen: str, error: OSError | None = None) -> OSError:
    """Return the error of a disk that does not hold what is to be kept there."""
    folder = tempfile.gettempdir()
    code = errno.ENOSPC if error is None else error.errno
    return OSError(
        code,
        f"no space for {what} on the disk of {folder}: {seen}; free some space, set TMPDIR to a "
        "folder on another disk, or take a larger --min-count or a smaller --window",
        folder,
    )


def free_disk() -> int:
    """Return how many bytes are free where spills go."""
    return shutil.disk_usage(tempfile.gettempdir()).free


def free_memory() -> int:
    """Return how many bytes of memory are free, or can be made so; 4 GB where nobody says."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        said = dict(line.split(":", 1) for line in lines)
        return int(said["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 4 << 30


def in_order(work: Callable[[_T], _R], tasks: Iterable[_T], threads: int) -> Iterator[_R]:
    """Yield what `work` makes of each task, in order; threads work a few tasks ahead, no more."""
    tasks = iter(tasks)
    with ThreadPoolExecutor(threads, thread_name_prefix="sajeon-count") as pool:
        try:
            ahead: list[Future[_R]] = [pool.submit(work, t) for t in islice(tasks, 2 * threads)]
            while ahead:
                yield ahead.pop(0).result()
                ahead += [pool.submit(work, task) for task in islice(tasks, 1)]
        finally:
            pool.shutdown(cancel_futures=True)
