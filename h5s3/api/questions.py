"""The questions about one location for Python programs: each opens a session, asks, and closes it."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast, overload

from h5s3.api.common import FollowingArgs, Place, SettingsArgs, VersionedArgs, asking, session_of
from h5s3.records import Bench, DiskUsage, Doctor, Get, Listing, Meta, Preview, Tree

if TYPE_CHECKING:
    import h5py
    import numpy as np


@asking
def open(location: Place, **settings: Unpack[SettingsArgs]) -> h5py.File:
    """A read-only `h5py.File` over the ranged reader and the persistent cache.

    Use it in `with`, or close it with `close()`: connections and the cache are closed with it. What is still
    open when the interpreter ends is closed then. `timeout` counts from the opening, for all that is read.
    The file can be pickled: another process opens it anew, with these settings, or raises `ChangedError`.

    Unlike the commands and the other functions, h5py reads it in this process, without limits and without
    walls, and follows what it says: do not read datasets with external storage, external links or foreign
    virtual sources of files you do not trust.
    """
    return cast("h5py.File", _kept(location, settings))


def open_bytes(location: Place, settings: SettingsArgs) -> io.RawIOBase:
    """The same as a Python file object, for h5py to open."""
    return cast(io.RawIOBase, _kept(location, settings, as_bytes=True))


def _kept(
    place: Place,
    settings: SettingsArgs,
    as_bytes: bool = False,
    content: tuple[int, str | None] | None = None,
) -> Any:
    """What is open at a place; a process that it is sent to (by pickle) calls this, for the same content."""
    session = session_of(settings, here=True)
    try:
        where = session.location(place)
        opened = session.kept(where, as_bytes, content)
    except BaseException:
        session.close()
        raise
    if where.kind == "local":
        where = replace(where, key=os.path.abspath(where.key))
    opened.again = (_kept, (where, settings, as_bytes, opened.content))
    return opened


@asking
def ls(
    location: Place | None = None,
    *,
    recursive: bool = False,
    glob: str | None = None,
    h5: bool = False,
    sort: Literal["name", "size", "time"] | None = None,
    limit: int = 0,
    versions: bool = False,
    uris: bool = False,
    formats: bool = False,
    **settings: Unpack[SettingsArgs],
) -> Listing:
    """What a bucket, prefix or directory holds; without a location the default bucket, or all buckets.

    `h5`: only names that HDF5 files have. `uris`: each entry says where it is. `formats`: prefixes that are
    Zarr stores or tables say so, for one small request each (the first 1,000), or two.
    """
    from h5s3.explore.ls import ls as ask
    from h5s3.explore.questions import Question

    question = Question(
        recursive=recursive,
        glob=glob,
        h5=h5,
        sort=sort,
        limit=limit,
        versions=versions,
        uris=uris,
        formats=formats,
    )
    with session_of(settings) as session:
        default = f"s3://{session.settings.bucket}/" if session.settings.bucket else "s3://"
        return ask(session, session.location(default if location is None else location), question)


@asking
def tree(
    location: Place,
    path: str = "/",
    *,
    depth: int = 1,
    limit: int = 100,
    attributes: bool = False,
    values: bool = False,
    all_attributes: bool = False,
    stored: bool = False,
    view: str = "plain",
    partitions: bool = False,
    **settings: Unpack[FollowingArgs],
) -> Tree:
    """What lies up to `depth` levels below `path` (0: all), `limit` children of each group (0: all).

    `values`: of small datasets. `all_attributes`: also those that conventions use inside. `stored`: bytes
    that datasets take in the file. `view`: also what the group is by its convention (`netcdf`, `nexus`,
    `anndata` …; `auto`: by the one that it follows). `partitions`: also those of a table.
    """
    from h5s3.explore.tree import tree as ask
    from h5s3.formats.requests import TreeRequest

    with session_of(settings) as session:
        shown = attributes or all_attributes
        asked = TreeRequest(
            path,
            depth=depth,
            limit=limit,
            attributes=shown,
            values=values,
            all_attributes=all_attributes,
            stored=stored,
            view=view,
            partitions=partitions,
        )
        return ask(session, session.location(location), asked)


@asking
def meta(
    location: Place,
    path: str = "/",
    *,
    attribute: str | None = None,
    all_attributes: bool = False,
    chunks: int = 0,
    history: bool = False,
    files: int | None = None,
    **settings: Unpack[FollowingArgs],
) -> Meta:
    """Everything about the object at `path`; up to so many places of `chunks`.

    Of a table: its versions (`history`), and so many of its `files` (0: all), or row groups.
    """
    from h5s3.explore.meta import meta as ask
    from h5s3.formats.requests import MetaRequest

    with session_of(settings) as session:
        asked = MetaRequest(path, attribute, all_attributes, chunks, history, files)
        return ask(session, session.location(location), asked)


@asking
def preview(
    location: Place,
    path: str = "/",
    *,
    selection: str | None = None,
    sel: str | None = None,
    display_dims: tuple[int, int] | None = None,
    fixed: dict[int, int] | None = None,
    max_size: int = 256,
    raw: bool = False,
    column: str | None = None,
    part: Literal["abs", "real", "imag", "phase"] = "abs",
    log: bool = False,
    vmin: float | None = None,
    vmax: float | None = None,
    **settings: Unpack[FollowingArgs],
) -> Preview:
    """Statistics, table, plot data and profile of a bounded sample of the dataset at `path`.

    `sel` chooses by coordinates, as `--sel` does: `time=2023-06-01:2023-06-30,lat=~48.2`.
    `raw`: stored values, not decoded. `column`: the field of a compound, `part` of complex numbers, to draw.
    """
    from h5s3.explore.preview.preview import preview as ask
    from h5s3.explore.preview.request import PreviewRequest

    asked = PreviewRequest(
        path,
        selection=selection,
        labels=sel,
        display_dims=display_dims,
        fixed=tuple(sorted((fixed or {}).items())),
        max_size=max_size,
        raw=raw,
        column=column,
        part=part,
        log=log,
        vmin=vmin,
        vmax=vmax,
    )
    with session_of(settings) as session:
        return ask(session, session.location(location), asked)


Values = Literal["npy", "npz", "csv", "json", "parquet", "h5"]


@overload
def get(
    location: Place,
    path: str,
    output: None = None,
    *,
    selection: str | None = None,
    sel: str | None = None,
    decode: bool = False,
    **settings: Unpack[FollowingArgs],
) -> np.ndarray[Any, Any]: ...


@overload
def get(
    location: Place,
    path: str,
    output: str | os.PathLike[str],
    *,
    selection: str | None = None,
    sel: str | None = None,
    decode: bool = False,
    coords: bool = False,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    limit: int | None = None,
    format: Values | None = None,
    overwrite: bool = False,
    metadata_only: bool = False,
    **settings: Unpack[FollowingArgs],
) -> Get: ...


@asking
def get(
    location: Place,
    path: str,
    output: str | os.PathLike[str] | None = None,
    *,
    selection: str | None = None,
    sel: str | None = None,
    decode: bool = False,
    coords: bool = False,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    limit: int | None = None,
    format: Values | None = None,
    overwrite: bool = False,
    metadata_only: bool = False,
    **settings: Unpack[FollowingArgs],
) -> Get | np.ndarray[Any, Any]:
    """The values at `path`, or those of a `selection`: a NumPy array, or in a file, `output`, and a receipt.

    Strings of variable length come as an array of `str`, as h5py's `asstr()` gives them.
    The suffix of the file, or `format`, says how: npy, npz, csv, json, parquet, h5. `sel` chooses by
    coordinates, as `--sel` does. `decode`: values as preview shows them. `coords`: coordinates beside them,
    in csv, json and parquet. `metadata_only`: a whole file (path `/`) without its data. Of a table (Parquet,
    Delta, Iceberg, Hudi) the rows are written: all, or `columns` (`b.c` is a field inside one), rows that
    match `where` (as in SQL: `price > 5`), `limit` of them. `max_bytes` limits what is fetched and the size
    of the values.
    """
    from h5s3.explore.get.get import GetRequest, get_array
    from h5s3.explore.get.get import get as ask

    asked = GetRequest(
        path,
        selection=selection,
        labels=sel,
        output=None if output is None else os.fspath(output),
        format=format,
        overwrite=overwrite,
        coords=coords,
        decode=decode,
        columns=None if columns is None else tuple(columns),
        where=where,
        limit=limit,
        metadata_only=metadata_only,
    )
    with session_of(settings) as session:
        place = session.location(location)
        return get_array(session, place, asked) if output is None else ask(session, place, asked)


@asking
def du(
    location: Place,
    path: str = "/",
    *,
    depth: int = 1,
    limit: int = 20,
    sort: Literal["stored", "logical", "ratio", "name"] = "stored",
    partitions: bool = False,
    **settings: Unpack[VersionedArgs],
) -> DiskUsage:
    """Stored and logical bytes of what lies up to `depth` levels below `path`; `limit` entries (0: all).

    `partitions`: what those of a table take, in place of its columns.
    """
    from h5s3.explore.du import du as ask
    from h5s3.formats.requests import UsageRequest

    with session_of(settings) as session:
        return ask(session, session.location(location), UsageRequest(path, depth, limit, sort, partitions))


@asking
def bench(
    location: Place,
    *,
    sizes: Sequence[int] = (4096, 65_536, 1 << 20, 8 << 20),
    count: int = 20,
    concurrency: Sequence[int] = (1, 8, 32),
    compare: bool = False,
    path: str = "/",
    **settings: Unpack[SettingsArgs],
) -> Bench:
    """How a storage answers: connections, HEAD, LIST and ranged reads of these `sizes`, in bytes, timed.

    `count` samples of each kind, `concurrency` requests at once. `compare`: also ways to walk an HDF5 file
    below `path`. `max_bytes` limits what arrives (256 MiB).
    """
    from h5s3.explore.bench.bench import bench as ask

    with session_of(settings) as session:
        return ask(
            session,
            session.location(location),
            sizes=list(sizes),
            count=count,
            concurrency=list(concurrency),
            compare=compare,
            path=path,
        )


@asking
def doctor(location: Place | None = None, **settings: Unpack[SettingsArgs]) -> Doctor:
    """What is wrong with a connection or a file, and the remedy; without a location, with the account."""
    from h5s3.explore.doctor.doctor import doctor as ask

    origins = {name: f"the argument {name}" for name in ("endpoint_url", "region")}
    with session_of(settings) as session:
        return ask(session, None if location is None else session.location(location), origins)
