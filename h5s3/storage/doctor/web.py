"""What is behind a URL: the way there, its redirects, the life of its signature, and whether ranges work."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from h5s3.errors import H5s3Error
from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.base import unsigned
from h5s3.storage.doctor.connection import clock, reach, tls_context
from h5s3.storage.doctor.findings import Findings, failed_with, failure, ok, origin_of, span, warning, within
from h5s3.storage.doctor.request import Answer, send, unanswered
from h5s3.storage.doctor.s3_answers import ranges
from h5s3.storage.doctor.setup import way_out
from h5s3.storage.http.client import MOVED, Target
from h5s3.storage.location import Location
from h5s3.storage.responses import DENIED, SIGNED_URL, UNSIGNED_URL
from h5s3.storage.stores.web import REDIRECTS, end_of_signature
from h5s3.storage.trace import Trace

FIRST = {"Range": "bytes=0-0"}


def examine_web(settings: Settings, trace: Trace, location: Location) -> tuple[Findings, str]:
    """Findings about a URL, and the server's address. Nothing is raised, nothing of the query is shown."""
    found = Findings()
    try:
        _examine(settings, trace, location.key, found)
    except H5s3Error as error:
        found.add("connection", failed_with("time", error))
    return found, origin_of(location.key)


def _examine(settings: Settings, trace: Trace, url: str, found: Findings) -> None:
    trusted = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    found.add("configuration", *way_out(url, trusted), *_signature(url))
    tls = tls_context(trusted, settings.insecure)
    if tls is None:
        return
    for hop in range(REDIRECTS + 1):
        reached = reach(url, within(settings, 20.0), tls)
        failed = reached.status == "failure"
        if hop == 0 or failed:
            found.add("connection", reached)
        if failed:
            return
        try:
            answer = send(Target(url, {}, ""), "GET", settings, trace, tls, FIRST)
        except H5s3Error as error:
            found.add("connection", unanswered(error))
            return
        if hop == 0:
            found.add("connection", clock(answer.headers, answer.at, signed=unsigned(url) != url))
        onward = answer.headers.get("Location") if answer.status in MOVED else None
        if not onward:
            found.add("bucket", *_read(answer, url))
            return
        followed = _followed(url, onward, answer.status)
        found.add("connection", followed)
        if followed.status == "failure":
            return
        url = urljoin(url, onward)
    detail = f"more than {REDIRECTS} redirects"
    found.add("connection", failure("redirect", detail, "give the URL that they end at", 5))


def _followed(url: str, onward: str, status: int) -> Finding:
    """A redirect as h5s3 takes it: followed without anything that could sign, but never from TLS to plain."""
    try:
        there = urljoin(url, onward)
        before, after = urlsplit(url).scheme.lower(), urlsplit(there).scheme
    except ValueError:
        before, after, there = "", "", ""
    if after not in ("http", "https") or (before == "https" and after != "https"):
        detail = f"{origin_of(url)} redirects to an unsafe address ({status}), which h5s3 refuses"
        return failure("redirect", detail, "give the URL that it ends at, if you trust it", 5)
    if origin_of(there) == origin_of(url):
        return ok("redirect", f"to another path of the same server ({status})")
    plain = "from plain HTTP " if before == "http" and after == "https" else ""
    detail = f"{plain}to {origin_of(there)} ({status}), which h5s3 follows"
    return ok("redirect", detail, "give the URL there to spare a request" if plain else "")


def _signature(url: str) -> list[Finding]:
    """How long a presigned URL lives, which its query says."""
    if unsigned(url) == url:
        return []
    ends = end_of_signature(url)
    if ends is None:
        return [ok("presigned URL", "signed; its query does not say until when")]
    left = (ends - datetime.now(UTC)).total_seconds()
    when = ends.strftime("%Y-%m-%d %H:%M UTC")
    if left <= 0:
        return [failure("presigned URL", f"expired {span(left)} ago ({when})", "ask for a new URL", 4)]
    return [ok("presigned URL", f"valid for another {span(left)} ({when})")]


def _read(answer: Answer, url: str) -> list[Finding]:
    who = SIGNED_URL if unsigned(url) != url else UNSIGNED_URL
    if answer.good:
        return [ok("read", "the first byte can be read"), *ranges(answer)]
    if answer.status == 416:
        return [warning("read", "the file is empty", "check the URL")]
    if answer.status in (404, 410):
        return [failure("read", f"there is nothing at this URL ({answer.called})", "check the URL", 3)]
    if answer.status in (401, 403) or answer.code in DENIED:
        remedy = "ask for a new URL" if who == SIGNED_URL else "give a presigned URL, or s3://bucket/key"
        said = f": {answer.message}" if answer.message else ""
        return [failure("read", f"access denied, {who} ({answer.called}{said})", remedy, 4)]
    if answer.status >= 500:
        return [failure("read", f"the server fails with {answer.called}", "try again later", 5)]
    return [failure("read", f"the server answers {answer.called}", "check the URL", 5)]
