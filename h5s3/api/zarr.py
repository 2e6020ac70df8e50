"""References and stores of Zarr for Python programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Literal, Unpack

from h5s3.api.common import Place, SettingsArgs, asking, session_of
from h5s3.records import Convert, ConvertMany, Refs
from h5s3.storage.location import Location


@asking
def refs(
    locations: Place | Sequence[Place],
    output: str | os.PathLike[str],
    *,
    format: Literal["json", "parquet", "icechunk"] | None = None,
    url: str | None = None,
    concat_dim: str | None = None,
    inline: int = 500,
    overwrite: bool = False,
    **settings: Unpack[SettingsArgs],
) -> Refs:
    """Write references, with which xarray and Zarr read HDF5 where it lies, to a file, a folder or `s3://…`.

    The suffix of `output`, or `format`, says how: .json, .parq or .icechunk. Each of several files is a
    group, or they are joined along `concat_dim`. `url`: by which readers know a file; `{bucket}`, `{key}` and
    `{name}` are filled in. `inline`: stored bytes up to which values are copied. What could not be referred
    to is in `left_out`.
    """
    from h5s3.explore.refs.refs import RefsRequest
    from h5s3.explore.refs.refs import refs as ask

    asked = RefsRequest(
        output=os.fspath(output),
        format=format,
        url=url,
        concat=concat_dim,
        inline=inline,
        overwrite=overwrite,
    )
    given = [locations] if isinstance(locations, str | os.PathLike | Location) else locations
    with session_of(settings) as session:
        return ask(session, [session.location(one) for one in given], asked)


@asking
def convert(
    location: Place,
    output: str | os.PathLike[str],
    path: str = "/",
    *,
    zarr_format: Literal[2, 3] = 3,
    recompress: str | None = None,
    chunks: str | None = None,
    shards: str | None = None,
    overviews: bool = False,
    ome: bool = False,
    dask: str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    verify: bool = False,
    **settings: Unpack[SettingsArgs],
) -> Convert | ConvertMany:
    """Convert the file, group or dataset at `path` to a Zarr store, a folder or `s3://…`; the receipt.

    Options are written as on the command line: `recompress="zstd"`, `chunks="time=100"`, `shards="64M"`. A
    location that is a glob or ends in `/` means several files: their stores stand below `output`, and what
    failed is in the record. `ome`: overviews, those of images as OME-Zarr has them. `dask`: the address of a
    scheduler, whose workers read and write the chunks, or `local`. What has no counterpart in Zarr is in
    `left_out`, or refused where `strict`.
    """
    from h5s3.explore.convert.convert import convert as ask
    from h5s3.explore.convert.many import convert_many, is_many
    from h5s3.explore.convert.request import ConvertRequest
    from h5s3.explore.dask_cluster import Cluster

    asked = ConvertRequest(
        path,
        output=os.fspath(output),
        version=zarr_format,
        recompress=recompress,
        chunks=chunks,
        shards=shards,
        overviews=overviews,
        ome=ome,
        strict=strict,
        overwrite=overwrite,
        resume=resume,
        verify=verify,
    )
    with session_of(settings) as session, nullcontext() if dask is None else Cluster(dask) as cluster:
        place = session.location(location)
        asked = replace(asked, cluster=cluster)
        return (convert_many if is_many(place) else ask)(session, place, asked)
