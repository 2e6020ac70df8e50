"""The questions for Python programs: each opens a session, asks, and closes it.

Every function takes the settings of the command line as keyword arguments: `profile`,
`endpoint_url`, `region`, `anon`, `request_payer`, `no_cache`, `refresh`, `offline`, `insecure`,
`timeout` (seconds), `max_bytes`, `bucket`, `version_id`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from h5s3.explore.session import Session
from h5s3.records import Listing, Meta, Preview, Tree
from h5s3.settings import from_environment

if TYPE_CHECKING:
    import h5py


def open(location: str | os.PathLike[str], **settings: Any) -> h5py.File:
    """A read-only `h5py.File` over the ranged reader and the persistent cache.

    Use it in `with`, or close it with `close()`: connections and the cache are closed with it. What is still
    open when the interpreter ends is closed then. `timeout` counts from the opening, for all that is read.

    Unlike the commands, h5py follows what a file says: do not read datasets with external storage, external
    links or foreign virtual sources of files you do not trust. Raises the errors of `h5s3.errors`.
    """
    session = _session(settings)
    try:
        return session.kept(session.location(os.fspath(location)))
    except BaseException:
        session.close()
        raise


def ls(
    location: str | os.PathLike[str],
    *,
    recursive: bool = False,
    glob: str | None = None,
    h5: bool = False,
    sort: Literal["name", "size", "time"] | None = None,
    limit: int = 0,
    versions: bool = False,
    **settings: Any,
) -> Listing:
    """What a bucket, prefix or directory holds. Raises the errors of `h5s3.errors`."""
    from h5s3.explore.ls import Question
    from h5s3.explore.ls import ls as ask

    question = Question(recursive=recursive, glob=glob, h5=h5, sort=sort, limit=limit, versions=versions)
    with _session(settings) as session:
        return ask(session, session.location(os.fspath(location)), question)


def tree(
    location: str | os.PathLike[str],
    path: str = "/",
    *,
    depth: int = 1,
    limit: int = 100,
    attributes: bool = False,
    values: bool = False,
    **settings: Any,
) -> Tree:
    """What lies up to `depth` levels below `path` (0: all), `limit` children of each group (0: all)."""
    from h5s3.explore.tree import tree as ask
    from h5s3.formats.requests import TreeRequest

    with _session(settings) as session:
        asked = TreeRequest(path, depth, limit, attributes, values)
        return ask(session, session.location(os.fspath(location)), asked)


def meta(
    location: str | os.PathLike[str],
    path: str = "/",
    *,
    attribute: str | None = None,
    all_attributes: bool = False,
    **settings: Any,
) -> Meta:
    """Everything about the object at `path`."""
    from h5s3.explore.meta import meta as ask
    from h5s3.formats.requests import MetaRequest

    with _session(settings) as session:
        asked = MetaRequest(path, attribute, all_attributes)
        return ask(session, session.location(os.fspath(location)), asked)


def preview(
    location: str | os.PathLike[str],
    path: str = "/",
    *,
    selection: str | None = None,
    labels: str | None = None,
    display_dims: tuple[int, int] | None = None,
    fixed: dict[int, int] | None = None,
    max_size: int = 256,
    raw: bool = False,
    column: str | None = None,
    part: Literal["abs", "real", "imag", "phase"] = "abs",
    **settings: Any,
) -> Preview:
    """Statistics, table, plot data and profile of a bounded sample of the dataset at `path`.

    `labels` choose by coordinates, as `--sel` does: `time=2023-06-01:2023-06-30,lat=~48.2`.
    `raw`: stored values, not decoded. `column`: the field of a compound, `part` of complex numbers, to draw.
    """
    from h5s3.explore.preview.preview import preview as ask
    from h5s3.explore.preview.request import PreviewRequest

    asked = PreviewRequest(
        path,
        selection=selection,
        labels=labels,
        display_dims=display_dims,
        fixed=tuple(sorted((fixed or {}).items())),
        max_size=max_size,
        raw=raw,
        column=column,
        part=part,
    )
    with _session(settings) as session:
        return ask(session, session.location(os.fspath(location)), asked)


def _session(settings: dict[str, Any]) -> Session:
    return Session(replace(from_environment(), **settings))
