"""Manifests that are made to hurt: they are refused, or called damaged, in bounded time and memory."""

from __future__ import annotations

import json
import random
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.tables import avro as avro_module
from h5s3.formats.tables.avro import Decoder
from h5s3.formats.tables.iceberg.table import open_table
from tests.formats.tables.iceberg.making import LIST, FolderPlace, Made, avro, column, one, struct_of

SCHEMA = struct_of("r", one(1, "text", "string", False))


def container(schema: Any, blocks: list[tuple[int, bytes]], codec: str = "null") -> bytes:
    """An Avro file of blocks that are given as they are to stand there."""
    text = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    parts = [b"Obj\x01", b"\x04", _bytes(b"avro.schema"), _bytes(text), _bytes(b"avro.codec")]
    parts += [_bytes(codec.encode()), b"\0", b"S" * 16]
    for count, data in blocks:
        parts += [_number(count), _bytes(data), b"S" * 16]
    return b"".join(parts)


def _number(value: int) -> bytes:
    left, found = value << 1, bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*found, left])


def _bytes(data: bytes) -> bytes:
    return _number(len(data)) + data


def records(data: bytes) -> list[Any]:
    return list(Decoder().read(data, "m.avro").records)


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard", "bzip2"])
def test_what_writers_pack_comes_out(codec: str) -> None:
    wanted = [{"text": "a" * number} for number in range(500)]
    if codec in ("null", "deflate", "bzip2"):
        data = avro(SCHEMA, wanted, codec)
    else:
        plain = b"".join(_bytes(one["text"].encode()) for one in wanted)
        packed = pa.compress(plain, "zstd" if codec == "zstandard" else codec, asbytes=True)
        crc = avro_module.zlib.crc32(plain).to_bytes(4, "big") if codec == "snappy" else b""
        data = container(SCHEMA, [(500, packed + crc)], codec)
    assert records(data) == wanted


@pytest.mark.parametrize("codec", ["deflate", "snappy", "zstandard", "bzip2"])
def test_a_block_that_unpacks_to_too_much(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avro_module, "MOST_UNPACKED", 1 << 20)
    plain = b"\0" * (2 << 20)
    if codec in ("deflate", "bzip2"):
        import bz2
        import zlib

        packed = bz2.compress(plain) if codec == "bzip2" else zlib.compress(plain)[2:-4]
    else:
        packed = pa.compress(plain, "zstd" if codec == "zstandard" else codec, asbytes=True)
    with pytest.raises(RefusedError, match="unpacks to more than"):
        list(Decoder().read(container(SCHEMA, [(1, packed)], codec), "m.avro", 1 << 20).records)


def test_a_snappy_block_that_claims_gigabytes() -> None:
    with pytest.raises(RefusedError, match="unpacks to more than"):
        records(container(SCHEMA, [(1, b"\xff\xff\xff\xff\x0f" + b"\0" * 20)], "snappy"))


EMPTY = {"type": "record", "name": "e", "fields": []}
ITSELF = struct_of("n", one(1, "next", ["null", "n"], False))


def doubling() -> Any:
    """A type that has two of a type, which has two of a type…"""
    kind: Any = EMPTY
    for number in range(40):
        name = kind if isinstance(kind, str) else kind["name"]
        kind = struct_of(f"d{number}", one(1, "a", kind, False), one(2, "b", name, False))
    return kind


def deep(levels: int) -> Any:
    kind: Any = "string"
    for _ in range(levels):
        kind = {"type": "array", "items": kind}
    return struct_of("r", one(1, "x", kind, False))


@pytest.mark.parametrize(
    "schema",
    [
        EMPTY,
        ITSELF,
        doubling(),
        deep(100),
        struct_of("r", one(1, "x", {"type": "array", "items": "null"}, False)),
        struct_of("r", one(1, "x", {"type": "array", "items": EMPTY}, False)),
        struct_of("r", one(1, "x", {"type": "fixed", "name": "f", "size": -1}, False)),
        struct_of("r", *[one(n, f"x{n}", "null", False) for n in range(100)]),
        struct_of("r", one(1, "x", "nothing", False)),
        b'{"type":"record","name":"r","fields":' + b"[" * 100_000,
        b'{"type": 5}',
        b"[]",
        b"\xff",
        b"",
        {"type": "record", "name": "r", "fields": [{"name": "x"}]},
        {"type": "record", "name": "r", "fields": {"x": 1}},
        {"type": "map"},
        {"type": {"type": {"type": "array"}}},
    ],
)
def test_schemas_that_are_no_schemas_or_make_much_of_nothing(schema: Any) -> None:
    with pytest.raises(DamagedError):
        records(container(schema, [(1 << 60, b""), (5, b"\x02" * 100_000)]))


@pytest.mark.parametrize(
    "blocks",
    [
        [(1 << 60, b"\0" * 10)],
        [(2, b"\x02a")],
        [(1, b"\xfe\xff\xff\xff\x0f")],
        [(1, b"\x01\x01")],
        [(1, b"\x04\xff\xff")],
    ],
)
def test_blocks_that_claim_what_they_do_not_have(blocks: list[tuple[int, bytes]]) -> None:
    with pytest.raises(DamagedError):
        records(container(SCHEMA, blocks))


def test_what_is_wrong_with_a_text_is_said_in_a_few_words() -> None:
    """Not by showing all of it."""
    with pytest.raises(DamagedError, match="can't decode byte 0xff") as raised:
        records(container(SCHEMA, [(1, _bytes(b"secret" * 500 + b"\xff"))]))
    assert "secret" not in str(raised.value)


def test_arrays_that_claim_what_they_do_not_have() -> None:
    schema = struct_of("r", one(1, "x", {"type": "array", "items": "int"}, False))
    for data in (_number(1 << 60) + b"\x02\x02", b"\x01", _number(1 << 60)):
        with pytest.raises(DamagedError):
            records(container(schema, [(1, data)]))


def test_a_codec_that_is_not_known() -> None:
    with pytest.raises(RefusedError, match="brotli"):
        records(container(SCHEMA, [(1, b"\x02a")], "brotli"))


def test_any_byte_may_be_another(tmp_path: Path) -> None:
    """Whatever is wrong in a list, a manifest or the document: the answer, or one of the known errors."""
    table = Made(tmp_path, version=3, codec="null")
    table.manifest(table.data("a.parquet", {"id": [1, 2], "name": ["a", None], "value": [1.0, 2.0]}))
    table.manifest(table.vector("v.puffin", "a.parquet", [1]), sequence=2)
    table.finish()
    place = FolderPlace(tmp_path)
    random.seed(7)
    answers = 0
    for name in ("metadata/snap-1.avro", "metadata/m0.avro", "metadata/m1.avro", "metadata/v1.metadata.json"):
        data = (tmp_path / name).read_bytes()
        for _ in range(100):
            changed = bytearray(data)
            for _ in range(random.choice((1, 1, 4))):
                changed[random.randrange(len(data))] = random.randrange(256)
            (tmp_path / name).write_bytes(changed[: random.choice((len(data), len(data), len(data) // 2))])
            try:
                found = open_table(place, None)
                found.known_bytes()
                for file in found.files:
                    assert file.statistics is not None and len(dict(file.statistics)) < 100
                found.hidden([one for one in found.files if not one.elsewhere])
                found.history()
                answers += 1
            except H5s3Error:
                pass
        (tmp_path / name).write_bytes(data)
    assert answers > 20


def test_files_are_not_more_than_can_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from h5s3.formats.tables.iceberg import manifests

    monkeypatch.setattr(manifests, "MOST_ENTRIES", 5)
    table = Made(tmp_path)
    table.manifest(*[table.file(f"data/{number}.parquet", 1, 1) for number in range(6)])
    with pytest.raises(RefusedError, match="more than 5 files"):
        open_table(FolderPlace(table.finish()), None)


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "struct"},
        {"type": "list", "element-id": 1, "element": {"type": "what"}},
        {"type": "struct", "fields": [{"id": "x", "name": "a", "type": "int"}]},
        7,
        None,
    ],
)
def test_types_that_are_no_types(tmp_path: Path, kind: Any) -> None:
    table = Made(tmp_path, columns=[column(1, "id", kind)])
    with pytest.raises(DamagedError, match="type"):
        open_table(FolderPlace(table.finish()), None)


def test_types_within_types_without_end(tmp_path: Path) -> None:
    kind: Any = "int"
    for number in range(150):
        kind = {"type": "list", "element-id": number + 10, "element": kind}
    table = Made(tmp_path, columns=[column(1, "id", kind)])
    with pytest.raises(DamagedError):
        open_table(FolderPlace(table.finish()), None)


def test_types_that_are_not_known_are_shown(tmp_path: Path) -> None:
    odd = ["variant", "unknown", "geometry(OGC:CRS84)", "decimal(50, 2)", "fixed[99999999]", "color\x1b[31m"]
    table = Made(tmp_path, columns=[column(n + 1, f"c{n}", kind) for n, kind in enumerate(odd)])
    found = open_table(FolderPlace(table.finish()), None)
    assert [one.type for one in found.columns] == odd
    assert [one.arrow is None for one in found.columns] == [True, False, False, True, True, True]
    assert "type variant" in [one.name for one in found.features if not one.known]


def test_manifests_whose_fields_have_no_ids(tmp_path: Path) -> None:
    """Some writers leave them out: names tell then."""
    table = Made(tmp_path)
    table.manifest(table.data("a.parquet", {"id": [1, 2]}))
    table.finish()
    for name in ("m0.avro", "snap-1.avro"):
        path = tmp_path / "metadata" / name
        reader = fastavro.reader(BytesIO(path.read_bytes()))
        schema = json.loads(json.dumps(reader.writer_schema).replace('"field-id"', '"an-id"'))
        path.write_bytes(avro(schema, list(reader)))
    (file,) = open_table(FolderPlace(tmp_path), None).files
    assert (file.path, file.rows) == ("data/a.parquet", 2)
    assert LIST["fields"][0]["field-id"] == 500
