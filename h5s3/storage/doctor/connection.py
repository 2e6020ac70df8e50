"""Can the server be reached? Name, connection and TLS told apart; and what its clock says."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from h5s3.errors import H5s3Error, NetworkError
from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.doctor.findings import bounded, failed_with, failure, ok, origin_of, span, unknown, warning
from h5s3.storage.http.connection_pool import proxy_for
from h5s3.storage.http.timed_connection import SteppedConnection, addresses
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
    host, secure = there.hostname or "", parts.scheme == "https" and not via
    try:
        port = there.port or (443 if secure else 80)
        seconds = min(CONNECT_SECONDS, settings.request_seconds)
        look_up = partial(_look_up, seconds=seconds)
        connection = SteppedConnection(host, port, seconds, tls if secure else None, look_up)
    except ValueError:
        whose = "the web proxy" if via else "the server"
        return _unreached(NetworkError(f"the address of {whose} has no valid port"), via)
    except H5s3Error as error:
        return _unreached(error, via)
    try:
        connection.connect()
        said = _steps(connection)
    except (OSError, UnicodeError, H5s3Error) as error:
        opening = connection.opening
        if opening.tcp is not None:
            return _insecure(error, _steps(connection), host)
        return _unreached(_no_way(error, host, f"{host}:{port}" if opening.address else ""), via)
    finally:
        connection.close()
    if via:
        return ok("reachable", f"{said}, to the proxy {origin_of(via)}, through which all requests go")
    if not secure:
        return ok("reachable", f"{said}, plain HTTP")
    if settings.insecure:
        return warning("reachable", f"{said}, the certificate not verified (--insecure)", TRUST_FILE)
    return ok("reachable", said)


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """The first addresses of a host; a resolver has no time limit of its own."""
    return bounded(lambda: addresses(host, port), seconds, f"looking up {host}")[:ADDRESSES]


def _steps(connection: SteppedConnection) -> str:
    """How long each step took, as far as it went."""
    found = connection.opening
    steps = [f"DNS {_milliseconds(found.dns)} ({found.address})" if found.dns is not None else found.address]
    steps += [f"TCP {_milliseconds(found.tcp)}"] if found.tcp is not None else []
    if found.tls is not None:
        version = connection.sock.version() if isinstance(connection.sock, ssl.SSLSocket) else None
        steps.append(f"{version or 'TLS'} {_milliseconds(found.tls)}")
    return ", ".join(steps)


def _milliseconds(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def _no_way(error: Exception, host: str, place: str) -> H5s3Error:
    """Why no connection came about. `place`: empty where not even an address was found."""
    if isinstance(error, H5s3Error):
        return error
    if not place:
        hint = "check the spelling of the endpoint (--endpoint-url), the network, DNS and VPN"
        return NetworkError(f"DNS does not know {host}", hint=hint)
    if isinstance(error, ConnectionRefusedError):
        hint = "check that the server runs, and the port in --endpoint-url"
        return NetworkError(f"nothing listens at {place}: the connection is refused", hint=hint)
    if isinstance(error, TimeoutError):
        hint = "a firewall or a VPN may be in the way; check the address"
        return NetworkError(f"{place} does not answer: no connection in time", hint=hint)
    why = getattr(error, "strerror", None) or "network error"
    return NetworkError(f"there is no way to {place} ({why})", hint="check the network")


def _unreached(error: H5s3Error, via: str) -> Finding:
    if via:
        hint = "check HTTP_PROXY and HTTPS_PROXY; NO_PROXY names hosts to be reached directly"
        return failure("reachable", f"the proxy {origin_of(via)}: {error.cause}", hint, error.exit_code)
    return failed_with("reachable", error)


def _insecure(error: Exception, said: str, host: str) -> Finding:
    """Why TLS failed on a connection that was open."""
    what, hint = "the connection breaks off", "check the port; a firewall may be in the way"
    if isinstance(error, ssl.SSLCertVerificationError):
        what, hint = f"the certificate: {error.verify_message}", TRUST
    elif isinstance(error, ssl.SSLError) and error.reason in PLAIN:
        what = "this port speaks something else, plain HTTP perhaps"
        hint = f"write the endpoint with http:// (http://{host}…), or ask for its HTTPS port"
    elif isinstance(error, ssl.SSLError):
        detail = f"{said}; TLS fails ({error.reason or 'no reason given'})"
        return failure("reachable", detail, "check the port", 5)
    elif isinstance(error, TimeoutError):
        what, hint = "no answer in time", "check the port and firewalls"
    return failure("reachable", f"{said}; TLS: {what}", hint, 5)


def clock(headers: Mapping[str, str], at: float, signed: bool) -> Finding:
    """This machine's clock held against the server's, which a signature depends on."""
    try:
        told = parsedate_to_datetime(headers.get("Date") or "").timestamp()
        age = int(float(headers.get("Age") or 0))  # of an answer that comes from a cache on the way
    except (ValueError, TypeError, OverflowError):
        return unknown("clock", "the server's answer has no usable Date")
    found = at - (told + age)  # seconds by which this machine's clock is ahead
    if abs(found) <= SKEW_WARNING:
        exactly = f" ({found:+.0f} s)" if abs(found) > 2 else ""
        return ok("clock", f"agrees with the server's{exactly}")
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
