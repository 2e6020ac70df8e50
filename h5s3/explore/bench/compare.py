"""Ways of looking into one HDF5 file over the network, and what each of them costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from h5s3.cache import Cache
from h5s3.errors import ChangedError, DamagedError, H5s3Error, NotFoundError, RefusedError
from h5s3.explore.bench.compare_tasks import (
    LEVEL,
    PREVIEW,
    TREE,
    Met,
    Task,
    candidates,
    listing,
    load,
    previewing,
)
from h5s3.explore.preview.request import MAX_BYTES
from h5s3.explore.round_trips import BANDWIDTH, seconds_at
from h5s3.explore.session import Session
from h5s3.records import UNSET, Preview, Samples, Strategy, Tree
from h5s3.settings import Settings
from h5s3.sizes import MIB, binary_text
from h5s3.storage.base import ObjectInfo
from h5s3.storage.trace import Trace

PART = 8 * MIB  # of a download
PARTS_AT_ONCE = 8
COLD, WARM = "h5s3, first time", "h5s3, again"
S3FS, BLOCKS = "h5py, s3fs", "h5py, s3fs blocks"
WHOLE = "download, then h5py"
WAYS = (COLD, WARM, S3FS, BLOCKS, WHOLE)
TASKS = (LEVEL, TREE, PREVIEW)
OPTIONS: dict[str, dict[str, Any]] = {BLOCKS: {"cache_type": "blockcache", "block_size": MIB}, S3FS: {}}
SHARES = {LEVEL: (3, 3), PREVIEW: (3, 3), TREE: (2, 1)}  # of the bytes left, for BLOCKS and for S3FS
PREVIEW_SHARE = 8  # of the bytes, for our own preview
NO_PREVIEW = (NotFoundError, DamagedError, RefusedError)  # of one dataset: another is tried
LARGE = 1 * MIB  # request whose bytes take longer than its round trip
LARGE_DOWNLOAD = 8 * MIB


def compare_strategies(
    session: Session, info: ObjectInfo, path: str, budget: int, tell: Callable[[str], None] = lambda _: None
) -> tuple[list[Strategy], list[str]]:
    """Do three tasks in several ways, each counted by itself, and what to know about them: list the level
    below `path`, walk everything below it, preview the dataset there (of a group the largest below it).

    Whatever could take more than its part of `budget` bytes is stopped before it does, or left out; h5s3's
    own walks read metadata alone and are not. Times begin with the first request, connections included,
    clients made and libraries loaded. The download is made once, and counts for each task. `tell` hears of
    each task and way as it begins. Raises what h5s3's own walk raises; the others' failures are told.
    """

    run = _Comparison(session, info, path, budget, tell)
    tasks = run.ours()
    run.download(tasks)
    if info.location.kind == "s3" and info.location.version_id is None:
        for task in sorted(tasks, key=lambda task: task.name == TREE):
            for name, share in zip(OPTIONS, SHARES[task.name], strict=True):
                run.s3fs(task, name, run.left // share)
    else:
        run.told.append("s3fs is not compared: it is about the newest version of objects in S3")
    return run.result()


@dataclass
class _Comparison:
    session: Session
    info: ObjectInfo
    path: str
    left: int  # bytes
    tell: Callable[[str], None]
    found: list[Strategy] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def result(self) -> tuple[list[Strategy], list[str]]:
        """All that was measured, in the order in which it is shown, and what to know."""
        if self.stopped:
            self.told.append(f"stopped by the limit on bytes (raise --max-bytes): {'; '.join(self.stopped)}")
        self.found.sort(key=lambda one: (TASKS.index(one.task), WAYS.index(one.name)))
        ours = {one.task: (one.objects, one.values) for one in self.found if one.name == COLD}
        for one in self.found:
            if one.complete and (one.objects, one.values) != ours[one.task]:
                self.told.append(f"{one.name} did not meet what h5s3 met: {one.task}")
        return self.found, list(dict.fromkeys(self.told))

    # -------------------------------------------------------------------------------------------- h5s3

    def ours(self) -> list[Task]:
        """The tasks that h5s3 could do, each with an empty cache, and again with the cache of the first."""
        level, walk = listing(LEVEL, self.path), listing(TREE, self.path)
        self._twice(level)
        walked = self._twice(walk)
        tasks = [level, walk]
        for path in candidates(walked) if isinstance(walked, Tree) else []:
            task = previewing(path)
            try:
                self._twice(task)
            except NO_PREVIEW as error:
                self.told.append(f"no preview of {path}: {error.cause}")
                continue
            if task.selections:
                return [*tasks, task]
            self.told.append(f"no preview of {path}: there are no values that can be read")
            self.found = [one for one in self.found if one.task != PREVIEW]
        self.told.append("no preview is compared: nothing was found that can be previewed")
        return tasks

    def _twice(self, task: Task) -> Tree | Preview:
        """A first command, and a later one: the cache is its own and gone afterwards."""
        most = max(1, min(MAX_BYTES, self.left // PREVIEW_SHARE))  # the same for both: part of a question
        with tempfile.TemporaryDirectory(prefix="h5s3-") as folder:
            cache = Cache(Path(folder) / "cache")
            for name in (COLD, WARM):
                settings, own = replace(self._settings(), max_bytes=most), self.session.cell
                with Session(settings, cache, cell=own.another() if own else None) as session:
                    if session.cell is not None and name == COLD:
                        session.cell.ready()
                    found = self._once(task, name, session)
        return found

    def _once(self, task: Task, name: str, session: Session) -> Tree | Preview:
        location = self.info.location
        session.store(location)
        self.tell(f"{task.name}: {name}")
        session.trace.started = time.perf_counter()
        try:
            found = task.ours(session, location)
        except H5s3Error:
            self.left = max(0, self.left - session.trace.received)
            raise
        seconds = time.perf_counter() - session.trace.started
        if found.etag != self.info.etag:
            raise ChangedError("the object changed while it was measured", location=location.display)
        self._note(task, name, session.trace, task.met(found), seconds)
        self.left = max(0, self.left - session.trace.received)
        return found

    # ------------------------------------------------------------------------------------ the whole object

    def download(self, tasks: list[Task]) -> None:
        """The whole object into a temporary file, once, and h5py over that for each task."""
        if self.info.size > self.left:
            self.told.append(
                f"{WHOLE} is left out: the object has {binary_text(self.info.size)}, more than the "
                f"{binary_text(self.left)} left for it; raise --max-bytes"
            )
            return
        with Session(self._settings(no_cache=True)) as session, tempfile.TemporaryFile() as file:
            session.store(self.info.location)
            self.tell(WHOLE)
            session.trace.started = time.perf_counter()
            try:
                self._fetch(session, file)
            except H5s3Error as error:
                self.told.append(f"{WHOLE} failed: {error.cause}")
                return
            finally:
                self.left = max(0, self.left - session.trace.received)
            took = time.perf_counter() - session.trace.started
            for task in tasks:
                self._try(task, WHOLE, session.trace, partial(self._plain, task, file), took)

    def _fetch(self, session: Session, file: Any) -> None:
        store, size = session.store(self.info.location), self.info.size
        parts = [(start, min(start + PART, size)) for start in range(0, size, PART)]
        info = store.head(self.info.location)
        for first in range(0, len(parts), PARTS_AT_ONCE):
            answers = store.get_ranges(info, parts[first : first + PARTS_AT_ONCE])
            for start, data in sorted((wanted[0], data) for wanted, data in answers.items()):
                file.seek(start)
                file.write(data)

    # --------------------------------------------------------------------------------------------- s3fs

    def s3fs(self, task: Task, name: str, limit: int) -> None:
        """h5py over a file of s3fs, opened with the options of this way."""
        from h5s3.storage.bench.counted_s3fs import open_counted

        trace = Trace()

        def work() -> Met:
            location = self.info.location
            with open_counted(self._settings(), location, trace, limit, **OPTIONS[name]) as file:
                return self._plain(task, file)

        self.tell(f"{task.name}: {name}")
        self._try(task, name, trace, work)
        self.left = max(0, self.left - trace.received)

    def _plain(self, task: Task, file: Any) -> Met:
        """With plain h5py, in a cell where there is one."""
        cell = self.session.cell
        return task.plain(file) if cell is None else task.plain_in(cell, file, self.session.settings)

    def _load(self) -> None:
        """Have a cell ready that has loaded what plain h5py needs."""
        if self.session.cell is not None:
            load(self.session.cell, self.session.settings)

    def _try(self, task: Task, name: str, trace: Trace, work: Callable[[], Met], before: float = 0) -> None:
        """Do a task and note what it cost. The clock starts where the trace does, or `before` is added."""
        self._load()
        begun = time.perf_counter()
        met: Met | None = None
        try:
            met = work()
        except RefusedError:
            self.stopped.append(f"{task.name} by {name}")
        except H5s3Error as error:
            self.session.settings.check_deadline()
            self.told.append(f"{name} failed: {error.cause}")
            return
        started = begun - before if before else trace.started
        seconds = time.perf_counter() - started - (met.overhead if met else 0)
        self._note(task, name, trace, met, seconds)

    def _note(self, task: Task, name: str, trace: Trace, met: Met | None, seconds: float) -> None:
        self.found.append(
            Strategy(
                task=task.name,
                name=name,
                path=task.path,
                selections=UNSET if task.selections is None else task.selections,
                seconds=round(seconds, 6),
                requests=trace.total,
                bytes=trace.received,
                rounds=trace.rounds,
                trips=trace.trips,
                objects=met.objects if met else None,
                values=UNSET if met is None or met.values is None else met.values,
                complete=met is not None,
            )
        )

    def _settings(self, no_cache: bool = False) -> Settings:
        """Those of the command with the time left to it. What is known of the object is asked for again."""
        ours = self.session.settings
        left = None if ours.deadline is None else max(0.001, ours.deadline - time.monotonic())
        return replace(ours, timeout=left, deadline=None, refresh=True, no_cache=no_cache)


def project(strategies: Sequence[Strategy], samples: Iterable[Samples]) -> None:
    """Give each strategy its seconds at several round-trip times: trips x time + bytes / bandwidth.

    What was stopped before the end has none. Trips, not rounds: h5s3 asks for more as answers
    arrive, so that one round may last for several trips. Of opening connections nothing is in it.
    The bandwidth is that of the fastest series of large reads, or of the download, whichever was faster.
    """
    measured = [
        one.bytes_per_second
        for one in samples
        if one.operation.startswith("GET") and one.size >= LARGE and one.bytes_per_second
    ]
    measured += [
        one.bytes / one.seconds
        for one in strategies
        if one.rounds and one.bytes / one.rounds >= LARGE_DOWNLOAD and one.seconds
    ]
    bandwidth = max(measured, default=BANDWIDTH)
    for strategy in strategies:
        strategy.bandwidth, strategy.bandwidth_measured = round(bandwidth), bool(measured)
        if strategy.complete and strategy.trips is not UNSET:
            strategy.projected = seconds_at(strategy.trips, strategy.bytes, bandwidth, digits=6)
