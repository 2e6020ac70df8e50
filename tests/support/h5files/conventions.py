"""Generated files: the conventions of netCDF-4, NeXus and MATLAB."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from tests.support.h5files.registry import fixture_file, new_file, raw_dataset, string_type

NOT_A_VARIABLE = "This is a netCDF dimension but not a netCDF variable."


def fixed(text: str) -> np.bytes_:
    """A fixed-length string attribute's value."""
    return np.bytes_(text.encode())


def _dimension(
    group: h5py.Group, name: str, number: int, values: np.ndarray | None, size: int = 0
) -> h5py.Dataset:
    """A netCDF dimension: a scale with its number, a coordinate variable only if it has values."""
    data = np.zeros(size, dtype=">f4") if values is None else values
    scale = group.create_dataset(name, data=data, track_order=True)
    scale.make_scale(f"{NOT_A_VARIABLE}{size:10d}" if values is None else name)
    scale.attrs["_Netcdf4Dimid"] = np.int32(number)
    return scale


@fixture_file
def netcdf4(path: Path) -> None:
    """A netCDF-4 file: coordinates, a dimension without one, CF attributes, a group with one."""
    with new_file(path, ("v108", "v110"), track_order=True) as file:
        file.attrs["_NCProperties"] = fixed("version=2,netcdf=4.9.2,hdf5=1.14.3")
        file.attrs["Conventions"] = fixed("CF-1.10")
        file.attrs["title"] = "synthetic sea surface temperature"
        time = file.create_dataset(
            "time", data=np.arange(3.0), maxshape=(None,), chunks=(512,), track_order=True
        )
        time.make_scale("time")
        time.attrs["_Netcdf4Dimid"] = np.int32(0)
        time.attrs["units"] = fixed("days since 2000-01-01 00:00:00")
        time.attrs["calendar"] = fixed("standard")
        lat = _dimension(file, "lat", 1, np.linspace(-60, 60, 4).astype("<f4"))
        lon = _dimension(file, "lon", 2, np.linspace(0, 270, 5).astype("<f4"))
        lat.attrs["units"], lon.attrs["units"] = fixed("degrees_north"), fixed("degrees_east")
        _dimension(file, "nv", 3, None, 2)
        _netcdf_variables(file)
        _netcdf_group(file)


def _netcdf_variables(file: h5py.File) -> None:
    packed = np.arange(60, dtype="<i2").reshape(3, 4, 5)
    sst = file.create_dataset(
        "sst", data=packed, fillvalue=-999, chunks=(1, 4, 5), compression="gzip", shuffle=True
    )
    for number, name in enumerate(("time", "lat", "lon")):
        sst.dims[number].attach_scale(file[name])
    sst.attrs["_FillValue"] = np.array([-999], dtype="<i2")
    sst.attrs["scale_factor"], sst.attrs["add_offset"] = np.array([0.01]), np.array([20.0])
    sst.attrs["units"], sst.attrs["standard_name"] = fixed("degC"), fixed("sea_surface_temperature")
    sst.attrs["_Netcdf4Coordinates"] = np.array([0, 1, 2], dtype="<i4")
    bounds = file.create_dataset("lat_bnds", data=np.zeros((4, 2)))
    bounds.dims[0].attach_scale(file["lat"])
    bounds.dims[1].attach_scale(file["nv"])
    crs = file.create_dataset("crs", data=np.int32(0))
    crs.attrs["grid_mapping_name"] = fixed("latitude_longitude")
    names = file.create_dataset("station", data=["north", "south", "", "größe"], dtype=h5py.string_dtype())
    names.dims[0].attach_scale(file["lat"])


def _netcdf_group(file: h5py.File) -> None:
    """A group with a dimension of its own and a variable over it and an inherited one."""
    group = file.create_group("forecast", track_order=True)
    _dimension(group, "step", 4, np.arange(2, dtype="<i4"))
    variable = group.create_dataset("error", data=np.ones((2, 4), dtype="<f4"))
    variable.dims[0].attach_scale(group["step"])
    variable.dims[1].attach_scale(file["lat"])


@fixture_file
def netcdf4_unnamed_dimensions(path: Path) -> None:
    """Datasets with no dimension scales at all, which netCDF reads with dimensions it makes up."""
    with new_file(path, ("v108", "v110")) as file:
        file.attrs["Conventions"] = fixed("CF-1.8")
        file["a"] = np.ones((3, 4))
        file["b"] = np.ones((4, 3, 3))
        file["b"].dims[0].label = "y"


def _nexus(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    return group


@fixture_file
def nexus(path: Path) -> None:
    """A NeXus file: an entry, a detector, plottable data by way of default, signal and axes."""
    with new_file(path) as file:
        file.attrs["default"], file.attrs["NX_class"] = "entry", "NXroot"
        file.attrs["NeXus_version"], file.attrs["creator"] = "4.3.0", "generated"
        entry = _nexus(file, "entry", "NXentry")
        entry.attrs["default"] = "data"
        entry["definition"], entry["title"] = "NXscan", "a scan"
        detector = _nexus(_nexus(entry, "instrument", "NXinstrument"), "detector", "NXdetector")
        counts = detector.create_dataset(
            "counts", data=np.arange(30, dtype="<u4").reshape(5, 6), chunks=(1, 6)
        )
        counts.attrs["units"], counts.attrs["target"] = "counts", "/entry/instrument/detector/counts"
        counts.attrs["interpretation"] = "spectrum"
        data = _nexus(entry, "data", "NXdata")
        data.attrs["signal"], data.attrs["axes"] = "counts", ["angle", "energy"]
        data.attrs["angle_indices"], data.attrs["energy_indices"] = 0, 1
        data["counts"] = counts
        data["angle"], data["energy"] = np.linspace(0, 1, 5), np.linspace(8, 9, 6)
        data["angle_errors"] = np.full(5, 0.01)
        data["angle"].attrs["units"], data["energy"].attrs["units"] = "deg", "keV"
        entry["soft_counts"] = h5py.SoftLink("/entry/instrument/detector/counts")
        entry["frames"] = h5py.ExternalLink("frames_000001.h5", "/entry/data/data")


@fixture_file
def nexus_old_style(path: Path) -> None:
    """A NeXus file of the old way, where attributes of the fields say which is the signal and the axes."""
    with new_file(path) as file:
        data = _nexus(_nexus(file, "entry1", "NXentry"), "data", "NXdata")
        data["counts"] = np.arange(12).reshape(3, 4)
        data["counts"].attrs["signal"], data["counts"].attrs["axes"] = 1, "two_theta:position"
        for number, name in enumerate(("two_theta", "position")):
            data[name] = np.arange(3 + number, dtype="<f4")
            data[name].attrs["axis"], data[name].attrs["primary"] = number + 1, 1
        broken = _nexus(file["entry1"], "broken", "NXdata")
        broken.attrs["signal"], broken.attrs["axes"] = "absent", ["."]


def _matlab(parent: h5py.Group, name: str, data: np.ndarray, kind: str) -> h5py.Dataset:
    dataset = parent.create_dataset(name, data=data)
    dataset.attrs["MATLAB_class"] = fixed(kind)
    return dataset


@fixture_file
def matlab73(path: Path) -> None:
    """A MATLAB 7.3 file: its header, numbers, text, logicals, a cell, a struct, a sparse matrix."""
    with new_file(path, userblock_size=512) as file:
        _matlab(file, "matrix", np.arange(6.0).reshape(3, 2), "double")
        _matlab(file, "text", np.array([[ord(letter)] for letter in "héllo"], dtype="<u2"), "char")
        file["text"].attrs["MATLAB_int_decode"] = np.int32(2)
        _matlab(file, "flags", np.array([[1, 0, 1]], dtype="u1"), "logical")
        file["flags"].attrs["MATLAB_int_decode"] = np.int32(1)
        empty = _matlab(file, "empty", np.array([0, 0], dtype="<u8"), "double")
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        references = file.create_group("#refs#")
        one = _matlab(references, "a", np.array([[1.0]]), "double")
        two = _matlab(references, "b", np.array([[104], [105]], dtype="<u2"), "char")
        _matlab(file, "cell", np.array([[one.ref], [two.ref]], dtype=h5py.ref_dtype), "cell")
        _matlab_struct(file)
        file.create_group("#subsystem#")
    header = "MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Sat Jan  1 00:00:00 2000 HDF5 schema 1.00 ."
    with path.open("r+b") as stream:
        stream.write(header.encode().ljust(116) + bytes(8) + b"\x00\x02IM")


def _matlab_struct(file: h5py.File) -> None:
    struct = file.create_group("struct")
    struct.attrs["MATLAB_class"] = fixed("struct")
    _matlab(struct, "x", np.array([[1.5]]), "double")
    _matlab(struct, "y", np.array([[2]], dtype="<i4"), "int32")
    letters = np.empty(2, dtype=h5py.vlen_dtype(np.dtype("S1")))
    letters[:] = [np.array([b"x"]), np.array([b"y"])]
    struct.attrs.create("MATLAB_fields", letters, dtype=letters.dtype)
    sparse = file.create_group("sparse")
    sparse.attrs["MATLAB_class"], sparse.attrs["MATLAB_sparse"] = fixed("double"), np.uint64(3)
    sparse["data"], sparse["ir"], sparse["jc"] = (
        np.array([1.0, 2.0]),
        np.array([0, 2], "<u8"),
        np.array([0, 1, 2], "<u8"),
    )


@fixture_file
def hdf_eos5(path: Path) -> None:
    """An HDF-EOS5 file: the text of its structure in a fixed string of 32,000 bytes, a swath."""
    text = 'GROUP=SwathStructure\n\tGROUP=SWATH_1\n\t\tSwathName="Demo"\n\tEND_GROUP=SWATH_1\nEND_GROUP\n'
    with new_file(path) as file:
        information = file.create_group("HDFEOS INFORMATION")
        information.attrs["HDFEOSVersion"] = fixed("HDFEOS_5.1.16")
        type_id = string_type(32000)
        raw_dataset(information, "StructMetadata.0", type_id, (), text.encode().ljust(32000, b"\0"))
        swath = file.create_group("HDFEOS/SWATHS/Demo")
        swath["Geolocation Fields/Latitude"] = np.linspace(-90, 90, 7).astype("<f4")
        swath["Data Fields/Radiance"] = np.ones((7, 3), dtype="<f4")
        swath["Data Fields/Radiance"].attrs["_FillValue"] = np.array([-9999], dtype="<f4")
