"""Running the application: one process, or several that share a socket."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors.multiprocess import Multiprocess

from ..errors import SajeonError
from .logs import log, take_over
from .metrics import FOLDER

if TYPE_CHECKING:
    from .gate import Gate
    from .models import Models
    from .settings import Settings

_GRACE = 30  # seconds that requests in flight may take when the server stops
_IDLE = 75  # seconds that a connection may be kept without a request: longer than most proxies'
_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        OSError: The port is in use, or the address is none of this machine.
    """
    kind, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(kind)
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
        listening.set_inheritable(True)
    except OSError:
        listening.close()
        raise
    return listening


def run(settings: Settings, models: Models, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight are finished."""
    take_over()
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn hands on what it was told to stop by; the default would end us with its status.
        signal.signal(number, lambda *_: None)
    log("info", "serving", models=list(settings.models), workers=settings.workers)
    if settings.workers == 1:
        uvicorn.Server(_config(partial(_app, settings, models), settings)).run([listening])
    else:
        del models  # each worker opens them, to the same memory
        with tempfile.TemporaryDirectory(prefix="sajeon-") as folder:
            os.environ[FOLDER] = folder
            _Workers(_config(partial(_app, settings), settings), [listening]).run()
    log("info", "stopped")


def _config(factory: partial[Gate], settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        factory,
        factory=True,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_GRACE,
        backlog=_BACKLOG,
        ws="none",
    )


def _app(settings: Settings, models: Models | None = None) -> Gate:
    """Return the application; in a worker, which opens the models anew."""
    from .app import make_app

    take_over()
    try:
        return make_app(settings, models)
    except (OSError, SajeonError) as error:
        # Another status than uvicorn's 3, which would end the server: the folder that cannot be
        # opened now, as a worker is replaced, may be whole in a moment.
        log("error", "worker ended: a model cannot be opened", why=str(error))
        sys.exit(1)


class _Workers(Multiprocess):
    """uvicorn's workers; on SIGHUP they take up new models in place of being replaced."""

    def handle_hup(self) -> None:
        """Tell those that are ready; others will open the new models anyway."""
        for worker in self.processes:
            if worker.pid is not None and worker.is_ready():
                os.kill(worker.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        """Start others for those that died, whose requests in flight are not counted any more."""
        before = {worker.pid for worker in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {worker.pid for worker in self.processes}:
            log("error", "worker died: another was started")
            mark_process_dead(pid, os.environ[FOLDER])  # type: ignore[no-untyped-call]
