"""Write references to the chunks of HDF5 files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from h5s3.errors import UsageError
from h5s3.explore.session import Session
from h5s3.export.atomic_file import atomic_write, check_target, write_errors
from h5s3.export.references.hierarchy import Part
from h5s3.formats.base import Contents, Referable
from h5s3.formats.requests import ReferencesRequest
from h5s3.records import FileReferences, LeftOut, Refs
from h5s3.storage.base import unsigned
from h5s3.storage.location import Location

Format = Literal["json", "parquet", "icechunk"]
FIELDS = re.compile(r"\{(bucket|key|name)\}")
INLINE = 500  # stored bytes of datasets that are written into the references, as kerchunk does


@dataclass(frozen=True, kw_only=True)
class RefsRequest:
    """What to write where. `url`: the form of the URLs that references have (default: the location's own)."""

    output: str
    format: Format | None = None
    url: str | None = None
    inline: int = INLINE
    overwrite: bool = False
    progress: Callable[[str, float], None] = lambda text, done: None


def refs(session: Session, locations: Sequence[Location], asked: RefsRequest) -> Refs:
    """Write references to all arrays of HDF5 files; what they cannot hold is named in the answer.

    One walk over a file and the rounds of its chunk indexes; of its data only what must be inlined is read.
    Raises `UsageError` for what cannot be written so, and what opening a file raises.
    """
    kind = _format(asked)
    check_target(asked.output, asked.overwrite)
    urls = [url_of(location, asked.url) for location in locations]
    parts = []
    for number, (location, url) in enumerate(zip(locations, urls, strict=True)):
        asked.progress(f"reading {location.display}", number / len(locations))
        wanted = ReferencesRequest(inline=asked.inline, max_bytes=session.settings.max_bytes)
        found = session.read(location, partial(file_references, asked=wanted))
        parts.append(Part("", _place(location), url, found))
    asked.progress(f"writing {asked.output}", 1.0)
    size = _write(asked, parts)
    return _receipt(asked.output, kind, size, parts)


def file_references(contents: Contents, asked: ReferencesRequest) -> FileReferences:
    """What references say of a file. Raises `UsageError` for a format that has none."""
    if not isinstance(contents, Referable):
        raise UsageError("references are made of HDF5 files: this is not one", hint="Zarr needs none")
    return contents.references(asked)


def url_of(location: Location, form: str | None) -> str:
    """The URL that references have for a location. Raises `UsageError` for one that holds a secret."""
    if form is not None:
        fields = {"bucket": location.bucket, "key": location.key.lstrip("/"), "name": location.name}
        return FIELDS.sub(lambda match: fields[match[1]], form)
    if location.kind == "s3":
        version = f"?versionId={location.version_id}" if location.version_id else ""
        return _in_utf8(f"s3://{location.bucket}/{location.key}{version}", location)
    if location.kind == "local":
        return _in_utf8("file://" + os.path.abspath(location.key), location)
    if unsigned(location.key) != location.key or location.display.partition("?")[0] not in location.key:
        raise UsageError(
            "its URL holds a signature or a password, which references would give away",
            location=location.display,
            hint="name the object as its readers do, with --url",
        )
    return location.key


def _in_utf8(url: str, location: Location) -> str:
    try:
        url.encode()
    except UnicodeEncodeError:
        raise UsageError(
            "its name is not UTF-8: no reference can have it", location=location.display
        ) from None
    return url


def _place(location: Location) -> str:
    """A location as it can be asked again, without what signs it."""
    if location.kind == "s3":
        return f"s3://{location.bucket}/{location.key}"
    return os.path.abspath(location.key) if location.kind == "local" else unsigned(location.key)


def _format(asked: RefsRequest) -> Format:
    if not asked.output:
        raise UsageError("-o names no file")
    if asked.format is not None:
        return asked.format
    if asked.output.endswith(".json"):
        return "json"
    raise UsageError(
        "the name of the references tells no format", location=asked.output, hint="end it in .json"
    )


def _write(asked: RefsRequest, parts: Sequence[Part]) -> int:
    from h5s3.export.references.kerchunk_json import write_json

    with write_errors(asked.output):
        with atomic_write(asked.output, asked.overwrite) as (stream, _):
            write_json(stream, parts, _left_out(parts))
        return os.path.getsize(asked.output)


def _receipt(output: str, kind: Format, size: int, parts: Sequence[Part]) -> Refs:
    arrays = [array for part in parts for array in part.found.arrays]
    return Refs(
        output=output,
        format=kind,
        file_bytes=size,
        sources=[part.source for part in parts],
        num_groups=sum(len(part.found.groups) - 1 for part in parts),
        num_arrays=len(arrays),
        num_chunks=sum(len(one.places) // 8 // (len(one.shape) + 2) for one in arrays),
        num_inlined=sum(len(one.inlined) for one in arrays),
        left_out=_left_out(parts),
        notes=[_of(part, note, len(parts)) for part in parts for note in part.found.notes],
    )


def _left_out(parts: Sequence[Part]) -> list[LeftOut]:
    return [_of(part, item, len(parts)) for part in parts for item in part.found.left_out]


def _of(part: Part, item: LeftOut, many: int) -> LeftOut:
    return item if many == 1 else LeftOut(path=item.path, reason=item.reason, location=part.location)
