"""What every request passes: who may ask, what is counted and logged, what becomes of a bug."""

from __future__ import annotations

import asyncio
import hmac
import os
import traceback
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from .errors import RefusedError
from .logs import log

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .metrics import Metrics
    from .settings import Settings

_OPEN = ("/health", "/docs", "/openapi.json")
"""What needs no key: whether the server lives, and a page that is the same everywhere."""

_LOCAL = {"127.0.0.1", "localhost", "[::1]"}
_HUNG_UP = 499  # as nginx logs a client that left
_LONGEST_PATH = 100


@dataclass
class Passing:
    """What is known of a request by its end.

    Attributes:
        status: Of the answer.
        items: Texts or tokens asked for.
        has_key: Whether the client sent the key, or none is needed.
    """

    status: int = _HUNG_UP
    items: int = 0
    has_key: bool = True


class Gate:
    """An ASGI application around another.

    Args:
        app: The other.
        settings: Who may ask.
        metrics: Counts.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics
        key = settings.api_key
        self._expected = None if key is None else f"Bearer {key}".encode()
        self._local_only = settings.local_names_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passing = scope["sajeon"] = Passing()
        begun = perf_counter()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                passing.status = message["status"]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._answer(scope, receive, noting, passing)
        finally:
            self._metrics.in_flight.dec()
            self._note(scope, passing, perf_counter() - begun)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, passing: Passing) -> None:
        try:
            self._check(scope, passing)
            await self._app(scope, receive, send)
        except RefusedError as refusal:
            await refusal.response()(scope, receive, send)
        except (ClientDisconnect, asyncio.CancelledError):
            passing.status = _HUNG_UP
        except Exception as error:  # answered by the application, which passes it on
            _log_bug(error)

    def _check(self, scope: Scope, passing: Passing) -> None:
        """Raise the refusal of a client that may not ask."""
        headers = dict(scope["headers"])
        if self._local_only:
            name = headers.get(b"host", b"localhost").decode("latin-1").rpartition(":")
            if (name[0] or name[2]).lower() not in _LOCAL and name[2] != "1]":
                message = (
                    "a server without an API key answers requests to 127.0.0.1 and localhost only; "
                    "give it a key to reach it by another name."
                )
                raise RefusedError(403, message, None, "wrong_host")
        if self._expected is None:
            return
        given = headers.get(b"authorization", b"")
        passing.has_key = hmac.compare_digest(given, self._expected)
        if not passing.has_key and not _is_open(scope["path"]):
            seen = "another one" if given else "none"
            message = f'expected the API key as "Authorization: Bearer KEY", got {seen}.'
            headers_back = {"WWW-Authenticate": "Bearer"}
            raise RefusedError(401, message, None, "invalid_api_key", headers=headers_back)

    def _note(self, scope: Scope, passing: Passing, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")  # few, whatever is asked for
        self._metrics.count(route, passing.status, seconds, passing.items)
        log(
            "info" if passing.status < 500 else "error",
            "request",
            method=scope["method"],
            path=scope["path"][:_LONGEST_PATH].encode(errors="replace").decode(),
            status=passing.status,
            ms=round(seconds * 1000, 3),
            items=passing.items,
        )


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith("/docs/")


def _log_bug(error: Exception) -> None:
    """Log where a bug is; its message, which may hold a text, only where that is asked for."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    facts = {"message": str(error)} if os.environ.get("SAJEON_DEBUG") == "1" else {}
    log("error", "bug", error=type(error).__name__, where=where, **facts)
