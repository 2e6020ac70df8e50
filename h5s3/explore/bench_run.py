"""One run through a plan: the requests of a benchmark, and what came of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from time import perf_counter

from h5s3.errors import H5s3Error, NetworkError
from h5s3.explore.bench_plan import Cell, Plan
from h5s3.explore.bench_samples import Outcome, name_of, summarize
from h5s3.explore.session import Session
from h5s3.records import Bench, Samples
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.batch import Batch
from h5s3.storage.lines import Line, Timing
from h5s3.storage.probe import Probe
from h5s3.storage.probe_checks import check_ranges

FRESH = "GET, new connection"
TELL_EVERY = 0.05  # seconds
Progress = Callable[[str, float], None]
Lines = SimpleQueue[Line]


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
        self._settings = session.settings
        self._trace = session.trace
        self._probe = probe
        self._plan = plan
        self._info = info
        self._document = document
        self._progress = progress
        self._begun = session.trace.total - bool(info)
        self._told = 0.0

    def run(self, first: Timing) -> None:
        """Fill the document. `first`: the connection that was opened to see whether anybody is there."""
        if self._info is None:
            self._warn("no object is named: only connections and listings are measured")
        line = self._probe.line()
        try:
            self._connections(first)
            self._single("HEAD", lambda: self._probe.head(line))
            self._single("LIST", lambda: self._probe.list(line))
            honest = self._checks()
        finally:
            line.close()
        if honest:
            self._reads()
        elif self._plan.cells:
            self._warn("ranged reads are not measured: the server does not honour Range")
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

    def _connections(self, first: Timing) -> None:
        outcome = Outcome(warm_up=first)
        self._series("connect", outcome, self._plan.few, self._probe.connect)
        self._add("connect", Cell(0, 1, self._plan.few), outcome)

    def _single(self, operation: str, ask: Callable[[], Timing]) -> None:
        """Samples of requests that have no size. Where the first is refused, none."""
        if operation not in self._plan.singles:
            return
        outcome = Outcome()
        try:
            outcome.warm_up = ask()
        except H5s3Error as error:
            _ = self._settings.request_seconds
            if self._info is None:
                raise
            self._warn(f"{operation} is not measured: {error.cause}")
            return
        self._series(operation, outcome, self._plan.few, ask)
        self._add(operation, Cell(0, 1, self._plan.few), outcome)

    def _series(self, doing: str, outcome: Outcome, count: int, ask: Callable[[], Timing]) -> None:
        with outcome.clocked():
            for _ in range(count):
                self._tell(doing)
                self._attempt(outcome, ask)

    def _attempt(self, outcome: Outcome, ask: Callable[[], Timing]) -> None:
        """One sample, or one error of the wire. Raises what makes going on pointless."""
        if outcome.hopeless:
            return
        _ = self._settings.request_seconds
        try:
            outcome.timings.append(ask())
        except NetworkError as error:
            outcome.errors.append(error)

    def _add(self, operation: str, cell: Cell, outcome: Outcome) -> Samples:
        _ = self._settings.request_seconds
        samples = summarize(operation, cell.size, cell.concurrency, outcome)
        self._document.samples.append(samples)
        if outcome.errors:
            tried = len(outcome.timings) + len(outcome.errors)
            causes = ", ".join(sorted({error.cause for error in outcome.errors}))
            self._warn(f"{len(outcome.errors)} of {tried} failed, {name_of(samples)}: {causes}")
        return samples

    def _checks(self) -> bool:
        """Whether ranges can be measured."""
        if self._info is None or not self._plan.check_length:
            return True
        self._tell("checking ranges")
        line = self._probe.line()
        try:
            self._document.checks = check_ranges(self._probe, line, self._info, self._plan.check_length)
        finally:
            line.close()
        _ = self._settings.request_seconds
        return self._document.checks[0].ok

    # ----------------------------------------------------------------------------------- ranged reads

    def _reads(self) -> None:
        """The cells, concurrency by concurrency; listed by size."""
        before = len(self._document.samples)
        for concurrency in sorted({cell.concurrency for cell in self._plan.cells}):
            cells = [cell for cell in self._plan.cells if cell.concurrency == concurrency]
            if not self._group(concurrency, cells):
                self._warn("the measurement was given up: every read failed")
                break
        reads = self._document.samples[before:]
        reads.sort(key=lambda samples: (samples.operation == "GET", samples.size, samples.concurrency))
        self._document.samples[before:] = reads

    def _group(self, concurrency: int, cells: list[Cell]) -> bool:
        """Cells that share their connections. False: the server fails."""
        lines: Lines = SimpleQueue()
        made = [self._probe.line() for _ in range(concurrency)]
        for line in made:
            lines.put(line)
        batch = Batch(self._trace, concurrency)
        try:
            if concurrency > 1:
                self._fetch(batch, lines, [(0, 1)] * concurrency, Outcome(), "opening connections")
            return all(self._cell(batch, lines, cell) for cell in cells)
        finally:
            batch.close()
            for line in made:
                line.close()

    def _cell(self, batch: Batch, lines: Lines, cell: Cell) -> bool:
        operation = FRESH if cell.fresh else "GET"
        ranges = self._ranges(cell)
        outcome, doing = Outcome(), f"{operation} {cell.size} B at {cell.concurrency}"
        if cell.concurrency == 1:
            trial = Outcome()
            self._fetch(batch, lines, ranges[:1], trial, doing, cell.fresh)
            outcome.warm_up = trial.timings[0] if trial.timings else None
            outcome.errors += trial.errors
            ranges = ranges[1:]
        with outcome.clocked():
            self._fetch(batch, lines, ranges, outcome, doing, cell.fresh)
        self._add(operation, cell, outcome)
        return bool(outcome.timings)

    def _ranges(self, cell: Cell) -> list[Range]:
        """Random places, the same in every run over an object of this size."""
        assert self._info is not None
        places = random.Random(f"{cell.size}/{cell.concurrency}/{cell.fresh}")
        starts = (places.randint(0, self._info.size - cell.size) for _ in range(cell.requests))
        return [(start, start + cell.size) for start in starts]

    def _fetch(
        self,
        batch: Batch,
        lines: Lines,
        ranges: list[Range],
        outcome: Outcome,
        doing: str,
        fresh: bool = False,
    ) -> None:
        """Read the ranges, as many at once as there are lines. One at a time, each is a wait of its own."""
        info = self._info
        assert info is not None

        def fetch(wanted: Range) -> bytes:
            line = lines.get()
            if fresh:
                line.close()
            try:
                self._attempt(outcome, lambda: self._probe.read(line, wanted, info))
            finally:
                lines.put(line)
            return b""

        def arrived(_: Range, __: bytes) -> Iterable[Range]:
            self._tell(doing)
            return ()

        if lines.qsize() > 1:
            batch.run(fetch, ranges, arrived)
            return
        for wanted in ranges:
            self._tell(doing)
            with self._trace.round():
                fetch(wanted)
