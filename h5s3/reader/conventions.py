"""Which community's conventions a file follows, judged from its root group and first bytes."""

from __future__ import annotations

from typing import Any

from h5py import h5a

from h5s3.reader.attributes import read_attribute
from h5s3.reader.opening import OpenFile

FIRST_LINKS = 3  # objects below the root that are looked at


def conventions(file: OpenFile) -> list[str]:
    """Names of conventions, as their communities write them; empty for a plain file."""
    root = file.root
    found = []
    if any(h5a.exists(root, name) for name in (b"_NCProperties", b"_nc3_strict")) or _scales_below(file):
        found.append("NetCDF-4")
    text = _text(file, root, b"Conventions")
    if text and "CF-" in text:
        found.append("CF")
    if _text(file, root, b"NX_class") == "NXroot" or h5a.exists(root, b"NeXus_version") or _nexus_entry(file):
        found.append("NeXus")
    if _text(file, root, b"encoding-type") == "anndata":
        found.append("AnnData")
    if _user_block(file).startswith(b"MATLAB 7.3"):
        found.append("MATLAB 7.3")
    if h5a.exists(root, b"PYTABLES_FORMAT_VERSION"):
        found.append("PyTables")
    if any(h5a.exists(root, name) for name in (b"keras_version", b"layer_names", b"model_config")):
        found.append("Keras")
    if h5a.exists(root, b"nwb_version"):
        found.append("NWB")
    if h5a.exists(root, b"LOOM_SPEC_VERSION"):
        found.append("Loom")
    return found


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


def _first_objects(file: OpenFile) -> list[Any]:
    from h5s3.reader.links import list_links, open_link

    links = [link for link in list_links(file.root, FIRST_LINKS) if link.link_class == "hard"]
    file.prefetch_objects(link.address for link in links if link.address is not None)
    return [open_link(file.root, link) for link in links]


def _nexus_entry(file: OpenFile) -> bool:
    return any(_text(file, obj, b"NX_class") in ("NXentry", "NXroot") for obj in _first_objects(file))


def _scales_below(file: OpenFile) -> bool:
    """Files of old NetCDF-4 libraries bear no mark but the dimension ids of their variables."""
    return any(h5a.exists(obj, b"_Netcdf4Dimid") for obj in _first_objects(file))
