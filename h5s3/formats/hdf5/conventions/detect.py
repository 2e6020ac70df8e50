"""Which community's conventions a file follows, judged from its root group and first bytes."""

from __future__ import annotations

from functools import partial
from typing import Any

from h5py import h5a

from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.attributes import read_attribute
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Link, count_links, list_links, open_link

FIRST_LINKS = 3  # objects below the root that are looked at
FEW_LINKS = 30  # of the root: names are looked at where there are no more
NAMES = ("NetCDF-4", "CF", "NeXus", "AnnData", "MATLAB 7.3", "PyTables", "Keras", "NWB", "Loom")
MARKS = {  # attributes of the root group
    b"_NCProperties": "NetCDF-4",
    b"_nc3_strict": "NetCDF-4",
    b"NeXus_version": "NeXus",
    b"PYTABLES_FORMAT_VERSION": "PyTables",
    b"keras_version": "Keras",
    b"layer_names": "Keras",
    b"model_config": "Keras",
    b"nwb_version": "NWB",
    b"LOOM_SPEC_VERSION": "Loom",
}


def conventions(file: OpenFile) -> list[str]:
    """Names of conventions, as their communities write them; empty for a plain file."""
    marks, *below = gather(
        file.blocks,
        [partial(_of_root, file), *(partial(_of_child, file, link) for link in _first_links(file))],
        lambda *_: set(),
    )
    found = marks.union(*below)
    if _user_block(file).startswith(b"MATLAB 7.3"):
        found.add("MATLAB 7.3")
    return [name for name in NAMES if name in found]


def _of_root(file: OpenFile) -> set[str]:
    root = file.root
    found = {convention for name, convention in MARKS.items() if h5a.exists(root, name)}
    if "CF-" in (_text(file, root, b"Conventions") or ""):
        found.add("CF")
    if _text(file, root, b"NX_class") == "NXroot":
        found.add("NeXus")
    names = {link.name for link in list_links(root, FEW_LINKS)} if count_links(root) <= FEW_LINKS else set()
    if {b"X", b"obs", b"var"} <= names:  # before it had marks
        found.add("AnnData")
    if _text(file, root, b"encoding-type") in ("anndata", "MuData"):
        found.add("AnnData")
    if b"layers" in names and names & {b"vars", b"optimizer"}:  # the weights of Keras 3 have no mark
        found.add("Keras")
    return found


def _of_child(file: OpenFile, link: Link) -> set[str]:
    """Files of old NetCDF-4 libraries have no mark but the dimension ids of their variables."""
    child, found = open_link(file.root, link), set()
    if _text(file, child, b"NX_class") in ("NXentry", "NXroot"):
        found.add("NeXus")
    if h5a.exists(child, b"_Netcdf4Dimid"):
        found.add("NetCDF-4")
    return found


def _first_links(file: OpenFile) -> list[Link]:
    links = [link for link in list_links(file.root, FIRST_LINKS) if link.link_class == "hard"]
    file.prefetch_objects(link.address for link in links if link.address is not None)
    return links


def _text(file: OpenFile, obj: Any, name: bytes) -> str | None:
    if not h5a.exists(obj, name):
        return None
    value = read_attribute(file.h5.id, obj, name).value
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else None


def _user_block(file: OpenFile) -> bytes:
    if file.superblock_offset == 0:
        return b""
    file.blocks.seek(0)
    return file.blocks.read(128)
