"""Can the server be reached? Name, connection and TLS told apart; and what its clock says."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from h5s3.errors import H5s3Error, NetworkError
from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.doctor.findings import (
    bounded,
    failed_with,
    failure,
    milliseconds,
    ok,
    origin_of,
    span,
    unknown,
    warning,
)
from h5s3.storage.http.connection_pool import proxy_for
from h5s3.storage.http.tls import PLAIN, TRUST, TRUST_FILE, context, warn_unverified

CONNECT_SECONDS = 5.0
ADDRESSES = 3  # of one name that are tried
SKEW_WARNING, SKEW_FAILURE = 60.0, 900.0  # seconds; S3 refuses signatures beyond 15 minutes


def reach(url: str, settings: Settings, tls: ssl.SSLContext | None) -> Finding:
    """DNS, TCP and TLS to a server, or to the proxy that leads to it, each with its time."""
    parts = urlsplit(url)
    if settings.insecure:
        warn_unverified(url)
    via = proxy_for(getproxies(), parts.scheme, parts.hostname or "")
    there = urlsplit(via) if via else parts
    try:
        port = there.port or (80 if via or parts.scheme == "http" else 443)
        addresses, said = _resolve(there.hostname or "", port, settings)
        sock, took = _connect(addresses, f"{there.hostname}:{port}", settings)
    except ValueError:
        whose = "the web proxy" if via else "the server"
        return _unreached(NetworkError(f"the address of {whose} has no valid port"), via)
    except H5s3Error as error:
        return _unreached(error, via)
    said += f", TCP {milliseconds(took)}"
    if via:
        sock.close()
        return ok("reachable", f"{said}, to the proxy {origin_of(via)}, through which all requests go")
    if parts.scheme != "https":
        sock.close()
        return ok("reachable", f"{said}, plain HTTP")
    return _secured(sock, parts.hostname or "", said, settings, tls)


def _resolve(host: str, port: int, settings: Settings) -> tuple[list[Any], str]:
    begun = time.perf_counter()
    try:
        found = bounded(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
            min(CONNECT_SECONDS, settings.request_seconds),
            f"looking up {host}",
        )
    except (OSError, UnicodeError):
        hint = "check the spelling of the endpoint (--endpoint-url), the network, DNS and VPN"
        raise NetworkError(f"DNS does not know {host}", hint=hint) from None
    address = found[0][4][0]
    if address == host:
        return found, address
    return found, f"DNS {milliseconds(time.perf_counter() - begun)} ({address})"


def _connect(addresses: list[Any], place: str, settings: Settings) -> tuple[socket.socket, float]:
    """A connection to the first address that answers, and the seconds that it took."""
    last: OSError = OSError()
    for family, kind, protocol, _, address in addresses[:ADDRESSES]:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(min(CONNECT_SECONDS, settings.request_seconds))
        begun = time.perf_counter()
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
        else:
            return sock, time.perf_counter() - begun
    if isinstance(last, ConnectionRefusedError):
        hint = "check that the server runs, and the port in --endpoint-url"
        raise NetworkError(f"nothing listens at {place}: the connection is refused", hint=hint)
    if isinstance(last, TimeoutError):
        hint = "a firewall or a VPN may be in the way; check the address"
        raise NetworkError(f"{place} does not answer: no connection in time", hint=hint)
    raise NetworkError(
        f"there is no way to {place} ({last.strerror or 'network error'})", hint="check the network"
    )


def _unreached(error: H5s3Error, via: str) -> Finding:
    if via:
        hint = "check HTTP_PROXY and HTTPS_PROXY; NO_PROXY names hosts to be reached directly"
        return failure("reachable", f"the proxy {origin_of(via)}: {error.cause}", hint, error.exit_code)
    return failed_with("reachable", error)


def _secured(
    sock: socket.socket, host: str, said: str, settings: Settings, tls: ssl.SSLContext | None
) -> Finding:
    begun = time.perf_counter()
    try:
        sock.settimeout(min(CONNECT_SECONDS, settings.request_seconds))
        with (tls or ssl.create_default_context()).wrap_socket(sock, server_hostname=host) as secured:
            took = time.perf_counter() - begun
            said += f", {secured.version() or 'TLS'} {milliseconds(took)}"
            if settings.insecure:
                return warning("reachable", f"{said}, the certificate not verified (--insecure)", TRUST_FILE)
            return ok("reachable", said)
    except ssl.SSLCertVerificationError as error:
        return failure("reachable", f"{said}; TLS: the certificate: {error.verify_message}", TRUST, 5)
    except ssl.SSLError as error:
        if error.reason in PLAIN:
            hint = f"write the endpoint with http:// (http://{host}…), or ask for its HTTPS port"
            return failure(
                "reachable", f"{said}; TLS: this port speaks something else, plain HTTP perhaps", hint, 5
            )
        return failure(
            "reachable", f"{said}; TLS fails ({error.reason or 'no reason given'})", "check the port", 5
        )
    except TimeoutError:
        return failure("reachable", f"{said}; TLS: no answer in time", "check the port and firewalls", 5)
    except (OSError, H5s3Error):
        hint = "check the port; a firewall may be in the way"
        return failure("reachable", f"{said}; TLS: the connection breaks off", hint, 5)
    finally:
        sock.close()


def skew(headers: Mapping[str, str], at: float) -> float | None:
    """Seconds by which this machine's clock is ahead of the server's; None where it does not tell."""
    try:
        told = parsedate_to_datetime(headers.get("Date") or "").timestamp()
        age = float(headers.get("Age") or 0)  # of an answer that comes from a cache on the way
    except (ValueError, TypeError, OverflowError):
        return None
    return at - (told + age)


def clock(headers: Mapping[str, str], at: float, signed: bool) -> Finding:
    """This machine's clock held against the server's, which a signature depends on."""
    found = skew(headers, at)
    if found is None:
        return unknown("clock", "the server's answer has no usable Date")
    if abs(found) <= SKEW_WARNING:
        return ok(
            "clock",
            f"agrees with the server's ({found:+.0f} s)" if abs(found) > 2 else "agrees with the server's",
        )
    side = "ahead of" if found > 0 else "behind"
    detail = f"this machine's clock is {span(found)} {side} the server's ({found:+,.0f} s)"
    remedy = "set this machine's clock (timedatectl set-ntp true)"
    if abs(found) <= SKEW_FAILURE or not signed:
        return warning("clock", f"{detail}; beyond 15 min signatures are refused", remedy)
    return failure("clock", f"{detail}: beyond 15 min signatures are refused", remedy, 4)


def tls_context(trusted: str | None, insecure: bool = False) -> ssl.SSLContext | None:
    """Whom to trust; None where the named file cannot be used, which is a finding of its own."""
    try:
        return context(trusted, insecure)
    except (OSError, ValueError):
        return None
