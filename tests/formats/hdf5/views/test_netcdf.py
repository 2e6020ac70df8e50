"""The view of NetCDF-4: what `ncdump -h` prints, and dimensions as h5py finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.support.cli import file, run

NCDUMP = """\
netcdf netcdf4 {
dimensions:
time = UNLIMITED ; // (3 currently)
lat = 4 ;
lon = 5 ;
nv = 2 ;
variables:
double time(time) ;
time:units = "days since 2000-01-01 00:00:00" ;
time:calendar = "standard" ;
float lat(lat) ;
lat:units = "degrees_north" ;
float lon(lon) ;
lon:units = "degrees_east" ;
short sst(time, lat, lon) ;
sst:_FillValue = -999s ;
sst:add_offset = 20. ;
sst:scale_factor = 0.01 ;
sst:standard_name = "sea_surface_temperature" ;
sst:units = "degC" ;
double lat_bnds(lat, nv) ;
int crs ;
crs:grid_mapping_name = "latitude_longitude" ;
string station(lat) ;
// global attributes:
:Conventions = "CF-1.10" ;
string :title = "synthetic sea surface temperature" ;
group: forecast {
dimensions:
step = 2 ;
variables:
int step(step) ;
float error(step, lat) ;
} // group forecast
}
"""  # of ncdump 4.9.0; attributes that are not numbered in the file come by name


def shown(path: Path, *args: object) -> str:
    """The view without its blanks, and without the comment that names the location."""
    lines = run("tree", path, "--view", "netcdf", *args).lines
    lines[0] = lines[0].partition(" // ")[0]
    return "".join(f"{line.strip()}\n" for line in lines if line.strip())


def items(path: Path, *args: object) -> list[Any]:
    document = run("tree", path, "--view", "netcdf", "--json", *args).json
    assert document["convention"]["view"] == "netcdf" and document["convention"]["name"] == "NetCDF-4"
    return document["convention"]["items"]


def dimensions_of(found: list[Any]) -> dict[str, list[str]]:
    return {one["name"]: one["dimensions"] for one in found if one["kind"] == "variable"}


def test_it_reads_like_ncdump() -> None:
    assert shown(file("netcdf4")) == NCDUMP


def test_units_and_names_are_fields() -> None:
    found = {one["name"]: one for one in items(file("netcdf4")) if one["kind"] == "variable"}
    assert found["sst"]["units"] == "degC" and found["sst"]["title"] == "sea_surface_temperature"
    assert found["sst"]["shape"] == [3, 4, 5] and found["sst"]["type"] == "short"
    assert found["sst"]["path"] == "/sst" and found["sst"]["dtype"] == "int16"


def test_dimensions_are_those_that_h5py_finds() -> None:
    """By the scales that are attached, of a file that is not NetCDF's."""
    found = dimensions_of(items(file("dimension_scales")))
    with h5py.File(file("dimension_scales")) as plain:
        for name, shown_names in found.items():
            for axis, dimension in enumerate(plain[name].dims):
                expected = dimension[0].name.strip("/") if len(dimension) else None
                assert shown_names[axis] == (expected or shown_names[axis])
    assert found["data"] == ["time", "height", "phony_dim_3"]


def test_a_dimension_without_a_scale_is_made_up() -> None:
    found = items(file("netcdf4_unnamed_dimensions"))
    made = {one["name"]: one["shape"] for one in found if one["kind"] == "dimension"}
    assert made == {"phony_dim_0": [3], "phony_dim_1": [4], "phony_dim_2": [3]}
    assert all(one["facts"] == {"made_up": True} for one in found if one["kind"] == "dimension")
    assert dimensions_of(found)["b"] == ["phony_dim_1", "phony_dim_0", "phony_dim_2"]


def odd(path: Path) -> Path:
    """What netcdf-c does beside the usual: renamed variables, numbered coordinates, types, cyclic groups."""
    with h5py.File(path, "w", track_order=True) as new:
        new.attrs["_NCProperties"] = "version=2"
        for number, name in enumerate(("x", "y")):
            scale = new.create_dataset(name, data=np.arange(2.0 + number), maxshape=(None,), track_order=True)
            scale.make_scale(name)
            scale.attrs["_Netcdf4Dimid"] = np.int32(1 - number)
        new["_nc4_non_coord_z"] = 1.5
        square = new.create_dataset("square", data=np.zeros((2, 7)))
        square.attrs["_Netcdf4Coordinates"] = np.array([1, 0], dtype="<i4")
        kind = h5py.enum_dtype({"calm": 0, "gale": 8}, basetype="i1")
        new["wind"] = np.dtype(kind)
        measured = new.create_dataset("measured", data=np.array([0, 8], "i1"), dtype=new["wind"])
        measured.attrs.create("_FillValue", 8, dtype=kind)
        measured.dims[0].attach_scale(new["x"])
        new["pair"] = np.dtype([("a", "<f4"), ("b", "<i2", (3,))])
        new["refs"] = np.array([new["x"].ref], dtype=h5py.ref_dtype)
        new["refs"].attrs["valid range"] = np.array([np.nan, 1e20], "<f4")
        new["inner/again"] = new["/"]
        new["inner/away"] = h5py.ExternalLink("other.nc", "/x")
    return path


def test_the_unusual(tmp_path: Path) -> None:
    path = odd(tmp_path / "odd.nc")
    text = shown(path)
    found = items(path)
    assert [one["name"] for one in found if one["kind"] == "dimension"] == ["y", "x", "phony_dim_2"]
    assert {one["name"]: one["shape"] for one in found if one["name"] == "y"}
    assert dimensions_of(found) == {
        "x": ["x"], "y": ["y"], "z": [], "square": ["x", "y"], "measured": ["x"], "refs": ["phony_dim_2"]
    }  # fmt: skip
    assert "y = UNLIMITED ; // (7 currently)" in text  # as far as a variable has grown
    assert "double z ;" in text and "byte enum wind {calm = 0, gale = 8} ;" in text
    assert "wind measured(x) ;\nwind measured:_FillValue = gale ;" in text
    assert "compound pair {\nfloat a ;\nshort b(3) ;\n}; // pair" in text
    assert "// refs(phony_dim_2) is of type ref(object), which NetCDF does not have" in text
    assert "// again -> /" in text and "// away -> other.nc:/x" in text


def test_numbers_are_written_as_cdl_has_them(tmp_path: Path) -> None:
    path = tmp_path / "numbers.nc"
    values = {
        "f": np.array([1, 0.1, np.nan], "<f4"), "d": np.float64(1e20), "b": np.int8(-1), "u": np.uint8(1),
        "l": np.int64(2), "us": np.uint16(3), "ui": np.uint32(4), "ul": np.uint64(5), "i": np.int32(6),
        "t": np.bytes_(b'a "b"\\\n'), "empty": h5py.Empty("S1"),
    }  # fmt: skip
    with h5py.File(path, "w", track_order=True) as new:
        new.attrs["Conventions"] = "CF-1.6"
        for name, value in values.items():
            new.attrs[name] = value
    lines = [line for line in shown(path).splitlines() if line.startswith(":")]
    assert lines == [
        ":f = 1.f, 0.1f, NaNf ;", ":d = 1.e+20 ;", ":b = -1b ;", ":u = 1UB ;", ":l = 2LL ;", ":us = 3US ;",
        ":ui = 4U ;", ":ul = 5ULL ;", ":i = 6 ;", r':t = "a \"b\"\\\n" ;', ':empty = "" ;',
    ]  # fmt: skip


def test_a_long_list_is_cut_with_a_word() -> None:
    assert "// … 7 more (--limit 0 shows all)" in shown(file("netcdf4"), "--limit", 2)
    assert "more" not in shown(file("netcdf4"), "--limit", 0)


def test_a_group_of_it() -> None:
    lines = run("tree", file("netcdf4"), "/forecast", "--view", "netcdf").lines
    assert lines[0].startswith("netcdf forecast {")
    assert "    float error(step, lat) ;" in lines and not any("lat = " in line for line in lines)
