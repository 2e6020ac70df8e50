"""Stores that were made to harm end in one line and an exit code, within bounds."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest

import h5s3
from h5s3.errors import DamagedError, H5s3Error, RefusedError
from tests.support.cli import run
from tests.support.zarr_stores import GROUP_OF_V2, GROUP_OF_V3, array_of_v2, array_of_v3, on_disk

ZEROS = bytes(16 << 20)
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hostile.zarr"


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": [float("nan")]},
        {"shape": [-1]},
        {"shape": [True]},
        {"shape": "4"},
        {"shape": [1 << 63]},
        {"shape": [1 << 62, 1 << 62], "chunks": [1, 1]},
        {"shape": [1] * 65, "chunks": [1] * 65},
        {"chunks": [0]},
        {"chunks": [2, 2]},
        {"compressor": {"level": 1}},
        {"filters": "gzip"},
        {"filters": [{"id": "delta"}] * 101},
        {"dimension_separator": "/../"},
        {"shape": [1 << 80]},
        {"compressor": {"id": "zstd", "level": 1 << 80}, "shape": [-(1 << 70)]},
    ],
    ids=str,
)
def test_absurd_headers(fields: dict[str, Any], folder: Path) -> None:
    """In a tree they are unresolved; asked for themselves, damaged."""
    on_disk({".zgroup": GROUP_OF_V2, "bad/.zarray": array_of_v2(**fields)}, folder)
    (node,) = run("tree", folder, "--json").json["children"]
    assert node["type"] == "unresolved" and node["reason"]
    for command in ("meta", "preview", "tree"):
        assert run(command, folder, "/bad").failed(6)
    (entry,) = run("du", folder, "--json").json["entries"]
    assert entry["type"] == "unresolved" and entry["stored"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0]}}},
        {"chunk_grid": {"name": "rectilinear"}},
        {"chunk_grid": 5},
        {"chunk_key_encoding": {"name": "default", "configuration": {"separator": "../"}}},
        {"chunk_key_encoding": {"name": "../"}},
        {"codecs": {"name": "bytes"}},
        {"codecs": [{"name": "sharding_indexed", "configuration": {"chunk_shape": [3]}}],
         "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4]}}},
        {"data_type": {}},
        {"codecs": [{"name": "bytes", "configuration": [1]}]},
        {"node_type": "link"},
    ],
    ids=str,
)  # fmt: skip
def test_absurd_headers_of_version_3(fields: dict[str, Any], folder: Path) -> None:
    on_disk({"zarr.json": GROUP_OF_V3, "bad/zarr.json": array_of_v3(**fields)}, folder)
    (node,) = run("tree", folder, "--json").json["children"]
    assert node["type"] == "unresolved"
    assert run("meta", folder, "/bad").failed(6)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", 6),
        (b"[]", 6),
        (b"\xff\xfe", 6),
        (b'{"a":' * 200_000, 6),
        (b'{"node_type": "group", "attributes": {"a": ' + b"[" * 80 + b"]" * 80 + b"}}", 6),
        (b'{"node_type": "group", "attributes": {"a": ' + b"9" * 5000 + b"}}", 6),
        (b'{"node_type": "group"}' + b" " * (65 << 20), 8),
    ],
    ids=["empty", "list", "bytes", "endless", "deep", "number", "huge"],
)
def test_documents_that_are_none(document: bytes, code: int, folder: Path) -> None:
    on_disk({"zarr.json": document}, folder)
    for command in ("tree", "meta"):
        assert run(command, folder).failed(code)


@pytest.mark.parametrize("name", ["../outside", "a/../../b", "/etc", "a//b", "..", "a/\0"])
def test_names_that_lead_elsewhere(name: str, folder: Path) -> None:
    outside = on_disk({".zarray": array_of_v2(), "0": bytes(8)}, folder.parent / "outside")
    held = {"metadata": {".zgroup": {}, f"{name}/.zarray": json.loads(array_of_v2())}}
    on_disk({".zgroup": GROUP_OF_V2, ".zmetadata": json.dumps(held).encode()}, folder)
    assert "leads elsewhere" in run("tree", folder).failed(8)
    (folder / ".zmetadata").unlink()
    if "\0" not in name:
        assert run("preview", folder, name).code in (3, 8) and outside.exists()


def test_consolidated_groups_without_end(folder: Path) -> None:
    held = {"metadata": {"/".join(["a"] * 300) + "/.zgroup": {"zarr_format": 2}}}
    on_disk({".zgroup": GROUP_OF_V2, ".zmetadata": json.dumps(held).encode()}, folder)
    assert "nested more than" in run("tree", folder, "-r").failed(8)


def test_links_are_not_followed(folder: Path) -> None:
    """Neither out of the folder nor in a circle; nor are their targets counted."""
    secret = folder.parent / "secret"
    secret.write_bytes(b"12345678")
    outside = on_disk({".zarray": array_of_v2(), "0": bytes(8)}, folder.parent / "outside")
    on_disk({".zgroup": GROUP_OF_V2, "a/.zarray": array_of_v2(), "b/.zgroup": GROUP_OF_V2}, folder)
    (folder / "a" / "0").symlink_to(secret)
    (folder / "b" / "round").symlink_to(folder)
    (folder / "out").symlink_to(outside)
    found = run("tree", folder, "-r", "--json").json
    assert [node["name"] for node in found["children"]] == ["a", "b"]
    assert found["children"][1]["num_children"] == 0
    assert "symbolic link" in run("preview", folder, "a").failed(8)
    assert run("preview", folder, "out").code in (3, 8)
    assert run("preview", folder, "b/round/a").code in (3, 8)
    assert run("du", folder, "--json").json["stored"] == 0
    assert run("meta", folder, "a", "--json").json["storage_size"] == 0


@pytest.mark.parametrize(
    ("codec", "packed"),
    [
        ({"id": "gzip", "level": 1}, lambda: gzip.compress(ZEROS, 1)),
        ({"id": "gzip", "level": 1}, lambda: gzip.compress(ZEROS[: 1 << 20], 1) * 16),
        ({"id": "zlib", "level": 1}, lambda: zlib.compress(ZEROS, 1)),
        ({"id": "bz2", "level": 1}, lambda: bz2.compress(ZEROS, 1)),
        ({"id": "lzma", "format": 1}, lambda: lzma.compress(ZEROS[: 8 << 20], preset=0)),
        ({"id": "zstd", "level": 1}, lambda: numcodecs.zstd.compress(ZEROS)),
        ({"id": "zstd", "level": 1},  # a frame that does not tell its length: blocks of 128 KiB of one byte
         lambda: b"\x28\xb5\x2f\xfd\x00\x58" + (b"\x02\x00\x10\x00" * 200) + b"\x03\x00\x10\x00"),
        ({"id": "blosc"}, lambda: numcodecs.blosc.compress(ZEROS, b"lz4", 5)),
        ({"id": "lz4"}, lambda: numcodecs.lz4.compress(ZEROS)),
    ],
    ids=["gzip", "gzips", "zlib", "bz2", "lzma", "zstd", "zstd-untold", "blosc", "lz4"],
)  # fmt: skip
def test_codec_bombs(codec: dict[str, Any], packed: Callable[[], bytes], folder: Path) -> None:
    """A chunk of 20,000 numbers that unpacks to megabytes: alone, and in a shard."""
    stored = packed()
    on_disk({".zarray": array_of_v2(shape=[20_000], chunks=[20_000], compressor=codec), "0": stored}, folder)
    assert "unpacks to more than" in run("preview", folder).failed(6)
    name = codec["id"] if codec["id"] in ("gzip", "zstd", "blosc") else f"numcodecs.{codec['id']}"
    inner = {"name": name, "configuration": {key: value for key, value in codec.items() if key != "id"}}
    sharding = {"chunk_shape": [20_000], "codecs": [BYTES, inner], "index_codecs": [BYTES]}
    document = array_of_v3(
        shape=[20_000],
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": [20_000]}},
        codecs=[{"name": "sharding_indexed", "configuration": sharding}],
    )
    index = struct.pack("<QQ", 0, len(stored))
    shard = on_disk({"zarr.json": document, "c/0": stored + index}, folder.parent / "shard.zarr")
    with pytest.raises(DamagedError):
        h5s3.get(shard, "/")


def test_counts_that_take_memory(folder: Path) -> None:
    """Strings: four bytes say that there are four thousand millions of them."""
    document = array_of_v2(dtype="|O", filters=[{"id": "vlen-utf8"}], fill_value="")
    on_disk({".zarray": document, "0": b"\xff\xff\xff\xff", "1": struct.pack("<II", 2, 1 << 31)}, folder)
    assert "more values than it has" in run("preview", folder, "--slice", ":2").failed(6)
    assert run("preview", folder, "--slice", "2:").failed(6)


def test_chunks_of_terabytes(folder: Path) -> None:
    on_disk({".zarray": array_of_v2(shape=[1 << 40], chunks=[1 << 40]), "0": b"1"}, folder)
    assert run("tree", folder, "--json").json["node"]["nbytes"] == 4 << 40
    assert "MiB" in run("preview", folder).failed(8)
    assert "MiB" in run("get", folder, "/", "--slice", ":3", "-o", "-.json").failed(8)
    wide = on_disk({".zarray": array_of_v2(dtype="|S2000000000")}, folder.parent / "wide.zarr")
    assert run("preview", wide).failed(8)


def test_code_is_never_run(folder: Path) -> None:
    """The codec `pickle` runs what a store tells it to."""

    class Harm:
        def __reduce__(self) -> Any:
            return (Path.touch, (folder.parent / "harm",))

    import pickle

    for number, fields in enumerate([{"filters": [{"id": "pickle"}]}, {"compressor": {"id": "pickle"}}]):
        where = on_disk(
            {".zarray": array_of_v2(dtype="|O", **fields), "0": pickle.dumps(Harm())}, folder / str(number)
        )
        assert run("preview", where).code in (0, 6, 8)
        where = on_disk({".zarray": array_of_v2(**fields), "0": pickle.dumps(Harm())}, folder / f"{number}i")
        assert "never used" in run("preview", where).failed(8)
    assert not (folder.parent / "harm").exists()


def test_filters_that_take_memory(folder: Path) -> None:
    wide = {"id": "astype", "encode_dtype": "|S2000000000", "decode_dtype": "<i4"}
    dictionary = {"id": "lzma", "format": 3, "filters": [{"id": 33, "dict_size": 3 << 30}]}
    on_disk({".zarray": array_of_v2(filters=[wide]), "0": bytes(8)}, folder / "wide")
    assert "makes values of" in run("preview", folder / "wide").failed(8)
    on_disk({".zarray": array_of_v2(compressor=dictionary), "0": b"\1" * 8}, folder / "lzma")
    assert "dictionary is too large" in run("preview", folder / "lzma").failed(6)


@pytest.mark.parametrize(
    "index",
    [
        struct.pack("<QQQQ", 0, 1 << 40, 0, 4),
        struct.pack("<QQQQ", 1 << 63, 1 << 63, 0, 4),
        struct.pack("<QQQQ", (1 << 64) - 2, 8, 0, 4),
        b"short",
    ],
)
def test_shards_that_point_elsewhere(index: bytes, folder: Path) -> None:
    sharding = {"chunk_shape": [2], "codecs": [BYTES], "index_codecs": [BYTES]}
    document = array_of_v3(
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": [4]}},
        codecs=[{"name": "sharding_indexed", "configuration": sharding}],
    )
    on_disk({"zarr.json": document, "c/0": bytes(8) + index}, folder)
    with pytest.raises(DamagedError):
        h5s3.get(folder, "/")


def test_an_index_that_is_huge(folder: Path) -> None:
    sharding = {"chunk_shape": [1], "codecs": [BYTES], "index_codecs": [BYTES]}
    document = array_of_v3(
        shape=[1 << 40],
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": [1 << 40]}},
        codecs=[{"name": "sharding_indexed", "configuration": sharding}],
    )
    on_disk({"zarr.json": document, "c/0": bytes(8)}, folder)
    with pytest.raises(RefusedError, match="index"):
        h5s3.get(folder, "/", selection=":3")


def test_headers_that_lack_something(folder: Path) -> None:
    """Or hold numbers that JSON here does not: they are told all the same."""
    whole = json.loads(array_of_v2(compressor={"id": "zstd", "level": 1 << 80}, fill_value=1 << 90))
    for name in ("zarr_format", "order", "fill_value", "filters"):
        held = {key: value for key, value in whole.items() if key != name}
        where = on_disk({".zarray": json.dumps(held).encode()}, folder / name)
        assert run("meta", where, "--json").json["codecs"][0]["configuration"]["level"] == str(1 << 80)
        assert run("preview", where).code in (0, 6)


def test_fill_values_that_no_integer_is(folder: Path) -> None:
    """Of an array with named dimensions it means what is missing; this one means nothing."""
    named = json.dumps({"_ARRAY_DIMENSIONS": ["x"], "units": "K"}).encode()
    for fill in (float("nan"), float("inf"), 0.5):
        where = on_disk({".zarray": array_of_v2(fill_value=fill), ".zattrs": named}, folder / str(fill))
        assert run("preview", where).code in (0, 6)


def test_text_is_made_safe(folder: Path) -> None:
    """Names and values with escapes, halves of surrogate pairs, and integers beyond 64 bits."""
    attributes = {
        "\x1b[31mred": "\x1b]0;title\x07",
        "\ud800half": "\udfff",
        "large": 1 << 80,
        "nan": float("nan"),
    }
    on_disk({".zgroup": GROUP_OF_V2, ".zattrs": json.dumps(attributes).encode()}, folder)
    shown = run("meta", folder)
    assert shown.code == 0 and "\x1b" not in shown.out and "\x07" not in shown.out
    found = {one["name"]: one["value"] for one in run("meta", folder, "--json").json["attributes"]}
    assert found["large"] == str(1 << 80) and found["nan"] is None and found["\\ud800half"] == "\\udfff"


def test_random_damage_ends_plainly(folder: Path) -> None:
    """Documents and chunks with bytes changed: an answer, or an error of this tool."""
    random = np.random.default_rng(0)
    whole = {
        "zarr.json": array_of_v3(codecs=[BYTES, {"name": "zstd", "configuration": {"level": 1}}]),
        "c/0": bytes(numcodecs.zstd.compress(bytes(8))),
    }
    for number in range(60):
        damaged = {}
        for name, data in whole.items():
            changed = np.frombuffer(data, dtype="u1").copy()
            changed[random.integers(0, changed.size, 2)] = random.integers(0, 256, 2)
            damaged[name] = changed.tobytes()
        where = on_disk(damaged, folder / str(number))
        for ask in (h5s3.tree, h5s3.meta, h5s3.preview, lambda where: h5s3.get(where, "/")):
            try:
                ask(where)
            except H5s3Error as error:
                assert error.exit_code in (2, 3, 6, 8)


@pytest.mark.slow
def test_thousands_of_groups(folder: Path) -> None:
    held = {"metadata": {f"{'/'.join(['g'] * (1 + n % 150))}/{n}/.zgroup": {} for n in range(50_000)}}
    on_disk({".zgroup": GROUP_OF_V2, ".zmetadata": json.dumps(held).encode()}, folder)
    assert run("tree", folder, "-r", "--limit", "0", "--json").code == 0
