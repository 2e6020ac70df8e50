"""Groups and arrays from their documents, of versions 2 and 3 alike.

Sources: https://zarr-specs.readthedocs.io (v2; v3 core, the sharding codec, chunk key encodings);
`_ARRAY_DIMENSIONS` is of xarray.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Literal, NoReturn

from h5s3.errors import DamagedError
from h5s3.formats.base import Facts
from h5s3.formats.encoding.documents import Fields
from h5s3.formats.zarr.types import Endianness, Kind, kind_of_v2, kind_of_v3
from h5s3.records import UNSET, Codec, Json
from h5s3.sizes import MIB

MOST_DIMENSIONS = 64  # that NumPy has
LARGEST = (1 << 63) - 1  # length of a dimension, elements and bytes of an array
MOST_CODECS = 100
LONGEST_NAME = 1000
FEW = 16  # elements of a small array
SMALL_CHUNK = MIB  # decoded bytes of one of its chunks
Version = Literal[2, 3]
Cell = tuple[int, ...]
DIMENSIONS = "_ARRAY_DIMENSIONS"


@dataclass(frozen=True)
class Group:
    """A group."""

    version: Version
    attributes: Fields = field(default_factory=dict)


@dataclass(frozen=True)
class Unusable:
    """What stands where a group or an array should, and why it is neither."""

    reason: str


@dataclass(frozen=True)
class Sharding:
    """How chunks lie in a shard: the codecs of its index, and where that stands."""

    shape: tuple[int, ...]  # of a shard, in elements
    index_codecs: list[Json]
    at_end: bool


@dataclass(frozen=True)
class ArrayNode:
    """The header of an array. `chunks`: of what is decoded at once, inside of shards."""

    version: Version
    document: Fields
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    kind: Kind
    codecs: tuple[Codec, ...]  # in the order in which they were applied
    inner: tuple[Codec, ...]  # those of one chunk
    sharding: Sharding | None
    unread: str  # why its values cannot be read, as far as the header tells
    attributes: Fields
    dimensions: tuple[str | None, ...]
    prefix: str  # of the names of chunks
    separator: str

    @property
    def objects(self) -> tuple[int, ...]:
        """The shape of what is stored in one object, in elements."""
        return self.sharding.shape if self.sharding else self.chunks

    def name_of(self, cell: Cell) -> str:
        """The name of an object, relative to the array, by its number along each dimension."""
        if self.prefix:
            return self.separator.join([self.prefix, *map(str, cell)])
        return self.separator.join(map(str, cell)) or "0"

    def cell_of(self, name: str) -> Cell | None:
        """The other way; None for what is no object of this array."""
        cell: Cell = ()
        if self.shape:
            start = self.prefix + self.separator if self.prefix else ""
            numbers = name.removeprefix(start).split(self.separator)
            known = all(re.fullmatch("0|[1-9][0-9]{0,18}", number) for number in numbers)
            if not name.startswith(start) or not known or len(numbers) != len(self.shape):
                return None
            cell = tuple(map(int, numbers))
        each = zip(cell, self.shape, self.objects, strict=True)
        inside = all(number * size < length for number, length, size in each)
        return cell if inside and name == self.name_of(cell) else None

    @property
    def facts(self) -> Facts:
        """What is told of it as of arrays of all formats."""
        kind = self.kind
        return Facts(
            shape=self.shape,
            maxshape=self.shape,
            type=kind.info,
            dtype=kind.name,
            size=prod(self.shape),
            itemsize=kind.itemsize,
            layout="chunked",
            chunks=self.chunks or None,
            filters=[],
            external=[],
        )

    @property
    def is_small(self) -> bool:
        """Whether its values are so few that they are shown beside its description."""
        chunk = prod(self.chunks) * max(self.kind.itemsize, 8)
        known = self.kind.dtype is not None and not self.unread
        return known and 0 < prod(self.shape) <= FEW and chunk <= SMALL_CHUNK

    @property
    def filter_names(self) -> list[str]:
        """The codecs by name, those inside shards in place of the one that makes them."""
        inner = self.inner if self.sharding else self.codecs
        return [codec.name for codec in inner if codec.name != "bytes"]

    def named(self, attributes: Fields) -> ArrayNode:
        """The same with the attributes of a document of their own (version 2)."""
        dims = attributes.get(DIMENSIONS)
        return replace(self, attributes=attributes, dimensions=_dimensions(dims, len(self.shape)))


Node = Group | ArrayNode | Unusable


def node_of(document: Fields, version: Version, attributes: Fields | None = None) -> Node:
    """What a document describes: `zarr.json`, or of version 2 `.zarray`, or `.zgroup`."""
    try:
        if version == 2:
            if "shape" not in document:
                return Group(2, attributes or {})
            return _array_of_v2(document).named(attributes or {})
        if document.get("node_type") == "group":
            return Group(3, _object(document.get("attributes")))
        if document.get("node_type") != "array":
            raise DamagedError("neither a group nor an array")
        return _array_of_v3(document)
    except DamagedError as error:
        return Unusable(error.cause)


def _array_of_v2(document: Fields) -> ArrayNode:
    shape, chunks = _lengths(document, "shape", 0), _lengths(document, "chunks", 1)
    filters = [_codec(item, "id") for item in _list(document.get("filters"))]
    compressor = document.get("compressor")
    codecs = (*filters, *([_codec(compressor, "id")] if compressor is not None else []))
    kind = kind_of_v2(document.get("dtype"), [codec.name for codec in filters])
    separator = document.get("dimension_separator", ".")
    if separator not in (".", "/"):
        _fail("its dimension_separator is neither . nor /")
    return _checked(
        ArrayNode(
            version=2, document=document, shape=shape, chunks=chunks, kind=kind, codecs=codecs, inner=codecs,
            sharding=None, unread="", attributes={}, dimensions=(), prefix="", separator=separator,
        )
    )  # fmt: skip


def _array_of_v3(document: Fields) -> ArrayNode:
    shape, grid = _lengths(document, "shape", 0), _object(document.get("chunk_grid"))
    if grid.get("name") != "regular":
        _fail(f"its chunk grid is {str(grid.get('name'))[:80]}, which is not known here")
    whole = _lengths(_object(grid.get("configuration")), "chunk_shape", 1)
    codecs = tuple(_codec(item, "name") for item in _list(document.get("codecs")))
    chunks, inner, sharding, unread = _unsharded(whole, codecs)
    if document.get("storage_transformers"):
        unread = "its values went through a storage transformer, which is not known here"
    endian = next((_object(c.configuration).get("endian") for c in inner if c.name == "bytes"), None)
    order: Endianness = "big-endian" if endian == "big" else "little-endian"
    keys = document.get("chunk_key_encoding", "default")
    keys = keys if isinstance(keys, dict) else {"name": keys}
    default = keys.get("name") == "default"
    separator = _object(keys.get("configuration")).get("separator", "/" if default else ".")
    if keys.get("name") not in ("default", "v2") or separator not in (".", "/"):
        _fail("its chunk_key_encoding is not known here")
    return _checked(
        ArrayNode(
            version=3, document=document, shape=shape, chunks=chunks,
            kind=kind_of_v3(document.get("data_type"), order), codecs=codecs, inner=inner, sharding=sharding,
            unread=unread, attributes=_object(document.get("attributes")),
            dimensions=_dimensions(document.get("dimension_names"), len(shape)),
            prefix="c" if default else "", separator=separator,
        )
    )  # fmt: skip


def _unsharded(
    whole: tuple[int, ...], codecs: tuple[Codec, ...]
) -> tuple[tuple[int, ...], tuple[Codec, ...], Sharding | None, str]:
    """The chunks that lie in shards, their codecs, and the shards; the chunks as they are without those."""
    if not any(codec.name == "sharding_indexed" for codec in codecs):
        return whole, codecs, None, ""
    if len(codecs) != 1:
        return whole, codecs, None, "its shards lie inside of other codecs, which is not read here"
    options = _object(codecs[0].configuration)
    chunks = _lengths(options, "chunk_shape", 1)
    if len(chunks) != len(whole) or any(size % part for size, part in zip(whole, chunks, strict=True)):
        _fail("its shards are not made of whole chunks")
    inner = tuple(_codec(item, "name") for item in _list(options.get("codecs")))
    nested = any(codec.name == "sharding_indexed" for codec in inner)
    where = options.get("index_location", "end")
    found = Sharding(whole, _list(options.get("index_codecs")), where != "start")
    return chunks, inner, found, "its shards hold shards, which is not read here" if nested else ""


def _checked(node: ArrayNode) -> ArrayNode:
    if len(node.chunks) != len(node.shape):
        _fail("its chunks have other dimensions than its shape")
    if prod(node.shape) * node.kind.itemsize > LARGEST:
        _fail("it has more values than can be counted")
    return node


def _lengths(document: Fields, name: str, least: int) -> tuple[int, ...]:
    found = document.get(name)
    if not isinstance(found, list) or len(found) > MOST_DIMENSIONS:
        _fail(f"its {name} is not a list of lengths")
    for length in found:
        if not isinstance(length, int) or isinstance(length, bool) or not least <= length <= LARGEST:
            _fail(f"its {name} has a length that is none")
    return tuple(found)


def _codec(item: Any, key: str) -> Codec:
    if isinstance(item, str) and key == "name":
        return Codec(name=item[:LONGEST_NAME])
    name = item.get(key) if isinstance(item, dict) else None
    if not isinstance(name, str):
        _fail("a codec has no name")
    options = item.get("configuration") if key == "name" else {k: v for k, v in item.items() if k != "id"}
    if options is not None and not isinstance(options, dict):
        _fail("what a codec is told is not an object")
    return Codec(name=name[:LONGEST_NAME], configuration=options or UNSET)


def _dimensions(names: Any, ndim: int) -> tuple[str | None, ...]:
    if not isinstance(names, list) or len(names) != ndim:
        return (None,) * ndim
    return tuple(name if isinstance(name, str) and name else None for name in names)


def _list(found: Any) -> list[Any]:
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MOST_CODECS:
        _fail("its codecs are not a list")
    return found


def _object(found: Any) -> Fields:
    return found if isinstance(found, dict) else {}


def _fail(why: str) -> NoReturn:
    raise DamagedError(why)


def compression_of(codecs: Sequence[Codec]) -> str | None:
    """The first codec that makes data smaller."""
    return next((codec.name for codec in reversed(codecs) if codec.name not in NOT_COMPRESSING), None)


NOT_COMPRESSING = frozenset(
    prefix + name
    for prefix in ("", "numcodecs.")
    for name in (
        "bytes", "transpose", "crc32c", "crc32", "adler32", "fletcher32", "jenkins_lookup3", "shuffle",
        "delta", "vlen-utf8", "vlen-bytes", "vlen-array", "sharding_indexed", "fixedscaleoffset", "quantize",
        "bitround", "astype", "categorize", "json2", "msgpack2", "base64", "packbits",
    )
)  # fmt: skip
