"""How a storage answers: connections, HEAD, LIST and ranged reads, timed; what it does with ranges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from h5s3 import __version__
from h5s3.errors import NetworkError, UsageError
from h5s3.explore.bench.advice import advice
from h5s3.explore.bench.compare import compare_strategies, project
from h5s3.explore.bench.plan import BUDGET, Wishes, is_object, make_plan
from h5s3.explore.bench.run import Progress, Run
from h5s3.explore.session import Session
from h5s3.records import Bench
from h5s3.storage.base import ObjectInfo
from h5s3.storage.bench.probe import Probe, Targets
from h5s3.storage.http.tls import host_of
from h5s3.storage.location import Location


def bench(
    session: Session,
    location: Location,
    *,
    sizes: list[int],
    count: int,
    concurrency: list[int],
    compare: bool = False,
    path: str = "/",
    progress: Progress | None = None,
    announce: Callable[[int, int], None] | None = None,
) -> Bench:
    """Measure the storage behind an object, or behind a bucket or prefix (connections and LIST alone).

    `sizes` are bytes, `count` requests of each size and concurrency, at random places that are the same in
    every run. No more than `max_bytes` of the settings (or 256 MiB) arrive. `compare`
    also walks the HDF5 file below `path` in several ways. `progress` is told what is done and which part
    of the whole (0 to 1) that is; `announce` how many requests and bytes it will take at the most, as soon as
    the size of the object is known. Raises `UsageError` for what is not behind a network, and what the
    storage raises; requests that fail later are sent again once, counted and told of in the warnings.
    """
    wishes = Wishes(sizes, count, concurrency)
    tell = progress or (lambda doing, part: None)
    budget = session.settings.max_bytes or BUDGET
    share = budget // 2 if compare else budget  # of the bytes, for the samples
    probe = Probe(_store(session, location), location, session.settings, session.trace)
    make_plan(location, None, share, wishes)  # nonsense is refused before anything is sent
    first = probe.connect()  # nobody there: said at once, without tries
    info = _identify(session, location) if is_object(location) else None
    plan = make_plan(location, info.size if info else None, share, wishes)
    if announce:
        announce(plan.requests, plan.bytes + (budget // 2 if compare else 0))
    document = _begin(session, location, probe, info.size if info else 0)
    document.warnings += plan.warnings
    if compare:
        if info is None:
            raise UsageError("only an object can be compared", location=location.display)
        document.strategies, told = compare_strategies(
            session, info, path, budget // 2, lambda doing: tell(doing, 0.0)
        )
        document.warnings += told
    Run(session, probe, plan, info, document, tell).run(first)
    project(document.strategies or [], document.samples)
    document.warnings += advice(document.samples)
    return document


def _begin(session: Session, location: Location, probe: Probe, size: int) -> Bench:
    """The document before anything was measured."""
    endpoint = f"{urlsplit(probe.url).scheme}://{host_of(probe.url)}"
    return Bench(
        version=__version__,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        location=location.display,
        endpoint=session.store(location).endpoint if location.kind == "s3" else endpoint,
        object_size=size,
        samples=[],
        checks=[],
        warnings=[],
    )


def _store(session: Session, location: Location) -> Targets:
    if session.settings.offline:
        raise UsageError("bench asks the server", hint="run without --offline")
    if location.kind in ("s3", "web") and (location.bucket or location.kind == "web"):
        store = session.store(location)
        if isinstance(store, Targets):
            return store
    if location.kind == "s3":
        raise UsageError("bench needs a bucket or an object", location=location.display)
    raise UsageError("bench measures a storage over a network", location=location.display)


def _identify(session: Session, location: Location) -> ObjectInfo:
    """The object, asked for again. A server that garbles ranges may still answer a HEAD."""
    store = session.store(location)
    try:
        return store.first(location, 1)[0]
    except NetworkError:
        if location.kind == "web":
            raise
        return store.head(location)
