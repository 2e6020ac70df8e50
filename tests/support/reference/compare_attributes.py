"""Attribute records held against h5py's own reading, value by value."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5o, h5p, h5s, h5t
from msgspec import UNSET

from h5s3.records import Attribute
from tests.support.reference.h5py_values import UNTOLD, Expected, os_bytes, plain_number, shown
from tests.support.reference.h5py_walk import FAILURES, Entry
from tests.support.servers.memory import OneFileSession

MOST_VALUES = 1000  # of one attribute that are shown
Location = Any


@dataclass
class Case:
    """One file, asked through the package and through h5py."""

    session: OneFileSession
    location: Location
    h5: h5py.File
    entries: dict[str, Entry]  # by the paths of `plain.walk`

    def address(self, path: str) -> int:
        """Of the object at a path."""
        return int(h5o.get_info(self.h5.id, os_bytes(path)).addr)

    def object(self, path: str) -> Any:
        """The object at a path, as h5py's low level opens it."""
        return h5o.open(self.h5.id, os_bytes(path))


def check_dtype(where: str, dtype: str, tid: Any) -> None:
    """Plain numbers have h5py's own name for their type."""
    if plain_number(tid):
        assert dtype == str(tid.dtype), (where, dtype, tid.dtype)
    assert dtype, where


def attribute_names(owner: Any) -> list[bytes]:
    """In order of creation where the object tracks it, else by name; committed types never track it."""
    try:
        tracked = owner.get_create_plist().get_attr_creation_order() & h5p.CRT_ORDER_TRACKED
    except (AttributeError, RuntimeError):  # of a committed type; of a damaged group
        tracked = 0
    names: list[bytes] = []
    h5a.iterate(owner, names.append, index_type=h5py.h5.INDEX_CRT_ORDER if tracked else h5py.h5.INDEX_NAME)
    return names


def check_attributes(case: Case, owner: Any, found: list[Attribute], names: list[bytes]) -> None:
    """These attributes of an object, in this order, have the values that h5py reads."""
    assert [item.name for item in found] == [shown(name) for name in names]
    for record, name in zip(found, names, strict=True):
        _check_attribute(case, owner, record, name)


def _check_attribute(case: Case, owner: Any, record: Attribute, name: bytes) -> None:
    try:
        identifier = h5a.open(owner, name)
    except FAILURES:
        assert record.value is None and record.error, record
        return
    space = identifier.get_space()
    null = space.get_simple_extent_type() == h5s.NULL
    shape = None if null else list(space.get_simple_extent_dims())
    assert record.shape == shape, (record, shape)
    check_dtype(record.name, record.dtype, identifier.get_type())
    if null:
        assert record.value is None, record
        return
    attributes = h5py.AttributeManager(h5py.Group(case.h5.id))
    attributes._id = owner
    try:
        value = attributes[name]
    except (*FAILURES, UnicodeError):
        if identifier.get_type().get_class() == h5t.OPAQUE and record.error is UNSET:
            raw = np.zeros(shape, f"V{identifier.get_type().get_size()}")  # h5py has no type for its tag
            identifier.read(raw, mtype=identifier.get_type())
            assert np.asarray(record.value).tolist() == _in_base64(raw), record
            return
        assert record.value is None and record.error, record
        return
    assert record.error is UNSET, record
    _check_value(case, record, value, identifier.dtype)


def _in_base64(raw: np.ndarray[Any, Any]) -> Any:
    encoded = [base64.b64encode(bytes(item)).decode() for item in raw.ravel()]
    return np.array(encoded, dtype=object).reshape(raw.shape).tolist()


def _check_value(case: Case, record: Attribute, value: Any, dtype: np.dtype[Any]) -> None:
    base = dtype.subdtype[0] if dtype.subdtype else dtype
    ndim = len(record.shape or ()) + len(dtype.shape)
    truncated = ndim > 0 and value.size > MOST_VALUES
    expected = Expected(case.h5)
    if truncated:
        value, ndim = value.reshape(-1)[:MOST_VALUES], 1
    wanted = expected.array(value, base, ndim)
    assert same(case, record.value, wanted), (record.name, record.value, wanted)
    assert record.truncated == (True if truncated else UNSET), record
    counts = [count or UNSET for count in (expected.nans, expected.infs)]
    assert [record.nan_count, record.inf_count] == counts, (record, counts)
    encoded = [] if record.value_b64 is UNSET else record.value_b64
    encoded = [encoded] if isinstance(encoded, str) else encoded
    assert [base64.b64decode(item) for item in encoded] == expected.raw, (record, expected.raw)


def same(case: Case, found: Any, wanted: Any) -> bool:
    """Equality that tells 1 from 1.0 and from True. A reference may be told by a path of its target."""
    if isinstance(wanted, list):
        pairs = zip(found, wanted, strict=False)
        return isinstance(found, list) and len(found) == len(wanted) and all(same(case, *p) for p in pairs)
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(case, found[key], wanted[key]) for key in wanted)
    if wanted == UNTOLD:
        return isinstance(found, str) and found.startswith(("@", "/", "dangling"))
    if isinstance(wanted, str) and wanted.startswith("@") and found.startswith("/"):
        target, bracket, region = wanted.partition("[")
        return target == f"@{case.address(found.removesuffix(bracket + region))}"
    return type(found) is type(wanted) and found == wanted
