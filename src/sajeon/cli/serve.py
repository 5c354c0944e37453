"""``sajeon serve``: vectors for other programs, over HTTP."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import Failure

if TYPE_CHECKING:
    import socket

_KEY = "SAJEON_API_KEY"
_DOCUMENTED = """
\b
Endpoints, described at /docs:
  POST /v1/embeddings  GET /v1/models                    as OpenAI's
  POST /nearest  /analogy  /similarity  /vector          as the commands of these names
  GET  /health  /metrics  /docs  /openapi.json

SIGHUP, or a model folder that was replaced, makes it open the models again.
"""


@click.command(epilog=_DOCUMENTED)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--workers",
    metavar="N",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes; they share the memory of model folders.",
)
@click.option(
    "--api-key-file",
    metavar="FILE",
    help=f"A file with the key that clients must send.  [default: ${_KEY}, or no key]",
)
@click.option(
    "--without-key", is_flag=True, help="Listen on an address that others reach without a key."
)
@click.option(
    "--max-body",
    metavar="BYTES",
    default=8_000_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="The largest request.",
)
@click.option(
    "--max-items",
    metavar="N",
    default=2048,
    show_default=True,
    type=click.IntRange(min=1),
    help="The most texts or tokens in a request.",
)
@click.option(
    "--max-characters",
    metavar="N",
    default=65_536,
    show_default=True,
    type=click.IntRange(min=1),
    help="The longest text.",
)
def serve(
    models: tuple[str, ...],
    host: str,
    port: int,
    workers: int,
    api_key_file: str | None,
    without_key: bool,
    max_body: int,
    max_items: int,
    max_characters: int,
) -> None:
    """Answer other programs over HTTP: vectors of texts, neighbours, analogies.

    A model is called by the name of its folder; NAME=MODEL gives it another. It logs to standard
    error, a JSON object a line, and prints its address. Ctrl-C or SIGTERM ends it when the requests
    in flight are answered.
    """
    from ..serve.settings import Limits, Settings, is_loopback, named

    key = _key(api_key_file)
    local = is_loopback(host)
    if not (local or key or without_key):
        raise Failure(
            f"{host} can be reached by others, and there is no API key: set {_KEY} or give "
            "--api-key-file FILE; --without-key serves everybody."
        )
    settings = Settings(
        named(models),
        Limits(max_body, max_items, max_characters),
        api_key=key,
        local_names_only=local and key is None,
        workers=workers,
    )
    from ..serve.models import Models
    from ..serve.running import run

    opened = Models(settings.models)
    with _listening(host, port) as listening:
        click.echo(_address(host, listening.getsockname()[1]))
        run(settings, opened, listening)


def _key(path: str | None) -> str | None:
    from ..serve.settings import checked_key

    if path is not None:
        return checked_key(Path(path).read_text(encoding="utf-8", errors="replace"), path)
    if _KEY in os.environ:
        return checked_key(os.environ[_KEY], f"${_KEY}")
    return None


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listening(host: str, port: int) -> socket.socket:
    from ..explore.server import free_port
    from ..serve.running import listen

    try:
        return listen(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise Failure(f"cannot listen on {host}, port {port}: {error.strerror}.") from error
        free = free_port(port + 1)
        raise Failure(f"port {port} is in use; port {free} is free: --port {free}.") from error
