"""The view of NeXus: classes, the default plot, units, values of small fields."""

from __future__ import annotations

from typing import Any

import h5py

from tests.support.cli import file, run


def flat(items: list[Any]) -> dict[str, Any]:
    found = {}
    for item in items:
        found[item["kind"] + " " + item.get("path", item["name"])] = item
        found |= flat(item.get("items", []))
    return found


def test_classes_units_and_values_are_those_that_h5py_reads() -> None:
    convention = run("tree", file("nexus"), "--view", "nexus", "--json", "-r").json["convention"]
    assert (convention["name"], convention["version"]) == ("NeXus", "4.3.0")
    found = flat(convention["items"])
    with h5py.File(file("nexus")) as plain:
        seen = []

        def check(name: str, thing: Any) -> None:
            seen.append(name)
            if isinstance(thing, h5py.Group):
                assert found[f"group /{name}"]["type"] == thing.attrs["NX_class"]
            elif f"field /{name}" in found:
                item = found[f"field /{name}"]
                assert item.get("units") == thing.attrs.get("units")
                assert item["shape"] == list(thing.shape) and item["dtype"] in ("str", str(thing.dtype))
                if "value" in item:
                    value = thing.asstr()[()] if item["dtype"] == "str" else thing[()].tolist()
                    assert item["value"] == value

        plain.visititems(check)
    assert len(seen) == 10  # the counts have two names, and links are not visited


def test_the_default_plot() -> None:
    lines = run("tree", file("nexus"), "--view", "nexus").lines
    assert lines[0].endswith("nexus.h5  /  NeXus 4.3.0")
    assert lines[1] == "default plot  /entry/data/counts  5 × 6  [counts]  over angle [deg], energy [keV]"
    assert "└── entry/  NXentry  default" in lines
    assert "    ├── data/  NXdata  default, signal counts, axes angle, energy" in lines
    assert any(line.endswith("= [0, 0.25, 0.5, 0.75, 1] deg") for line in lines)
    assert "    ├── frames → frames_000001.h5:/entry/data/data" in lines


def test_levels() -> None:
    usual = run("tree", file("nexus"), "--view", "nexus").lines
    assert any(line.strip("│├└─ ") == "detector/  NXdetector  1 child" for line in usual)
    assert any(
        "detector/counts" in line for line in run("tree", file("nexus"), "--view", "nexus", "-r").lines
    )
    (top,) = run("tree", file("nexus"), "--view", "nexus", "-d", 1).lines[3:]
    assert (
        top == "└── entry/  NXentry  default, 6 children" or top == "└── entry/  NXentry  6 children, default"
    )


def test_the_old_way() -> None:
    """No class of the root, no default plot that could be found."""
    lines = run("tree", file("nexus_old_style"), "--view", "nexus").lines
    assert lines[1] == "└── entry1/  NXentry" and not any("default plot" in line for line in lines)
