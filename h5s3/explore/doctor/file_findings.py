"""What was found in a file as a whole: how its metadata lie, its format, what is damaged or unused."""

from __future__ import annotations

from collections.abc import Callable

from h5s3.errors import DamagedError
from h5s3.explore.doctor.advice import file_names, repack
from h5s3.explore.doctor.case import NAMED, RTT, Case, cost_text, counted, worth
from h5s3.records import UNSET
from h5s3.records.doctor import Finding
from h5s3.sizes import binary_text
from h5s3.storage.doctor.findings import ok, unknown, warning

LARGE_USERBLOCK = 256 * 1024  # what the first request does not bring
MUCH_UNUSED = 1 << 20  # bytes
DEEP = 12  # levels


def _space(case: Case) -> Finding:
    layout, best = case.layout, case.best
    detail = f"strategy: {layout.file_space_strategy or 'unknown'}"
    if layout.page_size:
        detail += f", pages of {binary_text(layout.page_size)}"
    if best is None:
        return ok("file space", f"{detail}; a paged copy would not save much")
    return warning(
        "file space",
        f"{detail}; with all metadata gathered in pages a cold walk takes {cost_text(best.costs)}",
        cost=f"{case.now.seconds[RTT] - best.seconds:.2f} s of each cold walk at {RTT}",
        remedy=case.remedy(best.options),
    )


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
        return ok("format", f"{detail}, no symbol tables")
    detail += f"; {counted(old, 'group')} with symbol tables, the format before HDF5 1.8"
    older, newer = case.copies[0], case.copies[-1]
    if not worth(newer, older.costs):
        return ok("format", f"{detail}: no slower to read than a newer format")
    return warning(
        "format",
        detail,
        cost=f"paged, {cost_text(older.costs)}; in the format of HDF5 1.10, {cost_text(newer.costs)}",
        remedy=case.remedy(newer.options),
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
    return warning(
        "nesting",
        f"groups are {least}{deepest} levels deep, and each level has to be read before the next",
        cost=f"{counted(case.now.rounds, 'round')} of a cold walk"
        + ("; gathered in pages they come at once" if gathered else ""),
    )


def _damage(case: Case) -> Finding | None:
    found = case.survey
    if not found.num_damaged:
        return None
    from h5s3.formats.names import text_of

    shown = "; ".join(f"{text_of(path)}: {reason}" for path, reason in found.damaged[:NAMED])
    more = f"; and {found.num_damaged - NAMED:,} more" if found.num_damaged > NAMED else ""
    objects = counted(found.num_damaged, "object")
    detail = f"{objects} cannot be read: {shown}{more}"
    return Finding(name="damage", status="failure", detail=detail, exit_code=DamagedError.exit_code)


def _cut(case: Case) -> Finding | None:
    if not case.survey.cut:
        return None
    detail = f"the file was not walked to its end: {case.survey.cut}; figures are of what was walked"
    return unknown("survey", detail)


def _unused(case: Case) -> Finding | None:
    """Bytes that are neither metadata nor raw data of any dataset."""
    layout = case.layout
    unused = layout.size - layout.metadata_bytes - layout.data_bytes
    if not layout.complete or unused < MUCH_UNUSED or unused < layout.size / 5:
        return None
    share = f"{binary_text(unused)} ({100 * unused / layout.size:.2g} % of the file)"
    if any(item.facts.type_has_pointers for item in case.survey.datasets):
        detail = f"{share} hold values of variable length, which were not looked at, or nothing"
        return unknown("other bytes", detail)
    return warning(
        "unused space",
        f"{share} hold neither metadata nor data: what was deleted leaves holes",
        remedy=repack(case.location, []),
    )


def all_at_once(case: Case) -> Finding | None:
    """One command for everything, where there are several."""
    command = repack(case.location, case.options)
    if not case.options or command in case.remedies:
        return None
    return warning(
        "all at once",
        "one command for file space, format, chunks and compression, on a downloaded file; then "
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
