"""Names and paths as files have them (bytes) and as the records show them (text)."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from shlex import quote
from typing import Any

from h5s3.records import UNSET, UnsetType

HDF5_NAMES = (
    ".h5", ".hdf5", ".hdf", ".he5", ".h5ad", ".nc", ".nc4", ".cdf", ".nxs", ".nx", ".nwb", ".mat", ".loom",
    ".keras", ".hdf5s", ".h5s", ".gef", ".mnc", ".cxi", ".emd", ".fast5", ".rspec", ".soap",
)  # fmt: skip


def text_of(raw: bytes) -> str:
    """UTF-8 as text; other bytes escaped as `\\xff`."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace")


def b64_of(raw: bytes) -> str | UnsetType:
    """Base64 of bytes that are not UTF-8; nothing for those that are."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode()
    return UNSET


def names_of(raw: bytes) -> dict[str, Any]:
    """The `name` fields of a record."""
    return {"name": text_of(raw), "name_b64": b64_of(raw)}


def raw_path(path: str) -> bytes:
    """An HDF5 path as given on the command line, as an absolute path in the file's bytes."""
    parts = [part for part in os.fsencode(path).split(b"/") if part not in (b"", b".")]
    return b"/" + b"/".join(parts)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of these names that is most like another, whatever the case; None where none is alike."""
    from difflib import get_close_matches

    folded = {other.casefold(): other for other in names}
    found = get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    return folded[found[0]] if found else None


def shown_by(path: str) -> str:
    """A hint: the command that shows what is at a path."""
    return "try: h5s3 tree {location}" + (f" {quote(path)}" if path != "/" else "")


def join(parent: bytes, name: bytes) -> bytes:
    """The path of a child."""
    return parent.rstrip(b"/") + b"/" + name


def unescaped(raw: bytes) -> bytes:
    """A name as `text_of` shows it, in the file's bytes again: `\\xfc` is one byte."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), raw)


def field_text(name: str | bytes) -> str:
    """The name of a field or of an enum's value, as h5py gives it, as the records show it."""
    return text_of(name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape"))


def looks_like_hdf5(key: str) -> bool:
    """Whether a name ends as names of HDF5 files do."""
    return key.lower().endswith(HDF5_NAMES)
