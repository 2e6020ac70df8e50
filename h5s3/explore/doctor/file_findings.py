"""What was found in a file, each with its evidence, its cost, and the command that puts it right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from h5s3.explore.doctor.advice import file_names, paged, repack
from h5s3.explore.doctor.costs import cheaper
from h5s3.records import UNSET
from h5s3.records.doctor import Costs, FileLayout, Finding
from h5s3.sizes import binary_text
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.formats.hdf5.layout.inventory import Survey

RTT = "50 ms"
WORTH, LEAST_GAIN = 0.7, 0.1  # a copy is worth it that takes this part of the time, and saves these seconds
LARGE_USERBLOCK = 256 * 1024  # what the first request does not bring
MUCH_UNUSED = 1 << 20  # bytes
DEEP = 12  # levels
NAMED = 5  # paths of one finding
Status = Literal["ok", "warning", "failure", "unknown"]


@dataclass
class Case:
    """All that is known of a file, and the options of h5repack that its findings came to."""

    location: Location
    survey: Survey
    layout: FileLayout
    costs: list[Costs]
    options: list[str] = field(default_factory=list)
    remedies: set[str] = field(default_factory=set)

    @property
    def now(self) -> Costs:
        """The file as it is."""
        return self.costs[0]

    @property
    def best(self) -> Costs | None:
        """The copy that is worth it, if any is: the oldest format unless a newer one is much better."""
        copies = self.costs[1:]
        if not copies:
            return None
        best = copies[0]
        if _worth(cheaper(copies), best):
            best = cheaper(copies)
        return best if _worth(best, self.now) else None

    def remedy(self, options: list[str]) -> str:
        """A command with these options, which the command for everything gets too."""
        self.options += [item for item in options if item not in self.options]
        command = repack(self.location, options)
        self.remedies.add(command)
        return command


def findings(case: Case) -> list[Finding]:
    """All that was looked at, in the order of what it costs. What a file does not have is not told of."""
    from h5s3.explore.doctor.chunk_findings import LOOKS as OF_CHUNKS
    from h5s3.explore.doctor.dataset_findings import LOOKS as OF_DATASETS

    looks: list[Callable[[Case], Finding | None]] = [*LOOKS, *OF_CHUNKS, *OF_DATASETS, _repack]
    return [found for look in looks if (found := look(case)) is not None]


def named(paths: list[str]) -> str:
    """The first of some paths, and how many more there are."""
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


def counted(count: int, noun: str) -> str:
    """`1 dataset`, `2,200 datasets`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def cost_text(costs: Costs) -> str:
    """What a walk costs, in words."""
    text = f"{counted(costs.requests, 'request')}, {counted(costs.rounds, 'round')}"
    return f"{text}, {binary_text(costs.bytes)}: {costs.seconds[RTT]:.2f} s at {RTT}"


def _worth(copy: Costs, now: Costs) -> bool:
    before, after = now.seconds[RTT], copy.seconds[RTT]
    return after <= WORTH * before and before - after >= LEAST_GAIN


def _space(case: Case) -> Finding:
    layout, best = case.layout, case.best
    detail = f"strategy: {layout.file_space_strategy or 'unknown'}"
    if layout.page_size:
        detail += f", pages of {binary_text(layout.page_size)}"
    if best is None:
        return Finding(name="file space", status="ok", detail=f"{detail}; a paged copy would not save much")
    low = 2 if best.name.endswith("--low=2") else None
    return Finding(
        name="file space",
        status="warning",
        detail=f"{detail}; with all metadata gathered in pages a cold walk takes {cost_text(best)}",
        cost=f"{case.now.seconds[RTT] - best.seconds[RTT]:.2f} s of each cold walk at {RTT}",
        remedy=case.remedy(paged(_page(best), low)),
    )


def _page(costs: Costs) -> int:
    """The page size that stands in the name of a copy's costs."""
    number, unit = costs.name.split(", ")[1].split()[:2]
    return int(float(number) * (1 << {"KiB": 10, "MiB": 20}[unit]))


def _metadata(case: Case) -> Finding:
    layout = case.layout
    percent = 100 * layout.metadata_bytes / layout.size if layout.size else 0
    share = f" ({min(percent, 99.9):.2g} % of the file)" if 0 < percent < 99.5 else ""
    places = f"in {counted(layout.metadata_extents, 'place')} of {binary_text(layout.size)}"
    how = "" if case.now.how == "counted" else ", estimated"
    return Finding(
        name="metadata",
        status="ok" if case.best is None else "warning",
        detail=f"{binary_text(layout.metadata_bytes)}{share} {places}, for "
        f"{counted(layout.num_groups, 'group')} and {counted(layout.num_datasets, 'dataset')}",
        cost=f"a cold walk: {cost_text(case.now)}{how}",
    )


def _superblock(case: Case) -> Finding:
    version, old = case.layout.superblock_version, case.survey.old_groups
    detail = f"superblock version {'unknown' if version is None else version}"
    if not old:
        return Finding(name="format", status="ok", detail=f"{detail}, no symbol tables")
    detail += f"; {counted(old, 'group')} with symbol tables, the format before HDF5 1.8"
    copies = case.costs[1:]
    if len(copies) < 2 or not _worth(copies[1], copies[0]):
        return Finding(name="format", status="ok", detail=f"{detail}: no dearer here than a newer one")
    return Finding(
        name="format",
        status="warning",
        detail=detail,
        cost=f"paged, {cost_text(copies[0])}; in the format of HDF5 1.10, {cost_text(copies[1])}",
        remedy=case.remedy(paged(_page(copies[1]), 2)),
    )


def _userblock(case: Case) -> Finding | None:
    size = case.layout.userblock_size
    if not size:
        return None
    large = size >= LARGE_USERBLOCK
    name, copy = file_names(case.location)
    return Finding(
        name="user block",
        status="warning" if large else "ok",
        detail=f"{binary_text(size)} before the superblock"
        + ("" if large else ": the first request brings them too"),
        cost="readers look for the superblock at 0, 512, 1024, …: more requests" if large else UNSET,
        remedy=f"h5unjam -i {name} -o {copy} -u userblock.bin" if large else UNSET,
    )


def _nesting(case: Case) -> Finding | None:
    deepest = case.survey.deepest
    if deepest <= DEEP:
        return None
    gathered = case.best is not None
    least = "at least " if case.survey.cut else ""
    return Finding(
        name="nesting",
        status="warning",
        detail=f"groups lie {least}{deepest} levels deep, and each level has to be read before the next",
        cost=f"{counted(case.now.rounds, 'round')} of a cold walk"
        + ("; gathered in pages they come at once" if gathered else ""),
    )


def _damage(case: Case) -> Finding | None:
    found = case.survey
    if not found.num_damaged:
        return None
    from h5s3.formats.hdf5.objects.names import text_of

    shown = "; ".join(f"{text_of(path)}: {reason}" for path, reason in found.damaged[:NAMED])
    more = f"; and {found.num_damaged - NAMED:,} more" if found.num_damaged > NAMED else ""
    objects = counted(found.num_damaged, "object")
    return Finding(name="damage", status="failure", detail=f"{objects} cannot be read: {shown}{more}")


def _cut(case: Case) -> Finding | None:
    if not case.survey.cut:
        return None
    detail = f"the file was not walked to its end: {case.survey.cut}; figures are of what was walked"
    return Finding(name="survey", status="unknown", detail=detail)


def _unused(case: Case) -> Finding | None:
    """Bytes that are neither metadata nor raw data of any dataset."""
    layout = case.layout
    unused = layout.size - layout.metadata_bytes - layout.data_bytes
    if not layout.complete or unused < MUCH_UNUSED or unused < layout.size / 5:
        return None
    share = f"{binary_text(unused)} ({100 * unused / layout.size:.2g} % of the file)"
    if any(item.facts.type_has_pointers for item in case.survey.datasets):
        detail = f"{share} hold values of variable length, which were not looked at, or nothing"
        return Finding(name="other bytes", status="unknown", detail=detail)
    return Finding(
        name="unused space",
        status="warning",
        detail=f"{share} hold neither metadata nor data: what was deleted leaves holes",
        remedy=repack(case.location, []),
    )


def _repack(case: Case) -> Finding | None:
    """One command for everything, where there are several."""
    command = repack(case.location, case.options)
    if not case.options or command in case.remedies:
        return None
    return Finding(
        name="all at once",
        status="warning",
        detail="one command for file space, format, chunks and compression, on a downloaded file; then "
        "upload the copy. What else is advised, do on that copy, one command after another",
        remedy=command,
    )


LOOKS: list[Callable[[Case], Finding | None]] = [
    _cut,
    _damage,
    _space,
    _metadata,
    _superblock,
    _userblock,
    _nesting,
    _unused,
]
