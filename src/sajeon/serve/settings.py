"""What a server is told: its models, what it refuses, who may ask."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

MAX_BODY = 8_000_000
MAX_ITEMS = 2048
MAX_CHARACTERS = 65_536
MAX_K = 1000
"""Neighbours of one answer."""


@dataclass(frozen=True)
class Limits:
    """What a request may hold.

    Attributes:
        body: Bytes.
        items: Texts or tokens.
        characters: Characters of a text or token; of a list of ids, so many ids.
    """

    body: int = MAX_BODY
    items: int = MAX_ITEMS
    characters: int = MAX_CHARACTERS


@dataclass(frozen=True)
class Settings:
    """All that a worker has to know; it goes to other processes.

    Attributes:
        models: Paths by name, in the order given.
        limits: What a request may hold.
        api_key: What a client must send, or None.
        local_names_only: Whether requests must be addressed to this machine's own name. A page of
            another site, whose name was made to lead to 127.0.0.1 (DNS rebinding), could otherwise
            read the answers of a server without a key.
        workers: Processes that serve.
        watch_seconds: How often to look whether a model was replaced.
    """

    models: dict[str, str]
    limits: Limits = field(default_factory=Limits)
    api_key: str | None = field(default=None, repr=False)
    local_names_only: bool = False
    workers: int = 1
    watch_seconds: float = 2.0


def named(models: Iterable[str]) -> dict[str, str]:
    """Return paths by name: that of the folder or file, or what stands before "=".

    Raises:
        ValueError: Two have the same name.
    """
    paths: dict[str, str] = {}
    for model in models:
        name, path = _split(model)
        if name in paths:
            raise ValueError(
                f"two models are called {name!r}: {paths[name]} and {path}; give one of them "
                f"another name: {name}-2={path}."
            )
        paths[name] = path
    return paths


def checked_key(text: str, source: str) -> str:
    """Return an API key without the line's end.

    Raises:
        ValueError: It is empty, or holds what a header cannot.
    """
    key = text.strip()
    if not re.fullmatch(r"[!-~]+", key):
        seen = "nothing" if not key else "blanks or characters outside ASCII"
        raise ValueError(
            f"{source}: expected an API key of visible ASCII characters without blanks, got {seen}."
        )
    return key


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split(model: str) -> tuple[str, str]:
    before, equals, after = model.partition("=")
    if equals and before and after and not Path(model).exists():
        return before, after
    name = Path(model).resolve().name
    return name.encode(errors="replace").decode(), model  # a file name may not be text
