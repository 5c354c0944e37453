"""The page on this machine, for this machine: HTTP on the loopback address."""

from __future__ import annotations

import errno
import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from .api import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "127.0.0.1"
PORT = 8642
_TRIED = 50  # ports looked at for a free one
_LONGEST_BODY = 1 << 16  # bytes; orders have none
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is fetched from elsewhere, nothing runs but our own files, nobody frames the page."""


class Answers(Protocol):
    """What answers the page: `api.Api`, or a training."""

    def ask(self, name: str, parameters: Mapping[str, str]) -> Answer:
        """Answer a question, which changes nothing."""

    def order(self, name: str) -> Answer:
        """Do something, and say what."""


class PageServer(ThreadingHTTPServer):
    """Serves the page and answers it.

    Args:
        api: What answers.
        port: Where to listen; 0: any free port.

    Raises:
        OSError: The port is in use, or may not be used.
    """

    daemon_threads = True
    # On Windows that would let two servers listen on one port, and either get the requests.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, api: Answers, port: int = PORT) -> None:
        self.api = api
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a browser that hung up; show anything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def serve_on_free_port(api: Answers) -> PageServer:
    """Listen on the usual port, or on the next free one."""
    while True:
        try:
            return PageServer(api, free_port(PORT))
        except OSError as error:  # another program has taken it since it was seen to be free
            if error.errno != errno.EADDRINUSE:
                raise


def free_port(first: int) -> int:
    """Return the first free port from `first` on, 0 (any) if none of many is."""
    for port in range(first, min(first + _TRIED, 65536)):
        with socket.socket() as probe:
            try:
                if sys.platform != "win32":
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                continue
        return port
    return 0


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a browser may keep a connection without a word

    def do_GET(self) -> None:
        """Serve a file of the page, or the answer to a question."""
        if not self._is_from_here():
            return
        url = urlsplit(self.path)
        if url.path.startswith("/api/"):
            parameters = dict(parse_qsl(url.query, keep_blank_values=True))
            self._send(self._guarded(url.path.removeprefix("/api/"), parameters))
        else:
            self._send(_page_file(url.path.removeprefix("/") or "index.html"))

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Take an order; it has no body."""
        if not self._is_from_here():
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            self.close_connection = True
            self._send(Answer.json({"error": "an order has no body."}, HTTPStatus.BAD_REQUEST))
            return
        self.rfile.read(int(length))
        path = urlsplit(self.path).path
        self._send(self.server.api.order(path.removeprefix("/api/")))

    def _guarded(self, name: str, parameters: dict[str, str]) -> Answer:
        try:
            return self.server.api.ask(name, parameters)
        except Exception as error:  # a bug of ours: the page says so, the server goes on
            text = f"this is a bug: {type(error).__name__}: {error}"
            return Answer.json({"error": text}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _is_from_here(self) -> bool:
        """Refuse what another site has sent: by a name that leads here, or from its own pages.

        A browser lets any page send requests to 127.0.0.1, and a page whose name was made to lead
        to 127.0.0.1 (DNS rebinding) could read the answers. Both give themselves away: by Host, by
        Origin or by Sec-Fetch-Site.
        """
        port = self.server.server_port
        names = {f"{HOST}:{port}", f"localhost:{port}"}
        origin = self.headers.get("Origin")
        fine = self.headers.get("Host") in names
        fine = fine and origin in {None, *(f"http://{name}" for name in names)}
        if self.path.startswith("/api/"):
            fine = fine and self.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
        if not fine:
            self.close_connection = True
            self._send(
                Answer.json(
                    {"error": "only pages of this server are answered."}, HTTPStatus.FORBIDDEN
                )
            )
        return fine

    def _send(self, answer: Answer) -> None:
        text = answer.kind.startswith("text/") or answer.kind == "application/json"
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind + ("; charset=utf-8" if text else ""))
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        """Name the server without the versions of its parts."""
        return "sajeon"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: the terminal is for what the user asked."""


def _page_file(name: str) -> Answer:
    """Return a file of the page."""
    kind = _KINDS.get(name.rpartition(".")[2])
    file = files(__package__) / "page" / name
    if kind is None or "/" in name or "\\" in name or not file.is_file():
        return Answer.json({"error": f"there is no page {name[:60]!r}."}, HTTPStatus.NOT_FOUND)
    return Answer(200, file.read_bytes(), kind)
