"""The group of commands. Each is imported when it is called; what it works with, when it works."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Any

import click

from .errors import explained, warnings_said

_HOME = {
    "demo": "demo",
    "train": "train",
    "info": "info",
    "vector": "lookup",
    "nearest": "lookup",
    "similarity": "lookup",
    "analogy": "lookup",
    "explore": "explore",
    "serve": "serve",
    "map": "map",
    "evaluate": "evaluate",
    "compare": "compare",
    "classify": "classify",
    "align": "align",
    "convert": "convert",
    "phrases": "phrases",
    "melody": "melody",
}
"""Commands in the order in which a newcomer meets them, and the file each is in."""


class LazyGroup(click.Group):
    """A group that imports a command's file when the command is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(_HOME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, None where there is no such."""
        if cmd_name not in _HOME:
            return None
        module = import_module(f".{_HOME[cmd_name]}", __package__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whatever goes wrong becomes one line and exit status 1."""
        _speak_utf8()
        with explained(), warnings_said():
            return super().invoke(ctx)


def _speak_utf8() -> None:
    """Write UTF-8 into pipes and files on every system, as our model files do."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")


def _show_version(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        import sajeon

        click.echo(f"sajeon {sajeon.__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def app(ctx: click.Context) -> None:
    """Word vectors: learned from raw text in seconds, looked up, searched and saved.

    Begin with "sajeon demo", or with a text of your own:

    \b
      sajeon train corpus.txt -o model
      sajeon nearest model beauty

    Results are tables on a terminal and tab-separated lines in a pipe; --json gives JSON.
    """  # noqa: D301 - click takes the character \\b itself
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
