"""References to several files: a group for each, or joined along a dimension."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import UsageError
from h5s3.explore.refs.refs import RefsRequest, refs
from h5s3.explore.session import Session
from h5s3.records import Refs
from h5s3.settings import Settings
from tests.support.cli import run
from tests.support.reference.references import arrays, opened
from tests.support.servers.s3 import S3Server

LAT = np.linspace(-90, 90, 5)


def part(
    path: Path,
    start: int,
    steps: int,
    chunk: int | None = 3,
    units: str = "days since 2024-01-01",
    **more: Any,
) -> Path:
    """A file with a variable over time and latitude, in chunks of so many steps."""
    with h5py.File(path, "w") as file:
        file["time"], file["lat"] = start + np.arange(float(steps)), more.get("lat", LAT)
        file["time"].attrs["units"] = units
        for name in ("time", "lat"):
            file[name].make_scale(name)
        values = (start + np.arange(steps * 5.0)).reshape(steps, 5)
        options = {} if chunk is None else {"chunks": (min(chunk, steps), 5), "compression": "gzip"}
        file.create_dataset("group/t2m", data=values, **options)
        file["group/mask"] = more.get("mask", np.arange(5))
        for name, scales in (("t2m", ("time", "lat")), ("mask", ("lat",))):
            for axis, scale in enumerate(scales):
                file[f"group/{name}"].dims[axis].attach_scale(file[scale])
    return path


def made(paths: list[Path], output: Path, **more: Any) -> Refs:
    """The receipt of references to these files."""
    with Session(Settings(no_cache=True)) as session:
        places = [session.location(path) for path in paths]
        return refs(session, places, RefsRequest(output=str(output), overwrite=True, **more))


def values(output: Path) -> dict[str, Any]:
    """What Zarr reads by references."""
    return {name: array[...] for name, array in arrays(opened(output))}


def test_a_group_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    paths = [
        part(tmp_path / "a.h5", 0, 4),
        part(tmp_path / "b.h5", 4, 5),
        part(tmp_path / "other" / "c.x.h5", 9, 2),
    ]
    told = made(paths, tmp_path / "refs.json")
    assert [source.location for source in told.sources] == list(map(str, paths))
    found = values(tmp_path / "refs.json")
    assert {name.partition("/")[0] for name in found} == {"a", "b", "c.x"}
    assert np.array_equal(found["b/group/t2m"], 4 + np.arange(25.0).reshape(5, 5))
    assert np.array_equal(found["c.x/time"], [9.0, 10.0])


def test_files_of_one_name_keep_their_suffixes_or_get_numbers(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    paths = [part(tmp_path / "a.h5", 0, 4), part(tmp_path / "a.nc", 4, 5)]
    made(paths, tmp_path / "refs.json")
    assert {name.partition("/")[0] for name in values(tmp_path / "refs.json")} == {"a.h5", "a.nc"}
    made([*paths, part(tmp_path / "other" / "a.h5", 1, 2)], tmp_path / "refs.json")
    assert {name.partition("/")[0] for name in values(tmp_path / "refs.json")} == {
        "0_a.h5",
        "1_a.nc",
        "2_a.h5",
    }


@pytest.mark.parametrize("chunk", [3, None])
def test_files_joined_along_a_dimension(chunk: int | None, tmp_path: Path) -> None:
    steps = (6, 9, 4) if chunk else (4, 6, 3)
    starts = np.cumsum([0, *steps[:-1]])
    paths = [
        part(tmp_path / f"{n}.h5", int(s), n_, chunk)
        for n, (s, n_) in enumerate(zip(starts, steps, strict=True))
    ]
    told = made(paths, tmp_path / "refs.json", concat="time")
    assert (told.num_arrays, told.num_groups) == (4, 1)
    found = values(tmp_path / "refs.json")
    wanted = []
    for path in paths:
        with h5py.File(path) as file:
            wanted.append(file["group/t2m"][...])
    assert np.array_equal(found["group/t2m"], np.concatenate(wanted))
    assert np.array_equal(found["time"], np.arange(float(sum(steps))))
    assert np.array_equal(found["lat"], LAT) and np.array_equal(found["group/mask"], np.arange(5))


def test_files_joined_along_a_new_dimension(tmp_path: Path) -> None:
    paths = [part(tmp_path / "a.h5", 0, 4), part(tmp_path / "b.h5", 0, 4, mask=np.arange(5) * 2)]
    made(paths, tmp_path / "refs.json", concat="member")
    found = values(tmp_path / "refs.json")
    assert found["group/t2m"].shape == (2, 4, 5) and found["time"].shape == (4,)
    assert np.array_equal(found["group/mask"], [np.arange(5), np.arange(5) * 2])


@pytest.mark.parametrize(
    "other,words",
    [
        ({"steps": 3, "first": 4}, "no whole number of chunks"),
        ({"chunk": 2}, "its chunks are [2, 5]"),
        ({"units": "hours since 2024-01-01"}, "units is"),
        ({"lat": LAT[::-1]}, "differs from that of the first file"),
        ({"mask": np.zeros(5, dtype="i8")}, "differs from that of the first file"),
        ({"mask": np.arange(6)}, "its dimensions are"),
    ],
)
def test_what_cannot_be_joined(other: dict[str, Any], words: str, tmp_path: Path) -> None:
    first = part(tmp_path / "a.h5", 0, other.pop("first", 6))
    second = part(tmp_path / "b.h5", 6, other.pop("steps", 6), **other)
    with pytest.raises(UsageError) as failure:
        made([first, second], tmp_path / "refs.json", concat="time")
    assert words in str(failure.value)
    assert not (tmp_path / "refs.json").exists()


def test_a_file_without_an_array_cannot_be_joined(tmp_path: Path) -> None:
    paths = [part(tmp_path / "a.h5", 0, 3), part(tmp_path / "b.h5", 3, 3)]
    with h5py.File(paths[1], "a") as file:
        file["more"] = 1.0
    with pytest.raises(UsageError, match="hold the same arrays"):
        made(paths, tmp_path / "refs.json", concat="time")


def test_prefixes_and_globs(server: S3Server, tmp_path: Path) -> None:
    for number in range(3):
        data = part(tmp_path / f"{number}.h5", 3 * number, 3).read_bytes()
        server.put("several", f"year/2024-{number}.h5", data)
    server.put("several", "year/notes.txt", b"none")
    output = tmp_path / "refs.json"
    for place in ("s3://several/year/", "s3://several/year/2024-*.h5"):
        told = run(
            "refs", place, "-o", output, "--overwrite", "--concat-dim", "time", "--json", on=server
        ).json
        assert [source["url"] for source in told["sources"]] == [
            f"s3://several/year/2024-{n}.h5" for n in range(3)
        ]
    assert run("refs", "--check", output, on=server).lines == [f"{output}: fresh: 3 objects as they were"]
    server.put("several", "year/2024-1.h5", b"another")
    done = run("refs", "--check", output, on=server)
    assert done.code == 7 and "stale: 1 of 3 objects" in done.out and "2024-1.h5" in done.out
    assert "two of the files" in run(
        "refs", "s3://several/year/", "-o", output, "--overwrite", "--url", "https://x/{bucket}", on=server
    ).failed(2)
    assert "several files" in run(
        "refs", "s3://several/year/", "-o", output, "--overwrite", "--url", "https://x/", on=server
    ).failed(2)
    assert run("refs", "s3://several/nothing/", "-o", output, "--overwrite", on=server).code == 3
