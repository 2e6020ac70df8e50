"""Images with overviews: drawn from them, and described as OME-Zarr has them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

from h5s3.errors import UsageError
from h5s3.explore.convert.convert import convert
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.session import Session
from h5s3.export.zarr.overviews.ome import axes_of
from h5s3.records import Convert
from h5s3.settings import Settings
from tests.support.cli import run

pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs")
HEIGHT, WIDTH = 1301, 1702


def converted(path: Path, out: Path, **wish: Any) -> Convert:
    with Session(Settings(no_cache=True)) as session:
        return convert(
            session, session.location(str(path)), ConvertRequest("/", output=str(out), ome=True, **wish)
        )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ome") / "images.h5"
    random = np.random.default_rng(0)
    image = random.integers(90, 110, (HEIGHT, WIDTH), dtype="u2")
    image[1234, 567], image[10:20, 10:30] = 5000, 7
    with h5py.File(path, "w") as h5:
        data = h5.create_dataset("run/image", data=image, chunks=(300, 700), compression="gzip", shuffle=True)
        data.attrs["_FillValue"] = np.uint16(7)
        stack = h5.create_dataset("stack", (2, 1100, 1100), "u1", chunks=(1, 550, 1100), compression="lzf")
        stack[1] = 9
        for dimension, name in zip(stack.dims, ("time", "y", "x"), strict=True):
            dimension.label = name
        h5["line"] = np.arange(100_000.0)
    return path


@pytest.fixture(scope="module", params=[pytest.param(2, marks=pytest.mark.slow), 3])
def store(request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stores") / f"v{request.param}.zarr"
    assert converted(source, made, version=request.param).num_overviews == 3
    return made


def multiscales(group: Any) -> list[dict[str, Any]]:
    if group.metadata.zarr_format == 2:
        return list(group.attrs["multiscales"])
    assert group.attrs["ome"]["version"] == "0.5"
    return list(group.attrs["ome"]["multiscales"])


def test_the_rules_of_the_specification_are_kept(store: Path) -> None:
    group = zarr.open_group(store, mode="r")
    found = multiscales(group)
    assert [one["name"] for one in found] == ["stack", "run/image"]  # the largest first
    for one in found:
        assert one.get("version") == ("0.4" if group.metadata.zarr_format == 2 else None)
        arrays = [group[dataset["path"]] for dataset in one["datasets"]]
        names, kinds = [axis["name"] for axis in one["axes"]], [axis.get("type") for axis in one["axes"]]
        assert 2 <= len(names) <= 5 and len(set(names)) == len(names) and 2 <= kinds.count("space") <= 3
        assert kinds[-2:] == ["space", "space"] and len({array.dtype for array in arrays}) == 1
        for level, (array, dataset) in enumerate(zip(arrays, one["datasets"], strict=True)):
            scale, *more = dataset["coordinateTransformations"]
            assert scale["type"] == "scale" and len(scale["scale"]) == array.ndim == len(names)
            assert [part["type"] for part in more] == ["translation"] * bool(level)
            wanted = [
                -(-size // int(factor)) for size, factor in zip(arrays[0].shape, scale["scale"], strict=True)
            ]
            assert list(array.shape) == wanted
            if group.metadata.zarr_format == 3:
                assert list(array.metadata.dimension_names) == names
            else:
                assert array.metadata.dimension_separator == "/"
        assert [array.size for array in arrays] == sorted((array.size for array in arrays), reverse=True)


def test_means_have_the_type_of_the_image(store: Path, source: Path) -> None:
    made = zarr.open_group(store, mode="r")["overview/run/image/1/mean"][()]
    with h5py.File(source) as h5:
        image = h5["run/image"][: HEIGHT - 1].astype(float)
    image[image == 7] = np.nan
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of stretches without a value
        wanted = np.nanmean(image.reshape(HEIGHT // 2, 2, WIDTH // 2, 2), axis=(1, 3))
    assert made.dtype == np.dtype("u2") and (made[5:10, 5:15] == 7).all()
    known = ~np.isnan(wanted)
    assert np.abs(made[: HEIGHT // 2][known] - wanted[known]).max() <= 0.5


@pytest.mark.parametrize("size", [100, 512])
def test_an_image_is_drawn_with_what_stands_out(store: Path, source: Path, size: int) -> None:
    found = run("preview", store, "/run/image", "--max-size", size, "--json").json
    plot, stats = found["plot"], found["stats"]
    drawn = np.array(plot["data"], dtype=float)
    assert plot["type"] == "heatmap" and plot["peaks"] and max(drawn.shape) <= size
    assert "from an overview" in found["notes"][0]
    assert (stats["min"], stats["max"], stats["coverage"]) == (90, 5000, 1.0)
    row, column = 1234 // plot["y"]["step"], 567 // plot["x"]["step"]
    assert drawn[row, column] == 5000 and (np.nan_to_num(drawn) == 5000).sum() == 1
    with h5py.File(source) as h5:
        image = h5["run/image"][()]
    assert stats["mean"] == pytest.approx(image[image != 7].mean(), rel=1e-2)


def test_a_part_of_an_image_is_read_itself(store: Path) -> None:
    found = run("preview", store, "/run/image", "--slice", ":50,:50", "--json").json
    assert found["table"] and not any("overview" in note for note in found["notes"])


def test_what_stands_before_an_image(source: Path, tmp_path: Path) -> None:
    def kinds(*names: str) -> list[Any]:
        return [axis.get("type") for axis in axes_of([*names, "y", "x"])][:-2]  # type: ignore[attr-defined]

    assert (
        kinds() == []
        and kinds("t") == ["time"]
        and kinds("Channel") == ["channel"]
        and kinds("z") == ["space"]
    )
    assert kinds("phony_dim_0") == [None] and kinds("a", "b") == [None, "space"]
    assert kinds("time", "c", "z") == ["time", "channel", "space"] == kinds("a", "b", "c")
    assert kinds("z", "time") == [None, "space"]  # not in an order that may be


def test_where_there_is_no_place_or_no_image(source: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as h5:
        h5.attrs["ome"] = "mine"
        h5["image"] = np.zeros((1100, 1100), "u1")
    with pytest.raises(UsageError, match="an attribute ome of its own"):
        converted(tmp_path / "own.h5", tmp_path / "own.zarr")
    with h5py.File(tmp_path / "small.h5", "w") as h5:
        h5["image"] = np.zeros((100, 100), "u1")
    assert (
        "none has more than 1,024 pixels"
        in converted(tmp_path / "small.h5", tmp_path / "s.zarr").notes[0].reason
    )


def test_a_store_in_folders_is_gone_on_with(source: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def stop(text: str, done: int, total: int) -> None:
        seen.append(done)
        if len(seen) > 10:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        converted(source, tmp_path / "out.zarr", version=2, progress=stop)
    assert converted(source, tmp_path / "out.zarr", version=2, resume=True).chunks_kept >= 10
    assert json.loads((tmp_path / "out.zarr" / ".zattrs").read_text())["multiscales"]


@pytest.mark.slow
def test_readers_of_ome_zarr_find_the_images(store: Path, source: Path) -> None:
    io, reader = pytest.importorskip("ome_zarr.io"), pytest.importorskip("ome_zarr.reader")
    models = pytest.importorskip("ome_zarr_models")
    (node,) = list(reader.Reader(io.parse_url(str(store)))())
    with h5py.File(source) as h5:
        assert np.array_equal(np.asarray(node.data[0]), h5["stack"][()])
    assert [level.shape for level in node.data] == [(2, 1100, 1100), (2, 550, 550)]
    assert [axis["type"] for axis in node.metadata["axes"]] == ["time", "space", "space"]
    held = models.open_ome_zarr(zarr.open_group(store, mode="r"))
    attributes = held.attributes.ome if store.name == "v3.zarr" else held.attributes
    assert [one.name for one in attributes.multiscales] == ["stack", "run/image"]
