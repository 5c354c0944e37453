"""How an endpoint is called: the body read within its limit, checked once, and handed over.

FastAPI's own way reads the body whole, however long it is, and makes Python objects of it before it
is checked. Documentation stays FastAPI's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

from .errors import RefusedError, of_validation
from .shapes import Asked

_SECONDS = 30  # that a body may take to arrive
_DRAINED = 4  # times the limit: what is read and thrown away of a body that is too large


class Direct(APIRoute):
    """A route to ``async def endpoint(body: SomeAsked, request: Request) -> Response``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        endpoint = self.endpoint
        asked: type[Asked] = get_type_hints(endpoint)["body"]
        expected = asked.expected()

        async def handle(request: Request) -> Response:
            body = await read_body(request, request.app.state.limits.body)
            try:
                parsed = asked.model_validate_json(body)
            except ValidationError as error:
                raise of_validation(error, expected) from None
            answer: Response = await endpoint(parsed, request)
            return answer

        return handle


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body of at most `limit` bytes.

    Raises:
        RefusedError: It is larger, or takes too long.
        ClientDisconnect: The client left.
    """
    headers = request.headers
    length = headers.get("content-length", "")
    if "expect" in headers and length.isdecimal() and int(length) > limit:
        raise _too_large(limit)  # the client waits for leave to send
    try:
        async with asyncio.timeout(_SECONDS):
            return await _read(request, limit)
    except TimeoutError:
        message = f"the body did not arrive within {_SECONDS} seconds."
        raise RefusedError(408, message, None, "timeout", headers={"Connection": "close"}) from None


async def _read(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            parts.append(part)
            continue
        # Many clients look for an answer only when they have sent all. What they send is not kept.
        parts.clear()
        if size > _DRAINED * limit:
            break
    if size > limit:
        raise _too_large(limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> RefusedError:
    message = f"expected a body of at most {limit:,} bytes; send fewer texts in a request."
    headers = {"Connection": "close"}
    return RefusedError(413, message, None, "request_too_large", headers=headers)
