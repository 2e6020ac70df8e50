"""Random trees of groups, datasets, attributes and links, and the files that hold them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from hypothesis import strategies as st

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=9).filter(
    lambda name: name.strip(".")
)
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
    st.lists(st.integers(0, 255), min_size=1, max_size=300).map(np.array),
)


@dataclass
class Item:
    """What a link leads to: a group with children, or something without."""

    kind: str
    attributes: dict[str, Any]
    children: dict[str, Item] = field(default_factory=dict)
    size: int = 0


def items(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Item]:
    return st.builds(Item, st.just("group"), ATTRIBUTES, st.dictionaries(NAMES, children, max_size=12))


ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=12)
LEAVES = st.builds(
    Item,
    st.sampled_from(["dataset", "chunked", "type", "soft", "external", "alias"]),
    ATTRIBUTES,
    size=st.integers(1, 800),
)
TREES = items(st.recursive(LEAVES, items, max_leaves=25))
TREES_WITHOUT_ALIASES = items(
    st.recursive(LEAVES.filter(lambda leaf: leaf.kind != "alias"), items, max_leaves=25)
)


def write(item: Item, libver: str) -> bytes:
    """A file with this tree in it."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=libver) as h5:
        fill(h5, item)
    return buffer.getvalue()


def fill(group: h5py.Group, item: Item) -> None:
    group.attrs.update(item.attributes)
    for name, child in item.children.items():
        if child.kind == "group":
            fill(group.create_group(name), child)
        elif child.kind == "soft":
            group[name] = h5py.SoftLink("/" + "x" * child.size)
        elif child.kind == "external":
            group[name] = h5py.ExternalLink("other.h5", "/x")
        elif child.kind == "alias":
            group[name] = group
        else:
            if child.kind == "type":
                group[name] = np.dtype(f"S{child.size}")
            else:
                chunks = (64,) if child.kind == "chunked" else None
                data = np.arange(max(64, child.size))
                group.create_dataset(name, data=data, chunks=chunks, compression=chunks and "gzip")
            group[name].attrs.update(child.attributes)
