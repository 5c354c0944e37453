"""Replacing a folder or a file all at once: whoever looks sees the old or the new one, whole.

The new folder is written beside the old one and flushed to the disk; then the two change places.
Linux does that in one step (renameat2 with RENAME_EXCHANGE). Elsewhere the old folder is renamed to
``NAME.old`` first; should the power fail just then, `existing` finds it there.
"""

import errno
import glob
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_RENAME_EXCHANGE = 2  # linux/fs.h
_AT_FDCWD = -100  # linux/fcntl.h: paths are relative to the current folder
_NOT_SUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; on success it becomes `target`, otherwise nothing has changed.

    Missing parents of `target` are made. An old `target` is removed once the new one is in place;
    files of it that are still memory-mapped stay readable. `target` must be absolute.

    Raises:
        OSError: The folder cannot be made or flushed, for example because the disk is full.
    """
    made = make_parents(target.parent)
    done = False
    try:
        fresh = _make_beside(target)
        try:
            yield fresh
            _flush_folder(fresh)
            _put_in_place(fresh, target)
            done = True
            _flush_folder(target.parent)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)  # the half-written one, or the old one
    finally:
        if not done:
            remove_empty(made)


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Give the path of a file to write and flush; on success it becomes `target`.

    On failure `target` is as it was. Nobody else may replace the same target at the same time.

    Raises:
        OSError: The file cannot be written, for example because the disk is full. Its name is that
            of the target, or of the folder that is missing.
    """
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
    fresh = target.with_name(target.name + ".part")
    try:
        yield fresh
        fresh.replace(target)
        _flush_folder(target.parent)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def remove_abandoned(target: Path) -> None:
    """Remove what killed processes left of folders that were to become `target`."""
    for left in target.parent.glob(f".{glob.escape(target.name[:80])}.*-*.saving"):
        number = left.name.removesuffix(".saving").rpartition(".")[2].partition("-")[0]
        if number.isdecimal() and not _runs(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    if os.name == "nt":
        return True  # there os.kill would end it; so nothing is removed
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def existing(target: Path) -> Path:
    """Return `target`, or ``NAME.old`` where a replacement was cut off between its two renames."""
    if target.exists():
        return target
    old = _old_name(Path(os.path.abspath(target)))  # noqa: PTH100 (resolve would follow links)
    return old if old.is_dir() else target


def make_parents(folder: Path) -> list[Path]:
    """Make `folder` and its missing parents; return those made, the innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
    return missing


def remove_empty(folders: list[Path]) -> None:
    """Remove these folders in turn, up to the first that is not empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return  # somebody else put something in; so its parents are not empty either


def _make_beside(target: Path) -> Path:
    number = 0
    while True:
        fresh = target.with_name(f".{target.name[:80]}.{os.getpid()}-{number}.saving")
        try:
            fresh.mkdir()
        except FileExistsError:
            number += 1
        else:
            return fresh


def _put_in_place(fresh: Path, target: Path) -> None:
    if not target.exists():
        fresh.rename(target)
        if _old_name(target).is_dir():  # left by a replacement that was cut off
            shutil.rmtree(_old_name(target), ignore_errors=True)
    elif not _exchange(fresh, target):
        _exchange_in_two_steps(fresh, target)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where the system cannot."""
    rename = _renameat2()
    if rename is None:
        return False
    code = rename(os.fsencode(one), os.fsencode(other))
    if code and code not in _NOT_SUPPORTED:
        raise OSError(code, os.strerror(code), str(other))
    return code == 0


def _renameat2() -> Callable[[bytes, bytes], int] | None:
    """Return a function that exchanges two paths and gives the error number, 0 for none."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # a C library older than glibc 2.28, or another one
        return None
    path, number = ctypes.c_char_p, ctypes.c_int
    call.argtypes = [number, path, number, path, ctypes.c_uint]

    def rename(one: bytes, other: bytes) -> int:
        failed = call(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE)
        return ctypes.get_errno() if failed else 0

    return rename


def _exchange_in_two_steps(fresh: Path, target: Path) -> None:
    old = _old_name(target)
    if old.exists():  # `target` exists as well, so this one was to be removed
        shutil.rmtree(old)
    target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _old_name(target: Path) -> Path:
    return target.with_name(f"{target.name}.old")


def _flush_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where the system lets one ask for that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
