"""Ids on disk while a corpus is read, and their renumbering when the counts are known."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ..kernels._compile import HAVE_NUMBA
from ..kernels.lookup import renumber, renumber_reference, tally, tally_reference
from ..types import Counts, Ids32

IDS, OFFSETS = "ids.int32", "offsets.int64"
_BLOCK = 1 << 20  # ids renumbered at a time


class Spool:
    """A growing corpus: provisional ids, where sequences end, and how often each id came.

    Plain writes, not a memory map, so that a full disk is an error and not a crash.

    Args:
        directory: Where the two files are made; created if it is missing.

    Attributes:
        num_tokens: Ids written so far.
        num_sequences: Sequences ended so far.
    """

    def __init__(self, directory: Path) -> None:
        self.num_tokens = self.num_sequences = 0
        self._counts: Counts = np.zeros(1 << 15, np.int64)
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        with self._writing(0):
            self._ids = (directory / IDS).open("w+b")
            self._offsets = (directory / OFFSETS).open("w+b")
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
        """Close the files and return them as read-only memory maps: ids and offsets."""
        self.close()
        ids, offsets = self._directory / IDS, self._directory / OFFSETS
        return np.memmap(ids, np.int32, "r"), np.memmap(offsets, np.int64, "r")

    def close(self) -> None:
        """Close the files and leave them."""
        with self._writing(0):
            self._ids.close()
            self._offsets.close()

    def discard(self) -> None:
        """Close and delete the files, also where what is still to be written cannot be."""
        for file in (self._ids, self._offsets):
            with suppress(OSError):
                file.close()
        for name in (IDS, OFFSETS):
            (self._directory / name).unlink(missing_ok=True)

    def _read_ids(self, first: int) -> Ids32:
        with self._writing(0):  # seeking writes what is still in the buffer
            self._ids.seek(4 * first)
        return np.frombuffer(bytearray(self._ids.read(4 * _BLOCK)), np.int32)

    def _read_ends(self, sequence: int, until: int) -> Counts:
        """All ends from this sequence on that lie at or before a token: (sequences,) int64."""
        with self._writing(0):
            self._offsets.flush()
        offsets = np.memmap(self._directory / OFFSETS, np.int64, "r")
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


def _tally(ids: Ids32, counts: Counts) -> None:
    (tally if HAVE_NUMBA else tally_reference)(ids, counts)


def _renumber(ids: Ids32, new_id: Ids32, ends: Counts) -> int:
    return (renumber if HAVE_NUMBA else renumber_reference)(ids, new_id, ends)
