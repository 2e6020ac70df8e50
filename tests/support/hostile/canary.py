"""A file that must not be opened, files that point at it in every way HDF5 has, and an eye on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL, get_errno
from pathlib import Path

import h5py
import numpy as np
from h5py import h5s, h5t

from tests.support.h5files.registry import dataset_plist, new_file, raw_dataset, space

SECRET = b"CANARY!!"
NUMBER = int.from_bytes(SECRET, "little")  # as integers of 8 bytes show it
COUNT = 8
IN_ACCESS, IN_OPEN, IN_NONBLOCK = 0x01, 0x20, 0o4000


def plant(folder: Path) -> tuple[Path, Path]:
    """The canary, as raw bytes and as an HDF5 file."""
    raw, hdf5 = folder / "canary.bin", folder / "canary.h5"
    raw.write_bytes(SECRET * COUNT)
    with h5py.File(hdf5, "w") as file:
        file["secret"] = np.full(COUNT, NUMBER, dtype="<i8")
        file["group/secret"] = np.full(COUNT, NUMBER, dtype="<i8")
    return raw, hdf5


def hostile(path: Path, raw: str, hdf5: str) -> list[str]:
    """Write a file that points at the canary by these names; the paths of all that point at it."""
    with new_file(path, "latest") as file:
        file["secret"] = file["group/secret"] = np.zeros(COUNT, dtype="<i8")  # a wrong file has them, too
        _storage(file, raw)
        _links(file, hdf5)
        _virtual(file, hdf5)
        _meaning(file)
    return [
        *("/raw", "/link", "/soft", "/through", "/root/secret", "/soft_root/group/secret"),
        *("/virtual", "/virtual_by_link", "/virtual_by_soft_link", "/virtual_by_pattern", "/virtual_of_raw"),
        *("/plot", "/plot/signal", "/plot/axis", "/odd", "/scaled", "/image", "/"),
    ]


def _storage(file: h5py.File, raw: str) -> None:
    plist = dataset_plist()
    plist.set_external(raw.encode(), 0, 8 * COUNT)
    raw_dataset(file, "raw", h5t.STD_I64LE, (COUNT,), plist=plist)
    plist = dataset_plist()
    plist.set_external(raw.encode(), 0, 3 * 16)
    raw_dataset(file, "palette", h5t.STD_U8LE, (16, 3), plist=plist)


def _links(file: h5py.File, hdf5: str) -> None:
    file["link"] = h5py.ExternalLink(hdf5, "/secret")
    file["root"] = h5py.ExternalLink(hdf5, "/")
    file["block0"] = h5py.ExternalLink(hdf5, "/secret")
    file["soft"] = h5py.SoftLink("/link")
    file["soft_root"] = h5py.SoftLink("root")
    file["through"] = h5py.SoftLink("/root/group/secret")


def _virtual(file: h5py.File, hdf5: str) -> None:
    sources = {"virtual": (hdf5, "secret"), "virtual_by_link": (".", "link")}
    sources |= {"virtual_by_soft_link": (".", "/soft_root/secret"), "virtual_of_raw": (".", "raw")}
    for name, (where, source) in sources.items():
        plist = dataset_plist()
        plist.set_virtual(space((COUNT,)), where.encode(), source.encode(), space((COUNT,)))
        raw_dataset(file, name, h5t.STD_I64LE, (COUNT,), plist=plist)
    endless = space((0,), (None,))
    endless.select_hyperslab((0,), (h5s.UNLIMITED,), (COUNT,), (COUNT,))
    plist = dataset_plist()
    plist.set_virtual(endless, b".", b"block%b", space((COUNT,)))
    raw_dataset(file, "virtual_by_pattern", h5t.STD_I64LE, (COUNT,), maxshape=(None,), plist=plist)


def _meaning(file: h5py.File) -> None:
    """Conventions that name other objects: NeXus, dimension scales, palettes, CF."""
    plot = file.create_group("plot")
    plot.attrs.update({"NX_class": "NXdata", "signal": "signal", "axes": ["../root/secret"]})
    plot["signal"] = h5py.ExternalLink("canary.h5", "/secret")
    plot["axis"] = h5py.SoftLink("/root/secret")
    file.attrs["default"] = "root"
    odd = file.create_dataset("odd", data=np.arange(COUNT))
    odd.attrs.update({"coordinates": "link raw ../canary.h5", "bounds": "raw", "units": "m"})
    odd.attrs.update({"signal": 1, "axes": "raw:../root/secret"})
    scaled = file.create_dataset("scaled", data=np.arange(COUNT))
    file["raw"].make_scale("scale")
    scaled.dims[0].attach_scale(file["raw"])
    image = file.create_dataset("image", data=np.zeros((8, 8), "u1"))
    for name, value in {"CLASS": "IMAGE", "IMAGE_SUBCLASS": "IMAGE_INDEXED"}.items():
        image.attrs[name] = np.bytes_(value)
    image.attrs["PALETTE"] = file["palette"].ref


@contextmanager
def watched(*paths: Path) -> Iterator[list[str]]:
    """Names of those of the files that any process on this machine opens or reads within the block.

    The list is filled when the block ends. By inotify: what libraries do in C is seen as well.
    """
    assert sys.platform == "linux"
    libc = CDLL(None, use_errno=True)
    eye = libc.inotify_init1(IN_NONBLOCK)
    assert eye >= 0, os.strerror(get_errno())
    seen: list[str] = []
    try:
        names = {}
        for path in paths:
            names[libc.inotify_add_watch(eye, os.fsencode(path), IN_ACCESS | IN_OPEN)] = path.name
        assert min(names) > 0, os.strerror(get_errno())
        yield seen
        while True:
            try:
                events = os.read(eye, 65536)
            except BlockingIOError:
                break
            at = 0
            while at < len(events):
                seen.append(names[int.from_bytes(events[at : at + 4], "little")])
                at += 16 + int.from_bytes(events[at + 12 : at + 16], "little")
    finally:
        os.close(eye)


def traces(*texts: str | bytes) -> list[str]:
    """Where the canary's content shows, as bytes or as a number."""
    found = []
    for text in texts:
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        for form in (
            SECRET,
            str(NUMBER).encode(),
            SECRET.hex().encode(),
            b"".join(b"%d, " % c for c in SECRET),
        ):
            if form in data:
                found.append(data[:200].decode("latin-1"))
    return found


def files_below(*folders: Path) -> list[bytes]:
    """Contents of all files below some folders."""
    return [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
