"""Generated files that h5py alone cannot make: its own copy of the HDF5 library is called for them.

Where that copy cannot be found, because h5py was not installed from a wheel, they are not registered.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5f, h5p, h5t

from tests.support.h5files.registry import dataset_plist, fixture_file, new_file, space

USER_LINK = 200
SHARED_KINDS = 0x0002 | 0x0008 | 0x0020 | 0x0800 | 0x1000
"""Dataspaces, datatypes, fill values, filter pipelines, attributes."""

NEW_REFERENCE = b"\x03\x00\x47\x12\x00\x00\x40\x00\x00\x00"
"""H5T_STD_REF as the library encodes it."""

TRAVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int64,
    ctypes.c_char_p,
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int64,
    ctypes.c_int64,
)


class LinkClass(ctypes.Structure):
    """H5L_class_t, with pointers in place of the functions that may be absent."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("id", ctypes.c_int),
        ("comment", ctypes.c_char_p),
        ("create", ctypes.c_void_p),
        ("move", ctypes.c_void_p),
        ("copy", ctypes.c_void_p),
        ("traverse", TRAVERSE),
        ("delete", ctypes.c_void_p),
        ("query", ctypes.c_void_p),
    )


class CacheImage(ctypes.Structure):
    """H5AC_cache_image_config_t."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("generate_image", ctypes.c_bool),
        ("save_resize_status", ctypes.c_bool),
        ("entry_ageout", ctypes.c_int),
    )


def _find_library() -> ctypes.CDLL | None:
    """The HDF5 library of h5py's wheel: on Linux and macOS in a folder beside or in the package."""
    package = Path(h5py.__file__).parent
    for folder, pattern in (
        (package.parent / "h5py.libs", "libhdf5-*.so*"),
        (package / ".dylibs", "libhdf5.*dylib"),
    ):
        for path in sorted(folder.glob(pattern)):
            library = ctypes.CDLL(str(path))
            numbers = [ctypes.c_uint() for _ in range(3)]
            library.H5get_libversion(*map(ctypes.byref, numbers))
            if tuple(number.value for number in numbers) == h5py.version.hdf5_version_tuple:
                return library
    return None


_LIBRARY = _find_library()


def _call(function: str, *arguments: Any) -> int:
    """Call the library; plain integers are passed as 64-bit ones, as identifiers are."""
    target = getattr(_LIBRARY, function)
    target.restype = ctypes.c_int
    wide = [ctypes.c_int64(value) if type(value) is int else value for value in arguments]
    with h5py._objects.phil:
        result = target(*wide)
    if result < 0:
        raise OSError(f"{function} failed")
    return int(result)


def _with_plists(path: Path, low: int, prepare: Callable[[Any, Any], None]) -> h5py.File:
    """A new file whose property lists were prepared with functions that h5py does not have."""
    creation, access = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    creation.set_obj_track_times(False)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    access.set_libver_bounds(low, h5f.LIBVER_LATEST)
    prepare(creation, access)
    return h5py.File(h5f.create(str(path).encode(), h5f.ACC_TRUNC, creation, access))


def superblock_v1(path: Path) -> None:
    """Superblock version 1, which only a chunk B-tree of another width than usual brings about."""
    with _with_plists(
        path, h5f.LIBVER_EARLIEST, lambda creation, _: _call("H5Pset_istore_k", creation.id, 4)
    ) as file:
        file.create_dataset("data", data=np.arange(100), chunks=(2,))
        file.create_group("group").attrs["unit"] = "m"


def btree_width(path: Path) -> None:
    """Group B-trees and symbol table nodes narrower than usual, so that a few links need several levels."""

    def prepare(creation: Any, _: Any) -> None:
        _call("H5Pset_sym_k", creation.id, ctypes.c_uint(2), ctypes.c_uint(1))

    with _with_plists(path, h5f.LIBVER_EARLIEST, prepare) as file:
        for number in range(40):
            file[f"data_{number:02d}"] = number


def metadata_cache_image(path: Path) -> None:
    """A file that keeps an image of the metadata cache, as it was when the file was closed."""
    config = CacheImage(1, True, False, -1)

    def prepare(_: Any, access: Any) -> None:
        _call("H5Pset_mdc_image_config", access.id, ctypes.byref(config))

    with _with_plists(path, h5f.LIBVER_LATEST, prepare) as file:
        file.create_dataset("group/data", data=np.arange(100), chunks=(10,), compression="gzip")
        file["group"].attrs["unit"] = "m"


def shared_messages(path: Path) -> None:
    """A file whose objects share their datatypes, dataspaces, fill values, filters and attributes."""

    def prepare(creation: Any, _: Any) -> None:
        _call("H5Pset_shared_mesg_nindexes", creation.id, ctypes.c_uint(1))
        kinds = (ctypes.c_uint(value) for value in (0, SHARED_KINDS, 8))
        _call("H5Pset_shared_mesg_index", creation.id, *kinds)

    with _with_plists(path, h5f.LIBVER_V18, prepare) as file:
        kind = np.dtype([("a", "<i4"), ("b", "<f8"), ("c", "S8")])
        for number in range(60):
            dataset = file.create_dataset(
                f"data_{number:02d}", shape=(4,), dtype=kind, chunks=(2,), compression="gzip"
            )
            dataset.attrs["shared"] = "the same attribute on every dataset"


def user_defined_link(path: Path) -> None:
    """A link of a class that only the program which wrote it knows."""

    def traverse(*_: Any) -> int:
        return -1

    link_class = LinkClass(1, USER_LINK, b"of this test", None, None, None, TRAVERSE(traverse), None, None)
    _call("H5Lregister", ctypes.byref(link_class))
    try:
        with new_file(path, libver="latest") as file:
            file["data"] = np.arange(3)
            value = b"what only its writer understands"
            for name in (b"link", b"[red]li\xffnk"):
                kind, size = ctypes.c_int(USER_LINK), ctypes.c_size_t(len(value))
                _call("H5Lcreate_ud", file.id.id, name, kind, value, size, 0, 0)
    finally:
        _call("H5Lunregister", ctypes.c_int(USER_LINK))


def references_new_style(path: Path) -> None:
    """The references of HDF5 1.12, which h5py cannot map: to an object, to an attribute, never written."""
    with new_file(path, libver="latest") as file:
        file.create_dataset("data", data=np.arange(3)).attrs["unit"] = "m"
        type_id = h5t.decode(NEW_REFERENCE)
        buffers = [ctypes.create_string_buffer(64) for _ in range(2)]
        _call("H5Rcreate_object", file.id.id, b"/data", 0, buffers[0])
        _call("H5Rcreate_attr", file.id.id, b"/data", b"unit", 0, buffers[1])
        for name, shape in (("references", (2,)), ("never_written", (3,))):
            dataset = h5d.create(file.id, name.encode(), type_id, space(shape), dataset_plist())
            if name == "references":
                content = b"".join(buffer.raw for buffer in buffers)
                _call("H5Dwrite", dataset.id, type_id.id, 0, 0, 0, content)
        for buffer in buffers:
            _call("H5Rdestroy", buffer)


if _LIBRARY is not None:
    for _maker in (
        superblock_v1,
        btree_width,
        metadata_cache_image,
        shared_messages,
        user_defined_link,
        references_new_style,
    ):
        fixture_file(_maker)
