"""One run through a plan: the requests of a benchmark, and what came of them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from time import perf_counter

from h5s3.errors import H5s3Error, NetworkError, TransientError
from h5s3.explore.bench.plan import Cell, Plan
from h5s3.explore.bench.samples import Failed, Kind, Operation, Outcome, Pattern, name_of, summarize
from h5s3.explore.session import Session
from h5s3.records import UNSET, Bench, Samples
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.bench.checks import check_ranges, drops_check
from h5s3.storage.bench.probe import Probe
from h5s3.storage.http.parallel import Batch
from h5s3.storage.http.timed_connection import Reply, TimedConnection, Timing
from h5s3.storage.trace import Trace

TELL_EVERY = 0.05  # seconds
ORDER = ("random", "sequential", "first", "second")  # of what is listed; new connections before all
Progress = Callable[[str, float], None]
Lines = SimpleQueue[TimedConnection]


class Run:
    """One run through a plan."""

    def __init__(
        self,
        session: Session,
        probe: Probe,
        plan: Plan,
        info: ObjectInfo | None,
        document: Bench,
        progress: Progress,
    ) -> None:
        self._settings, self._trace = session.settings, session.trace
        self._probe, self._plan, self._info = probe, plan, info
        self._document, self._progress = document, progress
        self._tries = Tries(session.settings, session.trace, max(0, plan.budget - plan.bytes))
        self._begun = session.trace.total - bool(info)
        self._told = 0.0

    def run(self, first: Timing) -> None:
        """Fill the document. `first`: the connection that was opened to see whether anybody is there."""
        if self._info is None:
            self._warn("no object is named: only connections and listings are measured")
        line = self._probe.line()
        try:
            connections = Outcome(warm_up=first)
            self._series("connect", connections, None, self._probe.connect)
            self._add(Kind("connect", fresh=True), connections)
            self._single("HEAD", line, lambda: self._probe.head(line))
            self._single("LIST", line, lambda: self._probe.list(line))
            honest = self._checks()
        finally:
            line.close()
        if honest:
            self._reads()
        elif self._plan.cells:
            self._warn("ranged reads are not measured: the server does not honour Range")
        if self._document.checks or self._tries.dropped:
            self._document.checks.append(drops_check(self._tries.dropped, self._trace.total))
        self._progress("done", 1.0)

    def _warn(self, sentence: str) -> None:
        self._document.warnings.append(sentence)

    def _tell(self, doing: str) -> None:
        """Say what is done, now and then: whoever listens must not slow the requests down."""
        now = perf_counter()
        if now - self._told < TELL_EVERY:
            return
        self._told = now
        done = self._trace.total - self._begun
        self._progress(doing, min(1.0, done / max(1, self._plan.requests)))

    # ------------------------------------------------------------------- one request after another

    def _single(self, operation: Operation, line: TimedConnection, ask: Callable[[], Timing]) -> None:
        """Samples of requests that have no size. Where the first is refused, none."""
        if operation not in self._plan.singles:
            return
        outcome, trial = Outcome(), Outcome()
        try:
            self._tries.attempt(trial, ask, line)
            if not trial.timings:
                raise trial.failed[-1].error
        except H5s3Error as error:
            self._settings.check_deadline()
            if self._info is None:
                raise
            self._warn(f"{operation} is not measured: {error.cause}")
            return
        outcome.warmed_by(trial)
        self._series(operation, outcome, line, ask)
        self._add(Kind(operation), outcome)

    def _series(
        self, doing: str, outcome: Outcome, line: TimedConnection | None, ask: Callable[[], Timing]
    ) -> None:
        with outcome.clocked():
            for _ in range(self._plan.few):
                self._tell(doing)
                self._tries.attempt(outcome, ask, line)

    def _add(self, kind: Kind, outcome: Outcome) -> Samples:
        self._settings.check_deadline()
        samples = summarize(kind, outcome)
        self._document.samples.append(samples)
        if outcome.failed:
            tried = len(outcome.timings) + outcome.errors
            causes = ", ".join(sorted({failed.error.cause for failed in outcome.failed}))
            again = f", {samples.retries} sent again" if samples.retries else ""
            self._warn(f"{samples.errors} of {tried} failed{again}, {name_of(samples)}: {causes}")
        return samples

    def _checks(self) -> bool:
        """Whether ranges can be measured."""
        if self._info is None or not self._plan.check_length:
            return True
        self._tell("checking ranges")
        line = self._probe.line()
        try:
            send = partial(self._tries.look, line)
            length = self._plan.check_length
            self._document.checks = check_ranges(self._probe, line, self._info, length, send)
        finally:
            line.close()
        self._settings.check_deadline()
        return self._document.checks[0].ok

    # ----------------------------------------------------------------------------------- ranged reads

    def _reads(self) -> None:
        """The cells, concurrency by concurrency; listed by kind and size."""
        before = len(self._document.samples)
        for concurrency in sorted({cell.concurrency for cell in self._plan.cells}):
            cells = [cell for cell in self._plan.cells if cell.concurrency == concurrency]
            if not self._group(concurrency, cells):
                self._warn("the measurement was given up: every read failed")
                break
        self._document.samples[before:] = sorted(self._document.samples[before:], key=_place)

    def _group(self, concurrency: int, cells: list[Cell]) -> bool:
        """Cells that share their connections. False: the server fails."""
        lines: Lines = SimpleQueue()
        with ExitStack() as closing:
            for _ in range(concurrency):
                line = self._probe.line()
                closing.callback(line.close)
                lines.put(line)
            batch = Batch(self._trace, concurrency)
            closing.callback(batch.close)
            if concurrency > 1:
                self._fetch(batch, lines, [(0, 1)] * concurrency, [Outcome()], "opening connections")
            return all(self._cell(batch, lines, cell) for cell in cells)

    def _cell(self, batch: Batch, lines: Lines, cell: Cell) -> bool:
        patterns: list[Pattern] = ["first", "second"] if cell.pattern == "pairs" else [cell.pattern]
        kinds = [Kind("GET", cell.size, cell.concurrency, cell.fresh, pattern) for pattern in patterns]
        outcomes, doing = [Outcome() for _ in kinds], f"GET {cell.size} B at {cell.concurrency}"
        ranges = self._ranges(cell)
        if cell.concurrency == 1:
            trial = Outcome()
            self._fetch(batch, lines, ranges[:1], [trial], doing, cell.fresh)
            outcomes[0].warmed_by(trial)
            ranges = ranges[1:]
        with outcomes[0].clocked():
            self._fetch(batch, lines, ranges, outcomes, doing, cell.fresh)
        cpu = outcomes[0].cpu / len(outcomes)
        for kind, outcome in zip(kinds, outcomes, strict=True):
            outcome.begun, outcome.cpu = outcomes[0].begun, cpu
            self._add(kind, outcome)
        return bool(outcomes[0].timings)

    def _ranges(self, cell: Cell) -> list[Range]:
        """Places in the object, the same in every run over an object of this size; the first warms up."""
        assert self._info is not None
        size, there = cell.size, self._info.size
        places = random.Random(f"{size}/{cell.concurrency}/{cell.fresh}/{cell.pattern}")
        starts = [places.randint(0, there - size) for _ in range(cell.requests)]
        if cell.pattern == "sequential":
            starts = [index * size for index in range(cell.requests)]
        elif cell.pattern == "pairs":
            chosen = [index * size for index in places.sample(range(there // size), cell.count)]
            starts = [0, *(start for start in chosen for _ in range(2))]
        return [(start, start + size) for start in starts]

    def _fetch(
        self,
        batch: Batch,
        lines: Lines,
        ranges: list[Range],
        outcomes: list[Outcome],
        doing: str,
        fresh: bool = False,
    ) -> None:
        """Read the ranges, as many at once as there are lines. One at a time, each is a wait of its own, and
        the outcomes take turns."""
        info = self._info
        assert info is not None

        def fetch(wanted: Range, outcome: Outcome = outcomes[0]) -> bytes:
            line = lines.get()
            if fresh:
                line.close()
            try:
                self._tries.attempt(outcome, lambda: self._probe.read(line, wanted, info), line)
            finally:
                lines.put(line)
            return b""

        def arrived(_: Range, __: bytes) -> Iterable[Range]:
            self._tell(doing)
            return ()

        if lines.qsize() > 1:
            batch.run(fetch, ranges, arrived)
            return
        for turn, wanted in enumerate(ranges):
            self._tell(doing)
            with self._trace.round():
                fetch(wanted, outcomes[turn % len(outcomes)])


def _place(samples: Samples) -> tuple[bool, int, int, int]:
    kind = ORDER.index(samples.pattern) if samples.pattern is not UNSET else 0
    return samples.connection == "reused", kind, samples.size, samples.concurrency


@dataclass
class Tries:
    """Sends each request, and once more where it fails in a way that may pass.

    `spare` bytes may be wasted on answers that broke off: beyond, nothing is sent again, so that a benchmark
    takes no more bytes than it may. There are no waits before the second try: they would be no one's latency.
    """

    _settings: Settings
    _trace: Trace
    _spare: int
    _lock: threading.Lock = field(default_factory=threading.Lock)
    dropped: int = 0  # requests that failed in such a way

    def attempt(
        self, outcome: Outcome, ask: Callable[[], Timing], line: TimedConnection | None = None
    ) -> None:
        """One sample, or one error, of the wire. Raises what makes going on pointless."""
        if outcome.hopeless:
            return
        for tried in (False, True):
            self._settings.check_deadline()
            begun = perf_counter()
            try:
                outcome.timings.append(ask())
                return
            except NetworkError as error:
                seconds = perf_counter() - begun
                self._settings.check_deadline()
                again = self._again(error, line, tried)
                outcome.failed.append(Failed(begun, seconds, error, again))
            if not again:
                return

    def look(self, line: TimedConnection, ask: Callable[[], Reply]) -> Reply:
        """One answer, whatever it is but an error of the server. Raises `NetworkError` where there is none,
        the second time too."""
        tried = False
        while True:
            try:
                reply = ask()
                if reply.status not in (500, 502, 503, 504):
                    return reply
                raise TransientError(f"answers {reply.status}; could not be checked")
            except NetworkError as error:
                if not self._again(error, line, tried):
                    raise
            tried = True

    def _again(self, error: H5s3Error, line: TimedConnection | None, tried: bool) -> bool:
        """Whether what failed may be sent once more; it may not where it was `tried` again already."""
        if not isinstance(error, TransientError):
            return False
        wasted = line.received if line else 0
        with self._lock:
            self.dropped += 1
            again = not tried and wasted <= self._spare
            self._spare -= wasted * again
        if again:
            self._trace.retry()
        return again
