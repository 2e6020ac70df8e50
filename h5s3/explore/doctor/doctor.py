"""What is wrong with a connection or a file, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from h5s3.errors import H5s3Error, NetworkError, UsageError
from h5s3.explore.bench.plan import is_object
from h5s3.explore.doctor.machine import examine_machine
from h5s3.explore.session import Session
from h5s3.records import UNSET, Doctor, Finding
from h5s3.storage.doctor.findings import Findings, failed_with, unknown
from h5s3.storage.location import Location

Progress = Callable[[str, float], None]
ELSEWHERE = {
    "foreign": "the store of another package reads this",
    "fsspec": "fsspec reads this, by settings of its own",
}


def doctor(
    session: Session,
    location: Location | None,
    origins: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Doctor:
    """Look at the configuration, the connection, the bucket and the file, as far as the location names them.

    `origins` says of settings whether an option or the env file gave them. Whatever is wrong with a storage
    is a finding; raised is only `UsageError`, for a network that is not to be used.
    """
    if session.settings.offline and not (location and location.kind == "local"):
        raise UsageError("doctor asks the storage", hint="run without --offline")
    tell = progress or (lambda doing, part: None)
    connection, endpoint = _connection(session, location, origins or {}, tell)
    document = Doctor(
        location=location.display if location else UNSET,
        endpoint=endpoint or UNSET,
        status="ok",
        connection=connection,
    )
    if location is not None and _is_file(location) and not _failed(connection):
        _file(session, location, document, tell)
    found = {finding.status for finding in document.connection + (document.file or [])}
    document.status = "failure" if "failure" in found else "warning" if "warning" in found else "ok"
    return document


def _failed(findings: list[Finding]) -> bool:
    return any(one.status == "failure" for one in findings)


def _is_file(location: Location) -> bool:
    return location.kind in ("local", "foreign", "fsspec") or is_object(location)


def _connection(
    session: Session, location: Location | None, origins: Mapping[str, str], tell: Progress
) -> tuple[list[Finding], str | None]:
    kind = location.kind if location else "s3"
    if kind == "local":
        return [], None
    endpoint: str | None = None
    found = Findings()
    if location is not None and kind == "web":
        from h5s3.storage.doctor.web import examine_web

        tell("asking the server", 0.1)
        found, endpoint = examine_web(session.settings, session.trace, location)
    elif kind in ELSEWHERE:
        found.add("connection", unknown("reachable", f"not looked at: {ELSEWHERE[kind]}"))
    else:
        from h5s3.storage.doctor.s3 import examine_s3

        found, endpoint = examine_s3(
            session.settings, session.trace, location, origins, lambda doing: tell(doing, 0.1)
        )
    tell("looking at this machine", 0.2)
    try:
        plugins = session.settings.plugins or location is None
        found.add("this machine", *examine_machine(session.cache, plugins))
    except NetworkError as error:  # the time limit, which may end anything
        found.add("connection", failed_with("time", error))
    return found, endpoint


def _file(session: Session, location: Location, document: Doctor, tell: Progress) -> None:
    """Look at the file itself."""
    from h5s3.explore.doctor.file import examine_file

    try:
        report = examine_file(session, location, tell)
    except H5s3Error as error:
        document.file = [failed_with("file", error)]
        return
    document.file = report.findings
    document.layout = report.layout or UNSET
    document.simulation = report.costs or UNSET
