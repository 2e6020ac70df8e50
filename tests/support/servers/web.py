"""A web server on loopback that knows ranges, ETags and redirects, and keeps its pages in memory."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebServer:
    """`pages` are bytes and `redirects` addresses, by path; `seen` lists what was asked: target and headers.

    With `validators` switched off, answers carry neither ETag nor Last-Modified.
    """

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.validators = True
        web = self

        class Handler(_Handler):
            server_of = web

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")

    @contextmanager
    def running(self) -> Iterator[WebServer]:
        """Serve for as long as the block lasts."""
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client may go whenever it likes."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server_of: WebServer

    def do_GET(self) -> None:
        web, path = self.server_of, self.path.partition("?")[0]
        web.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if path in web.redirects:
            return self._answer(302, b"", {"Location": web.redirects[path]})
        data = web.pages.get(path)
        if data is None:
            return self._answer(404, b"no such page", {})
        etag = f'"{md5(data).hexdigest()}"'
        facts = {"ETag": etag, "Last-Modified": formatdate(0, usegmt=True)} if web.validators else {}
        if self.headers.get("If-Match", etag) != etag:
            return self._answer(412, b"", {})
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            return self._answer(200, data, facts)
        start, stop = int(asked[1]), min(int(asked[2]) + 1, len(data))
        if start >= len(data):
            return self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        facts["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        return self._answer(206, data[start:stop], facts)

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""
