"""The README's example of Zarr is what the commands print."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import zarr

from tests.support import ROOT
from tests.support.cli import run
from tests.support.zarr_stores import quiet


@pytest.fixture
def climate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small store in the folder of the test."""
    monkeypatch.chdir(tmp_path)
    with quiet():
        root = zarr.create_group("climate.zarr")
        root.attrs.update({"title": "A year of temperatures", "Conventions": "CF-1.11"})
        time = root.create_array("time", shape=(365,), chunks=(365,), dtype="i4", dimension_names=["time"])
        time[:] = np.arange(365)
        time.attrs["units"] = "days since 2024-01-01"
        data = root.create_array(
            "t2m", shape=(365, 90, 180), chunks=(5, 45, 90), shards=(365, 90, 180), dtype="f4",
            dimension_names=["time", "lat", "lon"],
        )  # fmt: skip
        data.attrs.update({"units": "K", "long_name": "temperature at 2 m"})
        data[0] = 280
        root.create_group("stations").create_array("name", shape=(4,), dtype=str)[:] = [
            "Oslo",
            "Rome",
            "Bonn",
            "Kyiv",
        ]
        zarr.consolidate_metadata(root.store)


def test_the_example_is_what_is_printed(climate: None) -> None:
    text = (ROOT / "README.md").read_text()
    section = text[text.index("\n## Zarr\n") : text.index("\n## What it costs\n")]
    lines = [line for line in section.splitlines() if line.startswith("$ h5s3 ")]
    commands = [line for line in lines if "./climate.zarr" in line]  # others write Zarr
    assert len(commands) == 2
    for line in commands:
        printed = run(*line.split()[2:]).out
        assert without_sizes(f"{line}\n{printed}") in without_sizes(section), printed


def without_sizes(text: str) -> str:
    """How small values become is zstd's to say."""
    return re.sub("stored in .*", "", text)
