"""What was found in files, as one hierarchy, and that in one of the forms of references.

Loaded while the files are read: NumPy takes longer than the rest of the command.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from h5s3.explore.refs.places import write_file, write_folder
from h5s3.explore.session import Session
from h5s3.export.references.hierarchy import Hierarchy, Part, group_names, side_by_side
from h5s3.export.references.kerchunk_json import write_json
from h5s3.records import FileReferences, LeftOut, Refs
from h5s3.storage.location import Location

Format = Literal["json", "parquet", "icechunk"]


def write(
    session: Session,
    files: Sequence[tuple[str, str, FileReferences]],
    keys: Sequence[str],
    target: Location,
    kind: Format,
    concat: str | None,
    overwrite: bool,
) -> Refs:
    """Write the references of files, of these `keys`, as groups side by side or joined; the receipt."""
    parts = [Part(*file) for file in files]
    several = len(parts) > 1
    if concat is not None:
        from h5s3.export.references.concat import concatenated

        made = concatenated(parts, concat)
    else:
        made = side_by_side(parts, group_names(keys) if several else [""])
    left_out = [_of(part, item, several) for part in parts for item in part.found.left_out]
    if kind == "icechunk":
        from h5s3.export.references.icechunk import supported

        made, more = supported(made)
        left_out += more
    size = _write(session, target, overwrite, kind, made, left_out)
    return Refs(
        output=target.display,
        format=kind,
        file_bytes=size,
        sources=made.sources,
        num_groups=len(made.groups) - 1,
        num_arrays=len(made.arrays),
        num_chunks=sum(one.num_chunks for one in made.arrays),
        num_inlined=sum(len(one.inlined) for one in made.arrays),
        left_out=left_out,
        notes=[_of(part, note, several) for part in parts for note in part.found.notes],
    )


def _write(
    session: Session,
    target: Location,
    overwrite: bool,
    kind: Format,
    made: Hierarchy,
    left_out: Sequence[LeftOut],
) -> int:
    """Write the references; how many bytes they have."""
    if kind == "json":
        return write_file(session, target, overwrite, lambda stream: write_json(stream, made, left_out))
    if kind == "parquet":
        from h5s3.export.references.kerchunk_parquet import write_parquet

        return write_folder(session, target, overwrite, lambda folder: write_parquet(folder, made, left_out))
    from h5s3.export.references.icechunk import write_icechunk

    where = _endpoint(session, made)
    return write_folder(
        session, target, overwrite, lambda folder: write_icechunk(folder, made, left_out, *where)
    )


def _endpoint(session: Session, made: Hierarchy) -> tuple[str | None, str | None]:
    """Where S3 is for those who read: the endpoint, where it is not AWS, and the region."""
    store = session.stores.get("s3")
    if store is None or not any(source.url.startswith("s3://") for source in made.sources):
        return None, None
    named = session.settings.endpoint_url or getattr(store, "endpoint", None)
    amazon = named is None or "amazonaws.com" in named
    return None if amazon else named, session.settings.region or "us-east-1"


def _of(part: Part, item: LeftOut, several: bool) -> LeftOut:
    return item if not several else LeftOut(path=item.path, reason=item.reason, location=part.location)
