"""Conditions on nodes: what each means, and that together they find what a walk with h5py does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import h5s3
from h5s3.errors import UsageError
from h5s3.explore.find.conditions import Conditions
from h5s3.explore.find.questions import named, surveyed
from h5s3.explore.session import Session
from h5s3.formats.requests import TreeRequest
from h5s3.records import TreeNode, nodes_of
from tests.support import examples
from tests.support.reference.h5py_walk import walk
from tests.support.reference.random_trees import TREES, write
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session

NODES = st.shared(TREES, key="tree")


def file_of_all_kinds() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as new:
        entry = new.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        data = entry.create_dataset(
            "data", (4, 2048, 2048), "<u2", chunks=(1, 256, 256), compression="gzip", shuffle=True
        )
        data.attrs["units"], data.attrs["count"], data.attrs["range"] = "K", 100, [1.0, 2.0]
        entry.create_dataset("big", data=np.zeros(3, ">f4")).attrs["title"] = "sample temperature"
        entry["temperature"] = 293.5
        entry["title"] = "a run"
        entry["ok"] = True
        entry["number"] = 5
        entry["kind"] = np.dtype("S3")
        entry["soft"] = h5py.SoftLink("/entry/data")
        entry["away"] = h5py.ExternalLink("other.h5", "/x")
        entry["same"] = data
    return buffer.getvalue()


KINDS = file_of_all_kinds()


def found(content: bytes, conditions: Conditions) -> list[TreeNode]:
    """The nodes that meet the conditions."""
    attributes, values = bool(conditions.attrs), conditions.value is not None
    asked = TreeRequest(depth=0, limit=0, attributes=attributes, all_attributes=attributes, values=values)
    with memory_session(MemoryStore(content)) as session:
        return matching(session, asked, conditions)


def found_by_name(content: bytes, conditions: Conditions) -> list[str]:
    """The same by a walk that opens no dataset."""
    test = conditions.test()
    with memory_session(MemoryStore(content)) as session:
        answer = session.read(LOCATION, lambda contents: named(contents, True, no_part, no_part))
    assert answer is not None and not any(node.cut for node in answer.nodes)
    return [node.path for node in answer.nodes if test(node)]


def no_part(part: Any) -> None:
    raise AssertionError("a small file is told all at once")


def matching(session: Session, asked: TreeRequest, conditions: Conditions) -> list[TreeNode]:
    def whole(contents: Any) -> Any:
        return surveyed(contents, asked, True, no_part, no_part)

    test = conditions.test()
    nodes = nodes_of(session.read(LOCATION, whole))
    return [node for node in nodes if test(node)]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"name": "data"}, ["data"]),
        ({"name": "*a*", "type": "dataset"}, ["data", "same", "temperature"]),
        ({"name": "/entry/da*"}, ["data"]),
        ({"name": "*/data"}, ["data"]),
        ({"name": "entry/d*"}, ["data"]),
        ({"regex": "^t.t"}, ["title"]),
        ({"regex": "/entry/so"}, ["soft"]),
        ({"type": "group", "depth": 1}, ["/", ""]),
        ({"type": "link"}, ["away", "soft"]),
        ({"type": "datatype"}, ["kind"]),
        ({"dtype": "float32"}, ["big"]),
        ({"dtype": ">f4"}, ["big"]),
        ({"dtype": "uint*"}, ["data", "same"]),
        ({"ndim": "3"}, ["data", "same"]),
        ({"ndim": ">=1", "dtype": "float*"}, ["big"]),
        ({"ndim": "0", "dtype": "float*"}, ["temperature"]),
        ({"shape": "*,2048,2048"}, ["data", "same"]),
        ({"shape": "*,2048,>2048"}, []),
        ({"shape": "<4"}, ["big"]),
        ({"larger": 1_000_000}, ["data", "same"]),
        ({"smaller": 13, "larger": 11}, ["big"]),
        ({"filter": "gzip"}, ["data", "same"]),
        ({"filter": "shuff*"}, ["data", "same"]),
        ({"filter": "zstd"}, []),
        ({"layout": "contiguous", "name": "big"}, ["big"]),
        ({"nxclass": "NXentry"}, [""]),
        ({"attrs": ("units",)}, ["data", "same"]),
        ({"attrs": ("units=K", "count>99")}, ["data", "same"]),
        ({"attrs": ("units=K", "count>100")}, []),
        ({"attrs": ("count>=100",)}, ["data", "same"]),
        ({"attrs": ("un*!=m",)}, ["data", "same"]),
        ({"attrs": ("title~temp",)}, ["big"]),
        ({"attrs": ("range=1.0,2.0",)}, ["data", "same"]),
        ({"value": ">290"}, ["temperature"]),
        ({"value": "a run"}, ["title"]),
        ({"value": "~run"}, ["title"]),
        ({"value": "true"}, ["ok"]),
        ({"value": "=5"}, ["number"]),
        ({"value": "5.0"}, ["number"]),
    ],
)
def test_what_conditions_mean(conditions: dict[str, Any], expected: list[str]) -> None:
    paths = {"/" if name == "/" else f"/entry/{name}".rstrip("/") for name in expected}
    assert {node.path for node in found(KINDS, Conditions(**conditions))} == paths


@pytest.mark.parametrize(
    "conditions",
    [
        {"regex": "("},
        {"ndim": "many"},
        {"shape": "3,x"},
        {"attrs": ("=K",)},
        {"attrs": ("",)},
        {"attrs": ("count>few",)},
        {"value": "name=5"},
        {"value": ""},
        {"type": "file"},
    ],
)
def test_what_cannot_be_understood_is_said(conditions: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Conditions(**conditions).test()


def file_with(**attributes: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as new:
        new["d"] = np.float32(0.1)
        new["d"].attrs.update(attributes)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("conditions", "number"),
    [
        ({"attrs": ("single=0.1",)}, 1),
        ({"attrs": ("single=0.10000000149011612",)}, 1),
        ({"attrs": ("single!=0.1",)}, 0),
        ({"attrs": ("single>0.1",)}, 0),
        ({"attrs": ("single>=0.1", "single<1e300")}, 1),
        ({"attrs": ("half=0.1", "big=0.1", "double=0.1")}, 1),
        ({"attrs": ("double=0.10000000149011612",)}, 0),
        ({"value": "0.1"}, 1),
        ({"value": "<0.1"}, 0),
    ],
)
def test_a_number_means_the_one_that_is_shown_so(conditions: dict[str, Any], number: int) -> None:
    content = file_with(
        single=np.float32(0.1), half=np.float16(0.1), big=np.array(0.1, ">f4"), double=np.float64(0.1)
    )
    assert len(found(content, Conditions(**conditions))) == number


@pytest.mark.parametrize(
    ("attrs", "known"), [("many~1999", False), ("many", True), ("many>5", True), ("few~9", True)]
)
def test_a_text_that_may_be_in_what_is_not_read(attrs: str, known: bool, tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(file_with(many=np.arange(2000), few=np.arange(5)))
    failures = h5s3.find(tmp_path / "a.h5", attrs=attrs).failures
    assert [one.error for one in failures] == (
        [] if known else ["not all could be looked at: not the whole values of 1 attributes"]
    )


LARGE = [HealthCheck.data_too_large, HealthCheck.too_slow]


@settings(max_examples=examples(40), suppress_health_check=LARGE)
@given(tree=NODES, data=st.data())
def test_the_same_is_found_as_by_a_walk_with_h5py(tree: Any, data: st.DataObject) -> None:
    content = write(tree, "latest")
    plain = walk(io.BytesIO(content))
    names = sorted({path.rpartition("/")[2][:1] for path in plain if path != "/"}) or ["x"]
    first = data.draw(st.sampled_from([name for name in names if name not in "*?["] or ["x"]))
    kind = data.draw(st.sampled_from(["group", "dataset", "datatype", "soft_link", "external_link"]))
    depth = data.draw(st.integers(0, 4))
    expected = {
        path
        for path, entry in plain.items()
        if entry["kind"] == kind
        and (path.rpartition("/")[2] or "/").startswith(first)
        and (0 if path == "/" else path.count("/")) <= depth
    }
    conditions = Conditions(name=f"{first}*", type=kind, depth=depth)
    paths = set(found_by_name(content, conditions))
    nodes = found(content, conditions)
    assert paths == {node.path for node in nodes}
    assert paths == expected
