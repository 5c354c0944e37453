"""What a user sees when something goes wrong: one line, never a traceback unless SAJEON_DEBUG=1."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import click

from ..errors import FormatWarning, SajeonError

_NO_MEMORY = "not enough memory: {}; try a smaller --dim or fewer words (a higher --min-count)."


class Failure(click.ClickException):
    """The work failed: exit status 1 and one line on standard error."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the line."""
        say(self.message, file)


def say(text: str, file: IO[Any] | None = None) -> None:
    """Write one line to standard error, or to `file`."""
    click.echo(f"sajeon: {' '.join(text.split())}", file=file, err=file is None)


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever the block raises into a `Failure`, so that no traceback is shown.

    Click's own exceptions pass: wrong usage is exit status 2. A reader of our output that has seen
    enough (``| head``) is no failure.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit) as error:
        if error.__cause__ is not None and _debugging():
            raise error.__cause__ from None
        raise
    except BrokenPipeError:
        pass
    except (Exception, KeyboardInterrupt, click.Abort) as error:
        if _debugging():
            raise
        raise Failure(described(error)) from error


@contextmanager
def warnings_said() -> Iterator[None]:
    """Say warnings about files in a line each, without where in our code they were given."""
    show = warnings.showwarning

    def say_or_show(message: Any, kind: Any, *rest: Any, **more: Any) -> None:
        if issubclass(kind, FormatWarning):
            say(f"warning: {message}")
        else:
            show(message, kind, *rest, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", FormatWarning)
        warnings.showwarning = cast("Any", say_or_show)
        yield


def _debugging() -> bool:
    return os.environ.get("SAJEON_DEBUG") == "1"


def described(error: BaseException) -> str:
    """Return the one line that says what went wrong."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted."
    if isinstance(error, MemoryError):
        return _NO_MEMORY.format(error or "the system gave no more")
    if isinstance(error, OSError) and error.errno is not None:
        return _described_os_error(error)
    if isinstance(error, SajeonError | OSError | ValueError):
        return str(error)
    return (
        f"this is a bug: {type(error).__name__}: {error}. "
        "SAJEON_DEBUG=1 in the environment shows where."
    )


def _described_os_error(error: OSError) -> str:
    if error.errno == errno.ENOMEM:
        return _NO_MEMORY.format(error.strerror)
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return f"{where}{error.strerror}."
