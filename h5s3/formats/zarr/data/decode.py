"""The bytes of chunks as values, by zarr-python.

It is given an array in memory whose chunks are those that were fetched, their compression undone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.selection import Selection
from h5s3.formats.zarr.data.codecs import steps_of, undone
from h5s3.formats.zarr.data.in_memory import buffer, library, opened, quiet
from h5s3.formats.zarr.nodes import ArrayNode, Cell
from h5s3.records import UNSET, Codec, Json
from h5s3.sizes import MIB

Values = np.ndarray[Any, Any]
UNSAFE = ("pickle",)  # codecs that run code which the store brings along
COUNTED = ("vlen-utf8", "vlen-bytes", "vlen-array")  # whose chunks begin with the number of their values
VARIABLE = 512 * MIB  # bytes of a chunk of values of variable length, decoded
WIDEST = 64  # bytes of one value of a filter, and bits
WIDE = 8  # bytes that numbers may take between filters


class Decoder:
    """Values of one array from the bytes of its chunks."""

    def __init__(self, node: ArrayNode) -> None:
        self._node = node
        self._elements = int(np.prod(node.chunks, dtype=object))
        self._steps, left = steps_of(node.inner, node.version)
        self._counted = bool(left) and left[-1].name in COUNTED
        self._chunks: dict[str, Any] = {}
        self._array = opened(self._chunks, _document(node, left))

    @property
    def most(self) -> int:
        """Bytes of one chunk, decoded, at the most."""
        if self._node.kind.variable:
            return VARIABLE
        return self._elements * max(self._node.kind.itemsize, WIDE)

    @property
    def fill(self) -> Any:
        """The value of what was never written; None: there is none."""
        found = self._array.fill_value
        return None if found is None else self._node.kind.given_out(np.asarray(found))[()]

    def read(self, chunks: Mapping[Cell, bytes], selections: Sequence[Selection]) -> list[Values]:
        """Values of selections, whose chunks are these. Raises `DamagedError` where they are no values."""
        given = {self._key(cell): self._undone(stored) for cell, stored in chunks.items()}
        self._chunks.update((key, buffer(data)) for key, data in given.items())
        try:
            with quiet():
                return [self._read(selection) for selection in selections]
        finally:
            for key in given:
                del self._chunks[key]

    def _key(self, cell: Cell) -> str:
        if self._node.version == 3:
            return "/".join(["c", *map(str, cell)])
        return ".".join(map(str, cell)) or "0"

    def _undone(self, stored: bytes) -> bytes:
        """Of values of variable length their number stands first, by which memory is taken."""
        data = undone(stored, self._steps, self.most)
        if self._counted and int.from_bytes(data[:4], "little") > self._elements:
            raise DamagedError("a chunk names more values than it has")
        return data

    def _read(self, selection: Selection) -> Values:
        shape = tuple(axis.count for axis in selection)
        try:
            found = np.asarray(self._array[tuple(axis.as_slice for axis in selection)])
            return self._node.kind.given_out(found).reshape(shape)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a codec raises
            raise DamagedError(f"a chunk cannot be decoded ({type(error).__name__}: {error})"[:300]) from None


def _document(node: ArrayNode, left: Sequence[Codec]) -> dict[str, Json]:
    """The header without what was undone, and without what is not for values."""
    found = {**node.document, "zarr_format": node.version}
    if node.version == 2:
        filters = [_as_v2(codec) for codec in left]
        return {**found, "compressor": None, "filters": filters or None, "dimension_separator": "."}
    for name in ("consolidated_metadata", "dimension_names"):
        found.pop(name, None)
    grid = {"name": "regular", "configuration": {"chunk_shape": list(node.chunks)}}
    keys = {"name": "default", "configuration": {"separator": "/"}}
    codecs = [_as_v3(codec) for codec in left]
    return {**found, "chunk_grid": grid, "chunk_key_encoding": keys, "codecs": codecs, "attributes": {}}


def _as_v2(codec: Codec) -> dict[str, Json]:
    return {**(codec.configuration if codec.configuration is not UNSET else {}), "id": codec.name}


def _as_v3(codec: Codec) -> dict[str, Json]:
    options = codec.configuration if codec.configuration is not UNSET else {}
    return {"name": codec.name, "configuration": options}


def refuse_codecs(node: ArrayNode) -> None:
    """Raise `RefusedError` for an array with a codec that is unsafe, or not there."""
    for codec in (*node.codecs, *node.inner):
        name = codec.name.removeprefix("numcodecs.")
        if name in UNSAFE:
            raise RefusedError(f"the codec {codec.name} runs what the store tells it to: it is never used")
    library()
    _, left = steps_of(node.inner, node.version)
    for codec in left:
        _refuse_wide(codec)
    missing = [codec.name for codec in left if not _available(codec, node.version)]
    if missing:
        raise RefusedError(f"no codec here decodes {', '.join(missing)}", hint="a package may bring it")


def _refuse_wide(codec: Codec) -> None:
    """Raise `RefusedError` for a filter that makes numbers into values of any length."""
    for name, value in (_as_v2(codec)).items():
        match = re.search("[0-9]+", str(value)) if "dtype" in name or name == "astype" else None
        if match and int(match[0]) > WIDEST and codec.name not in COUNTED:
            raise RefusedError(f"the codec {codec.name} makes values of {match[0][:20]} bytes")


def _available(codec: Codec, version: int) -> bool:
    import numcodecs
    from zarr.registry import get_codec_class

    try:
        if version == 3:
            get_codec_class(codec.name)
        if version == 2 or codec.name.startswith("numcodecs."):
            numcodecs.get_codec({**_as_v2(codec), "id": codec.name.removeprefix("numcodecs.")})
    except Exception:  # noqa: BLE001 - by codec
        return False
    return True
