"""Checkpoints: what a killed training goes on from, to the same bits as if it had not been killed.

They live in ``MODEL.training`` beside the model, which goes when the model is in place:

    lock                      held while a process trains into MODEL
    checkpoint.safetensors    the tables, and as metadata what they were learned from and how far
"""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import BusyError, FormatError, ResumeError, TrainingError
from ..formats import atomic, safetensors
from ..formats.lock import locked
from .trainer import Progress, Snapshot

Every: TypeAlias = "float | Literal['auto'] | None"

FORMAT = 1
AUTO_SECONDS = 60.0
_WORTH_KEEPING = 120.0  # seconds: a shorter training is sooner repeated than explained
_MOST_OF_THE_TIME = 0.05  # that "auto" spends on writing
_IDENTITY = ("settings", "corpus")
_LOCK, _CHECKPOINT = "lock", "checkpoint.safetensors"
_UNFINISHED = f"{_CHECKPOINT}.part"
_OURS = {_LOCK, _CHECKPOINT, _UNFINISHED}


def folder_of(target: Path) -> Path:
    """Return where the checkpoints of a training into `target` live."""
    return target.with_name(f"{target.name}.training")


def has_checkpoint(target: Path) -> bool:
    """Return whether there is a training into `target` that can go on."""
    return (folder_of(target) / _CHECKPOINT).is_file()


@contextmanager
def opened(target: Path, *, resume: bool) -> Iterator[Checkpoint]:
    """Keep all other processes from training into `target`; give its checkpoint.

    After the block the checkpoint is gone if the block succeeded, or if the training diverged,
    since it would diverge again.

    Args:
        target: The model folder, absolute.
        resume: Whether a checkpoint that is there may be gone on from; if not, it is not touched.

    Raises:
        BusyError: Another process trains into it.
        ResumeError: There is a checkpoint, and `resume` is False.
        FormatError: The folder holds something else.
    """
    folder = folder_of(target)
    with ExitStack() as held:
        made = _take(folder, target, held)
        checkpoint = Checkpoint(folder / _CHECKPOINT)
        try:
            if checkpoint.exists() and not resume:
                raise ResumeError(
                    f"{folder} holds a training that did not end: go on with it (--resume, or "
                    "resume=True), or delete that folder to begin anew."
                )
            yield checkpoint
            checkpoint.remove()
        except TrainingError:
            checkpoint.remove()
            raise
        finally:
            if not checkpoint.exists():
                (folder / _LOCK).unlink(missing_ok=True)
                atomic.remove_empty([folder, *made])


def _take(folder: Path, target: Path, held: ExitStack) -> list[Path]:
    """Make and lock the folder; return the parents that were made."""
    while True:
        made = atomic.make_parents(folder.parent)
        try:
            folder.mkdir(exist_ok=True)
            others = {entry.name for entry in folder.iterdir()} - _OURS
            _check_ours(folder, others)
            held.enter_context(locked(folder / _LOCK))
        except (FileNotFoundError, FileExistsError, NotADirectoryError):
            # Asked once: between two questions the folder may come or go.
            with suppress(OSError):
                if not stat.S_ISDIR(folder.stat().st_mode):
                    _check_ours(folder, {"a file"})
            continue  # the process before us just removed the folder: once more
        except BlockingIOError as error:
            raise BusyError(
                f"{target}: another process is training into this folder; wait for it, or name "
                "another one."
            ) from error
        (folder / _UNFINISHED).unlink(missing_ok=True)  # of a process that was killed
        atomic.remove_abandoned(target)
        return made


def _check_ours(folder: Path, others: set[str]) -> None:
    if others:
        raise FormatError(
            f"{folder}: expected no such folder or an unfinished training of sajeon, found "
            f"{', '.join(sorted(others)[:3])}: move it away, or name another model."
        )


class Checkpoint:
    """A snapshot in a file, with what the training that made it was.

    Args:
        path: The file, which need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Return whether there is one."""
        return self.path.is_file()

    def remove(self) -> None:
        """Delete it."""
        self.path.unlink(missing_ok=True)

    def write(self, identity: Mapping[str, Any], snapshot: Snapshot) -> None:
        """Replace it, or on any failure leave it as it was.

        Args:
            identity: JSON values: all that the result of the training depends on.
            snapshot: How far it has come.

        Raises:
            OSError: It cannot be written, for example because the disk is full.
        """
        said = {
            "format": FORMAT,
            "identity": identity,
            "blocks": snapshot.blocks,
            "loss": snapshot.loss,
            "pairs": snapshot.pairs,
        }
        metadata = {"sajeon": json.dumps(said, ensure_ascii=False)}
        with atomic.replacing_file(self.path) as fresh:
            safetensors.write(fresh, dict(snapshot.tables), metadata)

    def identity(self) -> dict[str, Any]:
        """Return what `write` was given.

        Raises:
            FormatError: The file is damaged.
            ResumeError: A later sajeon wrote it.
        """
        identity: dict[str, Any] = self._read()[0]["identity"]
        return identity

    def snapshot(self) -> Snapshot:
        """Return what `write` was given, the tables memory-mapped."""
        said, tables = self._read()
        return Snapshot(tables, said["blocks"], said["loss"], said["pairs"])

    def _read(self) -> tuple[dict[str, Any], dict[str, Any]]:
        tables, metadata = safetensors.read(self.path)
        try:
            said = json.loads(metadata["sajeon"])
            found = said["format"]
        except (KeyError, TypeError, ValueError):
            said, found = {}, FORMAT
        if found != FORMAT:
            raise ResumeError(
                f"{self.path}: has format {found!r}, this sajeon goes on from format {FORMAT}; "
                "use the sajeon that began the training, or delete the folder to begin anew."
            )
        identity = said.get("identity")
        parts = [identity.get(name) for name in _IDENTITY] if isinstance(identity, dict) else [None]
        numbers = [said.get(name) for name in ("blocks", "loss", "pairs")]
        if not all(isinstance(p, dict) for p in parts) or not all(type(n) is int for n in numbers):
            raise FormatError(f"{self.path}: byte 8: not a checkpoint of sajeon: delete it.")
        return said, tables


def check_same(then: Mapping[str, Any], now: Mapping[str, Any], what: str, path: Path) -> None:
    """Raise ResumeError unless two descriptions are equal; the message says where they differ.

    Args:
        then: JSON values of the checkpoint.
        now: JSON values of this call.
        what: "settings" or "corpus".
        path: The checkpoint, for the message.
    """
    changed = list(_differences(then, json.loads(json.dumps(now))))
    if changed:
        raise ResumeError(
            f"cannot go on from {path}: the {what} changed: {'; '.join(changed[:4])}. Give what "
            f"was given then, or delete {path.parent} to begin anew."
        )


def _differences(then: Mapping[str, Any], now: Mapping[str, Any], at: str = "") -> Iterator[str]:
    for name in dict.fromkeys([*then, *now]):
        one, other = then.get(name), now.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differences(one, other, f"{name} ")
        elif one != other:
            yield f"{at}{name} was {_shown(one)}, now {_shown(other)}"


def _shown(value: Any) -> str:
    text = f"{value:,}" if type(value) is int else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."


class Keeper:
    """Decides when a training is paused for a checkpoint, and writes it.

    Args:
        checkpoint: Where to.
        identity: What the training is, for `Checkpoint.write`.
        every: Seconds between checkpoints; "auto": a minute, but longer where writing would take
            more than a twentieth of the time, and only for trainings estimated over two minutes;
            None: never.
        note: Told what the user should know.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        identity: Mapping[str, Any],
        every: Every,
        note: Callable[[str], None],
    ) -> None:
        self._checkpoint, self._identity, self._note = checkpoint, identity, note
        self._every = AUTO_SECONDS if every == "auto" else every
        self._auto = every == "auto"
        self._resumed = checkpoint.exists()
        self._last = time.monotonic()
        self._took = 0.0
        self._failing = False
        self._finished: Snapshot | None = None

    def due(self, progress: Progress) -> bool:
        """See `trainer.Keeper`."""
        if self._every is None:
            return False
        wait = max(self._every, self._took / _MOST_OF_THE_TIME) if self._auto else self._every
        return time.monotonic() - self._last >= wait and self._worth_it(progress)

    def keep(self, snapshot: Snapshot) -> None:
        """See `trainer.Keeper`; a disk that is full costs the checkpoint, not the training."""
        started = time.monotonic()
        try:
            self._checkpoint.write(self._identity, snapshot)
            self._failing = False
        except OSError as error:
            self._warn(error)
        self._last = time.monotonic()
        self._took = self._last - started

    def interrupted(self, snapshot: Snapshot, progress: Progress) -> None:
        """See `trainer.Keeper`: keep what there is, so that nothing is lost."""
        if self._every is not None and self._worth_it(progress):
            self.keep(snapshot)

    def finished(self, snapshot: Snapshot, progress: Progress) -> None:
        """See `trainer.Keeper`: it is kept if the model then cannot be saved."""
        if self._every is not None and self._worth_it(progress):
            self._finished = snapshot

    def keep_finished(self) -> None:
        """Keep the trained tables, since saving the model did not work."""
        if self._finished is not None:
            self.keep(self._finished)

    def _warn(self, error: OSError) -> None:
        if not self._failing:  # once is enough, until it works again
            before = "the one before is kept" if self._checkpoint.exists() else "there is none yet"
            self._note(
                f"warning: no checkpoint could be written to {self._checkpoint.path.parent}: "
                f"{error.strerror}; {before}"
            )
        self._failing = True

    def _worth_it(self, progress: Progress) -> bool:
        estimated = progress.seconds + progress.seconds_left
        return not self._auto or self._resumed or estimated > _WORTH_KEEPING
