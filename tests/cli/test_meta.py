"""`h5s3 meta`: one object in full, as text and as JSON."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.support.cli import Result, file, run, sample
from tests.support.servers.s3 import S3Server


def meta(server: S3Server, name: str, *args: object) -> Result:
    return run("meta", sample(server, name), *args, on=server)


def local(name: str, *args: object) -> Result:
    return run("meta", file(name), *args)


def facts(result: Result) -> dict[str, str]:
    """The facts of the text, which stand between the heading and the attributes."""
    lines = result.lines[1:]
    end = next((i for i, line in enumerate(lines) if line.startswith("attributes")), len(lines))
    pairs = [line[2:].split("  ", 1) for line in lines[:end]]
    return {label.strip(): text.strip() for label, text in pairs}


def attributes(result: Result) -> dict[str, tuple[str, str]]:
    """Type and value of each attribute of the text."""
    lines = result.lines
    start = next((i for i, line in enumerate(lines) if line.startswith("attributes")), len(lines))
    cells = [line.strip().split("  ", 1) for line in lines[start + 1 :]]
    split = {name: rest.strip().split("  ", 1) for name, rest in (cell for cell in cells if len(cell) == 2)}
    return {name: (kind, value[0].strip() if value else "") for name, (kind, *value) in split.items()}


def test_the_root_tells_of_the_file(server: S3Server) -> None:
    where, size = sample(server, "nexus"), file("nexus").stat().st_size
    found = meta(server, "nexus", "--json").json
    etag = hashlib.md5(file("nexus").read_bytes()).hexdigest()
    assert (found["location"], found["etag"], found["kind"]) == (where, etag, "group")
    assert (found["path"], found["name"], found["num_children"]) == ("/", "/", 1)
    assert found["links"] == {"hard": 1, "soft": 0, "external": 0, "other": 0}
    assert found["file"] == {
        "size": size,
        "superblock_version": 0,
        "userblock_size": 0,
        "file_space_strategy": "aggregate",
        "page_size": None,
        "conventions": ["NeXus"],
    }
    text = meta(server, "nexus")
    assert text.lines[0] == f"{where}  /  group"
    assert facts(text) == {
        "links": "1 link (1 hard)",
        "order": "by name",
        "file": f"{size / 1000:.1f} kB ({size:,} bytes)",
        "etag": etag,
        "superblock": "version 0",
        "file space": "aggregate",
        "conventions": "NeXus",
    }
    assert attributes(text)["NeXus_version"] == ("str", "4.3.0")


@pytest.mark.parametrize(
    ("name", "conventions"),
    [
        ("netcdf4", "NetCDF-4, CF"),
        ("nexus_old_style", "NeXus"),
        ("anndata", "AnnData"),
        ("matlab73", "MATLAB 7.3"),
        ("pytables", "PyTables"),
        ("keras", "Keras"),
        ("nwb", "NWB"),
    ],
)
def test_conventions(name: str, conventions: str) -> None:
    assert local(name, "--json").json["file"]["conventions"] == conventions.split(", ")
    assert facts(local(name))["conventions"] == conventions


def test_no_convention_is_not_mentioned() -> None:
    assert local("contiguous", "--json").json["file"]["conventions"] == []
    assert "conventions" not in facts(local("contiguous"))


def test_superblock_user_block_and_pages() -> None:
    found = local("user_block_large", "--json").json["file"]
    assert (found["userblock_size"], found["superblock_version"]) == (8192, 3)
    assert facts(local("user_block_large"))["user block"] == "8.2 kB"
    found = local("space_page", "--json").json["file"]
    assert (found["file_space_strategy"], found["page_size"]) == ("page", 4096)
    assert facts(local("space_page"))["file space"] == "page, pages of 4,096 bytes"


def test_a_group(server: S3Server) -> None:
    found = meta(server, "nexus", "/entry", "--json").json
    assert (found["kind"], found["name"], found["num_children"]) == ("group", "entry", 6)
    assert found["links"] == {"hard": 4, "soft": 1, "external": 1, "other": 0}
    assert "file" not in found and "shape" not in found
    text = facts(meta(server, "nexus", "/entry"))
    assert text == {"links": "6 links (4 hard, 1 soft, 1 external)", "order": "by name"}
    assert local("creation_order", "/tracked", "--json").json["creation_order"]
    assert facts(local("creation_order", "/tracked"))["order"] == "by creation"


def test_a_dataset_as_h5py_has_it(server: S3Server) -> None:
    found = meta(server, "netcdf4", "/sst", "--json").json
    with h5py.File(file("netcdf4")) as there:
        data = there["sst"]
        assert (found["shape"], found["maxshape"]) == (list(data.shape), list(data.maxshape))
        assert (found["dtype"], found["size"], found["ndim"]) == (str(data.dtype), data.size, data.ndim)
        assert (found["nbytes"], found["storage_size"]) == (data.nbytes, data.id.get_storage_size())
        assert (found["chunks"], found["num_chunks"]) == (list(data.chunks), data.id.get_num_chunks())
        assert (found["compression"], found["compression_opts"]) == (data.compression, data.compression_opts)
        assert found["fill_value"] == data.fillvalue == -999
    assert found["type"] == {"class": "integer", "size": 2, "signed": True, "endianness": "little-endian"}
    assert [(item["id"], item["name"], item["available"]) for item in found["filters"]] == [
        (2, "shuffle", True),
        (1, "gzip", True),
    ]
    assert [item["scales"] for item in found["dimensions"]] == [["/time"], ["/lat"], ["/lon"]]
    stored = found["storage_size"]
    assert facts(meta(server, "netcdf4", "/sst")) == {
        "shape": "3 × 4 × 5",
        "dtype": "int16",
        "type": "little-endian 16-bit integer",
        "layout": "chunked, chunks of 1 × 4 × 5, 3 stored",
        "filters": "shuffle, gzip(4)",
        "size": f"120 B, stored in {stored} B (ratio {120 / stored:.2f})",
        "fill value": "-999",
        "dimensions": "3 /time, 4 /lat, 5 /lon",
    }


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("resizable", "/unlimited", {"shape": "10  (at most unlimited)"}),
        (
            "contiguous",
            "/scalar",
            {"shape": "scalar", "layout": "contiguous", "type": "little-endian 32-bit float"},
        ),
        ("null_spaces", "/fixed_string", {"shape": "null", "dtype": "str[6]"}),
        ("netcdf4", "/lat", {"scale": "a dimension scale"}),
        ("dimension_scales", "/data", {"dimensions": "3 t /time, 4 /height /altitude, 2 channel"}),
        ("unknown_filter", "/data", {"filters": "filter 40000 [not available here]"}),
        ("virtual_other_file", "/virtual", {"layout": "virtual", "sources": "virtual_source.h5:data"}),
        ("external_storage", "/whole", {"layout": "external", "external": "external_raw.bin  (raw data)"}),
        ("enums", "/negative", {"type": "enum {ABOVE=1, BELOW=-1} of little-endian 32-bit integer"}),
        ("compounds", "/plain", {"dtype": "{a: int32, b: float64}", "fill value": "{a: 0, b: 0}"}),
        ("arrays", "/", {"superblock": "version 0"}),
    ],
)
def test_facts_of_datasets(name: str, path: str, expected: dict[str, str]) -> None:
    text = facts(local(name, path))
    assert {label: text.get(label) for label in expected} == expected


def test_a_named_datatype(server: S3Server) -> None:
    found = meta(server, "committed_types", "/types/point", "--json").json
    assert (found["kind"], found["dtype"]) == ("datatype", "{x: float32, y: float32}")
    assert [member["name"] for member in found["type"]["members"]] == ["x", "y"]
    text = meta(server, "committed_types", "/types/point")
    assert text.lines[0].endswith("  /types/point  datatype")
    assert facts(text)["dtype"] == "{x: float32, y: float32}" and attributes(text) == {"unit": ("str", "m")}


def test_a_soft_link_that_leads_somewhere(server: S3Server) -> None:
    found = meta(server, "soft_link", "/relative", "--json").json
    assert (found["path"], found["kind"], found["target"]) == ("/relative", "dataset", "group/data")
    assert found["link"] == {"type": "soft_link", "target": "group/data", "resolved": True}
    assert found["shape"] == [3]
    assert facts(meta(server, "soft_link", "/relative"))["soft link"] == "→ group/data"
    assert "link" not in meta(server, "soft_link", "/group/data", "--json").json


@pytest.mark.parametrize(
    ("name", "path", "kind", "target", "word"),
    [
        ("soft_link_dangling", "/group/absent", "soft_link", "/no/such", "dangling"),
        ("soft_link_loop", "/itself", "soft_link", "itself", "dangling"),
        ("external_link", "/data", "external_link", "external_target.h5:/group/data", "not followed"),
        ("external_link_dangling", "/device", "external_link", "/dev/null:/data", "not followed"),
    ],
)
def test_a_link_that_leads_nowhere_here(
    server: S3Server, name: str, path: str, kind: str, target: str, word: str
) -> None:
    found = meta(server, name, path, "--json").json
    assert (found["kind"], found["target"], found["num_attributes"]) == (kind, target, 0)
    assert found["link"] == {"type": kind, "target": target, "resolved": False}
    text = meta(server, name, path)
    assert text.lines[0].endswith(f"  {path}  {kind}")
    assert facts(text) == {kind.replace("_", " "): f"→ {target}  ({word})"}


def test_a_link_of_a_class_of_its_own() -> None:
    found = local("user_defined_link", "/link", "--json").json
    assert (found["kind"], found["reason"]) == ("unresolved", "a user-defined link")
    assert facts(local("user_defined_link", "/link")) == {"reason": "a user-defined link"}


def test_one_attribute(server: S3Server) -> None:
    found = meta(server, "nexus", "/entry", "--attr", "NX_class", "--json").json
    assert found["attributes"] == [{"name": "NX_class", "value": "NXentry", "dtype": "str", "shape": []}]
    assert (found["num_attributes"], found["attributes_truncated"]) == (2, False)
    assert attributes(meta(server, "nexus", "/entry", "--attr", "NX_class")) == {
        "NX_class": ("str", "NXentry")
    }
    assert len(meta(server, "nexus", "/entry", "--attr", "NX_class").lines) == 3


def test_twenty_attributes_or_all(server: S3Server) -> None:
    found = meta(server, "attributes_many", "/group", "--json").json
    assert (found["num_attributes"], len(found["attributes"]), found["attributes_truncated"]) == (
        300,
        20,
        True,
    )
    text = meta(server, "attributes_many", "/group")
    assert "attributes (300)" in text.lines
    assert text.lines[-1] == "  … 280 more (--all-attrs shows all)" and len(attributes(text)) == 20
    found = meta(server, "attributes_many", "/group", "--all-attrs", "--json").json
    with h5py.File(file("attributes_many")) as there:
        expected: dict[str, Any] = {name: int(value) for name, value in there["group"].attrs.items()}
    assert {item["name"]: item["value"] for item in found["attributes"]} == expected
    assert not found["attributes_truncated"]
    assert len(attributes(meta(server, "attributes_many", "/group", "--all-attrs"))) == 300


def test_values_of_attributes() -> None:
    values = {item["name"]: item for item in local("attribute_values", "--json").json["attributes"]}
    special = values["special"]
    assert special["value"] == [None, None, None, 0.0]
    assert (special["nan_count"], special["inf_count"]) == (1, 2)
    assert (values["reference"]["value"], values["region"]["value"]) == ("/data", "/data[2:4]")
    assert values["compound"]["value"] == {"a": 1, "b": 2.5, "c": "abc"} and values["enum"]["value"] == "ON"
    assert values["grid"]["value"] == np.arange(12).reshape(3, 4).tolist()
    text = attributes(local("attribute_values"))
    assert text["special"] == ("float64[4]", "[nan or inf, nan or inf, nan or inf, -0]")
    assert text["boolean"] == ("bool", "true") and text["reference"] == ("ref(object)", "/data")
    assert text["texts"] == ("str[4]", "[one, zwei, три, ]")
    assert attributes(local("object_references"))["null"] == ("ref(object)", "null")


def test_long_values_are_cut_and_say_so() -> None:
    found = local("attribute_big", "--json").json["attributes"][0]
    assert found["truncated"] and found["shape"] == [6250] and len(found["value"]) < 6250
    assert attributes(local("attribute_big"))["numbers"][1].endswith(" … 6250 in all")


def infos(dataset: h5py.Dataset) -> list[dict[str, Any]]:
    """What h5py tells of each chunk."""
    found = [dataset.id.get_chunk_info(number) for number in range(dataset.id.get_num_chunks())]
    return [
        {
            "coordinates": list(one.chunk_offset),
            "offset": one.byte_offset,
            "size": one.size,
            "filter_mask": one.filter_mask,
        }
        for one in found
    ]


def place(chunk: dict[str, Any]) -> Any:
    return chunk["coordinates"]


KINDS = ["fixed_array_index", "btree_v1_index", "edge_chunks", "btree_v2_index", "netcdf4"]


@pytest.mark.parametrize("name", KINDS)
def test_chunks(server: S3Server, name: str) -> None:
    seen = 0
    with h5py.File(file(name)) as plain:
        for where in [where for where, one in plain.items() if isinstance(one, h5py.Dataset) and one.chunks]:
            found = meta(server, name, f"/{where}", "--chunks", "--json").json
            expected = infos(plain[where])
            assert sorted(found["chunk_index"], key=place) == sorted(expected, key=place)
            assert found["chunk_index_truncated"] is False
            lines = meta(server, name, f"/{where}", "--chunks", "--jsonl").out.splitlines()
            assert [json.loads(line) for line in lines] == found["chunk_index"]
            text = meta(server, name, f"/{where}", "--chunks").out
            assert "chunk at" in text and ("stored bytes of each chunk" in text) == bool(expected)
            seen += len(expected)
    assert seen


def test_where_contiguous_values_begin(tmp_path: Path) -> None:
    """From the first byte of the object on, also behind a user block."""
    name, values = tmp_path / "blocked.h5", np.arange(40, dtype="i4")
    with h5py.File(name, "w", userblock_size=512) as h5:
        h5["values"] = values
        h5.create_dataset("none", (4,), "i4")  # never written
        h5.create_dataset("chunked", data=values, chunks=(10,))
    found = run("meta", name, "/values", "--json").json
    assert name.read_bytes()[found["offset"] :][: found["storage_size"]] == values.tobytes()
    for path in ("/none", "/chunked", "/"):
        assert "offset" not in run("meta", name, path, "--json").json


def test_chunks_that_were_never_written() -> None:
    with h5py.File(file("never_written")) as h5:
        names = [name for name in h5 if h5[name].chunks and not h5[name].id.get_num_chunks()]
    assert names
    for name in names:
        shown = run("meta", file("never_written"), f"/{name}", "--chunks").lines
        assert "  no chunk is stored: every value is the fill value" in shown
        assert run("meta", file("never_written"), f"/{name}", "--chunks", "--jsonl").out == ""


def test_what_has_no_chunks(server: S3Server) -> None:
    where = sample(server, "contiguous")
    line = meta(server, "contiguous", "/vector", "--chunks").failed(2)
    assert line == f"{where}: /vector is not stored in chunks: its layout is contiguous"
    line = meta(server, "contiguous", "--chunks").failed(2)
    assert line == f"{where}: / is a group: it has no chunks; try: h5s3 tree {where}"
    assert meta(server, "contiguous", "/vector", "--jsonl").failed(2) == "--jsonl goes with --chunks"
