"""The page at /docs, whose scripts come from a wheel, and the schema in a form that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import swagger_ui_bundle
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from .errors import RefusedError

OPENAPI_VERSION = "3.0.3"
"""Swagger UI 4, which the wheel carries, reads no 3.1."""

_KINDS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>sajeon serve</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = "SwaggerUIBundle({url: 'openapi.json', dom_id: '#page', deepLinking: true});\n"


async def page() -> Response:
    """Return the page."""
    return _sent(_PAGE, "text/html")


async def part(name: str) -> Response:
    """Return a file of the page."""
    if name == "start.js":
        return _sent(_START, "text/javascript")
    if name not in _KINDS:
        raise RefusedError(404, "there is no such page.", None, "not_found")
    folder = Path(swagger_ui_bundle.swagger_ui_path)
    return _sent((folder / name).read_bytes(), _KINDS[name])


def schema(app: FastAPI, *, has_key: bool) -> dict[str, Any]:
    """Return the OpenAPI schema.

    FastAPI's, of version 3.1, as one of 3.0; without the answers that it takes for granted.
    """
    found = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=OPENAPI_VERSION,
        description=app.description,
        routes=app.routes,
    )
    for path in found["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        found["components"]["schemas"].pop(name, None)
    if has_key:
        found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"key": []}]
    older: dict[str, Any] = _as_3_0(found)
    return older


async def openapi(request: Request) -> Response:
    """Return the schema."""
    return Response(request.app.state.schema, media_type="application/json")


def _as_3_0(value: Any) -> Any:
    """Return a part of a schema as version 3.0 has it: ``nullable``, ``example``, ``enum``."""
    if isinstance(value, list):
        return [_as_3_0(one) for one in value]
    if not isinstance(value, dict):
        return value
    new = {key: _as_3_0(one) for key, one in value.items()}
    options = new.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del new["anyOf"]
        new |= {"nullable": True, **(rest[0] if len(rest) == 1 else {"anyOf": rest})}
    if isinstance(new.get("examples"), list):
        new["example"] = new.pop("examples")[0]
    if "const" in new and "type" in new:
        new["enum"] = [new.pop("const")]
    return new


def _sent(content: str | bytes, kind: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(content, headers=headers, media_type=kind)
