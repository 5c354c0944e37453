"""``sajeon explore``: a page in the browser to look at vectors."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import Failure, say

if TYPE_CHECKING:
    from ..explore.server import PageServer
    from ..explore.subject import Subject
    from ..learn.progress import Reporter
    from ..vectors import Vectors


@click.command()
@click.argument("model")
@click.argument("other", metavar="[MODEL2]", required=False)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    help="Where to listen.  [default: 8642, or the next free port]",
)
@click.option(
    "--points",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=100_000,
    show_default=True,
    help="Words on the map, the most frequent; t-SNE takes its time by them.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, open nothing.")
@click.option("--save", metavar="FILE", help="Write the page to one file to send to someone.")
def explore(
    model: str,
    other: str | None,
    port: int | None,
    points: int,
    no_browser: bool,
    save: str | None,
) -> None:
    """Look at MODEL: a map, look-up and training step by step, sums of words.

    A page on this machine alone, opened in the browser. With MODEL2 the two are compared.
    """
    from ..explore.subject import Subject

    subjects = [Subject.open(path, points=points) for path in (model, other) if path]
    if save is not None:
        from ..explore.saving import save_page

        size = save_page(save, subjects)
        say(f"saved {save}, {size / 1e6:.1f} MB; any browser opens it, without a network")
        return
    _serve(subjects, port, browser=not no_browser)


def _serve(subjects: list[Subject], port: int | None, *, browser: bool) -> None:
    with _server(subjects, port) as server:
        _announce(server.address, browser=browser)
        _until_ctrl_c(server.serve_forever)


def _announce(address: str, *, browser: bool) -> None:
    click.echo(address)
    if browser:
        import webbrowser

        webbrowser.open(address)


def _until_ctrl_c(wait: Callable[[], object]) -> None:
    say("Ctrl-C ends it")
    try:
        wait()
    except KeyboardInterrupt:
        say("ended.")


def _server(subjects: list[Subject], port: int | None) -> PageServer:
    from ..explore.api import Api
    from ..explore.server import PageServer, free_port, serve_on_free_port

    api = Api(subjects)
    if port is None:
        return serve_on_free_port(api)
    try:
        return PageServer(api, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        free = free_port(port + 1)
        raise Failure(f"port {port} is in use; port {free} is free: --port {free}.") from error


class WatchedPage:
    """A page that shows a training, and at the end its model.

    Args:
        shown: Shows the progress on the terminal.
        output: Where the model is to be.
    """

    def __init__(self, shown: Reporter, output: str) -> None:
        from ..explore.server import serve_on_free_port
        from ..explore.watching import WatchedApi, Watching

        self.watching = Watching(shown)
        self._api = WatchedApi(self.watching, output)
        self._server = serve_on_free_port(self._api)
        # Ends with the command, also where the training fails.
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        _announce(self._server.address, browser=True)

    def show(self, vectors: Vectors, output: str) -> None:
        """Show the model, until Ctrl-C."""
        from ..explore.subject import Subject

        self._api.finished(Subject(vectors, Path(output).name, output))
        _until_ctrl_c(self._thread.join)
