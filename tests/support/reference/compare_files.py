"""One file of which nothing is known: whether `tree` says of it what plain h5py says."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import h5py

from h5s3.errors import H5s3Error
from h5s3.explore.meta import meta
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import to_json
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support.reference import compare_objects, h5py_walk
from tests.support.reference.compare_attributes import Case, attribute_names, check_attributes
from tests.support.reference.h5py_values import os_bytes, shown
from tests.support.servers.memory import LOCATION, MemoryStore, in_blocks, memory_session, one_file_session

MOST_OBJECTS = 60  # of one file of which `meta` is asked
OWN = ("location", "key", "etag", "cached", "size")  # fields that tell of the storage
Wrong = list[list[str]]


def disagreements(path: Path) -> tuple[int, Wrong]:
    """How many objects were compared, and what differs: whole, in small blocks, and as h5py walks it."""
    wrong: Wrong = []
    with Session(Settings(no_cache=True)) as session:
        whole = _wordless(_asked(session, Location("local", str(path))))
    store = MemoryStore(path.read_bytes())
    for ahead in (False, True):
        with in_blocks(512, ahead=ahead), memory_session(store) as session:
            pieces = _wordless(_asked(session, LOCATION))
        if pieces != whole:
            wrong.append([f"in blocks, ahead={ahead}", *_difference(whole, pieces)])
    try:
        entries = h5py_walk.walk(path)
    except (*h5py_walk.FAILURES, UnicodeError, RecursionError, MemoryError):
        return 0, wrong
    if entries["/"]["kind"] != "group":
        return 0, wrong
    if _twice(entries):  # two links of one name: which of them h5py finds is chance
        return 0, wrong
    if isinstance(whole, str):
        return 0, [*wrong, ["h5py reads it all", whole[:300]]]
    return len(entries), wrong + against_h5py(path, entries)


def against_h5py(path: Path, entries: dict[str, h5py_walk.Entry]) -> Wrong:
    """What `tree` and `meta` say of a local file, held against h5py object by object.

    Objects that h5py does not find by the names that it lists are not compared: in groups whose names are out
    of order we find them, by their addresses.
    """
    wrong: Wrong = []
    location = Location("local", str(path))
    with one_file_session(location) as session, h5py.File(path, "r") as h5:
        case = _Case(session, location, h5, entries)
        nodes = compare_objects.nodes_below(
            tree(session, location, TreeRequest(depth=0, limit=0, attributes=True))
        )
        other = [name for name in nodes.keys() ^ entries.keys() if not _below_lost(entries, name)]
        if other:
            return [["other paths", str(sorted(other))[:300]]]
        for name, node in nodes.items():
            entry = entries.get(name, {"kind": "unresolved"})
            if "unresolved" in (entry["kind"], entries.get(entry.get("canonical", name), entry)["kind"]):
                continue
            wrong += _checked(f"node {name}", compare_objects.check_node, case, name, node)
        for name in list(entries)[:MOST_OBJECTS]:
            wrong += _checked(f"meta {name}", _check_meta, case, name)
    return wrong


def _check_meta(case: Case, path: str) -> None:
    entry = case.entries[path]
    entry = case.entries[entry.get("canonical", path)]
    if entry["kind"] not in ("group", "dataset", "datatype") or entry.get("attribute_count") is None:
        return
    document = meta(case.session, case.location, MetaRequest(path, all_attributes=True))
    assert document.kind == entry["kind"]
    owner = case.object(path)
    check_attributes(case, owner, document.attributes, attribute_names(owner))
    if entry["kind"] == "group" and not _lost_below(case, path):
        compare_objects.check_group(case, path, document, owner)
    if entry["kind"] == "group":
        return
    compare_objects.check_type(document, owner.get_type() if entry["kind"] == "dataset" else owner)
    if entry["kind"] == "dataset" and (document.storage_size is not None or _cells_are_told(owner)):
        compare_objects.check_dataset(case, entry, document, owner)


def _wordless(value: Any) -> Any:
    """Answers without the words for damage, which hang on how much libhdf5 reads at once."""
    if isinstance(value, dict):
        return {name: "damaged" if name == "error" else _wordless(item) for name, item in value.items()}
    return [_wordless(item) for item in value] if isinstance(value, list) else value


def _twice(entries: dict[str, h5py_walk.Entry]) -> bool:
    """Whether a group has two links of the same name, as only damage can do."""
    listed = Counter(path.rpartition("/")[0] or "/" for path in entries if path != "/")
    return any(listed[path] != entry.get("link_count", listed[path]) for path, entry in entries.items())


def _cells_are_told(dataset: Any) -> bool:
    """Whether the index of the chunks can be read to its end: h5py sums up what it meets, we do not."""
    cells: list[Any] = []
    try:
        dataset.chunk_iter(lambda chunk: cells.append(chunk.chunk_offset))
    except h5py_walk.FAILURES:
        return False
    return None not in cells


def _lost_below(case: Case, path: str) -> bool:
    """Whether h5py does not find all that lies below a path."""
    below = f"{case.entries[path].get('canonical', path).rstrip('/')}/"
    return any(
        entry["kind"] == "unresolved" for name, entry in case.entries.items() if name.startswith(below)
    )


class _Case(Case):
    """For groups whose names are out of order, in which h5py does not find all that it lists."""

    def address(self, path: str) -> int:
        """Of the object at a path."""
        if path.startswith("@"):  # an object that has no name that we would know
            return int(path[1:])
        try:
            return super().address(path)
        except h5py_walk.FAILURES:
            parent, _, name = path.rpartition("/")
            listed: dict[str, int] = {}  # a path of ours has what is no UTF-8 escaped
            group = h5py.h5g.open(self.h5.id, os_bytes(parent or "/"))
            group.links.iterate(lambda name, info: listed.update({shown(name): info.u}), info=True)
            return listed[shown(os_bytes(name))]


def _below_lost(entries: dict[str, h5py_walk.Entry], path: str) -> bool:
    """Whether a path leads through an object that h5py does not describe: it wants to know the sizes of its
    indexes, which we do without."""
    parents = itertools.accumulate(path.split("/")[:-1], "{}/{}".format)
    return any(entries.get(parent, {}).get("kind") == "unresolved" for parent in parents)


def _checked(what: str, check: Any, *arguments: Any) -> Wrong:
    try:
        check(*arguments)
    except Exception as error:  # noqa: BLE001 - told of, with its place
        place = error.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        line = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else ""
        return [[what, line, repr(error)[:400]]]
    return []


def _asked(session: Session, location: Location) -> Any:
    """The tree as JSON without what tells of the storage; or what was said of the file in its place."""
    try:
        document = json.loads(
            to_json(tree(session, location, TreeRequest(depth=0, limit=0, attributes=True)))
        )
    except H5s3Error as error:
        return f"{error.exit_code}: {error.cause}"
    return {name: value for name, value in document.items() if name not in OWN}


def _difference(one: Any, two: Any, where: str = "") -> list[str]:
    """The first place where two documents differ."""
    if isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys():
        for name in one:
            if one[name] != two[name]:
                return _difference(one[name], two[name], f"{where}/{name}")
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for number, (first, second) in enumerate(zip(one, two, strict=True)):
            if first != second:
                return _difference(first, second, f"{where}/{number}")
    return [where, str(one)[:200], str(two)[:200]]
