"""A file examined for object storage, from its metadata alone: what it costs, why, and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from h5s3.cell.calls import Callback
from h5s3.errors import DamagedError, RefusedError
from h5s3.explore.doctor.advice import SMALLEST_PAGE, page_size, paged
from h5s3.explore.doctor.case import Case, Copy
from h5s3.explore.doctor.costs import (
    Allowance,
    StoppedError,
    estimated_paged,
    estimated_scattered,
    walk_costs,
)
from h5s3.explore.doctor.file_findings import LOOKS
from h5s3.explore.session import Session
from h5s3.formats.base import Contents
from h5s3.records.doctor import Costs, FileLayout, Finding
from h5s3.sizes import MIB, binary_text
from h5s3.storage.doctor.findings import unknown
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.formats.hdf5.layout.inventory import Inventory
    from h5s3.formats.hdf5.layout.recorded_file import RecordedFile
    from h5s3.formats.hdf5.objects.file import OpenFile

Progress = Callable[[str, float], None]
BUDGET = 256 * MIB  # bytes that may arrive where the settings do not say
SECONDS = 60.0  # for the survey, and again for what is worked out from it
COUNTING = 30.0  # seconds for the walk that is counted
MOST_OBJECTS = 50_000  # that are surveyed
MOST_REBUILT = 12_000  # objects of a file of which a repacked copy is made
MOST_LINKS = 50_000  # likewise: an object may have many names
MOST_COUNTED = 300_000  # links of a file whose walk is counted: it holds a node for each of them
MOST_CHUNKS = 200_000  # likewise
GROWTH = 1.1  # of the file, up to which larger pages are worth it
AS_IS = "as laid out"


@dataclass(frozen=True)
class FileReport:
    """What was found, how the file lies in its object, and what a cold walk costs, now and repacked."""

    findings: list[Finding]
    layout: FileLayout | None = None  # None: it cannot be opened
    costs: list[Costs] = field(default_factory=list)


def examine_file(session: Session, location: Location, progress: Progress | None = None) -> FileReport:
    """Survey a file and say what is wrong with it.

    Bounded in requests, memory and time; what was cut short says so. A file that cannot be opened is a
    finding too. `progress` is told what is done and which part of it (0 to 1). Raises what storages raise.
    """
    from h5s3.formats.hdf5.layout.recorded_file import RecordingHdf5

    def tell(done: tuple[str, float]) -> None:
        if progress is not None:
            progress(*done)

    most = session.settings.max_bytes or BUDGET
    survey = _Survey(location.unsigned, most, Callback(tell, tuple[str, float]))
    try:
        return session.read(location, survey, FileReport, format=RecordingHdf5())
    except DamagedError as error:
        found = Finding(name="file", status="failure", detail=error.cause, exit_code=error.exit_code)
        return FileReport([found])


@dataclass(frozen=True)
class _Survey:
    """One file, from the survey to the report: a question, that is asked of its contents."""

    location: Location
    most: int  # bytes that may arrive
    told: Callable[[tuple[str, float]], object]

    def tell(self, doing: str, part: float) -> None:
        """Say what is done, and how much of all is done."""
        self.told((doing, part))

    def __call__(self, contents: Contents) -> FileReport:
        from h5s3.explore.doctor.layout import file_layout
        from h5s3.formats.hdf5.layout.inventory import Limits, take_inventory
        from h5s3.formats.hdf5.layout.recorded_file import recorded

        found_file = recorded(contents)
        if found_file is None:
            return FileReport([unknown("file", "only HDF5 files are examined")])
        file, blocks = found_file
        limits = Limits(objects=MOST_OBJECTS, bytes=self.most, seconds=SECONDS)
        found = take_inventory(
            file,
            limits,
            lambda: blocks.trace.received,
            lambda doing, part: self.tell(f"walking: {doing}", part / 2),
        )
        found.metadata = blocks.reads()
        blocks.recording = False
        layout = file_layout(file, found)
        until = time.monotonic() + SECONDS
        now = self._as_is(blocks, found, layout, self.most)
        copies = self._repacked(file, found, layout, now, until)
        case = Case(self.location, found, layout, now, copies)
        findings = [look(case) for look in LOOKS]
        return FileReport(
            [one for one in findings if one is not None], layout, [now, *(copy.costs for copy in copies)]
        )

    def _as_is(self, blocks: RecordedFile, found: Inventory, layout: FileLayout, most: int) -> Costs:
        """The walk that `h5s3 tree -r` takes when nothing is cached."""
        self.tell("counting requests", 0.5)
        try:
            if found.num_links > MOST_COUNTED:
                raise StoppedError("too many links to be walked again")
            return walk_costs(AS_IS, "counted", blocks, layout.size, Allowance(most, COUNTING))
        except (StoppedError, DamagedError):
            pieces, size = layout.metadata_extents, layout.size
            return estimated_scattered(AS_IS, pieces, layout.metadata_bytes, size, found.deepest + 1)

    def _repacked(
        self, file: OpenFile, found: Inventory, layout: FileLayout, walk: Costs, until: float
    ) -> list[Copy]:
        """The same walk over copies with paged metadata, in the oldest format and in that of HDF5 1.10."""
        needed = min(layout.metadata_bytes, walk.bytes)  # a walk reads no index of chunks
        page = page_size(needed)
        rebuilt = not found.cut and found.objects <= MOST_REBUILT and found.num_chunks <= MOST_CHUNKS
        unknown = any(item.stored is None for item in found.datasets)
        if rebuilt and not unknown and found.num_links <= MOST_LINKS:
            try:
                return self._rebuilt(file, layout, page, until)
            except (StoppedError, DamagedError, RefusedError):
                pass
        return [Copy(estimated_paged(_name(page), needed, layout.size), paged(page))]

    def _rebuilt(self, file: OpenFile, layout: FileLayout, page: int, until: float) -> list[Copy]:
        from h5s3.formats.hdf5.layout.repacked_copy import make_repacked_copy

        self.tell("repacking a copy in memory", 0.6)
        copy = make_repacked_copy(file, page, latest=False, until=until)
        while page > SMALLEST_PAGE and copy.size > GROWTH * layout.size + page:
            page //= 2
            copy = make_repacked_copy(file, page, latest=False, until=until)
        most = Allowance(BUDGET, max(0.0, until - time.monotonic()))
        costs = walk_costs(_name(page), "simulated", copy.file, copy.size, most)
        copies = [Copy(costs, paged(page))]
        self.tell("repacking a copy in memory", 0.8)
        try:
            newer = make_repacked_copy(file, page, latest=True, until=until)
            costs = walk_costs(f"{_name(page)}, --low=2", "simulated", newer.file, newer.size, most)
            copies.append(Copy(costs, paged(page, low=2)))
        except (StoppedError, DamagedError, RefusedError):
            pass
        return copies


def _name(page: int) -> str:
    return f"paged, {binary_text(page)} pages"
