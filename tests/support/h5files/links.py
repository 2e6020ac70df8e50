"""Generated files: links of every kind, groups of every storage."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from h5py import h5g, h5p

from tests.support.h5files.registry import fixture_file, group_plist, new_file

EXTERNAL_TARGET = "external_target.h5"
EXTERNAL_LOOP = "external_loop_other.h5"


@fixture_file
def hard_link_alias(path: Path) -> None:
    """One dataset under three names, one group under two, at different depths."""
    with new_file(path) as file:
        file["deep/er/data"] = np.arange(5)
        file["alias"] = file["deep/er/data"]
        file["deep/alias"] = file["deep/er/data"]
        file["group_alias"] = file["deep/er"]
        file["type"] = np.dtype("<f4")
        file["type_alias"] = file["type"]


@fixture_file
def cyclic_hard_link(path: Path) -> None:
    """Groups that contain themselves, their parents, the root, and each other."""
    with new_file(path) as file:
        group = file.create_group("group")
        group["itself"] = group
        group["data"] = np.arange(3)
        child = group.create_group("child")
        child["parent"] = group
        child["root"] = file["/"]
        one, other = file.create_group("one"), file.create_group("other")
        one["other"], other["one"] = other, one


@fixture_file
def soft_link(path: Path) -> None:
    """Soft links that lead somewhere: absolute, relative, to a dataset, a group, the root, a datatype."""
    with new_file(path) as file:
        file["group/data"] = np.arange(3)
        file["type"] = np.dtype("<i2")
        targets = {"absolute": "/group/data", "relative": "group/data", "group_link": "/group", "root": "/"}
        targets |= {"datatype": "type", "dotted": "./group/./data", "slashes": "//group//data/", "here": "."}
        for name, target in targets.items():
            file[name] = h5py.SoftLink(target)
        file["group/inside"] = h5py.SoftLink("data")


@fixture_file
def soft_link_dangling(path: Path) -> None:
    """Soft links that lead nowhere, or below something that is no group; .. means nothing to HDF5."""
    with new_file(path) as file:
        file["data"] = np.arange(3)
        file.create_group("group")
        for name, target in {
            "absent": "/no/such",
            "below_data": "/data/x",
            "parent": "../data",
            "space": " ",
        }.items():
            file["group/" + name] = h5py.SoftLink(target)


@fixture_file
def soft_link_loop(path: Path) -> None:
    """Soft links to themselves, to each other, and to a path below themselves."""
    with new_file(path) as file:
        for name, target in {"itself": "itself", "one": "two", "two": "one", "below": "/below/x"}.items():
            file[name] = h5py.SoftLink(target)
        file.create_group("group")["up"] = h5py.SoftLink("/group")


@fixture_file
def soft_link_through_soft_links(path: Path) -> None:
    """A soft link to a path that itself goes through soft links."""
    with new_file(path) as file:
        file["a/b/data"] = np.arange(4)
        file["to_a"] = h5py.SoftLink("/a")
        file["a/to_b"] = h5py.SoftLink("b")
        file["through"] = h5py.SoftLink("/to_a/to_b/data")
        file["nearly"] = h5py.SoftLink("/to_a/to_b/absent")


@fixture_file
def soft_link_chain(path: Path) -> None:
    """A chain of 50 soft links, longer than HDF5 follows (16 by default), that ends at a dataset."""
    with new_file(path) as file:
        file["link_00"] = np.arange(4)
        for number in range(1, 51):
            file[f"link_{number:02d}"] = h5py.SoftLink(f"link_{number - 1:02d}")


@fixture_file
def external_link(path: Path) -> None:
    """External links that lead somewhere: to a file beside, to this very file, through a soft link."""
    with new_file(path.parent / EXTERNAL_TARGET) as target:
        target["group/data"] = np.arange(6)
        target["soft"] = h5py.SoftLink("/group/data")
    with new_file(path) as file:
        file["data"] = h5py.ExternalLink(EXTERNAL_TARGET, "/group/data")
        file["group"] = h5py.ExternalLink(EXTERNAL_TARGET, "/group")
        file["root"] = h5py.ExternalLink(EXTERNAL_TARGET, "/")
        file["through_soft"] = h5py.ExternalLink(f"./{EXTERNAL_TARGET}", "soft")
        file["here"] = h5py.ExternalLink(path.name, "/local")
        file["local"] = np.arange(2)
        file["soft_to_external"] = h5py.SoftLink("/group/data")


@fixture_file
def external_link_dangling(path: Path) -> None:
    """External links to no file, to no object, to no HDF5 file, out of the folder, and to other machines."""
    path.with_name("external_text.txt").write_text("not HDF5\n", encoding="utf-8")
    with new_file(path) as file:
        file["no_object"] = h5py.ExternalLink(path.name, "/absent")
        targets = {"no_file": "nowhere.h5", "no_hdf5": "external_text.txt", "parent": "../../nowhere.h5"}
        targets |= {
            "absolute": "/nowhere/x.h5",
            "device": "/dev/null",
            "url": "s3://bucket/key.h5",
            "odd": "a b%20.h5",
        }
        for name, target in targets.items():
            file[name] = h5py.ExternalLink(target, "/data")


@fixture_file
def external_link_loop(path: Path) -> None:
    """Two files whose external links lead to each other."""
    with new_file(path.parent / EXTERNAL_LOOP) as other:
        other["loop"] = h5py.ExternalLink(path.name, "/loop")
        other["back"] = h5py.ExternalLink(path.name, "/")
    with new_file(path) as file:
        file["loop"] = h5py.ExternalLink(EXTERNAL_LOOP, "/loop")
        file["forth"] = h5py.ExternalLink(EXTERNAL_LOOP, "/")


def _fill(group: h5py.Group, count: int) -> None:
    """Links of every kind, by turns, to one dataset."""
    target = group.file.require_dataset("target", shape=(2,), dtype="<i4")
    for number in range(count):
        name = f"link_{(number * 37) % 1000:03d}"
        kind = number % 3
        group[name] = (target, h5py.SoftLink("/target"), h5py.ExternalLink("nowhere.h5", "/x"))[kind]


@fixture_file
def links_old_style(path: Path) -> None:
    """A group in the oldest format, a symbol table: of few links, of many, and of none."""
    with new_file(path) as file:
        target = file.create_dataset("target", shape=(2,), dtype="<i4")
        for name, count in (("none", 0), ("few", 3), ("many", 120)):
            group = file.create_group(name)
            for number in range(count):
                group[f"link_{number:03d}"] = h5py.SoftLink("/target") if number % 2 else target


@fixture_file
def links_compact(path: Path) -> None:
    """Groups in the newer format, their links inside the object header: up to eight, and none."""
    with new_file(path, libver="latest") as file:
        for name, count in (("none", 0), ("few", 3), ("most", 8)):
            _fill(file.create_group(name), count)


@fixture_file
def links_dense(path: Path) -> None:
    """Groups in the newer format with their links in a fractal heap: nine, and 300."""
    with new_file(path, libver="latest") as file:
        for name, count in (("nine", 9), ("many", 300)):
            _fill(file.create_group(name), count)


@fixture_file
def creation_order(path: Path) -> None:
    """Groups and attributes that remember the order they were created in, indexed by it and not."""
    with new_file(path, libver="latest", track_order=True) as file:
        for name, flags in (("tracked", h5p.CRT_ORDER_TRACKED), ("indexed", 3)):
            plist = group_plist()
            plist.set_link_creation_order(flags)
            plist.set_attr_creation_order(flags)
            group = h5py.Group(h5g.create(file.id, name.encode(), gcpl=plist))
            for number in range(12):
                word = f"{(number * 5) % 12:02d}"
                group[word] = number
                group.attrs[word] = number
        ordered = file.create_dataset("ordered", data=np.arange(2), track_order=True)
        for word in ("zulu", "alpha", "mike"):
            ordered.attrs[word] = 1
            file.attrs[word] = 1


@fixture_file
def deep_nesting(path: Path) -> None:
    """Sixty groups, each in the one before, with a dataset at the bottom."""
    with new_file(path) as file:
        file["/".join(f"level_{number:02d}" for number in range(60)) + "/data"] = np.arange(3)


@fixture_file
def many_datasets(path: Path) -> None:
    """1,500 datasets in one group."""
    with new_file(path) as file:
        group = file.create_group("group")
        for number in range(1500):
            group.create_dataset(f"data_{number:04d}", shape=(2,), dtype="<i2")


@fixture_file
def comments(path: Path) -> None:
    """Objects with a comment, which is neither an attribute nor a link."""
    with new_file(path) as file:
        file["data"] = np.arange(3)
        h5py.h5o.set_comment(file["data"].id, b"a comment")
        h5py.h5o.set_comment(file.id, "root: [red]é[/red]\n".encode())
