"""What is refused, in the shape of OpenAI's errors."""

from __future__ import annotations

import json
from typing import Any

import orjson
from fastapi import Response
from pydantic import ValidationError

_SHOWN = 60  # characters of a value that a message repeats


class RefusedError(Exception):
    """An answer that says what is wrong with a request.

    Args:
        status: Of HTTP.
        message: What was expected, what was seen, what to do.
        param: The field that it is about, or None.
        code: A name that a program can tell it by.
        suggestions: Near spellings of a token.
        headers: Of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        *,
        suggestions: list[str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.suggestions, self.headers = suggestions, headers

    def response(self) -> Response:
        """Return it as an answer."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        error: dict[str, Any] = {
            "message": self.message.encode(errors="replace").decode(),
            "type": kind,
            "param": self.param,
            "code": self.code,
        }
        if self.suggestions is not None:
            error["suggestions"] = self.suggestions
        body = orjson.dumps({"error": error})
        return Response(body, self.status, self.headers, "application/json")


def wrong(message: str, param: str | None = None, code: str = "invalid_value") -> RefusedError:
    """Return the refusal of a wrong value."""
    return RefusedError(400, message, param, code)


def shown(value: object) -> str:
    """Return how a message repeats a value: as JSON has it, cut."""
    text = json.dumps(value[:_SHOWN] if isinstance(value, list) else value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def of_validation(error: ValidationError, expected: dict[str, str]) -> RefusedError:
    """Return the refusal of a body that has not the shape it should.

    Args:
        error: What pydantic found.
        expected: What may stand in each field, for a person.
    """
    first = error.errors(include_url=False, include_context=False)[0]
    kind, where, message = first["type"], first["loc"], first["msg"]
    if kind == "json_invalid":
        message = message.removeprefix("Invalid JSON: ")
        return wrong(f"the body is not JSON: {message}.", None, "invalid_json")
    if not where:
        return wrong(f"expected a JSON object, got {shown(first['input'])}.")
    param = str(where[0])
    if kind == "missing":
        return wrong(f"{param} is missing: expected {expected[param]}.", param, "missing_value")
    if kind == "extra_forbidden":
        known = ", ".join(expected)
        message = f"there is no field {shown(param)}; there are {known}."
        return wrong(message, param[:_SHOWN], "unknown_field")
    return wrong(f"expected {param} to be {expected[param]}; got {_seen(first)}.", param)


def _seen(error: Any) -> str:
    """Return what stood there; for one of a list also where."""
    if "finite" in error["type"]:
        return "NaN or infinity"
    place = [part for part in error["loc"][1:] if isinstance(part, int)]
    where = f" at place {', '.join(map(str, place))}" if place else ""
    return f"{shown(error['input'])}{where}"
