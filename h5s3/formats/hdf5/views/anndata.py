"""AnnData: how many observations and variables, frames with their columns, matrices, unstructured values.

AnnData's on-disk format, versions 0.1.0 and 0.2.0 of its encodings, and what was written before these;
MuData, which holds one AnnData for each modality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from h5s3.formats.hdf5.data.small_values import SmallValue
from h5s3.formats.hdf5.objects.datatypes import short
from h5s3.formats.hdf5.views.survey import Plan, Thing, small_values
from h5s3.formats.hdf5.views.view import (
    Asked,
    View,
    bytes_of,
    everything,
    group_item,
    item,
    levels_of,
    link_item,
    valued,
)
from h5s3.formats.hdf5.walk import DEEPEST
from h5s3.records import UNSET, Convention, Item, Member

USUAL = 6  # levels: /mod/rna/raw/var/column/categories
KIND, VERSION, ORDER, INDEX = "encoding-type", "encoding-version", "column-order", "_index"
NAMES = (
    KIND, VERSION, ORDER, INDEX, "shape", "ordered", "h5sparse_format", "h5sparse_shape",
)  # fmt: skip
PARTS = ("mod", "X", "raw", "layers", "obs", "obsm", "obsp", "obsmap", "var", "varm", "varp", "varmap", "uns")
FRAMES, WHOLES = ("obs", "var"), ("anndata", "MuData", "raw")
SPARSE = ("csr_matrix", "csc_matrix")
OLD_CATEGORIES = "_categories"  # behind the names of columns, before there were encodings
CATEGORIES = "__categories"  # of the columns of a frame, before the version 0.2.0


def plan(levels: int | None) -> Plan:
    """All columns; of arrays in parts, the parts."""
    names = frozenset(name.encode() for name in NAMES)
    return Plan(levels_of(levels, USUAL, DEEPEST), names, whole=True)


def read(asked: Asked) -> Convention | None:
    """The parts; None where there are no frames `obs` and `var`, and nothing says that it is a part."""
    top = asked.top
    kind = top.word(KIND)
    if not (kind or all(_is_frame(top.children.get(name)) for name in FRAMES)):
        return None
    values = small_values(asked.file, [thing for thing in everything(top) if _is_single(thing)])
    book = _Book(asked, values)
    items = book.parts(top) if kind in ("", *WHOLES) else (book.element(top).items or [])
    return Convention(
        view="anndata",
        name="MuData" if kind == "MuData" else "AnnData",
        version=top.word(VERSION) or UNSET,
        facts=_sizes(top),
        items=items or [],
        notes=asked.notes,
    )


class _Book:
    """Makes items of elements, by their encodings."""

    def __init__(self, asked: Asked, values: Mapping[bytes, SmallValue]) -> None:
        self._asked, self._values = asked, values
        frames = [asked.top.dataset(name) for name in FRAMES]
        fields = [one.name for frame in frames if frame for one in _members(frame)]
        self._old_categories = {f"{name}{OLD_CATEGORIES}" for name in fields}

    def parts(self, top: Thing) -> list[Item]:
        """The parts of an AnnData, in their usual order; empty ones left out."""
        known = [top.children[name] for name in PARTS if name in top.children]
        others = [thing for name, thing in top.children.items() if name not in PARTS]
        return [self.element(thing) for thing in [*known, *others] if not _is_empty(thing)]

    def element(self, thing: Thing) -> Item:
        """A frame, a matrix, a mapping, a value."""
        if thing.alias is not None or thing.kind not in ("group", "dataset"):
            return link_item(thing)
        if _is_frame(thing):
            return self._frame(thing)
        if thing.facts is not None:
            return self._old_mapping(thing) or self._array(thing)
        if thing.word(KIND) in SPARSE or thing.word("h5sparse_format"):
            return _sparse(thing)
        if thing.word(KIND) in WHOLES:
            parts = self.parts(thing)
            hidden = len(thing.children) - len(parts)
            about = {"type": thing.word(KIND), "facts": _sizes(thing)}
            return group_item(self._asked, thing, parts, hidden, **about)
        column = _column(thing)
        if column is not None:
            return column
        shown = [child for child in thing.children.values() if child.text not in self._old_categories]
        items = [self.element(child) for child in shown]
        return group_item(self._asked, thing, items, len(thing.children) - len(shown), type=_other(thing))

    def _array(self, thing: Thing) -> Item:
        assert thing.facts is not None
        return item(
            "array",
            thing,
            type=thing.word(KIND) or UNSET,
            shape=list(thing.shape),
            dtype=thing.facts.dtype,
            facts={"dense": True} if _is_matrix(thing) else {},
            **valued(self._values.get(thing.path)),
        )

    def _frame(self, thing: Thing) -> Item:
        """The index, and the columns in their order."""
        length: int | None
        if thing.facts is not None:  # before the version 0.1.0
            columns = [self._field(number, one) for number, one in enumerate(_members(thing))]
            length, total = prod(thing.shape), len(columns)
        else:
            index, order = thing.word(INDEX), thing.words(ORDER)
            names = ([index] if index else []) + [name for name in order if name != index]
            columns = [self._of_frame(thing, name, name == index) for name in names]
            length, total = _rows(thing), len(names)
            if "column-order" in thing.attributes and thing.attributes[ORDER].truncated is True:
                total = max(total, len(thing.children))
        cut = self._asked.cut(columns, total)
        shape = [length or 0, max(0, total - any(column.kind == "index" for column in columns))]
        return item("frame", thing, type="dataframe", shape=shape, **cut)

    def _old_mapping(self, thing: Thing) -> Item | None:
        """Arrays over one axis, each a field of a compound, before there were encodings."""
        fields = _members(thing)
        if thing.text not in ("obsm", "varm") or not fields:
            return None
        items = [
            Item(
                kind="array",
                name=one.name,
                dtype=short(one.type.base or one.type),
                shape=[*thing.shape, *(one.type.dims or [])],
            )
            for one in fields
        ]
        return item("group", thing, **self._asked.cut(items))

    def _field(self, number: int, member: Member) -> Item:
        """A column of a compound. The first one is the index; categories are among what is unstructured."""
        if number == 0:
            return Item(kind="index", name=member.name, dtype=short(member.type), facts={"index": True})
        found = Item(kind="column", name=member.name, dtype=short(member.type))
        categories = self._asked.top.dataset("uns", f"{member.name}{OLD_CATEGORIES}")
        if categories is not None and categories.facts is not None:
            found.type, found.dtype = "categorical", categories.facts.dtype
            found.facts = {"categories": prod(categories.shape)}
        return found

    def _of_frame(self, frame: Thing, name: str, index: bool) -> Item:
        thing = frame.children.get(name)
        kind = "index" if index else "column"
        if thing is None:
            return Item(kind=kind, name=name, facts={"missing": True})
        found = _column(thing) or self.element(thing)
        found.kind, found.shape = kind, UNSET
        found.type = UNSET if found.type == "array" else found.type
        if index:
            found.facts = {"index": True, **found.facts}
            return found
        categories = frame.dataset(CATEGORIES, name)
        if categories is not None and thing.facts is not None:
            found.type, found.facts = "categorical", {"categories": prod(categories.shape)}
            found.facts |= {"ordered": True} if categories.value("ordered") else {}
            found.dtype = categories.facts.dtype if categories.facts is not None else UNSET
        return found


def _column(thing: Thing) -> Item | None:
    """A column that is a group."""
    kind = thing.word(KIND)
    if kind == "categorical":
        categories = thing.dataset("categories")
        facts: dict[str, Any] = {"categories": prod(categories.shape) if categories is not None else None}
        if thing.value("ordered"):
            facts["ordered"] = True
        dtype = categories.facts.dtype if categories is not None and categories.facts is not None else UNSET
        return item(
            "column", thing, type=kind, dtype=dtype, shape=_shape(thing.dataset("codes")), facts=facts
        )
    if kind.startswith("nullable-"):
        values = thing.dataset("values")
        dtype = values.facts.dtype if values is not None and values.facts is not None else UNSET
        return item("column", thing, type=kind, dtype=dtype, shape=_shape(values))
    return None


def _sparse(thing: Thing) -> Item:
    """A matrix of which only what is not zero is stored."""
    data = thing.dataset("data")
    shape = thing.value("shape") or thing.value("h5sparse_shape")
    shape = [one for one in shape if isinstance(one, int)] if isinstance(shape, list) else []
    nnz = prod(data.shape) if data is not None else None
    facts: dict[str, Any] = {"nnz": nnz}
    if nnz is not None and prod(shape):
        facts["density"] = round(nnz / prod(shape), 6)
    return item(
        "matrix",
        thing,
        type=thing.word(KIND) or f"{thing.word('h5sparse_format')}_matrix",
        shape=shape,
        dtype=data.facts.dtype if data is not None and data.facts is not None else UNSET,
        nbytes=bytes_of(*thing.of_kind("dataset")),
        facts=facts,
    )


def _other(thing: Thing) -> str | Any:
    """What else a group is, where it is more than a mapping."""
    kind = thing.word(KIND)
    return kind if kind not in ("", "dict") else UNSET


def _sizes(top: Thing) -> dict[str, Any]:
    """`n_obs` and `n_vars`."""
    found = {"n_obs": _rows(top.children.get("obs")), "n_vars": _rows(top.children.get("var"))}
    return {name: number for name, number in found.items() if number is not None}


def _members(frame: Thing) -> Sequence[Member]:
    return (frame.facts.type.members or []) if frame.facts is not None else []


def _rows(frame: Thing | None) -> int | None:
    """How many rows a frame has."""
    if frame is None or not _is_frame(frame):
        return None
    if frame.facts is not None:
        return prod(frame.shape)
    index = frame.dataset(frame.word(INDEX)) or frame.dataset("_index") or frame.dataset("index")
    if index is not None:
        return prod(index.shape)
    group = frame.group(frame.word(INDEX))
    values = None if group is None else group.dataset("values") or group.dataset("codes")
    return None if values is None else prod(values.shape)


def _is_frame(thing: Thing | None) -> bool:
    if thing is None:
        return False
    if thing.facts is not None:
        return thing.facts.type.class_ == "compound" and thing.text in FRAMES and len(thing.shape) == 1
    return thing.word(KIND) == "dataframe" or (not thing.word(KIND) and bool(thing.word(INDEX)))


def _is_empty(thing: Thing) -> bool:
    return thing.kind == "group" and thing.walked and not thing.total and thing.text in PARTS


def _is_matrix(thing: Thing) -> bool:
    """Whether it is X, or a layer."""
    return thing.text == "X" or thing.path.rpartition(b"/")[0].endswith(b"/layers")


def _is_single(thing: Thing) -> bool:
    return thing.facts is not None and len(thing.shape) <= 1


def _shape(thing: Thing | None) -> list[int] | Any:
    return list(thing.shape) if thing is not None else UNSET


VIEW = View("anndata", "AnnData", plan, read)
