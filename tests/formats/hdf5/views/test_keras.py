"""The view of Keras: layers, their weights, numbers of parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.support.cli import file, run


def view(path: Path) -> Any:
    return run("tree", path, "--view", "keras", "--json").json["convention"]


def test_layers_and_parameters() -> None:
    found = view(file("keras"))
    assert (found["name"], found["version"]) == ("Keras", "2.15.0")
    assert found["facts"] == {
        "model": "Sequential", "backend": "tensorflow", "optimizer": "Adam", "loss": "mse", "layers": 3,
        "parameters": 27,
    }  # fmt: skip
    first, second, dropout = found["items"]
    assert (first["type"], first["facts"]) == ("Dense", {"parameters": 15, "units": 3})
    assert [(one["name"], one["shape"]) for one in second["items"]] == [("kernel", [3, 3]), ("bias", [3])]
    assert dropout["name"] == "dropout" and "items" not in dropout
    with h5py.File(file("keras")) as plain:
        sizes: list[int] = []
        plain["model_weights"].visititems(
            lambda _, one: sizes.append(one.size) if isinstance(one, h5py.Dataset) else None
        )
    assert sum(sizes) == found["facts"]["parameters"]


def test_weights_of_keras_3() -> None:
    found = view(file("keras3_weights"))
    assert found["facts"] == {"layers": 2, "parameters": 30}
    assert [(one["kind"], one["name"]) for one in found["items"]] == [
        ("layer", "dense_0"), ("layer", "dense_1"), ("optimizer", "optimizer")
    ]  # fmt: skip
    assert run("tree", file("keras3_weights"), "--view", "auto", "--json").json["convention"] == found


CONFIGURATIONS = {
    "deep": "[" * 100_000,
    "no JSON": "{",
    "huge": json.dumps({"class_name": "x" * (5 << 20)}),
    "odd": json.dumps(
        {"class_name": 3, "config": {"layers": [None, 1, {"config": []}, {"config": {"name": {}}}]}}
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_hostile_configurations(name: str, tmp_path: Path) -> None:
    """The weights are shown all the same, with a word on what could not be read."""
    path = tmp_path / "hostile.h5"
    with h5py.File(path, "w", libver="latest") as new:
        new.attrs["model_config"], new.attrs["layer_names"] = CONFIGURATIONS[name], ["dense"]
        new["dense/kernel"] = np.zeros((2, 3))
        new["dense"].attrs["weight_names"] = ["kernel"]
    found = view(path)
    assert found["facts"]["parameters"] == 6
    notes = {
        "deep": ["model_config is not JSON that could be read"],
        "no JSON": ["model_config is not JSON that could be read"],
        "huge": ["model_config is too large to be read"],
    }
    assert found.get("notes", []) == notes.get(name, [])


def test_names_that_are_split(tmp_path: Path) -> None:
    path = tmp_path / "split.h5"
    with h5py.File(path, "w") as new:
        new.attrs["layer_names0"], new.attrs["layer_names1"] = ["a"], ["b"]
        for name in "ab":
            new[f"{name}/w"] = np.zeros(2)
            new[name].attrs["weight_names"] = ["w"]
    assert [one["name"] for one in view(path)["items"]] == ["a", "b"]
