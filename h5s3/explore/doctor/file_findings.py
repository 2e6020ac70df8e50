"""What was found in a file as a whole: how its metadata lie, its format; what is damaged, unused or empty,
lies elsewhere, or cannot be read here.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from h5s3.errors import DamagedError, RefusedError
from h5s3.explore.doctor import chunk_findings
from h5s3.explore.doctor.advice import MOST_OPTIONS, file_names, repack, writable
from h5s3.explore.doctor.case import NAMED, RTT, Case, cost_text, counted, named, path_of, paths_of, worth
from h5s3.formats.names import text_of
from h5s3.records import UNSET
from h5s3.records.doctor import Finding
from h5s3.sizes import MIB, binary_text
from h5s3.storage.doctor.findings import ok, unknown, warning

if TYPE_CHECKING:
    from h5s3.formats.hdf5.layout.inventory import StoredDataset

LARGE_USERBLOCK = 256 * 1024  # what the first request does not bring
MUCH_UNUSED = 1 * MIB
DEEP = 12  # levels
LARGE_DATASET = 64 * MIB
TINY, MANY_TINY = 4 * 1024, 1000


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
    detail = f"{binary_text(size)} before the superblock"
    if size < LARGE_USERBLOCK:
        return ok("user block", f"{detail}: the first request brings them too")
    name, copy = file_names(case.location)
    return warning(
        "user block",
        detail,
        cost="readers look for the superblock at 0, 512, 1024, …: more requests",
        remedy=f"h5unjam -i {name} -o {copy} -u userblock.bin",
    )


def _open_for_write(case: Case) -> Finding | None:
    if case.layout.open_for_write is not True:
        return None
    name, _ = file_names(case.location)
    return warning(
        "write flag",
        "its writer has not closed the file, or was stopped: h5py and other programs refuse a local copy",
        cost="what was not written yet is missing",
        remedy=f"h5clear -s {name}",
    )


def _nesting(case: Case) -> Finding | None:
    deepest = case.survey.deepest
    if deepest <= DEEP:
        return None
    least = "at least " if case.survey.cut else ""
    gathered = "; gathered in pages they come at once" if case.best is not None else ""
    return warning(
        "nesting",
        f"groups are {least}{deepest} levels deep, and each level has to be read before the next",
        cost=f"{counted(case.now.rounds, 'round')} of a cold walk{gathered}",
    )


def _damage(case: Case) -> Finding | None:
    found = case.survey
    if not found.num_damaged:
        return None
    shown = "; ".join(f"{text_of(path)}: {reason}" for path, reason in found.damaged[:NAMED])
    more = f"; and {found.num_damaged - NAMED:,} more" if found.num_damaged > NAMED else ""
    detail = f"{counted(found.num_damaged, 'object')} cannot be read: {shown}{more}"
    return Finding(name="damage", status="failure", detail=detail, exit_code=DamagedError.exit_code)


def _cut(case: Case) -> Finding | None:
    if not case.survey.cut:
        return None
    why = f"the file was not walked to its end: {case.survey.cut}; figures are of what was walked"
    return unknown("survey", why)


def _unused(case: Case) -> Finding | None:
    """Bytes that are neither metadata nor raw data of any dataset."""
    layout = case.layout
    unused = layout.size - layout.metadata_bytes - layout.data_bytes
    if not layout.complete or unused < MUCH_UNUSED or unused < layout.size / 5:
        return None
    share = f"{binary_text(unused)} ({100 * unused / layout.size:.2g} % of the file)"
    if any(item.facts.type_has_pointers for item in case.survey.datasets):
        what = "hold values of variable length, which were not looked at, or nothing"
        return unknown("other bytes", f"{share} {what}")
    return warning(
        "unused space",
        f"{share} hold neither metadata nor data: what was deleted leaves holes",
        remedy=repack(case.location, []),
    )


def _never_written(case: Case) -> Finding | None:
    items = [
        item
        for item in case.survey.datasets
        if item.stored == 0 and item.facts.nbytes and item.facts.layout in ("chunked", "contiguous")
    ]
    empty = [
        item for item in case.survey.datasets if not item.facts.nbytes and None in (item.facts.maxshape or ())
    ]
    if not items and not empty:
        return None
    alone = f"the fill value alone in {counted(len(items), 'dataset')}: {named(paths_of(items))}"
    still = f"{counted(len(empty), 'dataset')} without limit and still empty: {named(paths_of(empty))}"
    detail = "; ".join([alone] * bool(items) + [still] * bool(empty))
    return Finding(name="never written", status="warning" if items else "ok", detail=detail)


def _contiguous(case: Case) -> Finding | None:
    items = [item for item in case.survey.datasets if item.facts.layout == "contiguous" and item.stored]
    large = [item for item in items if (item.stored or 0) >= LARGE_DATASET]
    tiny = [item for item in items if (item.stored or 0) < TINY]
    if len(tiny) >= MANY_TINY and 2 * len(tiny) > len(case.survey.datasets):
        return warning(
            "tiny datasets",
            f"{len(tiny):,} datasets of less than {binary_text(TINY)}, such as {path_of(tiny[0])}: "
            "one dataset with a row for each would be read at once",
            cost="a request for each, to read them all",
        )
    if not large:
        return None
    detail = f"{counted(len(large), 'large dataset')} in one piece, any part of which is one request"
    return ok("contiguous data", f"{detail}: {named(paths_of(large))}")


def _external(case: Case) -> Finding | None:
    items = [item for item in case.survey.datasets if item.facts.external]
    return _elsewhere(case, "external data", items, "whose values are stored in other files")


def _virtual(case: Case) -> Finding | None:
    items = [item for item in case.survey.datasets if item.facts.layout == "virtual"]
    return _elsewhere(case, "virtual datasets", items, "made of other datasets, maybe of other files")


def _elsewhere(case: Case, name: str, items: Sequence[StoredDataset], what: str) -> Finding | None:
    """Values that are not in the object. The command has to run where they are: that for all lacks it."""
    if not items:
        return None
    paths = [path for path in paths_of(items) if writable(path)][:MOST_OPTIONS]
    wanted = [f"-l {shlex.quote(f'{path}:CONTI')}" for path in paths]
    return warning(
        name,
        f"{counted(len(items), 'dataset')} {what}: {named(paths_of(items))}",
        cost="they are never read from there: readers see fill values, or nothing",
        remedy=repack(case.location, wanted) if wanted else UNSET,
    )


def _external_links(case: Case) -> Finding | None:
    count = case.survey.links["external"]
    if not count:
        return None
    shown = [f"{text_of(path)} to {target}" for path, target in case.survey.external_links]
    more = f" and {count - NAMED:,} more" if count > NAMED else ""
    return warning(
        "external links",
        f"{counted(count, 'link')} to other files: {', '.join(shown[:NAMED])}{more}",
        cost="they are followed with --follow alone: what they lead to is not in this object",
        remedy=repack(case.location, ["--merge"]),
    )


def _filters(case: Case) -> Finding | None:
    from h5s3.formats.hdf5.objects.filters import BUILT_IN

    missing: dict[str, list[StoredDataset]] = {}
    foreign: Counter[str] = Counter()
    for item in case.survey.datasets:
        for one in item.facts.filters:
            if not one.available:
                missing.setdefault(f"{one.id} ({one.name})", []).append(item)
            elif one.id not in BUILT_IN:
                foreign[f"{one.id} ({one.name})"] += 1
    if not missing and not foreign:
        return None
    if not missing:
        return ok("filters", f"filters that need a plugin, available here: {named(list(foreign))}")
    items = list({id(item): item for some in missing.values() for item in some}.values())
    return Finding(
        name="filters",
        status="failure",
        detail=f"no plugin here for filter {named(list(missing))}: {named(paths_of(items))}; do not repack "
        "the file without the plugin: h5repack leaves out what it cannot read, and reports no error",
        cost="their values cannot be read on this machine",
        remedy="install the plugin of the filter, and set HDF5_PLUGIN_PATH to its folder",
        exit_code=RefusedError.exit_code,
    )


def _all_at_once(case: Case) -> Finding | None:
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
    _open_for_write,
    _userblock,
    _nesting,
    _unused,
    *chunk_findings.LOOKS,
    _contiguous,
    _never_written,
    _external,
    _virtual,
    _external_links,
    _filters,
    _all_at_once,
]
"""In the order of what it costs. What a file does not have is not mentioned."""
