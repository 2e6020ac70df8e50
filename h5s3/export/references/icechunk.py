"""References as virtual chunks of an Icechunk repository, in Zarr version 3.

Icechunk holds each object to its ETag, or to the time it was written, whenever a chunk is read. What the
objects were stands beside the repository in `h5s3.json` as well. Codecs have the names that zarr-python gives
to those of numcodecs.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np

from h5s3.errors import H5s3Error
from h5s3.export.references.folder import SOURCES
from h5s3.export.references.hierarchy import Hierarchy, VirtualArray
from h5s3.export.references.kerchunk_json import about_references
from h5s3.records import ArrayReferences, Json, LeftOut, RefsSource

MISSING = "Icechunk needs the package icechunk"
AT_ONCE = 50_000  # chunks that are handed over together
MESSAGE = "References by h5s3"


def require_icechunk() -> Any:
    """The package. Raises `H5s3Error` with the way to get it."""
    try:
        import icechunk
    except ImportError:
        raise H5s3Error(MISSING, hint="pip install 'h5s3[icechunk]'") from None
    icechunk.set_logs_filter("error")  # it warns of folders on standard output
    return icechunk


def supported(made: Hierarchy) -> tuple[Hierarchy, list[LeftOut]]:
    """A hierarchy without the arrays that version 3 has no counterpart for, and these by name."""
    held, left = [], []
    for one in made.arrays:
        if isinstance(one.array.dtype, list) and ">" in json.dumps(one.array.dtype):
            left.append(LeftOut(path=f"/{one.path}", reason="a compound in big-endian order"))
        else:
            held.append(one)
    return replace(made, arrays=held), left


def write_icechunk(
    folder: str, made: Hierarchy, left_out: Sequence[LeftOut], endpoint: str | None, region: str | None
) -> None:
    """Write a repository into an empty folder. `endpoint`, `region`: of the objects, where they are in S3.

    Raises `H5s3Error` without icechunk, and where Icechunk does not take something.
    """
    icechunk = require_icechunk()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the specification has not all of the types and codecs
            _write(icechunk, folder, made, endpoint, region)
    except (icechunk.IcechunkError, ValueError, TypeError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:300]
        raise H5s3Error(f"Icechunk does not take it: {reason}") from None
    with open(os.path.join(folder, SOURCES), "x", encoding="utf-8") as stream:
        json.dump({"h5s3": about_references(made, left_out)}, stream)


def _write(icechunk: Any, folder: str, made: Hierarchy, endpoint: str | None, region: str | None) -> None:
    config = icechunk.RepositoryConfig.default()
    prefixes = {_prefix(source.url) for source in made.sources}
    for prefix in sorted(prefixes):
        place = _store(icechunk, prefix, endpoint, region)
        config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(prefix, place))
    storage = icechunk.local_filesystem_storage(folder)
    allowed = dict.fromkeys(prefixes)
    repository = icechunk.Repository.create(storage, config, authorize_virtual_chunk_access=allowed)
    repository.save_config()
    session = repository.writable_session("main")
    sources = {source.url: source for source in made.sources}
    for path, attributes in sorted(made.groups.items(), key=lambda item: item[0].count("/") + bool(item[0])):
        _group(session.store, path, json.loads(attributes))
    for array in made.arrays:
        _array(icechunk, session.store, array, sources)
    session.commit(MESSAGE)


def _prefix(url: str) -> str:
    """The part of a URL that the objects of one place have in common; of files their folder."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    return f"file://{rest.rpartition('/')[0]}/" if scheme == "file" else f"{scheme}://{host}/"


def _store(icechunk: Any, prefix: str, endpoint: str | None, region: str | None) -> Any:
    if prefix.startswith("file://"):
        return icechunk.local_filesystem_store(prefix.removeprefix("file://"))
    if not prefix.startswith("s3://"):
        return icechunk.http_store()
    if endpoint is None:
        return icechunk.s3_store(region=region)
    return icechunk.s3_store(
        region=region,
        endpoint_url=endpoint,
        allow_http=endpoint.startswith("http://"),
        s3_compatible=True,
        force_path_style=True,
    )


def _group(store: Any, path: str, attributes: dict[str, Json]) -> None:
    import zarr

    zarr.create_group(store, path=path, attributes=attributes, zarr_format=3)


def _array(icechunk: Any, store: Any, one: VirtualArray, sources: dict[str, RefsSource]) -> None:
    import zarr
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    array = one.array
    zarr.create_array(
        store,
        name=one.path,
        shape=array.shape,
        chunks=tuple(array.chunks),
        fill_value=_fill(array),
        filters=None,
        attributes=_attributes(array),
        dimension_names=array.dimensions,
        zarr_format=3,
        **_coding(array),
    )
    for key, data in one.inlined.items():
        place = f"{one.path}/c/{key.replace('.', '/')}" if array.shape else f"{one.path}/c"
        sync(store.set(place, default_buffer_prototype().buffer.from_bytes(data)))
    chunks = one.chunks()
    while some := list(islice(chunks, AT_ONCE)):
        specs = [
            icechunk.VirtualChunkSpec(
                [int(n) for n in key.split(".")] if array.shape else [],
                url, start, size, **_proof(sources[url]),
            )
            for key, url, start, size in some
        ]  # fmt: skip
        store.set_virtual_refs(f"/{one.path}", specs, validate_containers=False)


def _proof(source: RefsSource) -> dict[str, Any]:
    """What Icechunk holds an object to: its ETag; of a file the second after it was written."""
    if source.etag and source.url.startswith("s3://"):
        return {"etag_checksum": f'"{source.etag}"'}
    if source.last_modified is None:
        return {}
    return {"last_updated_at_checksum": datetime.fromisoformat(source.last_modified) + timedelta(seconds=1)}


def _coding(array: ArrayReferences) -> dict[str, Any]:
    """The type of an array and its codecs, as zarr-python takes them."""
    from zarr.codecs import BytesCodec
    from zarr.dtype import VariableLengthBytes
    from zarr.registry import get_codec_class

    ids = [item["id"] for item in array.filters]
    if array.dtype == "|O":
        return {"dtype": VariableLengthBytes() if "vlen-bytes" in ids else str, "compressors": None}
    dtype = _numpy_type(array.dtype)
    codecs = []
    for item in array.filters:
        options = {name: value for name, value in item.items() if name != "id"}
        codecs.append(get_codec_class(f"numcodecs.{item['id']}")(**options))
    order = {} if dtype.kind in "SVb" else {"serializer": BytesCodec(endian=_endian(dtype))}
    return {"dtype": dtype, "compressors": codecs or None, **order}


def _numpy_type(name: Json) -> np.dtype[Any]:
    return np.dtype([(field, kind) for field, kind in name] if isinstance(name, list) else name)


def _endian(dtype: np.dtype[Any]) -> str | None:
    if dtype.itemsize == 1:
        return None
    return "big" if dtype.str.startswith(">") else "little"


def _fill(array: ArrayReferences) -> Any:
    value = array.fill_value
    if value is None:
        return None
    return float(value) if isinstance(value, str) else value


def _attributes(array: ArrayReferences) -> dict[str, Json]:
    """The attributes, `_FillValue` among them as xarray keeps it in version 3: of floats in base64."""
    found: dict[str, Json] = json.loads(array.attributes)
    if array.masked:
        found["_FillValue"] = _fill(array)
    value = found.get("_FillValue")
    if isinstance(value, int | float) and isinstance(array.dtype, str) and array.dtype[1] == "f":
        found["_FillValue"] = base64.b64encode(struct.pack("<d", float(value))).decode()
    return found
