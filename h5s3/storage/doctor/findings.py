"""Findings about a connection, and words for what must not be shown as it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from h5s3.errors import H5s3Error, NetworkError
from h5s3.records import UNSET, Finding, UnsetType
from h5s3.settings import Settings

REQUEST_SECONDS = 8.0  # that one request may take
LONGEST = 300  # characters of a server's own words that are kept
T = TypeVar("T")
Group = Literal["configuration", "connection", "bucket", "this machine"]


class Findings(list[Finding]):
    """What was found, in order."""

    def add(self, group: Group, *found: Finding) -> None:
        """Add findings under the heading that they are shown under."""
        for finding in found:
            finding.group = group
        self.extend(found)


def ok(name: str, detail: str, remedy: str = "") -> Finding:
    """Nothing is wrong with it."""
    return Finding(name=name, status="ok", detail=detail, remedy=remedy or UNSET)


def warning(
    name: str, detail: str, remedy: str | UnsetType = UNSET, cost: str | UnsetType = UNSET
) -> Finding:
    """It works, or will for most, and should not be left so. `cost`: what it costs a reader."""
    return Finding(name=name, status="warning", detail=detail, remedy=remedy or UNSET, cost=cost)


def unknown(name: str, detail: str, remedy: str = "") -> Finding:
    """It could not be looked at."""
    return Finding(name=name, status="unknown", detail=detail, remedy=remedy or UNSET)


def failure(name: str, detail: str, remedy: str, code: int) -> Finding:
    """It does not work, and a command would end with this exit code."""
    return Finding(name=name, status="failure", detail=detail, remedy=remedy or UNSET, exit_code=code)


def failed_with(name: str, error: H5s3Error) -> Finding:
    """The finding that an error stands for."""
    return failure(name, error.cause, error.hint, error.exit_code)


def within(settings: Settings, seconds: float = REQUEST_SECONDS) -> Settings:
    """The same settings with so many seconds left, or fewer where `--timeout` ends before."""
    limit = time.monotonic() + seconds
    if settings.deadline is not None and settings.deadline <= limit:
        return settings
    return replace(settings, timeout=seconds, deadline=limit)


def bounded(work: Callable[[], T], seconds: float, what: str) -> T:
    """The result of something that has no time limit of its own. Raises what it raises, and `NetworkError`.

    The thread is left behind where time runs out: neither a resolver nor a helper program can be called off.
    """
    done: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not done:
        raise NetworkError(f"{what} takes more than {seconds:.3g} s", hint="try again later")
    return done[0]


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL: nothing of it that could sign or log in."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host if port is not None else host.rstrip(':')}"[:LONGEST]


def shown_path(path: str | Path) -> str:
    """A path of this machine, shortened by the home directory."""
    full = Path(path).expanduser()
    try:
        return str(Path("~") / full.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(full)


def span(seconds: float) -> str:
    """A time in the largest units that say enough: `42 s`, `5 min`, `1 h 3 min`, `2 days`."""
    whole = round(abs(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440:,} days"
