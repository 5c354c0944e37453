"""The command line: one small file a command, which parses, calls and prints."""

from __future__ import annotations

from .app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command ``sajeon`` with the arguments of this process."""
    app(prog_name="sajeon")
