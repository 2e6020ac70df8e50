"""An HDF5 file with given texts in every place that takes one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from h5py import h5g, h5p, h5t

from tests.support.h5files.registry import (
    dataset_plist,
    group_plist,
    new_file,
    raw_attribute,
    raw_dataset,
    string_type,
)

PLACES = 12  # texts that a file takes
VLEN = h5py.string_dtype()


def hostile_file(path: Path, texts: Sequence[bytes]) -> None:
    """Write the file; the texts become names, targets, values, labels, tags. Its shape is always the same."""
    group, numbers, attribute, value, target, field, member, tag, units, label, scale, note = texts
    with new_file(path) as file:
        inner = h5py.Group(h5g.create(file.id, group, gcpl=group_plist()))
        data = _numbers(inner, numbers, units, label)
        _attributes(data, attribute, value, field, member, tag)
        _scale(file, data, scale, units)
        inner.id.links.create_soft(b"soft" + target[:200], target)
        inner.id.links.create_external(b"ext" + target[:200], note, target)
        _datasets(file, value, field, member, tag)
        raw_attribute(inner, b"NX_class", string_type(len(note)), (), note)
        raw_attribute(file, b"Conventions", string_type(len(note)), (), note)
        named = h5t.py_create(np.dtype("<i4"), logical=True)
        named.commit(file.id, b"type" + label)
        _elsewhere(file, target, note)
    _rename_filter(path, units)


def _numbers(inner: h5py.Group, name: bytes, units: bytes, label: bytes) -> h5py.Dataset:
    values = np.arange(24, dtype="<f8").tobytes()
    data = raw_dataset(inner, name, h5t.IEEE_F64LE, (4, 6), values)
    raw_attribute(data, b"units", string_type(len(units)), (), units)
    raw_attribute(data, b"long_name", string_type(len(label)), (), label)
    return data


def _attributes(
    data: h5py.Dataset, name: bytes, value: bytes, field: bytes, member: bytes, tag: bytes
) -> None:
    raw_attribute(data, name, string_type(len(value)), (), value)
    raw_attribute(data, b"opaque", _opaque(tag), (), b"\x1b[1m")
    raw_attribute(data, b"enum", _enum(member), (), b"\x01")
    raw_attribute(data, b"fields", _compound(field, 6), (), (value * 6)[:6] + bytes(2))
    data.attrs.create("several", np.array([value] * 3, dtype=object), dtype=VLEN)


def _scale(file: h5py.File, data: h5py.Dataset, name: bytes, units: bytes) -> None:
    scale = raw_dataset(file, b"scale" + name, h5t.IEEE_F64LE, (6,), np.arange(6.0).tobytes())
    raw_attribute(scale, b"units", string_type(len(units)), (), units)
    h5py.h5ds.set_scale(scale.id, name)
    h5py.h5ds.attach_scale(data.id, scale.id, 1)
    h5py.h5ds.set_label(data.id, 0, name)


def _datasets(file: h5py.File, value: bytes, field: bytes, member: bytes, tag: bytes) -> None:
    raw_dataset(file, b"fixed", string_type(len(value)), (3,), value * 3)
    raw_dataset(file, b"fields", _compound(field, 6), (2,), ((value * 6)[:6] + bytes(2)) * 2)
    raw_dataset(file, b"enum", _enum(member), (3,), b"\x01\x00\x02")
    raw_dataset(file, b"opaque", _opaque(tag), (2,), b"\x1b[1m\n\xff\x9b1")
    texts = np.array([value, b"plain"], dtype=object)
    variable = file.create_dataset("variable", data=texts, dtype=VLEN)
    file.create_dataset("reference", data=variable.ref, dtype=h5py.ref_dtype)


def _compound(field: bytes, size: int) -> h5t.TypeID:
    made = h5t.create(h5t.COMPOUND, size + 2)
    made.insert(field, 0, string_type(size))
    made.insert(b"n" + field[:20], size, h5t.STD_I16LE)
    return made


def _enum(member: bytes) -> h5t.TypeID:
    made = h5t.enum_create(h5t.STD_I8LE)
    made.enum_insert(b"zero", 0)
    made.enum_insert(b"m" + member, 1)
    return made


def _opaque(tag: bytes) -> h5t.TypeID:
    made = h5t.create(h5t.OPAQUE, 4)
    made.set_tag(tag[:200])
    return made


def _elsewhere(file: h5py.File, target: bytes, note: bytes) -> None:
    """Data in an external file, and a virtual dataset: neither of them is read."""
    plist = dataset_plist()
    plist.set_external(note, 0, 8)
    raw_dataset(file, b"external", h5t.STD_I32LE, (2,), None, plist=plist)
    filtered = dataset_plist()
    filtered.set_chunk((2,))
    filtered.set_filter(32000, h5py.h5z.FLAG_OPTIONAL, (4, 261, 8))
    raw_dataset(file, b"filtered", h5t.STD_I32LE, (2,), None, plist=filtered)
    layout = h5p.create(h5p.DATASET_CREATE)
    space = h5py.h5s.create_simple((2,))
    source, inside = (text.replace(b"%", b"") or b"x" for text in (note, target))  # in them it means a block
    layout.set_virtual(space, source, inside, space)
    raw_dataset(file, b"virtual", h5t.STD_I32LE, (2,), None, plist=layout)


def _rename_filter(path: Path, name: bytes) -> None:
    """Make the one filter an unknown one of that name: messages of the oldest format have no checksum."""
    data = bytearray(path.read_bytes())
    at = data.index(b"lzf\0\0\0\0\0")
    data[at - 8 : at - 6] = (30009).to_bytes(2, "little")
    data[at : at + 8] = (name[:7] + bytes(8))[:8]
    path.write_bytes(data)
