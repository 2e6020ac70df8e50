"""The sums of `du`: what one dataset adds to them, and the document that they make."""

from __future__ import annotations

from typing import Any, Literal

from h5s3.formats.base import Facts, inner
from h5s3.formats.hdf5.data.chunk_index import read_indexes
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.names import b64_of, text_of
from h5s3.formats.requests import UsageRequest
from h5s3.records import UNSET, DiskUsage, TypeInfo, Usage

Shown = Literal["group", "dataset", "unresolved"]
COUNTS = ("stored", "logical", "datasets", "unknown", "aliases", "elsewhere", "variable")


class Sum:
    """What an object and everything below it adds up to. What is counted for it counts for those above."""

    __slots__ = (*COUNTS, "above", "alias_of", "kind", "level", "note", "path")

    def __init__(
        self, path: bytes, kind: Shown, above: Sum | None = None, alias_of: bytes | None = None
    ) -> None:
        self.path, self.kind, self.above, self.alias_of = path, kind, above, alias_of
        self.level: int = above.level + 1 if above else 0
        self.note = ""
        self.stored = self.logical = self.datasets = 0
        self.unknown = 0  # datasets and groups of which something is not known
        self.aliases = 0  # hard links to what is counted elsewhere
        self.elsewhere = 0  # datasets whose values are outside this file, or in other datasets
        self.variable = 0  # datasets whose values are in heaps

    def count(self, **more: int) -> None:
        """Add to the counts, here and in everything above."""
        here: Sum | None = self
        while here is not None:
            for name, value in more.items():
                setattr(here, name, getattr(here, name) + value)
            here = here.above


def settle_dataset(owner: Sum, facts: Facts, stored: int) -> None:
    """Count a dataset whose stored bytes are known."""
    elsewhere = facts.layout in ("external", "virtual")
    variable = not elsewhere and _varies(facts.type)
    logical = 0 if facts.shape is None else facts.nbytes
    owner.count(datasets=1, stored=stored, logical=logical, elsewhere=int(elsewhere), variable=int(variable))
    if owner.kind == "dataset":
        owner.note = facts.layout if elsewhere else "variable length" if variable else owner.note


def settle_chunks(file: OpenFile, wanted: list[tuple[Sum, Any, Facts]]) -> None:
    """Count chunked datasets, their indexes read in shared rounds."""
    found = read_indexes(file, [(dataset, facts) for _, dataset, facts in wanted])
    for (owner, _, facts), index in zip(wanted, found, strict=True):
        if isinstance(index, Exception):
            _count_unknown(owner, facts, 0, f"its chunk index cannot be read: {plain_reason(index)}")
        elif not index.complete:
            _count_unknown(
                owner, facts, index.stored, f"more than {len(index):,} chunks; at least their bytes"
            )
        else:
            settle_dataset(owner, facts, index.stored)


def _count_unknown(owner: Sum, facts: Facts, stored: int, note: str) -> None:
    settle_dataset(owner, facts, stored)
    owner.count(unknown=1)
    if owner.kind == "dataset":
        owner.note = note


def _varies(info: TypeInfo) -> bool:
    """Whether values, or parts of them, are of variable length, which are stored in heaps."""
    return info.class_ == "vlen" or bool(info.variable) or any(map(_varies, inner(info)))


# ---------------------------------------------------------------------------------------------- telling


def _ratio(one: Sum) -> float | None:
    """Logical by stored bytes; of a dataset of variable length none: its values are in neither."""
    if one.kind == "dataset" and one.variable:
        return None
    return one.logical / one.stored if one.stored and one.logical else None


SORTS: dict[str, Any] = {
    "stored": lambda one: (-one.stored, one.path),
    "logical": lambda one: (-one.logical, one.path),
    "ratio": lambda one: (-(_ratio(one) or 0), one.path),
    "name": lambda one: one.path,
}


def document_of(file: OpenFile, top: Sum, shown: list[Sum], cut: list[str], asked: UsageRequest) -> DiskUsage:
    """The sums as a document. `cut`: where the walk stopped before the end."""
    size, most = file.info.size, asked.limit
    entries = sorted(shown, key=SORTS[asked.sort])
    entries.sort(key=lambda one: one.alias_of is not None)
    whole = top.path == b"/" and not top.unknown and not cut and top.stored <= size
    return DiskUsage(
        location=file.info.location.display,
        key=file.info.location.shown_key,
        etag=file.info.etag,
        path=text_of(top.path),
        size=size,
        stored=top.stored,
        logical=top.logical,
        ratio=_rounded(top),
        num_datasets=top.datasets,
        entries=[_usage(one) for one in (entries[:most] if most else entries)],
        num_entries=len(entries),
        entries_truncated=bool(most and len(entries) > most),
        unknown=top.unknown,
        other=size - top.stored if whole else UNSET,
        complete=not cut,
        notes=[*cut, *_notes(top)],
    )


def _usage(one: Sum) -> Usage:
    known = one.kind == "group" or not one.unknown
    return Usage(
        path=text_of(one.path),
        path_b64=b64_of(one.path),
        type=one.kind,
        stored=one.stored if known else None,
        logical=one.logical,
        ratio=_rounded(one) if known else None,
        num_datasets=one.datasets,
        unknown=one.unknown,
        alias_of=UNSET if one.alias_of is None else text_of(one.alias_of),
        note="; ".join(_remarks(one)) or UNSET,
    )


def _rounded(one: Sum) -> float | None:
    ratio = _ratio(one)
    return None if ratio is None else float(f"{ratio:.6g}")


def _remarks(one: Sum) -> list[str]:
    """What to know of one entry."""
    found = [one.note] if one.note else []
    if one.kind != "group":
        return found
    if one.unknown:
        found.append(f"{one.unknown:,} unknown")
    if one.aliases:
        found.append(f"{_links(one.aliases)} left out")
    return found


def _notes(top: Sum) -> list[str]:
    """What to know of the sums."""
    many = [
        (
            top.unknown,
            f"{top.unknown:,} unknown: not all of their bytes could be told, the sums are the least",
        ),
        (top.aliases, f"{_links(top.aliases)} left out: the objects are counted at another path"),
        (top.elsewhere, f"{_datasets(top.elsewhere)} external or virtual: none of the values are in here"),
        (
            top.variable,
            f"{_datasets(top.variable)} of variable length: the values in heaps are not in the sums",
        ),
    ]
    return [note for count, note in many if count]


def _links(count: int) -> str:
    return f"{count:,} hard link{'s' * (count != 1)}"


def _datasets(count: int) -> str:
    return f"{count:,} dataset{'s' * (count != 1)}"
