"""Ids on disk while a corpus is read, and their renumbering when the counts are known."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..kernels._compile import HAVE_NUMBA
from ..kernels.lookup import renumber, renumber_reference, tally, tally_reference
from ..types import Array, Counts, Ids32

_BLOCK = 1 << 20  # ids renumbered at a time
_OFFSET = np.dtype(np.int64)


class Spool:
    """A growing corpus: provisional ids, where sequences end, and how often each id came.

    Plain writes, not a memory map, so that a full disk is an error and not a crash. The two files
    have no name, so that nothing is left of them however the process ends, SIGKILL included.

    Args:
        directory: On whose disk the two files are; None for the system's temporary one.

    Attributes:
        num_tokens: Ids written so far.
        num_sequences: Sequences ended so far.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.num_tokens = self.num_sequences = 0
        self._counts: Counts = np.zeros(1 << 15, np.int64)
        self._directory = Path(tempfile.gettempdir()) if directory is None else directory
        with self._writing(0):
            self._ids = _nameless(self._directory)
            self._offsets = _nameless(self._directory)
            self._offsets.write(np.zeros(1, np.int64).tobytes())

    def add(self, ids: Ids32, ends: Counts) -> None:
        """Append ids.

        Args:
            ids: (tokens,) int32.
            ends: (sequences,) int64. How many of these ids stand before the end of each sequence.
        """
        if len(ids):
            largest = int(ids.max())
            if largest >= len(self._counts):
                self._counts = np.concatenate([self._counts, np.zeros(2 * largest, np.int64)])
            _tally(ids, self._counts)
        with self._writing(ids.nbytes + 8 * len(ends)):
            self._ids.write(ids.data)
            self._offsets.write((ends + self.num_tokens).tobytes())
        self.num_tokens += len(ids)
        self.num_sequences += len(ends)

    def counts(self, num_types: int) -> Counts:
        """How often each provisional id came: (num_types,) int64."""
        counts = self._counts[:num_types]
        return np.pad(counts, (0, num_types - len(counts)))

    def renumber(self, new_id: Ids32) -> int:
        """Give the ids their final numbers in place; return how many sequences have two or more.

        Args:
            new_id: (types,) int32. The final id of each provisional one, -1 to drop it.
        """
        kept = sequence = previous_end = learnable = 0
        for first in range(0, max(self.num_tokens, 1), _BLOCK):
            ids = self._read_ids(first)
            ends = self._read_ends(sequence, first + len(ids)) - first
            left = _renumber(ids, new_id, ends)
            ends += kept
            learnable += int((np.diff(ends, prepend=previous_end) > 1).sum())
            with self._writing(0):
                self._ids.seek(4 * kept)
                self._ids.write(ids[:left].data)
                self._offsets.seek(8 * (sequence + 1))
                self._offsets.write(ends.data)
            kept += left
            sequence += len(ends)
            previous_end = int(ends[-1]) if len(ends) else previous_end
        with self._writing(0):
            self._ids.truncate(4 * kept)
        self.num_tokens = kept
        return learnable

    def mapped(self) -> tuple[Ids32, Counts]:
        """Return both files as read-only memory maps, ids and offsets; nothing can be added."""
        with self._writing(0), self._ids, self._offsets:
            return self.view()

    def view(self) -> tuple[Ids32, Counts]:
        """Return both files as read-only memory maps of what they hold so far, not nothing."""
        with self._writing(0):
            self._ids.flush()
            self._offsets.flush()
        return _mapped(self._ids, np.dtype(np.int32)), _mapped(self._offsets, _OFFSET)

    def take(self, other: Spool) -> None:
        """Hold what another spool does, which is thereby used up, in place of what was here."""
        self.discard()
        self.num_tokens, self.num_sequences = other.num_tokens, other.num_sequences
        self._ids, self._offsets, self._counts = other._ids, other._offsets, other._counts

    def discard(self) -> None:
        """Close the files, also where what is still to be written cannot be."""
        for file in (self._ids, self._offsets):
            with suppress(OSError):
                file.close()

    def _read_ids(self, first: int) -> Ids32:
        with self._writing(0):  # seeking writes what is still in the buffer
            self._ids.seek(4 * first)
        return np.frombuffer(bytearray(self._ids.read(4 * _BLOCK)), np.int32)

    def _read_ends(self, sequence: int, until: int) -> Counts:
        """All ends from this sequence on that lie at or before a token: (sequences,) int64."""
        with self._writing(0):
            self._offsets.flush()
        offsets = _mapped(self._offsets, _OFFSET)
        stop = sequence + 1 + np.searchsorted(offsets[sequence + 1 :], until, side="right")
        return np.array(offsets[sequence + 1 : stop])

    @contextmanager
    def _writing(self, num_bytes: int) -> Iterator[None]:
        """Turn a full disk into a message that says what to do."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            done = 4 * self.num_tokens + 8 * self.num_sequences
            raise OSError(
                error.errno,
                f"no space left on the disk of {self._directory}: {(done + num_bytes) / 1e6:,.1f} "
                "MB of ids were to be written there so far; free some space, or set TMPDIR to a "
                "folder on another disk",
                str(self._directory),
            ) from error


def _nameless(directory: Path) -> IO[bytes]:
    return tempfile.TemporaryFile(dir=directory)


def _mapped(file: IO[bytes], dtype: np.dtype[Any]) -> Array:
    """Map all of a file by what is open, since it has no name; leaves the position at its end."""
    return np.memmap(file, dtype, "r")


def _tally(ids: Ids32, counts: Counts) -> None:
    (tally if HAVE_NUMBA else tally_reference)(ids, counts)


def _renumber(ids: Ids32, new_id: Ids32, ends: Counts) -> int:
    return (renumber if HAVE_NUMBA else renumber_reference)(ids, new_id, ends)
