"""`h5s3 preview`: statistics, table and plot of a sample, as text and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.support.cli import Result, file, run, sample
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

SST = np.arange(60).reshape(3, 4, 5)  # as stored; 20 + 0.01 × that is meant
MEANT = SST * 0.01 + 20.0


def preview(server: S3Server, name: str, path: str, *args: object) -> Result:
    return run("preview", sample(server, name), path, *args, on=server)


def local(name: str, path: str, *args: object) -> Result:
    return run("preview", file(name), path, *args)


def cells(lines: list[str]) -> list[list[str]]:
    """The table of the text: its lines, as words, from the first that is a row or the names of columns."""
    return [line.split() for line in lines]


def test_one_dimension(server: S3Server) -> None:
    found = preview(server, "contiguous", "/vector", "--json").json
    assert (found["path"], found["dtype"], found["shape"], found["ndim"]) == ("/vector", "float64", [100], 1)
    assert (found["preview_type"], found["selection"], found["profile"]) == ("line", "0:100", None)
    assert found["stats"] == {
        "min": 0.0,
        "max": 99.0,
        "mean": 49.5,
        "std": pytest.approx(np.arange(100).std()),
        "nan_count": 0,
        "inf_count": 0,
        "sample_size": 100,
        "coverage": 1.0,
        "min_index": [0],
        "max_index": [99],
    }
    assert found["table"]["rows"] == [[float(number)] for number in range(10)]
    assert found["table"]["row_labels"] == list(range(10)) and found["table"]["rows_truncated"]
    plot = found["plot"]
    assert (plot["type"], plot["data"], plot["downsampled"]) == ("line", np.arange(100.0).tolist(), False)
    assert (plot["vmin"], plot["vmax"]) == (0, 99)
    assert plot["x"] == {"dimension": 0, "start": 0, "step": 1, "count": 100}
    heading, stats, *rest = preview(server, "contiguous", "/vector").lines
    assert heading == f"{sample(server, 'contiguous')}  /vector  100  float64  [0:100]"
    assert stats == "  min 0 at [0]  max 99 at [99]  mean 49.5  std 28.8661  of 100 values, the whole dataset"
    assert cells(rest[:4]) == [["vector"], ["0", "0"], ["1", "1"], ["2", "2"]] and rest[11] == "  … more rows"
    assert rest[12].strip() == "/vector [0:100]" and rest[-1].strip() == "dimension 0"
    assert sum("*" in line for line in rest[13:]) > 10


def test_two_dimensions(server: S3Server) -> None:
    found = preview(server, "contiguous", "/grid", "--json").json
    data = np.arange(600).reshape(20, 30)
    assert (found["preview_type"], found["plot"]["data"]) == ("heatmap", data.tolist())
    assert (found["plot"]["x"]["count"], found["plot"]["y"]["count"]) == (30, 20)
    assert found["profile"] == data.mean(axis=1).tolist()
    table = found["table"]
    assert table["rows"] == data[:10, :8].tolist() and table["columns"] == [str(n) for n in range(8)]
    assert table["rows_truncated"] and table["columns_truncated"]
    lines = preview(server, "contiguous", "/grid").lines
    assert cells(lines[2:5]) == [
        [str(number) for number in range(8)],
        ["0", *(str(number) for number in range(8))],
        ["1", *(str(number) for number in range(30, 38))],
    ]
    assert "  … more rows and columns" in lines
    assert lines[-1] == "<=11.98 [    ...:::---===+++***###%%%@@@@] >=587   2-98 % of the values"
    given = preview(server, "contiguous", "/grid", "--vmin", 0, "--vmax", 599).lines[-1]
    assert given.startswith("0 [") and given.endswith("] 599")


def test_three_dimensions_are_drawn_at_the_middle_of_the_first(server: S3Server) -> None:
    found = preview(server, "netcdf4", "/sst", "--json").json
    assert found["plot"]["data"] == MEANT[1].tolist() and found["table"]["rows"] == MEANT[1].tolist()
    assert (found["stats"]["max"], found["stats"]["sample_size"]) == (20.59, 60)
    assert found["plot"]["at"] == {"time": "2000-01-02T00:00:00"}
    assert (found["plot"]["y"]["dimension"], found["plot"]["x"]["dimension"]) == (1, 2)
    lines = preview(server, "netcdf4", "/sst").lines
    assert "  lat \\ lon      0   67.5    135  202.5    270" in lines
    row = next(line for line in lines if line.startswith("  0 ")).split()
    assert row[2:] == ["20.2", "20.21", "20.22", "20.23", "20.24"] and "] 20.39 degC" in lines[-1]
    assert any(line.endswith("/sst [1,0:4,0:5] at time 2000-01-02") for line in lines)


def test_it_says_which_plane_is_drawn(server: S3Server) -> None:
    assert "1,0:4,0:5" in preview(server, "netcdf4", "/sst", "--no-plot").out
    assert "1,0:4,0:5" in preview(server, "netcdf4", "/sst", "--only", "plot", "--json").out


@pytest.mark.parametrize(
    ("args", "selection", "plane"),
    [
        (("--slice", "0"), "0,0:4,0:5", SST[0]),
        (("--slice", "2,:,:"), "2,0:4,0:5", SST[2]),
        (("--slice", "[0,1:3,::2]"), "0,1:3,0:5:2", SST[0, 1:3, ::2]),
        (("--slice", "...,-1"), "0:3,0:4,4", SST[:, :, 4]),
        (("--slice", "-1,2"), "2,2,0:5", SST[2, 2]),
        (("--slice", ":, 1, 1:4:2"), "0:3,1,1:4:2", SST[:, 1, 1:4:2]),
        (("--fixed", "0=2"), "2,0:4,0:5", SST[2]),
        (("--fixed", "0=2,1=-1"), "2,3,0:5", SST[2, 3]),
        (("--display-dims", "0,2", "--fixed", "1=3"), "0:3,3,0:5", SST[:, 3]),
        (("--display-dims", "0,1"), "0:3,0:4,0:5", SST[:, :, 2]),
        (("--display-dims", "2,1"), "0:3,0:4,0:5", SST[1].T),
    ],
)
def test_parts_of_a_dataset(args: tuple[str, ...], selection: str, plane: np.ndarray[Any, Any]) -> None:
    found = local("netcdf4", "/sst", *args, "--raw", "--json").json
    assert (found["selection"], found["plot"]["data"]) == (selection, plane.tolist())
    assert f"  [{selection}]" in local("netcdf4", "/sst", *args).lines[0]
    np.testing.assert_allclose(
        local("netcdf4", "/sst", *args, "--json").json["plot"]["data"], plane * 0.01 + 20
    )
    if plane.ndim == 1:
        assert found["preview_type"] == "line" and found["stats"]["max"] == plane.max()


def test_one_element_of_an_array() -> None:
    found = local("netcdf4", "/sst", "--slice", "1,2,3", "--json").json
    assert (found["preview_type"], found["selection"]) == ("scalar", "1,2,3")
    assert found["table"]["rows"] == [[MEANT[1, 2, 3]]] and found["plot"] is None
    assert local("netcdf4", "/sst", "--slice", "1,2,3").lines[-1].strip() == "20.33"
    assert local("netcdf4", "/sst", "--slice", "1,2,3", "--raw").lines[-1].strip() == "33"


@pytest.mark.parametrize(
    ("name", "path", "text", "selection"),
    [
        ("netcdf4", "/sst", "5:,:,:", "3:3,0:4,0:5"),
        ("netcdf4", "/sst", ":,:,2:2", "0:3,0:4,2:2"),
        ("netcdf4", "/station", "9:", "4:4"),
    ],
)
def test_a_selection_of_nothing_is_no_error(name: str, path: str, text: str, selection: str) -> None:
    found = local(name, path, "--slice", text, "--json").json
    assert (found["selection"], found["preview_type"], found["table"]) == (selection, "empty", None)
    lines = local(name, path, "--slice", text).lines
    assert lines[0].endswith(f"  [{selection}]") and lines[1:] == ["  the selection holds no values"]


def test_a_scalar(server: S3Server) -> None:
    found = preview(server, "contiguous", "/scalar", "--json").json
    assert (found["preview_type"], found["shape"], found["selection"]) == ("scalar", [], "()")
    assert found["table"]["rows"] == [[1.5]] and found["stats"]["mean"] == 1.5
    lines = preview(server, "contiguous", "/scalar").lines
    assert lines[0].endswith("  /scalar  scalar  float32") and lines[-1].strip() == "1.5" and len(lines) == 3


def test_strings(server: S3Server) -> None:
    found = preview(server, "netcdf4", "/station", "--json").json
    assert found["preview_type"] == "table" and found["stats"] is None and found["plot"] is None
    assert found["table"]["rows"] == [["north", 5], ["south", 5], ["", 0], ["größe", 5]]
    heading, *lines = preview(server, "netcdf4", "/station").lines
    assert heading.endswith("  /station  4  str  [0:4]")
    assert cells(lines) == [
        ["value", "length"],
        ["0", "north", "5"],
        ["1", "south", "5"],
        ["2", "0"],
        ["3", "größe", "5"],
    ]


def test_strings_of_spaces_alone() -> None:
    assert local("blank_strings", "/scalar").lines[1:] == [""]
    assert cells(local("blank_strings", "/vector").lines[2:]) == [["0", "3"], ["1", "1"]]


def test_compounds(server: S3Server) -> None:
    found = preview(server, "compounds", "/plain", "--json").json
    assert found["table"] == {
        "rows": [[1, 2.5], [-3, 4.5]],
        "columns": ["a", "b"],
        "row_labels": [0, 1],
        "rows_truncated": False,
        "columns_truncated": False,
    }
    lines = preview(server, "compounds", "/plain").lines
    assert lines[1].startswith("  a:  min -3 at [1]  max 1 at [0]  mean -1  std 2")
    assert cells(lines[2:5]) == [
        ["a", "b"],
        ["0", "1", "2.5"],
        ["1", "-3", "4.5"],
    ]
    nested = local("compounds", "/nested", "--json").json["table"]["rows"][0]
    assert nested == [1, {"x": 1.0, "y": 1.0}, {"deeper": {"deepest": 1}}]


@pytest.mark.parametrize("part", ["stats", "table", "plot", "profile"])
def test_only_one_part(server: S3Server, part: str) -> None:
    whole = preview(server, "contiguous", "/grid", "--json").json
    found = preview(server, "contiguous", "/grid", "--only", part, "--json").json
    parts = ("stats", "table", "plot", "profile")
    assert [name for name in parts if found[name] is not None] == [part] and found[part] == whole[part]
    lines = preview(server, "contiguous", "/grid", "--only", part).lines[1:]
    everything = preview(server, "contiguous", "/grid").lines
    if part == "profile":
        assert lines[1] == "1  44.5" and len(lines) == 20
    else:
        assert lines and set(lines) < set(everything)


def test_without_a_plot(server: S3Server) -> None:
    found = preview(server, "contiguous", "/vector", "--no-plot", "--json").json
    assert found["plot"] is None and found["table"] is not None and found["stats"] is not None
    assert len(preview(server, "contiguous", "/vector", "--no-plot").lines) == 14
    assert preview(server, "contiguous", "/vector", "--plot", "--json").json["plot"] is not None


def test_max_size_thins_what_is_drawn() -> None:
    found = local("contiguous", "/grid", "--max-size", 10, "--json").json
    data = np.arange(600).reshape(20, 30)
    assert found["plot"]["data"] == data[::2, ::3].tolist() and found["plot"]["downsampled"]
    assert (found["plot"]["x"]["step"], found["plot"]["y"]["step"]) == (3, 2)
    assert found["stats"]["sample_size"] == 600


def test_nan_and_infinities_are_null_and_counted() -> None:
    found = local("floats", "/f64_le", "--json").json
    assert (found["stats"]["nan_count"], found["stats"]["inf_count"]) == (1, 2)
    assert found["stats"]["max"] == np.finfo("f8").max and found["plot"]["data"][4:7] == [None] * 3
    lines = local("floats", "/f64_le").lines
    assert lines[1].endswith("  of 8 values, the whole dataset; 1 NaN, 2 infinite")
    assert lines[7] == "  4  nan or inf"


def test_large_integers_stay_exact() -> None:
    found = local("integers", "/u64_le", "--json").json
    assert found["table"]["rows"][3] == [2**64 - 1] and found["stats"]["max"] == 2**64 - 1
    assert local("integers", "/i64_be", "--json").json["stats"]["min"] == -(2**63)
    assert "max 18446744073709551615" in local("integers", "/u64_le").lines[1]


def test_missing_values_are_left_out() -> None:
    found = local("netcdf4", "/sst", "--json").json
    assert found["stats"]["missing_count"] == 0 and found["notes"] == []
    assert found["coding"] == {"missing": [-999], "scale_factor": 0.01, "add_offset": 20.0}
    raw = local("netcdf4", "/sst", "--raw", "--json").json
    assert "coding" not in raw and raw["stats"]["max"] == 59 and raw["stats"]["missing_count"] == 0


@pytest.mark.parametrize(("size", "most"), [("1K", 2048), ("64K", 70_000)])
def test_max_bytes_bounds_what_is_fetched_and_says_so(server: S3Server, size: str, most: int) -> None:
    where = sample(server, "plenty")
    with Proxy(server) as proxy:
        there = server.at(proxy.url)
        run("meta", where, "/data", on=there)
        proxy.reset()
        found = run("preview", where, "/data", "--max-bytes", size, "--json", on=there).json
        assert proxy.bytes() <= most
    assert 0 < found["stats"]["coverage"] < 1
    assert 0 < found["sample"]["read"] < found["sample"]["total"] and found["sample"]["parts"]
    text = run("preview", where, "/data", "--max-bytes", size, on=server)
    assert f"{100 * found['stats']['coverage']:.3g} % of the dataset" in text.out
    with h5py.File(file("plenty")) as there_:
        assert found["shape"] == list(there_["data"].shape)


@pytest.mark.parametrize(
    ("name", "path", "note"),
    [
        ("null_spaces", "/integer", "a null dataspace: no values"),
        ("empty_dimensions", "/first", "no values"),
        ("times", "/UNIX_D32LE", "values of type time32 cannot be read here"),
    ],
)
def test_what_has_no_values_to_show(name: str, path: str, note: str) -> None:
    assert local(name, path, "--json").json["notes"] == [note]
    assert local(name, path).lines[1:] == [f"  {note}"]


def test_a_soft_link_leads_to_its_dataset(server: S3Server) -> None:
    found = preview(server, "soft_link", "/relative", "--json").json
    assert found["table"]["rows"] == [[0], [1], [2]] and found["path"] == "/relative"


def test_the_default_plot_of_a_nexus_file(server: S3Server) -> None:
    found = preview(server, "nexus", "/", "--json").json
    assert found["group"] == "/" and found["path"].startswith("/entry/") and found["plot"]
    assert run("preview", sample(server, "nexus"), "--json", on=server).json["path"] == found["path"]
    assert "  the default plot of /" in preview(server, "nexus", "/").lines


def test_limits_and_logarithms() -> None:
    given = local("contiguous", "/grid", "--vmin", 5, "--vmax", 50, "--json").json["plot"]
    assert (given["vmin"], given["vmax"], given["limits"], given["log"]) == (5, 50, "given", False)
    log = local("contiguous", "/grid", "--log", "--json").json["plot"]
    assert log["log"] and log["vmin"] > 0
    assert (
        local("contiguous", "/grid", "--vmin", 9, "--vmax", 1).failed(2) == "--vmin 9 is not below --vmax 1"
    )


def test_parts_of_complex_numbers_and_fields() -> None:
    with h5py.File(file("complex_native")) as h5:
        name = next(name for name in h5 if h5[name].ndim and h5[name].dtype.kind == "c")
        wanted = h5[name][()]
    for part, of in (("abs", np.abs), ("real", np.real), ("imag", np.imag), ("phase", np.angle)):
        found = local("complex_native", f"/{name}", "--part", part, "--json").json
        finite = of(wanted)[np.isfinite(of(wanted))]
        assert found["stats"]["of"] == part and found["stats"]["max"] == pytest.approx(float(finite.max()))
    other = local("compounds", "/plain", "--column", "b", "--json").json
    assert other["plot"]["data"] == [2.5, 4.5]
    assert (
        local("compounds", "/plain", "--column", "c").failed(2).startswith(f"{file('compounds')}: --column")
    )


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_figure_in_a_file(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"figure.{suffix}"
    result = local("contiguous", "/grid", "--plot-out", target, "--no-plot")
    assert (result.code, result.err) == (0, f"figure: {target}\n") and result.out
    start = {"png": b"\x89PNG", "svg": b"<?xml"}[suffix]
    assert target.read_bytes().startswith(start) and len(list(tmp_path.iterdir())) == 1


def test_a_figure_of_another_kind_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    found = run("preview", "s3://nowhere/at-all", "/x", "--plot-out", tmp_path / "figure.gif")
    assert "gif" in found.failed(2) and not list(tmp_path.iterdir())
