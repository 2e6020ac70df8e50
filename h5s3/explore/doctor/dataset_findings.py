"""What was found in the datasets of a file: what is empty, what lies elsewhere, what is unreadable."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from h5s3.errors import RefusedError
from h5s3.explore.doctor.advice import MOST_OPTIONS, repack, writable
from h5s3.explore.doctor.case import NAMED, Case, counted, named, path_of, paths_of
from h5s3.records import UNSET
from h5s3.records.doctor import Finding
from h5s3.sizes import MIB, binary_text
from h5s3.storage.doctor.findings import ok, warning

if TYPE_CHECKING:
    from h5s3.formats.hdf5.layout.inventory import StoredDataset

LARGE_DATASET = 64 * MIB
TINY, MANY_TINY = 4 * 1024, 1000


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
    parts = []
    if items:
        parts.append(f"the fill value alone in {counted(len(items), 'dataset')}: {named(paths_of(items))}")
    if empty:
        what = f"{counted(len(empty), 'dataset')} without limit and still empty"
        parts.append(f"{what}: {named(paths_of(empty))}")
    detail = "; ".join(parts)
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
    wanted = [_contiguously(path) for path in paths]
    return warning(
        name,
        f"{counted(len(items), 'dataset')} {what}: {named(paths_of(items))}",
        cost="they are never read from there: readers see fill values, or nothing",
        remedy=repack(case.location, wanted) if wanted else UNSET,
    )


def _contiguously(path: str) -> str:
    return f"-l {shlex.quote(f'{path}:CONTI')}"


def _external_links(case: Case) -> Finding | None:
    count = case.survey.links["external"]
    if not count:
        return None
    from h5s3.formats.names import text_of

    shown = [f"{text_of(path)} to {target}" for path, target in case.survey.external_links]
    more = f" and {count - NAMED:,} more" if count > NAMED else ""
    return warning(
        "external links",
        f"{counted(count, 'link')} to other files: {', '.join(shown[:NAMED])}{more}",
        cost="they are never followed: what they lead to is not in this object",
        remedy=repack(case.location, ["--merge"]),
    )


def _filters(case: Case) -> Finding | None:
    missing: dict[str, list[StoredDataset]] = {}
    foreign: Counter[str] = Counter()
    from h5s3.formats.hdf5.objects.filters import BUILT_IN

    for item in case.survey.datasets:
        for one in item.facts.filters:
            if not one.available:
                missing.setdefault(f"{one.id} ({one.name})", []).append(item)
            elif one.id not in BUILT_IN:
                foreign[f"{one.id} ({one.name})"] += 1
    if not missing and not foreign:
        return None
    if not missing:
        detail = f"filters that need a plugin, available here: {named(list(foreign))}"
        return ok("filters", detail)
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


LOOKS: list[Callable[[Case], Finding | None]] = [
    _contiguous,
    _never_written,
    _external,
    _virtual,
    _external_links,
    _filters,
]
