"""Overviews: every level says of each stretch what its values are, and a drawn line covers all of them."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
import zarr
from hypothesis import given, settings

from h5s3.errors import H5s3Error, UsageError
from h5s3.explore.convert.convert import convert
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.session import Session
from h5s3.export.zarr.overviews.pyramid import factors_of, shapes_of
from h5s3.export.zarr.overviews.stretches import empty, smaller, stretches
from h5s3.settings import Settings
from tests.support.cli import run

pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs")


def converted(path: Path, out: Path, **wish: Any) -> Any:
    with Session(Settings(no_cache=True)) as session:
        return convert(
            session, session.location(str(path)), ConvertRequest("/", output=str(out), overviews=True, **wish)
        )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overviews") / "series.h5"
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as h5:
        line = random.normal(size=100_003).astype("f4")
        line[77_777], line[5:90] = 1000, np.nan
        h5.create_dataset("run/line", data=line, chunks=(7_001,), compression="gzip", shuffle=True)
        channels = random.integers(-500, 500, (3, 20_000)).astype(">i2")
        channels[1, 64:200] = -999
        data = h5.create_dataset("channels", data=channels, chunks=(2, 999), compression="lzf")
        data.attrs.update({"_FillValue": np.int16(-999), "units": "mV"})
        h5.create_dataset(
            "image", data=random.integers(0, 9, (2, 1500, 1100), dtype="u1"), chunks=(1, 500, 500)
        )
        h5["short"] = np.arange(100)
    return path


def reduced(values: Any, missing: Any, name: str) -> Any:
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values[values != missing]
    if not known.size:
        return np.nan if values.dtype.kind == "f" or name == "mean" else missing
    return {"min": known.min, "max": known.max, "mean": lambda: known.mean(dtype="f8")}[name]()


@pytest.mark.parametrize("version", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_every_level_is_right(source: Path, tmp_path: Path, version: int) -> None:
    found = converted(source, tmp_path / "out.zarr", version=version)
    assert found.num_overviews == 3
    store = zarr.open_consolidated(tmp_path / "out.zarr", mode="r")
    with h5py.File(source) as h5:
        for path, missing, count in (("run/line", None, 3), ("channels", -999, 2)):
            values, group = h5[path][()], store[f"overview/{path}"]
            layout = group.attrs["multiscales"]["layout"]
            assert [item["asset"] for item in layout[::3]] == [
                f"{level}/min" for level in range(1, count + 1)
            ]
            for level in range(1, count + 1):
                for name in ("min", "max", "mean"):
                    made, size = group[f"{level}/{name}"][()], 8**level
                    for at in np.ndindex(*made.shape[:-1]):
                        parts = np.split(values[at], range(size, values.shape[-1], size))
                        wanted = [reduced(part, missing, name) for part in parts]
                        np.testing.assert_allclose(made[at], np.array(wanted, dtype=made.dtype), rtol=1e-5)
        made = store["overview/image/1/max"]
        assert made.shape == (2, 750, 550) and "overview/short" not in store
        whole = h5["image"][0].reshape(750, 2, 550, 2)
        assert np.array_equal(made[0], whole.max(axis=(1, 3)))
    assert store["overview/channels/1/min"].attrs["units"] == "mV"


@settings(max_examples=30)
@given(st.data())
def test_parts_in_any_order_make_the_same(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 300))
    values = np.array(data.draw(st.lists(st.integers(-9, 9), min_size=length, max_size=length)), dtype="i2")
    cuts = sorted({0, length, *data.draw(st.lists(st.integers(0, length), max_size=5))})
    level = empty((-(-length // 8),), values.dtype)
    for low, high in data.draw(st.permutations(list(pairwise(cuts)))):
        level.put((slice(low // 8, -(-high // 8)),), stretches(values[low:high], [low], [8], 0))
    whole = stretches(values, [0], [8], 0)
    for name in ("min", "max", "mean"):
        np.testing.assert_array_equal(level.of(name, 0), whole.of(name, 0))
    above = smaller(level, [0], [8])
    known = values[values != 0]
    if known.size:
        assert above.low.min() == known.min() and above.high.max() == known.max()


@settings(max_examples=60)
@given(st.data())
def test_stretches_of_a_plane_are_what_they_are(data: st.DataObject) -> None:
    shape, starts = (
        data.draw(st.tuples(*[st.integers(1, 30)] * 2)),
        data.draw(st.tuples(*[st.integers(0, 9)] * 2)),
    )
    factors, kind = (
        data.draw(st.tuples(*[st.integers(1, 8)] * 2)),
        data.draw(st.sampled_from(["i1", "u2", "f4"])),
    )
    values = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 9, shape).astype(kind)
    if kind == "f4":
        values[values == data.draw(st.integers(0, 20))] = np.nan
    missing = data.draw(st.sampled_from([None, np.dtype(kind).type(3)]))
    found = stretches(values, starts, factors, missing)
    rows, columns = (
        (np.arange(size) + start) // factor - start // factor
        for size, start, factor in zip(shape, starts, factors, strict=True)
    )
    for at in np.ndindex(*found.low.shape):
        part = values[np.ix_(rows == at[0], columns == at[1])]
        known = part[~np.isnan(part) & (part != missing if missing is not None else True)]
        assert found.count[at] == known.size and found.total[at] == known.sum(dtype="f8")
        if known.size:
            assert (found.low[at], found.high[at]) == (known.min(), known.max())


@pytest.mark.parametrize("after", [1, 7])
def test_overviews_that_were_stopped_are_made_again(source: Path, tmp_path: Path, after: int) -> None:
    """Their objects are written in any order."""
    seen: list[str] = []

    def tell(text: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        seen.append(text)
        if seen.count("overviews") > after:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        converted(source, tmp_path / "a.zarr", progress=tell)
    assert converted(source, tmp_path / "a.zarr", resume=True).chunks_kept > 20
    converted(source, tmp_path / "b.zarr")
    made, wanted = (
        {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (tmp_path / "a.zarr", tmp_path / "b.zarr")
    )
    assert made == wanted


def test_which_arrays_have_them() -> None:
    assert factors_of((100_000,), np.dtype("f4")) == (8,) and factors_of((4, 5000, 2000), np.dtype("u2")) == (
        1,
        2,
        2,
    )
    assert not factors_of((8000,), np.dtype("f4")) and not factors_of((100_000,), np.dtype("S4"))
    assert not factors_of((), np.dtype("f4")) and not factors_of((0, 100_000), np.dtype("f4"))
    assert shapes_of((1_000_000_000,), (8,))[-1] == (3815 // 8 + 1,)


def test_a_full_disk_is_said(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(H5s3Error, match="cannot be written: No space left"):
        converted(source, tmp_path / "out.zarr")


def test_there_must_be_room(source: Path, tmp_path: Path) -> None:
    assert "no place" in run("convert", source, "/channels", "-o", tmp_path / "a.zarr", "--overviews").failed(
        2
    )
    with h5py.File(tmp_path / "own.h5", "w") as h5:
        h5["overview/mine"] = [1]
    with pytest.raises(UsageError, match="no place"):
        converted(tmp_path / "own.h5", tmp_path / "own.zarr")


@pytest.fixture(scope="module")
def spike(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A store with a series of three million, and the series."""
    folder = tmp_path_factory.mktemp("spike")
    values = np.random.default_rng(1).normal(0, 50, 3_000_001).astype("i2")
    values[[0, 1_234_567, -1]] = 3000, -4000, 3500
    with h5py.File(folder / "spike.h5", "w") as h5:
        data = h5.create_dataset("run/line", data=values, chunks=(250_000,), compression="lzf")
        data.attrs.update({"scale_factor": -0.5, "add_offset": 1.0, "units": "mV"})
    converted(folder / "spike.h5", folder / "spike.zarr")
    return folder / "spike.zarr", values * -0.5 + 1


@pytest.mark.parametrize("size", [256, *(pytest.param(size, marks=pytest.mark.slow) for size in (16, 512))])
def test_a_line_is_drawn_with_every_peak(spike: tuple[Path, Any], size: int) -> None:
    store, meant = spike
    found = run("preview", store, "/run/line", "--max-size", size, "--json").json
    drawn, plot = np.array(found["plot"]["data"]), found["plot"]
    every = 2 * plot["x"]["step"]
    assert plot["peaks"] and plot["downsampled"] and size <= len(drawn) // 2 <= max(1024, 8 * size)
    for at, (low, high) in enumerate(drawn.reshape(-1, 2)):
        part = meant[at * every : (at + 1) * every]
        assert (low, high) == (part.min(), part.max())
    stats = found["stats"]
    assert (stats["min"], stats["max"], stats["coverage"]) == (meant.min(), meant.max(), 1.0)
    assert stats["mean"] == pytest.approx(meant.mean(), rel=1e-3) and "from an overview" in found["notes"][0]
    assert found["units"] == "mV" and plot["units"] == "mV"


def test_a_large_part_of_a_line_is_drawn_with_every_peak(spike: tuple[Path, Any]) -> None:
    """Of whole stretches: the selection says which."""
    store, meant = spike
    found = run("preview", store, "/run/line", "--slice", "700001:2000003", "--json").json
    start, stop = map(int, found["selection"].split(":"))
    every = 2 * found["plot"]["x"]["step"]
    assert start <= 700_001 < start + every and stop - every < 2_000_003 <= stop
    drawn = np.array(found["plot"]["data"])
    assert 256 <= len(drawn) // 2 < 8 * 256 + 2 and found["plot"]["x"]["start"] == start
    for at, (low, high) in enumerate(drawn.reshape(-1, 2)):
        part = meant[start + at * every : min(stop, start + (at + 1) * every)]
        assert (low, high) == (part.min(), part.max())
    assert "from an overview" in found["notes"][0] and found["stats"]["max"] == meant[start:stop].max()


def test_a_part_of_an_image_is_drawn_from_its_overview(tmp_path: Path) -> None:
    values = np.random.default_rng(2).integers(0, 200, (2, 3000, 2000), dtype="u1")
    values[1, 1500, 1000] = 255
    with h5py.File(tmp_path / "image.h5", "w") as h5:
        h5.create_dataset("image", data=values, chunks=(1, 500, 500))
    converted(tmp_path / "image.h5", tmp_path / "image.zarr")
    arguments = ("--slice", "1,333:2900,11:1990", "--max-size", "100", "--json")
    found = run("preview", tmp_path / "image.zarr", "/image", *arguments).json
    assert "from an overview" in found["notes"][0]
    _, rows, columns = (tuple(map(int, part.split(":"))) for part in found["selection"].split(","))
    assert rows[0] <= 333 < rows[0] + 64 and columns[0] <= 11 and 2900 <= rows[1] <= 3000
    seen = values[1, slice(*rows), slice(*columns)]
    assert found["stats"]["max"] == 255 and found["stats"]["mean"] == pytest.approx(seen.mean(), rel=1e-2)


def test_a_part_of_a_line_is_read_itself(spike: tuple[Path, Any]) -> None:
    found = run("preview", spike[0], "/run/line", "--slice", ":1000", "--json").json
    assert found["table"] and found["plot"]["data"][0] == spike[1][0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"layout": 3},
        {"layout": [{"asset": "../../x/min", "transform": {"scale": [8.0]}}]},
        {"layout": [{"asset": "1/min", "transform": {"scale": [7.0]}}]},
        {"layout": [{"asset": "1/min", "transform": {"scale": ["8"]}}]},
        {"layout": [{"asset": "1/min", "derived_from": "9/min", "transform": {"scale": [8.0]}}]},
        {"layout": [{"asset": "1/min", "transform": {"scale": [1e300]}}, 4]},
    ],
)
def test_what_is_told_wrongly_is_not_believed(spike: tuple[Path, Any], tmp_path: Path, told: Any) -> None:
    shutil.copytree(spike[0], tmp_path / "told.zarr")
    root = json.loads((tmp_path / "told.zarr" / "zarr.json").read_text())
    root["consolidated_metadata"]["metadata"]["overview/run/line"]["attributes"]["multiscales"] = told
    (tmp_path / "told.zarr" / "zarr.json").write_text(json.dumps(root))
    found = run("preview", tmp_path / "told.zarr", "/run/line", "--json").json
    assert not any("from an overview" in note for note in found["notes"]) and found["plot"]["data"]
