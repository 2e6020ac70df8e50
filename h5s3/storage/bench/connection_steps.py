"""A connection opened step by step, each step timed: the name, TCP, the proxy's tunnel, TLS."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection
from ipaddress import ip_address
from time import perf_counter
from typing import Any

from h5s3.storage.http.response_limits import BoundedResponse


@dataclass(frozen=True)
class Opening:
    """How long it took to open a connection, in seconds. None: there was no such step.

    Through a proxy, name and TCP are those of the proxy, and the way to the server is the tunnel.
    """

    seconds: float
    dns: float | None = None
    tcp: float = 0.0
    tunnel: float | None = None
    tls: float | None = None


class Dialed(HTTPConnection):
    """A connection of `http.client` that tells how long each step of its opening took.

    `tls` speaks to `name` over it, once the way there is open; None speaks plainly.
    """

    response_class = BoundedResponse

    def __init__(self, host: str, port: int, seconds: float, tls: ssl.SSLContext | None, name: str) -> None:
        super().__init__(host, port, timeout=seconds)
        self._tls = tls
        self._name = name
        self._reached = 0.0
        self._dns: float | None = None
        self._tcp = 0.0
        if tls is not None:
            self.default_port = 443  # which a Host header does not mention
        self._create_connection = self._dial  # where `http.client` lets others open its sockets
        self.opening: Opening | None = None

    def connect(self) -> None:
        """Open the connection. Raises `OSError` and `HTTPException`, as `http.client` does."""
        begun = perf_counter()
        super().connect()
        ready = perf_counter()
        secured = None
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)
            secured = perf_counter() - ready
        tunnel = ready - self._reached if getattr(self, "_tunnel_host", None) else None
        self.opening = Opening(perf_counter() - begun, self._dns, self._tcp, tunnel, secured)

    def _dial(self, address: tuple[str, int], timeout: float, source: Any = None) -> socket.socket:
        """A socket that is connected to the first of the host's addresses that answers."""
        begun = perf_counter()
        host, port = address
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        looked_up = perf_counter()
        self._dns = None if _is_address(host) else looked_up - begun
        sock = _first_to_answer(found, timeout)
        self._reached = perf_counter()
        self._tcp = self._reached - looked_up
        return sock


def _first_to_answer(addresses: list[Any], timeout: float) -> socket.socket:
    failed: OSError = OSError("no address")
    for family, kind, protocol, _, place in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout)
            sock.connect(place)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
