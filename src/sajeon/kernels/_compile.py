"""The one place that imports Numba: how this package's kernels are compiled and cached.

Kernels are compiled on first use and kept in the user's cache folder, so that the wait of some
seconds happens once per machine and version. Numba's own cache notices a change only in the file
of the function itself; ours is keyed by all kernel sources together, because kernels call each
other across files. A lock file lets one process compile while others wait for its result: Numba
alone would compile everything in each of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

try:
    import numba
    from llvmlite import ir as ir  # what intrinsics are written with, for simd.py and threads.py
    from numba import carray as carray
    from numba.core import caching
    from numba.core import cgutils as cgutils
    from numba.core import types as types
    from numba.extending import intrinsic as _intrinsic
    from numba.extending import models as models
    from numba.extending import overload as _overload
    from numba.extending import register_model as register_model

    HAVE_NUMBA = not numba.config.DISABLE_JIT
except ImportError:  # a Python that Numba has no release for: training falls back to the twins
    HAVE_NUMBA = False

_KERNEL_FOLDERS = ("kernels", "learn")


def jit(func: Callable[P, R]) -> Callable[P, R]:
    """Compile `func` on first call, without the GIL; unchanged where Numba is missing.

    No fast-math: the compiler may not reorder a sum or fuse a product on its own, so that the same
    kernel gives the same bits on another processor.
    """
    if not HAVE_NUMBA:
        return func
    dispatcher = numba.njit(nogil=True, error_model="numpy")(func)
    _use_shared_cache(dispatcher)
    return cast("Callable[P, R]", dispatcher)


def helper(func: Callable[P, R]) -> Callable[P, R]:
    """Like `jit`, for a small function of numbers that only kernels call: without a cache entry."""
    if not HAVE_NUMBA:
        return func
    return cast("Callable[P, R]", numba.njit(nogil=True, error_model="numpy")(func))


def inline(func: Callable[P, R]) -> Callable[P, R]:
    """Like `jit`, for a small function of arrays whose body goes into the kernels that call it.

    A call would count the references of each array argument up and down, atomically: several
    calls for each centre word made training a third slower.
    """
    if not HAVE_NUMBA:
        return func
    compiled = numba.njit(nogil=True, error_model="numpy", inline="always")(func)
    return cast("Callable[P, R]", compiled)


def overload(
    generic: Callable[..., Any], *, inlined: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register an implementation of `generic` for argument types (see `learn/objective.py`).

    Args:
        generic: The function that kernels call.
        inlined: Whether the implementation goes into the kernels that call it, see `inline`.
    """
    if not HAVE_NUMBA:
        return lambda implementation: implementation
    return cast(
        "Callable[[Callable[..., Any]], Callable[..., Any]]",
        _overload(
            generic,
            jit_options={"nogil": True, "error_model": "numpy"},
            inline="always" if inlined else "never",
        ),
    )


def needs_numba(name: str) -> Callable[..., Any]:
    """Return a stand-in for an operation that cannot be had without Numba."""

    def stand_in(*_args: Any) -> Any:
        raise RuntimeError(f"{name} needs Numba; use the NumPy twin of the kernel that calls it")

    return stand_in


def intrinsic(func: Callable[..., Any]) -> Any:
    """Numba's `intrinsic`: a function that writes its own LLVM code."""
    return _intrinsic(func)


@cache
def cache_folder() -> Path:
    """Folder of the compiled kernels of this very source; NUMBA_CACHE_DIR moves it."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for folder in _KERNEL_FOLDERS:
        for source in sorted((package / folder).glob("*.py")):
            digest.update(source.read_bytes())
    base = os.environ.get("NUMBA_CACHE_DIR") or _user_cache()
    return Path(base) / f"kernels-{digest.hexdigest()[:16]}"


def _user_cache() -> Path:
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(home) / "sajeon" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sajeon"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sajeon"


class _CompileLock:
    """Held by the one process that compiles; counts how many nested compilations it is in."""

    def __init__(self) -> None:
        self.depth = 0
        self.file: IO[bytes] | None = None

    def acquire(self) -> None:
        self.depth += 1
        if self.depth > 1 or os.name != "posix":
            return
        import fcntl

        with contextlib.suppress(OSError):  # a file system without locks: compile all the same
            self.file = (cache_folder() / "lock").open("ab")
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _say("waiting for another process that is compiling ...")
                fcntl.flock(self.file, fcntl.LOCK_EX)

    def release(self) -> None:
        self.depth -= 1
        if self.depth == 0 and self.file is not None:
            self.file.close()  # closing gives the lock back
            self.file = None


_lock = _CompileLock()


@cache
def _say(text: str) -> None:
    """Write on standard error, once: this happens below any display of progress."""
    sys.stderr.write(f"sajeon: {text}\n")
    sys.stderr.flush()


if HAVE_NUMBA:

    class _Locator(caching._CacheLocator):
        """Puts every kernel's cache into `cache_folder`, whose name already says what source."""

        def __init__(self, py_func: Any, py_file: str) -> None:
            self._py_file = py_file
            self._lineno = py_func.__code__.co_firstlineno

        def get_cache_path(self) -> str:
            return str(cache_folder())

        def get_source_stamp(self) -> str:
            return cache_folder().name

        def get_disambiguator(self) -> str:
            return f"{Path(self._py_file).parent.name}-{self._lineno}"

        @classmethod
        def from_function(cls, py_func: Any, py_file: str) -> _Locator | None:
            locator = cls(py_func, py_file)
            try:
                locator.ensure_cache_path()
            except OSError:  # no place to write: compile in every process
                return None
            return locator

    class _Impl(caching.CompileResultCacheImpl):
        _locator_classes = (_Locator,)

    class _SharedCache(caching.FunctionCache):
        """Numba's cache of one function, with the lock and the announcement."""

        _impl_class = _Impl

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            found = self._load(sig, target_context)
            if found is None:
                _lock.acquire()
                found = self._load(sig, target_context)  # another process may just have saved it
                if found is not None:
                    _lock.release()
                else:
                    _say("compiling for this machine, once (about 20 s) ...")
            return found

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                self._save(sig, data)
            except OSError as error:  # a full disk costs the cache, never the training
                sys.stderr.write(f"sajeon: compiled kernels could not be kept: {error}\n")
            finally:
                _lock.release()

        def _save(self, sig: Any, data: Any) -> None:
            try:
                super().save_overload(sig, data)
            except (pickle.UnpicklingError, EOFError, ValueError):  # the old index is damaged
                self.flush()
                super().save_overload(sig, data)

        def _load(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except Exception:  # a damaged cache file is a miss, whatever the unpickler says
                return None


def _use_shared_cache(dispatcher: Any) -> None:
    try:
        dispatcher._cache = _SharedCache(dispatcher.py_func)
    except RuntimeError:  # Numba's words for "no locator": the cache folder cannot be written
        return
    compile_one = dispatcher.compile

    def compile_and_let_go(sig: Any) -> Any:
        depth = _lock.depth
        try:
            return compile_one(sig)
        finally:  # a failure or Ctrl-C skips the saving, which gives the lock back
            while _lock.depth > depth:
                _lock.release()

    dispatcher.compile = compile_and_let_go
