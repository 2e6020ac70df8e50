"""The questions for Python programs: each opens a session, asks, and closes it.

A location is text as on the command line, a `Location`, or a path of this machine (`os.PathLike`). All
functions take the settings of the command line as keyword arguments, which `SettingsArgs` names, and raise
the errors of `h5s3.errors`.
"""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, Unpack, cast, overload

from h5s3.explore.session import Session
from h5s3.records import Bench, Diff, DiskUsage, Doctor, Get, Listing, Meta, Preview, Tree
from h5s3.records.base import show_in_notebooks
from h5s3.settings import Settings, from_environment
from h5s3.storage.location import Location as Location  # of `h5s3.Location`, too

if TYPE_CHECKING:
    import h5py
    import numpy as np

Place = str | os.PathLike[str] | Location
Asking = TypeVar("Asking", bound=Callable[..., Any])


class SettingsArgs(TypedDict, total=False):
    """Settings, as on the command line. What is left out comes from the environment."""

    profile: str | None  # of the AWS config
    endpoint_url: str | None
    region: str | None
    access_key: str | None
    secret_key: str | None
    bucket: str | None  # of keys that are given without one
    version_id: str | None  # of the object
    anon: bool  # requests are not signed
    request_payer: bool  # you pay
    no_cache: bool  # neither read nor written
    refresh: bool  # what was remembered of objects and listings does not count
    offline: bool  # the cache alone answers
    insecure: bool  # TLS without verification
    plugins: bool  # HDF5_PLUGIN_PATH counts for remote files too
    timeout: float | None  # seconds, for all of it
    max_bytes: int | None  # to be fetched


class FollowingArgs(SettingsArgs, total=False):
    """The same of questions that can read the files that a file names."""

    follow: bool  # external links are followed to files beside this one, or below it
    follow_prefix: str | None  # or to files below this prefix


def _asking(function: Asking) -> Asking:
    """Refuse names that are no settings, as Python does, and show all settings in `help`."""
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    follows = "FollowingArgs" in str(signature.parameters["settings"].annotation)
    named_ones = (FollowingArgs if follows else SettingsArgs).__annotations__
    known = {one.name for one in own} | set(named_ones)

    @wraps(function)
    def asked(*arguments: Any, **named: Any) -> Any:
        for name in named:
            if name not in known:
                raise TypeError(f"{function.__name__}() got an unexpected keyword argument {name!r}")
        return function(*arguments, **named)

    defaults = Settings()
    for name, kind in named_ones.items():
        own.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=getattr(defaults, name),
                annotation=getattr(kind, "__forward_arg__", kind),
            )
        )
    asked.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
    return asked  # type: ignore[return-value]


@_asking
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
    session = _session(settings, here=True)
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


@_asking
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
    Zarr stores say so, for one small request each (the first 1,000).
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
    with _session(settings) as session:
        default = f"s3://{session.settings.bucket}/" if session.settings.bucket else "s3://"
        return ask(session, session.location(default if location is None else location), question)


@_asking
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
    **settings: Unpack[FollowingArgs],
) -> Tree:
    """What lies up to `depth` levels below `path` (0: all), `limit` children of each group (0: all).

    `values`: of small datasets. `all_attributes`: also those that conventions use inside. `stored`: bytes
    that datasets take in the file. `view`: also what the group is by its convention (`netcdf`, `nexus`,
    `anndata` …; `auto`: by the one that it follows).
    """
    from h5s3.explore.tree import tree as ask
    from h5s3.formats.requests import TreeRequest

    with _session(settings) as session:
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
        )
        return ask(session, session.location(location), asked)


@_asking
def meta(
    location: Place,
    path: str = "/",
    *,
    attribute: str | None = None,
    all_attributes: bool = False,
    chunks: int = 0,
    **settings: Unpack[FollowingArgs],
) -> Meta:
    """Everything about the object at `path`; up to so many places of `chunks`."""
    from h5s3.explore.meta import meta as ask
    from h5s3.formats.requests import MetaRequest

    with _session(settings) as session:
        asked = MetaRequest(path, attribute, all_attributes, chunks)
        return ask(session, session.location(location), asked)


@_asking
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
    with _session(settings) as session:
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
    format: Values | None = None,
    overwrite: bool = False,
    metadata_only: bool = False,
    **settings: Unpack[FollowingArgs],
) -> Get: ...


@_asking
def get(
    location: Place,
    path: str,
    output: str | os.PathLike[str] | None = None,
    *,
    selection: str | None = None,
    sel: str | None = None,
    decode: bool = False,
    coords: bool = False,
    format: Values | None = None,
    overwrite: bool = False,
    metadata_only: bool = False,
    **settings: Unpack[FollowingArgs],
) -> Get | np.ndarray[Any, Any]:
    """The values at `path`, or those of a `selection`: a NumPy array, or in a file, `output`, and a receipt.

    Strings of variable length come as an array of `str`, as h5py's `asstr()` gives them.
    The suffix of the file, or `format`, says how: npy, npz, csv, json, parquet, h5. `sel` chooses by
    coordinates, as `--sel` does. `decode`: values as preview shows them. `coords`: coordinates beside them,
    in csv, json and parquet. `metadata_only`: a whole file (path `/`) without its data. `max_bytes` limits
    what is fetched and the size of the values.
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
        metadata_only=metadata_only,
    )
    with _session(settings) as session:
        where = session.location(location)
        return get_array(session, where, asked) if output is None else ask(session, where, asked)


@_asking
def du(
    location: Place,
    path: str = "/",
    *,
    depth: int = 1,
    limit: int = 20,
    sort: Literal["stored", "logical", "ratio", "name"] = "stored",
    **settings: Unpack[SettingsArgs],
) -> DiskUsage:
    """Stored and logical bytes of what lies up to `depth` levels below `path`; `limit` entries (0: all)."""
    from h5s3.explore.du import du as ask
    from h5s3.formats.requests import UsageRequest

    with _session(settings) as session:
        return ask(session, session.location(location), UsageRequest(path, depth, limit, sort))


@_asking
def diff(
    a: Place,
    b: Place | None = None,
    *,
    path_a: str = "/",
    path_b: str | None = None,
    **settings: Unpack[SettingsArgs],
) -> Diff:
    """What differs between `a` and `b`, or between two objects in them (`path_b`: None for that of `path_a`).

    Without `b`, both paths are of `a`.
    """
    from h5s3.explore.diff.diff import DiffRequest
    from h5s3.explore.diff.diff import diff as ask

    with _session(settings) as session:
        places = session.location(a), session.location(a if b is None else b)
        return ask(session, *places, DiffRequest(path_a, path_a if path_b is None else path_b))


@_asking
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

    with _session(settings) as session:
        return ask(
            session,
            session.location(location),
            sizes=list(sizes),
            count=count,
            concurrency=list(concurrency),
            compare=compare,
            path=path,
        )


@_asking
def doctor(location: Place | None = None, **settings: Unpack[SettingsArgs]) -> Doctor:
    """What is wrong with a connection or a file, and the remedy; without a location, with the account."""
    from h5s3.explore.doctor.doctor import doctor as ask

    origins = {name: f"the argument {name}" for name in ("endpoint_url", "region")}
    with _session(settings) as session:
        return ask(session, None if location is None else session.location(location), origins)


def _html(record: Any) -> str:
    from h5s3.render.html.html import html_of

    return html_of(record)


show_in_notebooks(_html)


def _session(settings: SettingsArgs | FollowingArgs, here: bool = False) -> Session:
    """`here`: files are read in this process."""
    chosen = replace(from_environment(), **settings)
    if here:
        return Session(chosen)
    from h5s3.cell.pool import lend

    cell = lend(chosen.max_bytes or 0)
    try:
        return Session(chosen, cell=cell)
    except BaseException:
        if cell is not None:
            cell.close()
        raise
