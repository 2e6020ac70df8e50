"""The view of NWB: the session, the subject, series and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.support.cli import file, run


def view(path: Path, *args: object) -> Any:
    return run("tree", path, *args, "--view", "nwb", "--json").json["convention"]


def flat(items: list[Any]) -> dict[str, Any]:
    found = {}
    for item in items:
        found[item.get("path", item["name"])] = item
        found |= flat(item.get("items", []))
    return found


def test_the_session() -> None:
    found = view(file("nwb"))
    assert (found["name"], found["version"]) == ("NWB", "2.7.0")
    with h5py.File(file("nwb")) as plain:
        for name in ("session_description", "identifier", "session_start_time"):
            assert found["facts"][name] == plain[name].asstr()[()]


def test_a_series_and_a_table() -> None:
    found = flat(view(file("nwb"))["items"])
    raw, table = found["/acquisition/raw"], found["/general/extracellular_ephys/electrodes"]
    assert (raw["kind"], raw["type"], raw["shape"]) == ("series", "ElectricalSeries", [20, 2])
    assert raw["units"] == "volts" and raw["facts"] == {"rate": 1000.0, "start": 0.0, "duration": 0.02}
    assert (table["kind"], table["shape"]) == ("table", [2, 2])
    assert [item["name"] for item in table["items"]] == ["location", "times"]
    assert table["items"][1]["facts"] == {"ragged": True}
    assert not any("specifications" in path for path in found)
    lines = run("tree", file("nwb"), "--view", "nwb").lines
    assert lines[1] == "session_description  synthetic"
    assert any("[volts]  rate 1000 Hz, start 0 s, duration 0.02 s" in line for line in lines)


def typed(parent: h5py.Group, path: str, kind: str, **attributes: Any) -> h5py.Group:
    group = parent.create_group(path)
    group.attrs["neurodata_type"] = kind
    group.attrs.update(attributes)
    return group


def test_a_subject_modules_and_empty_groups(tmp_path: Path) -> None:
    path = tmp_path / "more.nwb"
    with h5py.File(path, "w") as new:
        new.attrs["nwb_version"] = "2.8.0"
        for empty in ("analysis", "stimulus/presentation", "stimulus/templates"):
            new.create_group(empty)
        new["general/experimenter"] = ["Doe, Jane"]
        subject = typed(new, "general/subject", "Subject")
        subject["subject_id"], subject["species"] = "m1", "Mus musculus"
        typed(new, "general/devices/probe", "Device", description="a probe")
        module = typed(new, "processing/behavior", "ProcessingModule", description="where it is")
        series = typed(module, "Position/place", "SpatialSeries")
        module["Position"].attrs["neurodata_type"] = "Position"
        series["data"], series["timestamps"] = np.zeros((7, 2)), np.arange(7.0)
        series["data"].attrs["unit"] = "meters"
    found = view(path)
    assert found["facts"] == {
        "experimenter": "Doe, Jane",
        "subject id": "m1",
        "subject species": "Mus musculus",
    }
    assert [item["name"] for item in found["items"]] == ["processing", "general"]
    items = flat(found["items"])
    assert items["/processing/behavior"]["title"] == "where it is"
    assert items["/processing/behavior/Position/place"]["facts"] == {"timestamps": 7}
    probe = {"kind": "object", "name": "probe", "type": "Device", "title": "a probe"}
    assert items["/general/devices/probe"] == {**probe, "path": "/general/devices/probe"}
