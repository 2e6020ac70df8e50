"""Logs that lie, are damaged or too large end in one error with a reason, whatever they say."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from h5s3.errors import DamagedError, H5s3Error, NotFoundError, RefusedError
from h5s3.formats.tables.delta.table import DeltaTable
from h5s3.formats.tables.meta import facts_of, file_of
from h5s3.formats.tables.rows.scan import scan
from h5s3.records import to_json, to_json_lines
from tests.formats.tables.delta.making import (
    PROTOCOL,
    add,
    asked,
    features,
    field,
    in_file,
    inline,
    opened,
    schema,
    write_log,
    write_rows,
)

PLAIN = schema(field("a", "long"), field("p", "date"), partitions=["p"])
NESTED: Any = "long"
for _ in range(200):
    NESTED = {"type": "array", "elementType": NESTED, "containsNull": True}
WRONG: dict[str, Any] = {
    "no object": "[1, 2]",
    "no JSON": '{"add": {',
    "deep": '{"add": ' * 100_000,
    "deep lists": json.dumps({"add": {"path": "f"}})[:-2] + ', "x": ' + "[" * 500 + "]" * 500 + "}}",
    "no path": {"add": {"size": 3}},
    "a path of numbers": {"add": {"path": 7}},
    "sizes": {"add": {"path": "f", "size": -1}},
    "long sizes": {"add": {"path": "f", "size": 10**30}},
    "values": {"add": {"path": "f", "partitionValues": {"p": 7}}},
    "vector": add("f", vector={"storageType": "x", "pathOrInlineDv": ""}),
    "vectors of no size": add("f", vector={"storageType": "u", "pathOrInlineDv": "x" * 20}),
    "protocol": {"protocol": {"minReaderVersion": "3"}},
    "features": {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": "all"}},
    "schema": {"metaData": {"schemaString": 7}},
    "fields": {"metaData": {"schemaString": '{"type": "struct", "fields": {}}'}},
    "names": schema(field("a", "long"), field("a", "long")),
    "types": schema(field("a", 7)),
    "levels": schema(field("a", NESTED)),
    "partitions": schema(field("a", "long"), partitions=["b"]),
    "action": {"add": 7},
}


@pytest.mark.parametrize("name", WRONG)
def test_actions(name: str, tmp_path: Path) -> None:
    where = write_log(tmp_path, [PROTOCOL, PLAIN])
    line = WRONG[name] if isinstance(WRONG[name], str) else json.dumps(WRONG[name])
    (where / "_delta_log" / f"{1:020}.json").write_text(line)
    with pytest.raises(DamagedError):
        opened(where)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    where = write_log(tmp_path, [PROTOCOL, PLAIN])
    (where / "_delta_log" / f"{1:020}.json").write_bytes(b'{"add": {"path": "\xff\xed\xa0\x80"}}')
    with pytest.raises(DamagedError, match="not UTF-8"):
        opened(where)


def test_places_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log" / "notes.txt").write_text("x")
    with pytest.raises(NotFoundError):
        opened(tmp_path)
    with pytest.raises(DamagedError, match="protocol or the metadata"):
        opened(write_log(tmp_path, [add("f")]))


def test_names_that_cannot_be_encoded(tmp_path: Path) -> None:
    half = "\ud800"
    found = opened(
        write_log(tmp_path, [PROTOCOL, schema(field(half, "long", comment=half)), add("f" + half)])
    )
    assert found.columns[0].name == "\\ud800" and found.files[0].path == "f\\ud800"


CHECKPOINTS: dict[str, pa.Table] = {
    "columns of other types": pa.table({"add": [1, 2], "protocol": ["x", "y"]}),
    "paths of other types": pa.table({"add": [{"path": 1.5, "size": 3}]}),
    "no paths": pa.table({"add": [{"path": None, "size": 3}]}),
    "values of other types": pa.table({"add": [{"path": "f", "partitionValues": "x"}]}),
    "sizes": pa.table({"add": [{"path": "f", "size": -7}]}),
    "nothing": pa.table({"x": [1]}),
    "vectors": pa.table({"add": [{"path": "f", "deletionVector": {"storageType": "u", "x": 1}}]}),
    "others' sidecars": pa.table({"sidecar": [{"path": "file:///etc/passwd"}]}),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints(name: str, tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    pq.write_table(CHECKPOINTS[name], log / f"{3:020}.checkpoint.parquet")
    with pytest.raises(DamagedError):
        opened(tmp_path)


def test_a_checkpoint_with_a_byte_that_differs(tmp_path: Path) -> None:
    """It is read, or it is told to be damaged: nothing else happens."""
    log = tmp_path / "_delta_log"
    log.mkdir()
    metadata = PLAIN["metaData"] | {"configuration": [("k", "v")]}
    kinds = pa.struct({
        "path": pa.string(), "size": pa.int64(), "stats": pa.string(),
        "partitionValues": pa.map_(pa.string(), pa.string()),
    })  # fmt: skip
    files = [{"path": f"f{n}", "size": n, "partitionValues": [("p", "2024-01-01")]} for n in range(50)]
    rows = pa.table({
        "add": pa.array([None, None, *files], kinds),
        "metaData": pa.array([{"schemaString": metadata["schemaString"]}] + [None] * 51),
        "protocol": pa.array([None, PROTOCOL["protocol"]] + [None] * 50),
    })  # fmt: skip
    path = log / f"{0:020}.checkpoint.parquet"
    pq.write_table(rows, path)
    whole = path.read_bytes()
    assert len(opened(tmp_path).files) == 50
    chance = random.Random(16)
    for _ in range(40):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(data))
        try:
            opened(tmp_path)
        except H5s3Error as error:
            assert error.exit_code in (6, 8), error


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from h5s3.formats.tables.delta import checkpoints, vectors

    log = (
        write_log(tmp_path, [features("deletionVectors"), PLAIN, add("f", vector=inline([1]))]) / "_delta_log"
    )
    where = tmp_path
    told = {
        "storageType": "u",
        "pathOrInlineDv": "0" * 20,
        "offset": 1,
        "sizeInBytes": 2**40,
        "cardinality": 1,
    }
    write_log(tmp_path, [add("g", vector=told)], first=1)
    with pytest.raises(RefusedError, match="more than"):
        asked(where, lambda table: table.hidden(table.files))
    monkeypatch.setattr(vectors, "MOST_TOGETHER", 10)
    pq.write_table(pa.table({"add": [{"path": "f" * 1000}] * 9}), log / f"{1:020}.checkpoint.parquet")
    monkeypatch.setattr(checkpoints, "MOST_BYTES", 1000)
    with pytest.raises(RefusedError, match="holds"):
        opened(where)
    monkeypatch.setattr(checkpoints, "MOST_ROWS", 5)
    with pytest.raises(RefusedError, match="9 rows, more than 5"):
        opened(where)


def test_a_program_whose_name_is_no_text(tmp_path: Path) -> None:
    action = write_rows(tmp_path / "f", pa.table({"a": [1, 2]}))
    data = (tmp_path / "f").read_bytes()
    assert data.count(b"parquet-cpp-arrow")
    (tmp_path / "f").write_bytes(data.replace(b"parquet-cpp-arrow", b"\xff" * 17))
    where = write_log(tmp_path, [PROTOCOL, schema(field("a", "long")), action])
    assert asked(where, lambda table: sum(part.num_rows for part in scan(table, table.place))) == 2


STRANGE: list[Any] = [
    None, 7, -1, 2**70, 1.5, "", "x", "\ud800", [], {}, [1], {"a": 1}, True, "../../etc/passwd", "\x1b[31m",
    "9" * 30,
]  # fmt: skip


def changed(action: Any, chance: random.Random) -> Any:
    """An action with something strange somewhere, in what it holds as text, too."""
    if isinstance(action, str) and action.startswith("{") and chance.random() < 0.7:
        return json.dumps(changed(json.loads(action), chance))
    if isinstance(action, dict | list) and action and chance.random() < 0.9:
        found = action.copy()
        key = chance.choice(list(found) if isinstance(found, dict) else range(len(found)))
        found[key] = changed(found[key], chance)
        return found
    return chance.choice(STRANGE)


@pytest.mark.slow
def test_anything_ends_in_an_answer_or_a_reason(tmp_path: Path) -> None:
    """Logs of a table with all features, each with one strange value: told, read, or refused."""
    mapping = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "a"}
    day = field("p", "date") | {
        "metadata": {"delta.columnMapping.id": 2, "delta.columnMapping.physicalName": "p"}
    }
    told = schema(field("a", "long", **mapping), day, partitions=["p"], delta__columnMapping__mode="name")
    file = write_rows(tmp_path / "f", pa.table({"a": [1, 2, 3]}))
    file["add"] |= {"partitionValues": {"p": "2024-01-01"}, "deletionVector": in_file(tmp_path, [1])[0]}
    clustering = {"domain": "delta.clustering", "configuration": '{"clusteringColumns": [["a"]]}'}
    actions = [
        features("columnMapping", "deletionVectors"), told, file, {"domainMetadata": clustering},
        {"commitInfo": {"timestamp": 5, "operation": "WRITE", "operationMetrics": {"numOutputRows": "3"}}},
        {"remove": {"path": "g", "deletionVector": inline([1])}},
    ]  # fmt: skip

    def question(table: DeltaTable) -> int:
        to_json(facts_of(table))
        to_json_lines([*map(file_of, table.files), *table.history()])
        return sum(part.num_rows for part in scan(table, table.place))

    chance, ends = random.Random(16), set()
    assert asked(write_log(tmp_path, actions), question) == 2
    for _ in range(400):
        number = chance.randrange(len(actions))
        write_log(
            tmp_path, [*actions[:number], changed(actions[number], chance) or {}, *actions[number + 1 :]]
        )
        try:
            ends.add(asked(tmp_path, question))
        except H5s3Error as error:
            assert error.exit_code in (3, 6, 8), error
            ends.add(-error.exit_code)
    assert {2, -6, -8} <= ends
