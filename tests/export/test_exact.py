"""What `get` writes is what h5py reads, bit for bit: any shape, chunks, type and slice, in every format."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5s, h5t
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import examples
from tests.support.get import (
    boxes_of,
    by_h5py,
    read_csv,
    read_h5,
    read_json,
    read_npz,
    read_parquet,
    same,
    stream,
    take,
)
from tests.support.reference.previews import stored
from tests.support.servers.memory import MemoryStore

PLAIN = ["u1", "<i2", ">i4", "<i8", ">u8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "?", "S1", "S7"]
COLOURS = h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 200}, basetype="u1")
BIG_ENUM = h5py.enum_dtype({"MINUS": -2, "PLUS": 70000}, basetype=">i4")
INNER = np.dtype([("x", ">f4"), ("y", "<i2", (2,))])
TYPES: list[np.dtype[Any]] = [np.dtype(name) for name in PLAIN] + [
    np.dtype("<c8"),
    np.dtype(">c16"),
    np.dtype("<f16"),
    np.dtype("V5"),
    COLOURS,
    BIG_ENUM,
    np.dtype([("a", ">i2"), ("b", "<f8"), ("c", "S3")]),
    np.dtype([("id", "<u4"), ("inner", INNER), ("flag", "?")]),
    np.dtype({"names": ["a", "b"], "formats": ["u1", ">f8"], "offsets": [3, 8], "itemsize": 24}),
    np.dtype((">i2", (2, 3))),
    np.dtype(("S2", (3,))),
]
POINTED: list[Any] = [
    h5py.string_dtype(),
    h5py.string_dtype("ascii"),
    h5py.vlen_dtype(np.dtype("<i4")),
    np.dtype([("name", h5py.string_dtype()), ("n", ">i2")]),
]
WORDS = ["", "a", "größe", 'a,"b"', "line\nbreak", "cr\rhere", " space ", "=1+1", "x" * 300, "日本"]
FILTERS: list[dict[str, Any]] = [
    {},
    {"compression": "gzip", "shuffle": True},
    {"compression": "lzf"},
    {"fletcher32": True},
]


def values_of(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int) -> Any:
    """Random bits of a type: NaN of any payload, infinities and denormals among them."""
    random = np.random.default_rng(seed)
    enum = h5py.check_enum_dtype(dtype)
    if dtype.hasobject:
        return pointed(dtype, shape, random)
    if enum:
        return random.choice(list(enum.values()), shape).astype(dtype)
    if dtype == np.dtype("?"):
        return random.random(shape) < 0.5
    if dtype.subdtype:
        base, inner = dtype.subdtype
        return values_of(base, shape + inner, seed)
    if dtype.names:
        found = np.zeros(shape, dtype=dtype)
        for number, name in enumerate(dtype.names):
            found[name] = values_of(dtype[name], shape, seed + number)
        return found
    if dtype.kind == "S":
        return random.choice(np.array([b"", b"a", b"xyz", b'a,"', b"b\n"]), shape).astype(dtype)
    if dtype == np.dtype("<f16"):
        return random.standard_normal(shape).astype(dtype) / 3
    count = math.prod(shape)
    return np.frombuffer(random.bytes(count * dtype.itemsize), dtype=dtype).reshape(shape)


def pointed(dtype: np.dtype[Any], shape: tuple[int, ...], random: Any) -> Any:
    found = np.zeros(shape, dtype=dtype)
    if dtype.names:
        for name in dtype.names:
            found[name] = values_of(dtype[name], shape, int(random.integers(1000)))
        return found
    ascii_only = h5py.check_string_dtype(dtype) and h5py.check_string_dtype(dtype).encoding == "ascii"
    for index in np.ndindex(shape):
        if h5py.check_string_dtype(dtype) is None:
            found[index] = np.arange(random.integers(4)).astype("<i4")
        else:
            word = WORDS[random.integers(len(WORDS))]
            found[index] = word.encode().hex() if ascii_only else word
    return found


@st.composite
def axis_texts(draw: Any, size: int) -> str:
    if size and draw(st.integers(0, 4)) == 0:
        return str(draw(st.integers(-size, size - 1)))
    if draw(st.booleans()):
        return ":"
    start, stop = sorted((draw(st.integers(0, size)), draw(st.integers(0, size))))
    return f"{start}:{stop}:{draw(st.integers(1, 5))}"


@st.composite
def cases(draw: Any, types: list[Any]) -> tuple[MemoryStore, str, int]:
    """A file with one dataset, a slice of it, and the size of the boxes."""
    dtype = np.dtype(draw(st.sampled_from(types)))
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=0, max_size=4)))
    if shape and draw(st.integers(0, 9)) == 0:
        shape = (*shape[:-1], 0)
    options: dict[str, Any] = {}
    if shape and 0 not in shape and draw(st.booleans()):
        options["chunks"] = tuple(draw(st.integers(1, size)) for size in shape)
        options |= {} if dtype.hasobject else draw(st.sampled_from(FILTERS))
    values = values_of(dtype, shape, draw(st.integers(0, 1 << 30)))
    partly = options and draw(st.integers(0, 3)) == 0

    def fill(h5: h5py.File) -> None:
        data = h5.create_dataset("data", shape, dtype=dtype, **options)
        if partly and not dtype.subdtype and not dtype.hasobject:
            part = tuple(slice(size // 2) for size in shape)
            data[part] = values[part]
        elif 0 not in shape and not partly:
            data.id.write(h5s.ALL, h5s.ALL, np.asarray(values), mtype=h5t.py_create(dtype))

    text = ",".join(draw(axis_texts(size)) for size in shape) or "()"
    store = stored(fill, libver=draw(st.sampled_from(["earliest", "latest"])))
    return store, text, draw(st.sampled_from([1, 64, 500, 1 << 20]))


def index_of(text: str) -> Any:
    if text == "()":
        return ()
    parts = [[int(n) if n else None for n in part.split(":")] for part in text.split(",")]
    return tuple(part[0] if len(part) == 1 else slice(*part) for part in parts)


many = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def wanted_of(store: MemoryStore, text: str) -> Any:
    """What h5py reads."""
    return by_h5py(store, index_of(text))


@many
@given(case=cases(TYPES))
def test_npy_npz_and_h5(case: tuple[MemoryStore, str, int], tmp_path: Path) -> None:
    store, text, size = case
    wanted = wanted_of(store, text)
    with boxes_of(size):
        for name in ("a.npy", "a.npz", "a.h5"):
            receipt = take(store, tmp_path / name, selection=text, overwrite=True)
            assert receipt.file_bytes == (tmp_path / name).stat().st_size
        piped = stream(store, selection=text, format="npy")
    assert same(np.load(tmp_path / "a.npy", allow_pickle=False), wanted)
    assert same(read_npz(tmp_path / "a.npz"), wanted)
    assert same(read_h5(tmp_path / "a.h5"), wanted)
    assert piped == (tmp_path / "a.npy").read_bytes()


@many
@given(case=cases(POINTED))
def test_h5_of_variable_length(case: tuple[MemoryStore, str, int], tmp_path: Path) -> None:
    store, text, size = case
    with boxes_of(size):
        take(store, tmp_path / "a.h5", selection=text, overwrite=True)
    assert same(read_h5(tmp_path / "a.h5"), wanted_of(store, text))


@many
@given(case=cases([t for t in TYPES if t.kind != "f" or t.itemsize <= 8] + POINTED))
def test_json(case: tuple[MemoryStore, str, int], tmp_path: Path) -> None:
    store, text, size = case
    wanted = np.asarray(wanted_of(store, text))
    with boxes_of(size, batch=7):
        document = read_json(stream(store, selection=text, format="json"))
    counts = [0, 0]
    with h5py.File(io.BytesIO(store.data)) as h5:
        dtype = h5["data"].dtype
    expected = as_json(wanted, dtype.subdtype[0] if dtype.subdtype else dtype, counts)
    assert document["data"] == expected
    assert [document["nan_count"], document["inf_count"]] == counts
    assert document["selected_shape"] == list(wanted.shape[: len(document["selected_shape"])])


def as_json(values: Any, dtype: np.dtype[Any], counts: list[int]) -> Any:
    """The values as JSON should have them, worked out one by one."""
    if (
        isinstance(values, np.ndarray)
        and values.ndim
        and not (dtype.kind == "O" and values.dtype.kind != "O")
    ):
        return [as_json(item, dtype, counts) for item in values]
    value = values[()] if isinstance(values, np.ndarray) else values
    if dtype.names:
        return {name: as_json(value[name], base_of(dtype[name]), counts) for name in dtype.names}
    enum = h5py.check_enum_dtype(dtype)
    if enum:
        return next((name for name, number in enum.items() if number == value), int(value))
    if dtype.kind == "c":
        return [as_json(part, np.dtype("f8"), counts) for part in (value.real, value.imag)]
    if dtype.kind == "f":
        counts[0] += bool(np.isnan(value))
        counts[1] += bool(np.isinf(value))
        return float(value) if np.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode()
    if dtype.kind == "V":
        return base64.b64encode(value.tobytes()).decode()
    base = h5py.check_vlen_dtype(dtype)
    if base is not None:
        return [int(item) for item in value]
    return value.item() if hasattr(value, "item") else value


def base_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.subdtype[0] if dtype.subdtype else dtype


FLAT = [t for t in TYPES if not t.subdtype and t.kind != "V"] + [TYPES[-5]]


@many
@given(case=cases([*FLAT, h5py.string_dtype(), POINTED[3]]))
def test_csv(case: tuple[MemoryStore, str, int], tmp_path: Path) -> None:
    store, text, size = case
    wanted = np.asarray(wanted_of(store, text))
    if wanted.ndim > (1 if wanted.dtype.names else 2):
        return
    with boxes_of(size, batch=5):
        rows = read_csv(stream(store, selection=text, format="csv"))
    with h5py.File(io.BytesIO(store.data)) as h5:
        dtype = h5["data"].dtype
    if dtype.names:
        assert rows.pop(0) == list(dtype.names)
        columns = [[row[number] for row in rows] for number in range(len(dtype.names))]
        for name, column in zip(dtype.names, columns, strict=True):
            assert same_numbers(from_text(column, dtype[name]), wanted[name].reshape(-1))
        return
    if wanted.size or 0 not in wanted.shape[1:]:
        assert rows.pop(0) == names_of(wanted, text)
    if wanted.size:
        assert len(rows) == (wanted.shape[0] if wanted.ndim else 1)
    assert same_numbers(from_text([item for row in rows for item in row], dtype), wanted.reshape(-1))


def names_of(wanted: Any, text: str) -> list[str]:
    """The line of names: a column's is that of the index in the dataset."""
    if wanted.ndim < 2:
        return ["data"]
    kept = [
        index for index in np.atleast_1d(np.array(index_of(text), dtype=object)) if isinstance(index, slice)
    ]
    indices = range(*kept[1].indices(1000))[: wanted.shape[1]] if len(kept) > 1 else range(wanted.shape[1])
    return [f"data_{index}" for index in indices]


def same_numbers(found: Any, wanted: Any) -> bool:
    """Equal to the last bit but for NaN, which text has only one of."""
    if wanted.dtype.kind == "c":
        return same_numbers(found.real, wanted.real) and same_numbers(found.imag, wanted.imag)
    if wanted.dtype.kind != "f":
        return same(found, wanted)
    there = ~np.isnan(wanted)
    return bool((np.isnan(found) == ~there).all()) and same(found[there], wanted[there])


def from_text(texts: list[str], dtype: np.dtype[Any]) -> Any:
    """The values that a reader makes of the text; all NaN are one there."""
    enum = h5py.check_enum_dtype(dtype)
    if enum:
        return np.array([enum[text] if text in enum else int(text) for text in texts], dtype=dtype.str)
    if dtype.kind == "b":
        return np.array([{"true": True, "false": False}[text] for text in texts], dtype=bool)
    if dtype.kind == "c":
        return np.array([complex(text) for text in texts], dtype=dtype)
    if dtype.kind == "f":
        return np.array([dtype.type(text) for text in texts], dtype=dtype)
    if dtype.kind in "SO":
        found = np.array([text.encode() for text in texts] + [b""], dtype=object)[:-1]
        return found if dtype.kind == "O" else found.astype(dtype)
    return np.array([int(text) for text in texts], dtype=dtype.str)


@many
@given(case=cases([t for t in TYPES if t.kind not in "c" and t.itemsize != 16] + [h5py.string_dtype()]))
def test_parquet(case: tuple[MemoryStore, str, int], tmp_path: Path) -> None:
    store, text, size = case
    wanted = np.atleast_1d(np.asarray(wanted_of(store, text)))
    if 0 in wanted.shape[1:]:
        return
    with boxes_of(size):
        take(store, tmp_path / "a.parquet", selection=text, overwrite=True)
    columns = read_parquet(tmp_path / "a.parquet")
    if wanted.dtype.names and wanted.ndim == 1:
        for name, column in zip(wanted.dtype.names, columns, strict=True):
            same_column(column, wanted[name])
    else:
        same_column(columns[0], wanted)


def same_column(column: Any, wanted: Any) -> None:
    if wanted.dtype.names:
        if isinstance(column, np.ndarray):  # a list of structs: only that it is there
            return
        for name, part in zip(wanted.dtype.names, column, strict=True):
            same_column(part, wanted[name].reshape(-1) if wanted.ndim > 1 else wanted[name])
        return
    if wanted.dtype.kind in "SO":
        found = [item.decode() for item in wanted.reshape(-1)]
        assert np.asarray(column, dtype=object).reshape(-1).tolist() == found
        return
    if wanted.dtype.kind == "V":
        assert np.asarray(column, dtype=object).reshape(-1).tolist() == [
            v.tobytes() for v in wanted.reshape(-1)
        ]
        return
    native = wanted.astype(wanted.dtype.newbyteorder("="))
    assert same(np.asarray(column), np.asarray(native, dtype=native.dtype.str))


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("order", "<>")
def test_every_nan_keeps_its_payload(kind: str, order: str, tmp_path: Path) -> None:
    width = int(kind[1])
    quiet = {2: 0x7E01, 4: 0x7FC00123, 8: 0x7FF8000000000456}[width]
    bits = np.array([quiet, quiet + 1, quiet - quiet // 64], dtype=f"{order}u{width}")
    store = stored(lambda h5: h5.create_dataset("data", data=bits.view(order + kind)))
    for name in ("a.npy", "a.npz", "a.h5"):
        take(store, tmp_path / name)
    assert np.load(tmp_path / "a.npy").tobytes() == bits.tobytes()
    assert read_npz(tmp_path / "a.npz").tobytes() == bits.tobytes()
    assert read_h5(tmp_path / "a.h5").tobytes() == bits.tobytes()


SEQUENCES = [[1, 2, 3], [], [-5]]


@pytest.mark.parametrize("kind", ["<i4", ">i4", ">f8", ">i2"])
def test_sequences_in_either_byte_order(kind: str, tmp_path: Path) -> None:
    """h5py itself reads big-endian ones wrongly, so the values that went in are what is held against."""

    def fill(h5: h5py.File) -> None:
        data = h5.create_dataset("data", (3,), dtype=h5py.vlen_dtype(np.dtype(kind)))
        for number, values in enumerate(SEQUENCES):
            data[number] = np.array(values, dtype=kind)

    store = stored(fill)
    assert np.array([1, 2, 3], dtype=kind).tobytes() in store.data
    assert read_json(stream(store, format="json"))["data"] == SEQUENCES
    take(store, tmp_path / "a.h5")
    again = MemoryStore((tmp_path / "a.h5").read_bytes())
    assert np.array([1, 2, 3], dtype=kind).tobytes() in again.data
    assert read_json(stream(again, format="json"))["data"] == SEQUENCES
