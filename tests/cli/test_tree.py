"""`h5s3 tree`: what lies below a path, as text and as JSON."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.support.cli import Result, file, run, sample, spawn, validator
from tests.support.servers.s3 import S3Server

ENTRY = ["data", "definition", "frames", "instrument", "soft_counts", "title"]


def tree(server: S3Server, name: str, *args: object) -> Result:
    return run("tree", sample(server, name), *args, on=server)


def local(name: str, *args: object) -> Result:
    return run("tree", file(name), *args)


def names(nodes: list[Any]) -> list[str]:
    return [node["name"] for node in nodes]


def paths(nodes: list[Any]) -> list[str]:
    """The paths of nodes and of all below them, parents first."""
    return [path for node in nodes for path in (node["path"], *paths(node.get("children", [])))]


def child(document: Any, name: str) -> Any:
    return next(node for node in document["children"] if node["name"] == name)


def shown(line: str) -> list[str]:
    """The cells of a line of the tree."""
    return [cell.strip() for cell in line.lstrip("│├└─ ").split("  ") if cell.strip()]


def test_the_root_one_level(server: S3Server) -> None:
    where = sample(server, "nexus")
    assert tree(server, "nexus", "--json").json == {
        "schema": "h5s3/tree/1",
        "location": where,
        "key": where.removeprefix("s3://cli/"),
        "etag": hashlib.md5(file("nexus").read_bytes()).hexdigest(),
        "path": "/",
        "num_children": 1,
        "children": [
            {"type": "group", "name": "entry", "path": "/entry", "num_children": 6, "nx_class": "NXentry"}
        ],
        "children_truncated": False,
        "cached": False,
    }
    assert tree(server, "nexus").lines == [f"{where}  /  (1 child)", "└── entry/  6 children  NXentry"]


def test_a_group(server: S3Server) -> None:
    found = tree(server, "nexus", "/entry", "--json").json
    assert (found["path"], found["num_children"], names(found["children"])) == ("/entry", 6, ENTRY)
    assert not any("children" in node for node in found["children"])
    heading, *lines = tree(server, "nexus", "/entry").lines
    assert heading == f"{sample(server, 'nexus')}  /entry  (6 children, logical sizes)"
    assert [shown(line) for line in lines] == [
        ["data/", "4 children", "NXdata"],
        ["definition", "scalar", "str", "8 B"],
        ["frames → frames_000001.h5:/entry/data/data", "(external link)"],
        ["instrument/", "1 child", "NXinstrument"],
        ["soft_counts → /entry/instrument/detector/counts", "(soft link)"],
        ["title", "scalar", "str", "8 B"],
    ]


@pytest.mark.parametrize("path", ["entry", "/entry/", "//entry", "/./entry"])
def test_ways_to_write_a_path(path: str) -> None:
    assert local("nexus", path, "--json").json["path"] == "/entry"


def test_a_dataset(server: S3Server) -> None:
    found = tree(server, "nexus", "/entry/data/counts", "--json").json
    assert (found["path"], found["num_children"], found["children"]) == ("/entry/data/counts", 0, [])
    assert found["node"] == {
        "type": "dataset",
        "name": "counts",
        "path": "/entry/data/counts",
        "shape": [5, 6],
        "dtype": "uint32",
        "size": 30,
        "ndim": 2,
        "nbytes": 120,
        "layout": "chunked",
        "chunks": [1, 6],
    }
    heading, line = tree(server, "nexus", "/entry/data/counts").lines
    assert heading.endswith("  /entry/data/counts  (logical size)")
    assert shown(line) == ["counts", "5 × 6", "uint32", "chunks 1 × 6", "120 B"]


def test_a_soft_link_is_followed_where_it_leads_to_a_group(server: S3Server) -> None:
    found = tree(server, "soft_link", "/group_link", "--json").json
    assert found["path"] == "/group_link" and names(found["children"]) == ["data", "inside"]
    assert found["children"][1] == {
        "type": "soft_link",
        "name": "inside",
        "path": "/group_link/inside",
        "target": "data",
    }
    assert tree(server, "soft_link", "/group_link").lines[2] == "└── inside → data  (soft link)"


@pytest.mark.parametrize(
    ("name", "path", "kind", "target"),
    [
        ("soft_link_dangling", "/group/absent", "soft_link", "/no/such"),
        ("soft_link_loop", "/one", "soft_link", "two"),
        ("external_link", "/data", "external_link", "external_target.h5:/group/data"),
    ],
)
def test_a_link_that_leads_to_nothing_here(name: str, path: str, kind: str, target: str) -> None:
    found = local(name, path, "--json").json
    assert (found["node"]["type"], found["node"]["target"]) == (kind, target)
    line = local(name, path).lines[-1]
    assert line == f"└── {path.rpartition('/')[2]} → {target}  ({kind.replace('_', ' ')})"


def test_depth_and_recursion(server: S3Server) -> None:
    data = ["/entry/data", *(f"/entry/data/{name}" for name in ("angle", "angle_errors", "counts", "energy"))]
    two = tree(server, "nexus", "/entry", "-d", 2, "--json").json
    assert [path for path in paths(two["children"]) if "/data" in path] == data
    assert "/entry/instrument/detector" in paths(two["children"])
    assert "/entry/instrument/detector/counts" not in paths(two["children"])
    everything = tree(server, "nexus", "-r", "--json").json
    assert tree(server, "nexus", "--depth", 9, "--json").json["children"] == everything["children"]
    assert len(paths(everything["children"])) == 13
    lines = tree(server, "nexus", "-r").lines
    assert [shown(line)[0].split(" ")[0].rstrip("/") for line in lines[1:]] == [
        path.rpartition("/")[2] for path in paths(everything["children"])
    ]


def test_an_object_met_before_is_named_by_its_first_path(server: S3Server) -> None:
    lines = tree(server, "nexus", "-r").lines
    assert "    │       └── counts = /entry/data/counts" in lines
    found = tree(server, "cyclic_hard_link", "-r", "--json").json
    group = child(found, "group")
    assert group["path"] == "/group" and "alias_of" not in group
    assert child(group, "itself")["alias_of"] == "/group"
    assert child(child(group, "child"), "root")["alias_of"] == "/"


@pytest.mark.parametrize("limit", [1, 3])
def test_what_is_cut_says_so(server: S3Server, limit: int) -> None:
    found = tree(server, "many_datasets", "-r", "--limit", limit, "--json").json
    group = found["children"][0]
    assert (group["num_children"], len(group["children"]), group["children_truncated"]) == (1500, limit, True)
    assert not found["children_truncated"]
    lines = tree(server, "many_datasets", "/group", "--limit", limit).lines
    assert lines[0].endswith("  /group  (1,500 children, logical sizes)") and len(lines) == limit + 2
    assert lines[-1] == f"└── … {1500 - limit:,} more (--limit 0 shows all)"


def test_limits_of_one_level() -> None:
    found = local("many_datasets", "/group", "--json").json
    assert len(found["children"]) == 100 and found["children_truncated"]
    found = local("many_datasets", "/group", "--limit", 0, "--json").json
    assert len(found["children"]) == 1500 and not found["children_truncated"]
    assert len(local("many_datasets", "/group", "--limit", 1500).lines) == 1501


def test_attributes(server: S3Server) -> None:
    found = tree(server, "nexus", "/entry", "--attrs", "--json").json
    assert {item["name"]: item["value"] for item in found["attributes"]} == {
        "NX_class": "NXentry",
        "default": "data",
    }
    assert (found["num_attributes"], found["attributes_truncated"]) == (2, False)
    axes = next(item for item in child(found, "data")["attributes"] if item["name"] == "axes")
    assert axes == {"name": "axes", "value": ["angle", "energy"], "dtype": "str", "shape": [2]}
    assert child(found, "title")["num_attributes"] == 0
    lines = tree(server, "nexus", "/entry", "--attrs").lines
    assert lines[1:6] == [
        "│   @NX_class = NXentry",
        "│   @default = data",
        "├── data/        4 children  NXdata",
        "│   @NX_class = NXdata",
        "│   @angle_indices = 0",
    ]
    assert "attributes" not in child(tree(server, "nexus", "/entry", "--json").json, "data")


def test_many_attributes_are_cut() -> None:
    group = child(local("attributes_many", "--attrs", "--json").json, "group")
    assert (group["num_attributes"], len(group["attributes"]), group["attributes_truncated"]) == (
        300,
        20,
        True,
    )
    assert "│   @… more attributes (h5s3 meta shows them)" in local("attributes_many", "--attrs").lines


def test_jsonl_is_a_record_a_line_parents_first(server: S3Server) -> None:
    records = tree(server, "nexus", "-r", "--jsonl", "--no-cache").records
    assert tree(server, "nexus", "-r", "--jsonl").records == records  # walked, too, and remembered
    whole = tree(server, "nexus", "-r", "--json").json
    assert whole["cached"] and tree(server, "nexus", "-r", "--jsonl").records == records
    told = [record["path"] for record in records]
    assert sorted(told) == sorted(["/", *paths(whole["children"])])
    assert all(told.index(path.rpartition("/")[0] or "/") < place for place, path in enumerate(told) if place)
    assert not any("children" in record for record in records)
    node = validator("tree").schema["$defs"]["Tree"]["properties"]["children"]["items"]
    each = validator("tree").evolve(schema={**node, "$defs": validator("tree").schema["$defs"]})
    for record in records:
        each.validate(record)
    assert {**records[1], "children": whole["children"][0]["children"]} == whole["children"][0]


def test_jsonl_says_what_was_cut_and_what_path_is() -> None:
    top, *rest = local("many_datasets", "/group", "--limit", 2, "--jsonl").records
    assert top == {
        "type": "group",
        "name": "group",
        "path": "/group",
        "num_children": 1500,
        "children_truncated": True,
    }
    assert len(rest) == 2
    assert [item["type"] for item in local("nexus", "/entry/title", "--jsonl").records] == ["dataset"]
    top = local("nexus", "/entry", "--attrs", "--jsonl").records[0]
    assert [item["name"] for item in top["attributes"]] == ["NX_class", "default"]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("committed_types", ["time", "datatype", "time32"]),
        ("null_spaces", ["fixed_string", "null", "str[6]", "0 B"]),
        ("gzip", ["all", "24 × 32", "int32", "chunks 12 × 16", "shuffle+gzip+fletcher32", "3.1 kB"]),
        ("contiguous", ["scalar", "scalar", "float32", "4 B"]),
        ("compact", ["vector", "10", "int32", "compact", "40 B"]),
        ("virtual_same_file", ["virtual", "2 × 10", "int32", "virtual", "80 B"]),
        ("external_storage", ["whole", "20", "int32", "external", "80 B"]),
        ("user_defined_link", ["link", "(unresolved: a user-defined link)"]),
        ("unknown_filter", ["data", "8", "int32", "chunks 8", "filter 40000", "32 B"]),
    ],
)
def test_what_the_text_says_of_each_kind(name: str, cells: list[str]) -> None:
    assert cells in [shown(line) for line in local(name).lines[1:]]


def test_what_cannot_be_read_stands_among_what_can(server: S3Server) -> None:
    found = tree(server, "corrupted_child_header", "--json").json
    assert child(found, "group")["num_children"] == 1
    other = child(found, "other")
    assert other["type"] == "unresolved" and "checksum" in other["reason"]
    assert tree(server, "corrupted_child_header").lines[-1] == f"└── other  (unresolved: {other['reason']})"


def test_without_unicode_the_lines_are_ascii() -> None:
    result = spawn("tree", file("nexus"), "-r", "--attrs", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert result.code == 0 and result.out.isascii() and "\\u" not in result.out
    assert "`-- entry/" in result.out and "5 x 6" in result.out and "-> /entry" in result.out


def test_a_walk_is_remembered(server: S3Server) -> None:
    first, second = (tree(server, "netcdf4", "--json").json for _ in range(2))
    assert (first.pop("cached"), second.pop("cached")) == (False, True) and first == second
    for option in ("--refresh", "--no-cache", "--offline"):
        again = tree(server, "netcdf4", option, "--json").json
        assert again.pop("cached") == (option != "--no-cache") and again == first


def test_the_same_file_gives_the_same_tree_wherever_it_is(server: S3Server) -> None:
    there, here = (
        tree(server, "netcdf4", "-r", "--attrs", "--json").json,
        local("netcdf4", "-r", "--attrs", "--json").json,
    )
    assert here["location"] == here["key"] == str(file("netcdf4"))
    for field in ("location", "key", "etag"):
        assert there.pop(field) != here.pop(field)
    assert there == here
