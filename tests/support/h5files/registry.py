"""The registry of generated HDF5 files, and the helpers their makers share."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5p, h5s, h5t

Maker = Callable[[Path], None]

FILES: dict[str, Maker] = {}
BAD: dict[str, Maker] = {}


def fixture_file(maker: Maker) -> Maker:
    """Register a maker of a good file under its function's name."""
    return _register(FILES, maker)


def bad_file(maker: Maker) -> Maker:
    """Register a maker of something that is not a readable HDF5 file."""
    return _register(BAD, maker)


def _register(registry: dict[str, Maker], maker: Maker) -> Maker:
    name = maker.__name__
    if name in FILES or name in BAD:
        raise ValueError(f"two makers are named {name}")
    registry[name] = maker
    return maker


def new_file(path: Path, libver: str | tuple[str, str] = "earliest", **options: Any) -> h5py.File:
    """A new file, in the oldest format unless told otherwise."""
    return h5py.File(path, "w", libver=libver, **options)


def dataset_plist() -> Any:
    """A dataset creation property list without time stamps, which would differ between runs."""
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_obj_track_times(False)
    return plist


def group_plist() -> Any:
    """A group creation property list without time stamps."""
    plist = h5p.create(h5p.GROUP_CREATE)
    plist.set_obj_track_times(False)
    return plist


def space(shape: Sequence[int] | None, maxshape: Sequence[int | None] | None = None) -> Any:
    """A dataspace: null for None, scalar for (), else simple; None in maxshape is unlimited."""
    if shape is None:
        return h5s.create(h5s.NULL)
    if not len(shape):
        return h5s.create(h5s.SCALAR)
    if maxshape is None:
        return h5s.create_simple(tuple(shape))
    return h5s.create_simple(tuple(shape), tuple(h5s.UNLIMITED if n is None else n for n in maxshape))


def _as_void(data: bytes, type_id: Any, shape: Sequence[int] | None) -> np.ndarray:
    """Raw bytes as an array of elements as large as the type's."""
    return np.frombuffer(data, dtype=np.dtype((np.void, type_id.get_size()))).reshape(tuple(shape or ()))


def raw_dataset(
    parent: h5py.Group,
    name: bytes | str,
    type_id: Any,
    shape: Sequence[int] | None = (),
    data: bytes | None = None,
    maxshape: Sequence[int | None] | None = None,
    plist: Any = None,
) -> h5py.Dataset:
    """A dataset of any HDF5 type under any name, written from bytes as they are to be stored."""
    name = name.encode() if isinstance(name, str) else name
    identifier = h5d.create(parent.id, name, type_id, space(shape, maxshape), plist or dataset_plist())
    if data is not None:
        identifier.write(h5s.ALL, h5s.ALL, _as_void(data, type_id, shape), mtype=type_id)
    return h5py.Dataset(identifier)


def raw_attribute(
    owner: Any,
    name: bytes | str,
    type_id: Any,
    shape: Sequence[int] | None = (),
    data: bytes | None = None,
) -> None:
    """An attribute of any HDF5 type under any name, written from bytes as they are to be stored."""
    name = name.encode() if isinstance(name, str) else name
    identifier = h5a.create(owner.id, name, type_id, space(shape))
    if data is not None:
        identifier.write(_as_void(data, type_id, shape), mtype=type_id)


def vlen_items(items: Sequence[bytes], kept: list[Any]) -> bytes:
    """One variable-length element in memory (length, address); kept must live until it is written."""
    buffer = ctypes.create_string_buffer(b"".join(items))
    kept.append(buffer)
    size = ctypes.sizeof(ctypes.c_size_t)
    return len(items).to_bytes(size, sys.byteorder) + ctypes.addressof(buffer).to_bytes(size, sys.byteorder)


def string_type(size: int | None, cset: int = h5t.CSET_ASCII, pad: int = h5t.STR_NULLTERM) -> Any:
    """A string type of that many bytes, or of variable length for None."""
    type_id = h5t.C_S1.copy()
    type_id.set_size(h5t.VARIABLE if size is None else size)
    type_id.set_cset(cset)
    type_id.set_strpad(pad)
    return type_id
