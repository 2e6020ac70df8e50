"""What is wrong with a connection or a file, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from h5s3.errors import H5s3Error, NetworkError, UsageError
from h5s3.explore.bench.plan import is_object
from h5s3.explore.doctor.machine import examine_machine
from h5s3.explore.session import Session
from h5s3.records import UNSET, Doctor
from h5s3.storage.doctor.findings import Verdict, failed_with, unknown
from h5s3.storage.location import Location

Progress = Callable[[str, float], None]
DAMAGED, REFUSED = 6, 8  # exit codes of a file that is wrong, and of one that needs a missing filter


@dataclass(frozen=True)
class Diagnosis:
    """The document, and the exit code of what failed first; 0 where nothing did."""

    document: Doctor
    exit_code: int


def doctor(
    session: Session,
    location: Location | None,
    origins: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Look at the configuration, the connection, the bucket and the file, as far as the location names them.

    `origins` says of settings whether an option or the env file gave them. Whatever is wrong with a storage
    is a finding; raised is only `UsageError`, for a network that is not to be used.
    """
    if session.settings.offline and not (location and location.kind == "local"):
        raise UsageError("doctor asks the storage", hint="run without --offline")
    tell = progress or (lambda doing, part: None)
    verdicts, endpoint = _connection(session, location, origins or {}, tell)
    document = Doctor(
        location=location.display if location else UNSET,
        endpoint=endpoint or UNSET,
        status="ok",
        connection=[verdict.finding for verdict in verdicts],
    )
    code = next((verdict.exit_code for verdict in verdicts if verdict.failed), 0)
    if location is not None and _is_file(location) and not code:
        code = _file(session, location, document, progress)
    document.status = _worst(document)
    return Diagnosis(document, code)


def _is_file(location: Location) -> bool:
    return location.kind in ("local", "fsspec") or is_object(location)


def _connection(
    session: Session, location: Location | None, origins: Mapping[str, str], tell: Progress
) -> tuple[list[Verdict], str | None]:
    if location is not None and location.kind == "local":
        return [], None
    endpoint: str | None = None
    if location is not None and location.kind == "web":
        from h5s3.storage.doctor.web import examine_web

        tell("asking the server", 0.1)
        verdicts, endpoint = examine_web(session.settings, session.trace, location)
    elif location is not None and location.kind == "fsspec":
        verdicts = [unknown("reachable", "not looked at: fsspec reads this, by settings of its own")]
    else:
        from h5s3.storage.doctor.s3 import examine_s3

        verdicts, endpoint = examine_s3(
            session.settings, session.trace, location, origins, lambda doing: tell(doing, 0.1)
        )
    tell("looking at this machine", 0.2)
    try:
        plugins = session.settings.plugins or location is None
        return verdicts + examine_machine(session.cache, plugins), endpoint
    except NetworkError as error:  # the time limit, which may end anything
        return [*verdicts, failed_with("time", error)], endpoint


def _file(session: Session, location: Location, document: Doctor, progress: Progress | None) -> int:
    """Look at the file itself; the exit code of what is wrong with it."""
    from h5s3.explore.doctor.file import file_verdict

    try:
        findings, layout, simulation = file_verdict(session, location, progress)
    except H5s3Error as error:
        failed = failed_with("file", error)
        document.file = [failed.finding]
        return failed.exit_code
    document.file = findings
    document.layout = layout if layout is not None else UNSET
    document.simulation = simulation if simulation else UNSET
    names = [finding.name for finding in findings if finding.status == "failure"]
    return (REFUSED if names[0] == "filters" else DAMAGED) if names else 0


def _worst(document: Doctor) -> Literal["ok", "warning", "failure"]:
    found = {finding.status for finding in document.connection + (document.file or [])}
    return "failure" if "failure" in found else "warning" if "warning" in found else "ok"
