"""Generated files: the conventions of AnnData, PyTables, pandas, Keras and NWB."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.support.h5files.conventions import fixed
from tests.support.h5files.registry import fixture_file, new_file


def _encoded(owner: Any, kind: str, version: str = "0.2.0") -> Any:
    owner.attrs["encoding-type"], owner.attrs["encoding-version"] = kind, version
    return owner


def _words(group: h5py.Group, name: str, words: list[str]) -> None:
    _encoded(group.create_dataset(name, data=words, dtype=h5py.string_dtype()), "string-array")


def _frame(file: h5py.Group, name: str, index: list[str], columns: list[str]) -> h5py.Group:
    group = _encoded(file.create_group(name), "dataframe")
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", columns, dtype=h5py.string_dtype())
    _words(group, "_index", index)
    return group


def _sparse(parent: h5py.Group, name: str, kind: str, shape: tuple[int, int]) -> None:
    group = _encoded(parent.create_group(name), kind, "0.1.0")
    group.attrs["shape"] = np.array(shape, dtype="<i8")
    pointers = shape[0] if kind.startswith("csr") else shape[1]
    group["data"] = np.ones(pointers, dtype="<f4")
    group["indices"] = np.zeros(pointers, dtype="<i4")
    group["indptr"] = np.arange(pointers + 1, dtype="<i4")


@fixture_file
def anndata(path: Path) -> None:
    """An AnnData file: sparse matrices, data frames with a categorical, embeddings, unstructured data."""
    with new_file(path) as file:
        _encoded(file, "anndata", "0.1.0")
        _sparse(file, "X", "csr_matrix", (4, 3))
        cells = _frame(file, "obs", [f"cell{number}" for number in range(4)], ["kind", "score"])
        kind = _encoded(cells.create_group("kind"), "categorical")
        kind.attrs["ordered"] = np.bool_(False)
        _words(kind, "categories", ["A", "B"])
        _encoded(kind.create_dataset("codes", data=np.array([0, 1, -1, 0], dtype="i1")), "array")
        _encoded(cells.create_dataset("score", data=np.linspace(0, 1, 4)), "array")
        _frame(file, "var", ["geneX", "geneY", "geneZ"], [])
        for name in ("obsm", "varm", "obsp", "varp", "layers", "uns"):
            _encoded(file.create_group(name), "dict", "0.1.0")
        _encoded(file["obsm"].create_dataset("X_umap", data=np.zeros((4, 2), dtype="<f4")), "array")
        _sparse(file["layers"], "counts", "csc_matrix", (4, 3))
        _encoded(file["uns"].create_dataset("title", data="demo"), "string")
        _encoded(file["uns"].create_dataset("none", data=h5py.Empty("<f4")), "null", "0.1.0")


@fixture_file
def anndata_old_style(path: Path) -> None:
    """An AnnData file from before the encodings: compounds for the frames, h5sparse_format for the matrix."""
    with new_file(path) as file:
        frame = np.dtype([("index", "S6"), ("score", "<f4")])
        file["obs"], file["var"] = np.zeros(3, dtype=frame), np.zeros(2, dtype=frame)
        matrix = file.create_group("X")
        matrix.attrs["h5sparse_format"], matrix.attrs["h5sparse_shape"] = "csr", np.array([3, 2])
        matrix["data"], matrix["indices"], matrix["indptr"] = (
            np.ones(3),
            np.zeros(3, "<i4"),
            np.arange(4, dtype="<i4"),
        )


def _pytables(owner: Any, kind: str, version: str, title: str = "") -> Any:
    for name, text in (("CLASS", kind), ("VERSION", version), ("TITLE", title)):
        owner.attrs[name] = fixed(text) if text else h5py.Empty("S1")
    return owner


@fixture_file
def pytables(path: Path) -> None:
    """A PyTables file: a group, a table with its index group, an array, a pickled attribute."""
    with new_file(path) as file:
        _pytables(file, "GROUP", "1.0", "a title").attrs["PYTABLES_FORMAT_VERSION"] = fixed("2.1")
        file.attrs["FILTERS"] = np.bytes_(b"I65793\n.")
        events = _pytables(file.create_group("events"), "GROUP", "1.0")
        rows = np.zeros(5, dtype=[("id", "<i8"), ("name", "S8"), ("energy", "<f8", (2,)), ("ok", "?")])
        table = events.create_dataset("table", data=rows, chunks=(64,), maxshape=(None,), compression="lzf")
        _pytables(table, "TABLE", "2.7", "events").attrs["NROWS"] = np.int64(5)
        for number, name in enumerate(rows.dtype.names or ()):
            table.attrs[f"FIELD_{number}_NAME"] = fixed(name)
        table.attrs["FIELD_0_FILL"] = np.int64(0)
        events.create_group("_i_table").attrs["CLASS"] = fixed("TINDEX")
        array = _pytables(file.create_dataset("array", data=np.arange(6).reshape(2, 3)), "ARRAY", "2.4")
        array.attrs["FLAVOR"] = fixed("numpy")
        earray = file.create_dataset("earray", data=np.arange(4), maxshape=(None,), chunks=(16,))
        _pytables(earray, "EARRAY", "1.1").attrs["EXTDIM"] = np.int32(0)


@fixture_file
def pandas(path: Path) -> None:
    """A pandas HDFStore: a frame of the fixed format and one of the table format."""
    with new_file(path) as file:
        _pytables(file, "GROUP", "1.0").attrs["PYTABLES_FORMAT_VERSION"] = fixed("2.1")
        frame = _pytables(file.create_group("fixed"), "GROUP", "1.0")
        frame.attrs["pandas_type"], frame.attrs["pandas_version"] = fixed("frame"), fixed("0.15.2")
        frame.attrs["nblocks"], frame.attrs["ndim"] = np.int64(1), np.int64(2)
        for name, words in (("axis0", ["a", "b"]), ("block0_items", ["a", "b"])):
            frame[name] = np.array(words, dtype="S1")
            frame[name].attrs["kind"] = fixed("string")
        frame["axis1"], frame["block0_values"] = np.arange(3), np.ones((3, 2))
        table = _pytables(file.create_group("table"), "GROUP", "1.0")
        table.attrs["pandas_type"] = fixed("frame_table")
        rows = np.zeros(3, dtype=[("index", "<i8"), ("values_block_0", "<f8", (2,))])
        _pytables(table.create_dataset("table", data=rows, chunks=(16,), maxshape=(None,)), "TABLE", "2.7")


def _layer(parent: h5py.Group, name: str, weights: dict[str, tuple[int, ...]]) -> None:
    group = parent.create_group(name)
    group.attrs["weight_names"] = np.array([f"{name}/{key}:0".encode() for key in weights] or [], dtype="S40")
    for key, shape in weights.items():
        group.create_dataset(f"{name}/{key}:0", data=np.zeros(shape, dtype="<f4"))


@fixture_file
def keras(path: Path) -> None:
    """A Keras model of the HDF5 format: its configuration, its weights by layer, its optimizer's."""
    layers = [
        {"class_name": "Dense", "config": {"name": f"dense_{number}", "units": 3}} for number in range(2)
    ]
    with new_file(path) as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
        file.attrs["training_config"] = json.dumps(
            {"loss": "mse", "optimizer_config": {"class_name": "Adam"}}
        )
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([b"dense_0", b"dropout", b"dense_1"], dtype="S10")
        weights.attrs["keras_version"], weights.attrs["backend"] = "2.15.0", "tensorflow"
        _layer(weights, "dense_0", {"kernel": (4, 3), "bias": (3,)})
        _layer(weights, "dropout", {})
        _layer(weights, "dense_1", {"kernel": (3, 3), "bias": (3,)})
        _layer(file, "optimizer_weights", {"Adam/iterations": ()})


@fixture_file
def keras3_weights(path: Path) -> None:
    """A weights file of Keras 3: no attributes that say so, but vars in every layer."""
    with new_file(path) as file:
        for number in range(2):
            variables = file.create_group(f"layers/dense_{number}/vars")
            variables["0"], variables["1"] = np.zeros((4, 3), "<f4"), np.zeros(3, "<f4")
        file.create_group("optimizer/vars")["0"] = np.int64(0)


def _nwb(parent: h5py.Group, name: str, kind: str, namespace: str = "core") -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["neurodata_type"], group.attrs["namespace"] = kind, namespace
    group.attrs["object_id"] = f"00000000-0000-4000-8000-{len(name):012d}"
    return group


@fixture_file
def nwb(path: Path) -> None:
    """An NWB file: a time series, a dynamic table with a ragged column, cached schemas."""
    with new_file(path) as file:
        file.attrs["nwb_version"], file.attrs["neurodata_type"] = "2.7.0", "NWBFile"
        file.attrs["namespace"], file.attrs["object_id"] = "core", "00000000-0000-4000-8000-000000000000"
        file["session_description"], file["identifier"] = "synthetic", "demo"
        file["session_start_time"] = "2000-01-01T00:00:00+00:00"
        series = _nwb(file.create_group("acquisition"), "raw", "ElectricalSeries")
        data = series.create_dataset(
            "data", data=np.zeros((20, 2), dtype="<i2"), chunks=(10, 2), compression="gzip"
        )
        data.attrs["unit"], data.attrs["conversion"] = "volts", np.float32(1e-6)
        series["starting_time"] = 0.0
        series["starting_time"].attrs["rate"] = np.float32(1000)
        series["starting_time"].attrs["unit"] = "seconds"
        table = _nwb(
            file.create_group("general/extracellular_ephys"), "electrodes", "DynamicTable", "hdmf-common"
        )
        table.attrs["colnames"], table.attrs["description"] = ["location", "times"], "electrodes"
        table["id"] = np.arange(2)
        table.create_dataset("location", data=["CA1", "CA3"], dtype=h5py.string_dtype())
        table["times"], table["times_index"] = np.arange(5.0), np.array([2, 5], dtype="u1")
        table["times_index"].attrs["target"] = table["times"].ref
        region = series.create_dataset("electrodes", data=np.arange(2))
        region.attrs["table"] = table.ref
        file.attrs[".specloc"] = file.create_group("specifications").ref
        file["specifications/core/2.7.0/namespace"] = json.dumps({"namespaces": []})
