"""What values mean: scale and offset, missing values, times, coordinates, names, slices, fields, images."""

from __future__ import annotations

import tracemalloc
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h5s3.errors import UsageError
from h5s3.explore.preview.axes import MOST_CUT
from h5s3.formats.requests import MetaRequest
from h5s3.records import UNSET, Preview
from tests.support.reference.previews import as_numbers, index_of, look, stored
from tests.support.servers.memory import MemoryStore

RANDOM = np.random.default_rng(3)


def with_attributes(data: Any, **attributes: Any) -> MemoryStore:
    def fill(h5: h5py.File) -> None:
        h5.create_dataset("data", data=data).attrs.update(attributes)

    return stored(fill)


def column(found: Preview, number: int = 0) -> list[Any]:
    assert found.table
    return [row[number] for row in found.table.rows]


# ------------------------------------------------------------------------------------ packed and missing


@given(
    st.sampled_from(["<i2", ">i2", "<u1", "i1", "<i4", "<f4", ">f4", "<f2", "<f8"]),
    st.one_of(st.none(), st.sampled_from([0.01, 2, -3.5, np.float32(0.1)])),
    st.one_of(st.none(), st.sampled_from([0, 273.15, -5, np.float32(1.5)])),
    st.lists(st.integers(0, 100), max_size=2),
)
@settings(deadline=None, max_examples=30)
def test_packed_values_are_unpacked(dtype: str, scale: Any, offset: Any, missing: list[int]) -> None:
    array = np.arange(100).astype(dtype).reshape(10, 10)
    names = ("_FillValue", "missing_value")
    attributes = {name: np.dtype(dtype).type(value) for name, value in zip(names, missing, strict=False)}
    attributes |= {} if scale is None else {"scale_factor": scale}
    attributes |= {} if offset is None else {"add_offset": offset}
    found = look(with_attributes(array, **attributes))
    gone = np.isin(array, np.array(missing, dtype=dtype))
    meant = array.astype("f8") * (1 if scale is None else float(scale)) + (
        0 if offset is None else float(offset)
    )
    kept = meant[~gone]
    assert found.stats and found.plot and found.table
    assert [found.stats.min, found.stats.max] == [pytest.approx(kept.min()), pytest.approx(kept.max())]
    assert found.stats.mean == pytest.approx(kept.mean(), rel=1e-6, abs=1e-9)
    assert found.stats.std == pytest.approx(kept.std(), rel=1e-6)
    wanted = np.where(gone, np.nan, meant)
    np.testing.assert_allclose(np.array(found.plot.data, dtype=float), wanted, rtol=1e-12)
    shown = [[None if np.isnan(value) else pytest.approx(value) for value in row[:8]] for row in wanted]
    assert found.table.rows == shown
    if not gone.any():
        assert not found.stats.missing_count
    exact = scale is None and (offset is None or offset == 0) and np.dtype(dtype).kind in "iu"
    if exact and offset is None:
        assert type(found.stats.max) is int


@pytest.mark.parametrize("scale", [0, np.nan, np.inf, "0.1", [0.1, 0.2], True])
def test_what_is_no_scale(scale: Any) -> None:
    found = look(with_attributes(np.arange(5, dtype="i2"), scale_factor=scale))
    assert found.coding is UNSET and column(found) == [0, 1, 2, 3, 4]


def test_unsigned_values_in_signed_types() -> None:
    stored_values = np.array([-1, 0, 127, -128, -2], dtype="i1")
    found = look(with_attributes(stored_values, _Unsigned="true", _FillValue=np.int8(-1)))
    assert column(found) == [None, 0, 127, 128, 254]
    assert found.stats and (found.stats.min, found.stats.max, found.stats.missing_count) == (0, 254, 1)
    raw = look(with_attributes(stored_values, _Unsigned="true", _FillValue=np.int8(-1)), raw=True)
    assert column(raw) == stored_values.tolist()
    assert raw.stats and (raw.stats.min, raw.stats.max, raw.stats.missing_count) == (-128, 127, 1)


def test_stored_numbers_have_no_units_of_what_they_mean() -> None:
    packed = with_attributes(np.arange(4, dtype="i2"), scale_factor=0.5, units="K")
    found, raw = look(packed), look(packed, raw=True)
    assert found.units == "K" and found.plot and found.plot.units == "K"
    assert raw.units is UNSET and raw.plot and raw.plot.units is UNSET
    assert look(with_attributes(np.arange(4, dtype="i2"), units="K"), raw=True).units == "K"


@pytest.mark.parametrize("dtype", ["?", "c8", "S3"])
def test_types_that_are_never_packed(dtype: str) -> None:
    array = np.ones(4).astype(dtype)
    found = look(with_attributes(array, scale_factor=2.0, _FillValue=1))
    assert found.coding is UNSET and not (found.stats and found.stats.missing_count)


# --------------------------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("units", "calendar", "last"),
    [
        ("days since 2000-02-27", "standard", "2000-03-01T00:00:00"),
        ("days since 2000-02-27", "noleap", "2000-03-02T00:00:00"),
        ("days since 2000-02-27", "360_day", "2000-02-30T00:00:00"),
        ("hours since 1900-01-01 00:00:0.0", None, "1900-01-01T03:00:00"),
        ("seconds since 1970-01-01T12:00:00Z", "gregorian", "1970-01-01T12:00:03"),
        ("milliseconds since 1970-01-01", "proleptic_gregorian", "1970-01-01T00:00:00.003000"),
    ],
)
def test_times(units: str, calendar: str | None, last: str) -> None:
    attributes = {"units": units} | ({"calendar": calendar} if calendar else {})
    found = look(with_attributes(np.arange(4), **attributes))
    assert column(found)[-1] == last and found.units == units
    assert found.stats and found.stats.max == 3 and found.stats.max_time == last
    assert found.plot and found.plot.texts is not UNSET and found.plot.texts[1] == last
    raw = look(with_attributes(np.arange(4), **attributes), raw=True)
    assert column(raw) == [0, 1, 2, 3] and raw.stats and raw.stats.max_time is UNSET


@pytest.mark.parametrize(
    "units",
    ["m", "days", "days since", "days since ever", "since 2000-01-01", "parsecs since 2000-01-01", "x" * 999],
)
def test_units_that_are_no_times(units: str) -> None:
    found = look(with_attributes(np.arange(3), units=units))
    assert column(found) == [0, 1, 2] and found.units == units
    assert found.stats and found.stats.min_time is UNSET


@pytest.mark.parametrize("value", [1e300, 2**62])
def test_times_beyond_every_calendar(value: float) -> None:
    found = look(with_attributes(np.array([0, value]), units="days since 2000-01-01"))
    assert column(found)[1] == value and found.stats and found.stats.max_time is UNSET


def test_missing_times() -> None:
    found = look(with_attributes(np.array([0.0, -1, np.nan]), units="days since 2000-01-01", _FillValue=-1.0))
    assert column(found) == ["2000-01-01T00:00:00", None, ""] or column(found)[1] is None


# --------------------------------------------------------------------------------------------- coordinates


def climate(h5: h5py.File, *, count: int = 40) -> None:
    """Two dimensions with scales, times and latitudes that fall, and a third that is but a name."""
    time = h5.create_dataset("time", data=np.arange(count) * 6)
    time.attrs["units"] = "hours since 2024-01-01"
    latitude = h5.create_dataset("latitude", data=np.linspace(90, -90, 19, dtype="f4"))
    latitude.attrs["units"] = "degrees_north"
    bare = h5.create_dataset("bare", data=np.zeros(5))
    for scale in (time, latitude):
        scale.make_scale(scale.name[1:])
    bare.make_scale("This is a netCDF dimension but not a netCDF variable.         5")
    data = h5.create_dataset("data", data=np.arange(count * 19 * 5.0).reshape(count, 19, 5))
    for dimension, scale in enumerate((time, latitude, bare)):
        data.dims[dimension].attach_scale(scale)
    h5["line"] = np.arange(float(count))
    h5["line"].dims[0].attach_scale(time)


def test_dimension_scales_label_axes_and_tables() -> None:
    found = look(stored(climate), display_dims=(0, 1), selection="4:,::2,:")
    assert found.plot and found.plot.x and found.plot.y and found.table
    assert (found.plot.y.label, found.plot.y.units) == ("time", "hours since 2024-01-01")
    assert found.plot.y.values == [6.0 * n for n in range(4, 40)]
    assert found.plot.y.texts is not UNSET and found.plot.y.texts[0] == "2024-01-02T00:00:00"
    assert (found.plot.x.label, found.plot.x.units) == ("latitude", "degrees_north")
    assert found.plot.x.values == np.linspace(90, -90, 19)[::2].tolist()
    assert found.plot.x.texts is UNSET
    assert found.table.row_axis == "time" and found.table.column_axis == "latitude"
    assert found.table.row_coordinates is not UNSET
    assert found.table.row_coordinates[:2] == ["2024-01-02T00:00:00", "2024-01-02T06:00:00"]
    assert found.table.column_coordinates == np.linspace(90, -90, 19)[::2][:8].tolist()


def test_a_dimension_without_a_variable_has_no_coordinates() -> None:
    found = look(stored(climate))
    assert found.plot and found.plot.x and found.plot.y
    assert found.plot.x.label is found.plot.x.values is UNSET
    assert found.plot.y.label == "latitude"
    assert found.plot.at == {"time": "2024-01-06T00:00:00"}  # the plane that is drawn is the middle one


def test_the_lowest_and_the_highest_value_have_coordinates_of_all_dimensions() -> None:
    found = look(stored(climate), selection="4:,::2,:").stats
    assert found and (found.min_index, found.max_index) == ([4, 0, 0], [39, 18, 4])
    assert found.min_coordinates == {"time": "2024-01-02T00:00:00", "latitude": 90.0}
    assert found.max_coordinates == {"time": "2024-01-10T18:00:00", "latitude": -90.0}
    line = look(stored(climate), "/line").stats
    assert line and line.max_index == [39] and line.max_coordinates == {"time": "2024-01-10T18:00:00"}


def test_coordinates_of_a_long_dimension_that_is_cut_are_of_the_plane_alone() -> None:
    found = look(stored(lambda h5: climate(h5, count=MOST_CUT + 1)))
    assert found.stats and found.stats.max_index == [MOST_CUT, 18, 4]
    assert found.stats.max_coordinates == {"latitude": -90.0}
    assert found.plot and found.plot.at == {"time": "2027-06-04T00:00:00"}


@pytest.mark.parametrize("dtype", ["f4", "(2,)f4"])
def test_where_values_are_of_which_not_all_were_read(dtype: str) -> None:
    """Of values that are listed, and of several to an element."""
    plain = np.zeros((6, 50), dtype)
    plain[:] = np.arange(50, 0, -1).reshape(50, *[1] * (plain.ndim - 2))

    def fill(h5: h5py.File) -> None:
        h5.create_dataset("data", (6, 50), dtype, chunks=(1, 50))[:] = plain

    store = stored(fill)
    found = look(store, max_bytes=3 * 200 * (plain.ndim - 1)).stats
    assert found and found.coverage < 1 and found.min_index is not UNSET and found.max_index is not UNSET
    assert (found.min, found.max) == (1, 50) and (found.min_index[1:], found.max_index[1:]) == ([49], [0])


@pytest.mark.parametrize("most", [256, 3])
def test_a_thinned_line_has_the_coordinates_of_its_points(most: int) -> None:
    found = look(stored(climate), "/line", max_size=most)
    every = max(1, -(-40 // most**2))
    assert found.plot and found.plot.x
    ends = [end for at in range(0, 40, 2 * every) for end in (at, min(at + 2 * every, 40) - 1)]
    assert found.plot.data == (ends if every > 1 else list(range(40)))
    assert found.plot.x.values == [6.0 * n for n in range(0, 40, every)]
    assert found.table and found.table.row_coordinates is not UNSET
    assert found.table.row_coordinates[1] == "2024-01-01T06:00:00"


def test_scales_that_do_not_fit_count_as_absent() -> None:
    def fill(h5: h5py.File) -> None:
        h5["data"] = np.arange(12.0).reshape(3, 4)
        h5["short"], h5["plane"] = np.arange(2.0), np.zeros((4, 4))
        for name in ("short", "plane"):
            h5[name].make_scale(name)
        h5["data"].dims[0].attach_scale(h5["short"])
        h5["data"].dims[1].attach_scale(h5["plane"])

    found = look(stored(fill))
    assert found.plot and found.plot.x and found.plot.y
    assert (found.plot.y.label, found.plot.y.values) == ("short", UNSET)
    assert (found.plot.x.label, found.plot.x.values) == ("plane", UNSET)


def test_labels_without_scales() -> None:
    def fill(h5: h5py.File) -> None:
        h5["data"] = np.arange(12.0).reshape(3, 4)
        h5["data"].dims[0].label = "rows"

    found = look(stored(fill))
    assert found.plot and found.plot.y and found.plot.y.label == "rows"


def test_strings_as_coordinates() -> None:
    def fill(h5: h5py.File) -> None:
        h5["names"] = ["one", "two", "three"]
        h5["names"].make_scale("names")
        h5["data"] = np.arange(3.0)
        h5["data"].dims[0].attach_scale(h5["names"])

    found = look(stored(fill))
    assert found.plot and found.plot.x and found.plot.x.texts == ["one", "two", "three"]
    assert found.table and found.table.row_coordinates == ["one", "two", "three"]


@pytest.mark.parametrize("how", ["external", "filter", "dangling"])
def test_scales_that_cannot_be_read(how: str) -> None:
    def fill(h5: h5py.File) -> None:
        h5["data"] = np.arange(8.0)
        if how == "external":
            scale = h5.create_dataset("scale", (8,), "f8", external=[("/etc/passwd", 0, 64)])
        else:
            scale = h5.create_dataset("scale", data=np.arange(8.0), chunks=(8,), compression="gzip")
        scale.make_scale("scale")
        h5["data"].dims[0].attach_scale(scale)
        if how == "dangling":
            del h5["scale"]
        elif how == "filter":
            scale.id.write_direct_chunk((0,), b"not deflated")

    found = look(stored(fill))
    assert found.plot and found.plot.x and found.plot.data == list(range(8))
    assert found.plot.x.values is UNSET


def test_what_is_needed_comes_in_few_rounds() -> None:
    def fill(h5: h5py.File) -> None:
        climate(h5, count=2000)
        h5["noise"] = RANDOM.integers(0, 255, 3 << 20, dtype="u1")

    store = stored(fill)
    found = look(store, "/line")
    assert found.plot and found.plot.x and found.plot.x.values is not UNSET
    assert len(store.rounds) <= 6


# --------------------------------------------------------------------------------------------------- NeXus


def nexus(h5: h5py.File, *, version: int = 3) -> None:
    """A scan: counts over two angles, by the rules of version 3 or by the older ones."""
    entry = h5.create_group("entry")
    entry.attrs["NX_class"] = "NXentry"
    entry.create_group("instrument").attrs["NX_class"] = "NXinstrument"
    group = entry.create_group("data")
    group.attrs["NX_class"] = "NXdata"
    group["counts"] = np.arange(12).reshape(3, 4)
    group["counts"].attrs["long_name"] = "Counts"
    group["omega"], group["phi"] = np.array([10.0, 20, 30]), np.array([1.0, 2, 4, 8])
    group["phi"].attrs["units"] = "degree"
    if version == 3:
        h5.attrs["default"], entry.attrs["default"] = "entry", "data"
        group.attrs["signal"], group.attrs["axes"] = "counts", ["omega", "phi"]
    else:
        group["counts"].attrs["signal"] = 1
        group["counts"].attrs["axes"] = "omega:phi"


@pytest.mark.parametrize("version", [3, 2])
@pytest.mark.parametrize("path", ["/", "/entry", "/entry/data", "/entry/data/counts"])
def test_default_plots_of_nexus(path: str, version: int) -> None:
    found = look(stored(lambda h5: nexus(h5, version=version)), path)
    assert found.path == "/entry/data/counts" and found.title == "Counts"
    assert found.group == (UNSET if path.endswith("counts") else path)
    assert found.plot and found.plot.x and found.plot.y
    assert found.plot.data == np.arange(12.0).reshape(3, 4).tolist()
    assert (found.plot.y.label, found.plot.y.values) == ("omega", [10, 20, 30])
    assert (found.plot.x.label, found.plot.x.units, found.plot.x.values) == ("phi", "degree", [1, 2, 4, 8])


def test_fields_that_a_group_of_nexus_shows_with_its_signal_have_its_axes() -> None:
    """`auxiliary_signals` names them, which have as many dimensions, or fewer; other fields have none."""

    def fill(h5: h5py.File) -> None:
        nexus(h5)
        group = h5["entry/data"]
        group.attrs["auxiliary_signals"] = ["total", "gone"]
        group["total"], group["other"] = [6, 22, 38], [1, 2, 3]

    store = stored(fill)
    found = look(store, "/entry/data/total")
    assert (
        found.plot and found.plot.x and (found.plot.x.label, found.plot.x.values) == ("omega", [10, 20, 30])
    )
    other = look(store, "/entry/data/other")
    assert other.plot and other.plot.x and other.plot.x.label is UNSET


def test_axes_by_their_indices() -> None:
    def fill(h5: h5py.File) -> None:
        nexus(h5)
        group = h5["entry/data"]
        group.attrs["axes"] = ["phi", "omega"]
        group.attrs["phi_indices"], group.attrs["omega_indices"] = 1, [0]

    found = look(stored(fill), "/")
    assert found.plot and found.plot.x and found.plot.y
    assert (found.plot.y.label, found.plot.x.label) == ("omega", "phi")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("signal", "nothing"), ("signal", "/"), ("signal", "../instrument"), ("signal", "")],
)
def test_groups_without_a_default_plot(attribute: str, value: str) -> None:
    def fill(h5: h5py.File) -> None:
        nexus(h5)
        h5["entry/data"].attrs[attribute] = value

    with pytest.raises(UsageError, match="/entry is a group, not a dataset"):
        look(stored(fill), "/entry")


def test_a_default_that_leads_in_a_circle() -> None:
    def fill(h5: h5py.File) -> None:
        h5["a/b"] = h5["/"]
        h5.attrs["default"], h5["a"].attrs["default"] = "a", "b"

    with pytest.raises(UsageError, match="is a group"):
        look(stored(fill), "/")


@pytest.mark.parametrize(
    "axes",
    [["../../x", "a/b"], "nothing", [".", "phi"], ["omega", "missing"], "[omega,phi]"],
)
def test_axes_that_are_not_all_there(axes: Any) -> None:
    def fill(h5: h5py.File) -> None:
        nexus(h5)
        h5["entry/data"].attrs["axes"] = axes

    found = look(stored(fill), "/entry/data")
    assert found.plot and found.plot.data == np.arange(12.0).reshape(3, 4).tolist()
    assert found.plot.y and (found.plot.y.values is UNSET or found.plot.y.values == [10, 20, 30])


# ------------------------------------------------------------------------------- names, parts and fields


def test_names_of_enums_and_booleans() -> None:
    colors = h5py.enum_dtype({"RED": 2, "GREEN": 0, "BLUE": 1}, basetype="i2")

    def fill(h5: h5py.File) -> None:
        h5.create_dataset("data", data=np.array([[0, 1, 2], [2, 2, 7]]), dtype=colors)
        h5["mask"] = np.array([[True, False], [False, False]])

    found = look(stored(fill))
    assert found.table and found.table.rows == [["GREEN", "BLUE", "RED"], ["RED", "RED", 7]]
    assert found.plot and found.plot.categories == {"GREEN": 0, "BLUE": 1, "RED": 2}
    assert found.plot.data == [[0, 1, 2], [2, 2, 7]]
    mask = look(stored(fill), "/mask")
    assert mask.table and mask.table.rows == [[True, False], [False, False]]
    assert mask.plot and mask.plot.categories == {"false": 0, "true": 1} and mask.plot.limits == "data"


@pytest.mark.parametrize(
    ("part", "wanted"), [("abs", np.abs), ("real", np.real), ("imag", np.imag), ("phase", np.angle)]
)
@pytest.mark.parametrize("dtype", ["<c8", ">c16"])
def test_parts_of_complex_numbers(part: str, wanted: Any, dtype: str) -> None:
    array = (RANDOM.normal(size=(6, 5)) + 1j * RANDOM.normal(size=(6, 5))).astype(dtype)
    array[2, 3] = complex(np.nan, np.nan)
    found = look(with_attributes(array, units="V"), part=part)
    values = wanted(array)
    assert found.plot and found.stats
    np.testing.assert_allclose(np.array(found.plot.data, dtype=float), values, rtol=1e-6)
    assert (found.stats.of, found.plot.label) == (part, part)
    assert found.plot.units == ("rad" if part == "phase" else "V")
    assert found.stats.max == pytest.approx(float(np.nanmax(values))) and found.stats.nan_count == 1
    assert found.table and found.table.rows[0][0] == [array[0, 0].real, array[0, 0].imag]


def compounds(h5: h5py.File) -> None:
    fields = [("name", "S4"), ("x", "<f4"), ("n", ">i8"), ("v", "f8", (2,))]
    array = np.zeros(30, dtype=fields)
    array["name"], array["x"], array["n"] = b"abc", np.linspace(0, 1, 30), np.arange(30) ** 2
    h5["data"], h5["square"] = array, array.reshape(5, 6)
    h5["words"] = np.zeros(3, dtype=[("a", "S3"), ("b", "S3")])


def test_a_field_of_a_compound_is_drawn() -> None:
    store = stored(compounds)
    found = look(store)
    assert found.plot and found.stats and found.table and found.preview_type == "line"
    assert (found.plot.label, found.stats.of) == ("x", "x")
    assert found.plot.data == as_numbers(np.linspace(0, 1, 30).astype("f4"))
    assert found.table.columns == ["name", "x", "n", "v"] and found.table.rows[2][2] == 4
    other = look(store, column="n", selection="10:20")
    assert other.plot and other.plot.data == [float(n * n) for n in range(10, 20)]
    assert other.stats and (other.stats.min, other.stats.max) == (100, 361)
    square = look(store, "/square", column="n")
    assert square.plot and square.plot.data == (np.arange(30.0) ** 2).reshape(5, 6).tolist()
    assert square.preview_type == "heatmap" and square.table and len(square.table.rows) == 10
    words = look(store, "/words")
    assert words.plot is None and words.preview_type == "table"


@pytest.mark.parametrize("wanted", ["nothing", "name", "v"])
def test_fields_that_cannot_be_drawn(wanted: str) -> None:
    with pytest.raises(UsageError, match="--column") as caught:
        look(stored(compounds), column=wanted)
    assert "x, n" in caught.value.hint


def test_a_field_that_numpy_has_no_type_for_hides_no_other() -> None:
    def fill(h5: h5py.File) -> None:
        tid = h5py.h5t.create(h5py.h5t.COMPOUND, 16)
        tid.insert(b"when", 0, h5py.h5t.UNIX_D32LE)
        tid.insert(b"value", 8, h5py.h5t.IEEE_F64LE)
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(h5.id, b"data", tid, space)
        h5["data"].id.write(
            h5py.h5s.ALL, h5py.h5s.ALL, np.array([(1.5,), (2.5,), (3.5,), (4.5,)], dtype=[("value", "f8")])
        )

    found = look(stored(fill))
    assert found.table and found.table.columns == ["value"] and column(found) == [1.5, 2.5, 3.5, 4.5]
    assert found.stats and found.stats.max == 4.5
    assert any("when" in note for note in found.notes)


def test_strings_with_their_lengths() -> None:
    def fill(h5: h5py.File) -> None:
        h5["data"] = ["", "äöü", "x" * 500]
        h5.create_dataset("vlen", (2,), dtype=h5py.vlen_dtype("i4"))
        h5["vlen"][0] = [1, 2, 3]

    found = look(stored(fill))
    assert found.table and found.table.columns == ["value", "length"]
    assert found.table.rows == [["", 0], ["äöü", 3], ["x" * 500, 500]]
    assert look(stored(fill), "/vlen").table.rows == [[[1, 2, 3], 3], [[], 0]]  # type: ignore[union-attr]


def test_sequences_in_the_byte_order_of_other_machines() -> None:
    """h5py 3.16 takes their bytes for those of this machine's order."""
    from h5s3.explore.meta import meta
    from tests.support.servers.memory import LOCATION, memory_session

    def fill(h5: h5py.File) -> None:
        data = h5.create_dataset("data", (2,), dtype=h5py.vlen_dtype(np.dtype(">i4")))
        data[0], data[1] = np.array([1, 2], ">i4"), np.array([3], ">i4")
        values = np.empty(1, dtype=object)
        values[0] = np.array([1.5, 2.5], ">f8")
        data.attrs.create("numbers", values, dtype=h5py.vlen_dtype(np.dtype(">f8")))

    store = stored(fill)
    assert column(look(store)) == [[1, 2], [3]]
    with memory_session(store) as session:
        assert meta(session, LOCATION, MetaRequest("/data")).attributes[0].value == [[1.5, 2.5]]


def test_long_values_are_cut_and_said_to_be() -> None:
    def fill(h5: h5py.File) -> None:
        h5["text"] = ["x" * 100_000, "short"]
        h5["array"] = np.zeros(12, dtype=[("image", "f4", (300, 300))])
        h5.create_dataset("vlen", (1,), dtype=h5py.vlen_dtype("u1"))
        h5["vlen"][0] = np.ones(50_000, dtype="u1")

    for path, most in (("/text", 65_536), ("/array", 4096), ("/vlen", 4096)):
        found = look(stored(fill), path)
        assert found.table and any(note.startswith("of long values") for note in found.notes)
        first = found.table.rows[0][0]
        assert (len(first) if not isinstance(first[0], list) else len(first) * len(first[0])) <= most
    assert look(stored(fill), "/text").table.rows[0][1] == 100_000  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------ never written


@pytest.mark.parametrize(
    ("shape", "chunks", "dtype"),
    [
        ((10**7, 10**6), (1000, 1000), "f4"),
        ((60_000, 60_000), (100, 100), "u1"),
        ((10**9,), (10**8,), "f4"),
        ((1000,), None, "S50000000"),
        ((400,), None, np.dtype([("a", "i4"), ("pad", "u1", (5_000_000,))])),
        ((6000, 6000, 3), (10, 10, 3), "u1"),
    ],
)
def test_what_was_never_written_is_the_fill_value(shape: tuple[int, ...], chunks: Any, dtype: Any) -> None:
    store = stored(lambda h5: h5.create_dataset("data", shape, dtype=dtype, chunks=chunks))
    tracemalloc.start()
    found = look(store)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300 << 20
    assert found.notes[0].startswith("never written")
    if found.plot:
        assert "None" not in str(found.plot.data) and found.sample is UNSET


@pytest.mark.slow
def test_the_plane_that_is_drawn_holds_something() -> None:
    """A detector's frames, allocated for the whole run and written up to the tenth."""

    def fill(h5: h5py.File) -> None:
        data = h5.create_dataset("data", (1000, 256, 256), "u2", chunks=(1, 256, 256))
        data[:10] = np.arange(1, 11)[:, None, None]

    found = look(stored(fill), max_bytes=1 << 20)
    assert found.plot and found.plot.selection.startswith("9,") and found.plot.data[0][0] == 10
    assert found.sample and found.sample.total == 10
    assert "10 of 1,000 chunks were ever written; the others have the fill value" in found.notes


def test_small_chunks_are_all_read_where_they_fit() -> None:
    array = np.arange(100_000, dtype="<i4")
    store = stored(lambda h5: h5.create_dataset("data", data=array, chunks=(10,)))
    found = look(store)
    assert found.stats and found.stats.coverage == 1 and found.stats.max == 99_999
    assert len(store.ranges) < 200


def test_a_column_of_a_contiguous_plane_is_read_exactly() -> None:
    array = np.arange(1000 * 6000, dtype="<f8").reshape(1000, 6000)
    store = stored(lambda h5: h5.create_dataset("data", data=array))
    found = look(store, selection=":,5")
    assert found.stats and found.stats.sample_size == 1000 and found.stats.max == array[:, 5].max()
    assert store.fetched < 1 << 20


# ------------------------------------------------------------------------------------------------ pictures


RGB = RANDOM.integers(0, 256, (40, 60, 3), dtype="u1")


def test_pictures_by_their_shape() -> None:
    for array in (RGB, np.concatenate([RGB, RGB[..., :1]], axis=2)):
        found = look(with_attributes(array))
        assert found.preview_type == "image" and found.plot and found.plot.data == RGB.tolist()
        assert found.plot.y and found.plot.x and (found.plot.y.dimension, found.plot.x.dimension) == (0, 1)
        assert found.stats and (found.stats.min, found.stats.max) == (array.min(), array.max())
    thin = look(with_attributes(RGB), max_size=16)
    assert thin.plot and thin.plot.data == RGB[::4, ::4].tolist() and thin.plot.downsampled
    assert thin.plot.selection == "0:37:4,0:57:4,0:3"


@pytest.mark.parametrize(
    ("mode", "axis"), [("INTERLACE_PIXEL", 2), ("INTERLACE_LINE", 1), ("INTERLACE_PLANE", 0)]
)
def test_pictures_by_the_image_specification(mode: str, axis: int) -> None:
    array = np.moveaxis(RGB, 2, axis)
    attributes = {"CLASS": "IMAGE", "IMAGE_SUBCLASS": "IMAGE_TRUECOLOR", "INTERLACE_MODE": mode}
    found = look(with_attributes(array, **{name: np.bytes_(value) for name, value in attributes.items()}))
    assert found.preview_type == "image" and found.plot and found.plot.data == RGB.tolist()


def test_pictures_with_a_palette() -> None:
    palette = RANDOM.integers(0, 256, (256, 3), dtype="u1")

    def fill(h5: h5py.File) -> None:
        h5["palette"], h5["data"] = palette, RGB[..., 0]
        h5["data"].attrs["CLASS"] = np.bytes_("IMAGE")
        h5["data"].attrs["IMAGE_SUBCLASS"] = np.bytes_("IMAGE_INDEXED")
        h5["data"].attrs["PALETTE"] = np.array([h5["palette"].ref], dtype=h5py.ref_dtype)

    found = look(stored(fill))
    assert found.plot and found.plot.data == palette[RGB[..., 0]].tolist()


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (RGB, {"selection": "0"}),
        (RGB, {"selection": "...,0"}),
        (RGB, {"selection": "...,1:"}),
        (RGB, {"display_dims": (0, 1)}),
        (RGB.astype("i2"), {}),
        (RGB[:, :, :2], {}),
        (RGB[:3], {}),
    ],
)
def test_what_is_no_picture(array: np.ndarray, options: dict[str, Any]) -> None:
    found = look(with_attributes(array), **options)
    assert found.preview_type == "heatmap"


def test_a_picture_larger_than_the_budget() -> None:
    array = RANDOM.integers(0, 256, (800, 600, 3), dtype="u1")
    found = look(
        stored(lambda h5: h5.create_dataset("data", data=array, chunks=(50, 50, 3))), max_bytes=200_000
    )
    assert found.plot and found.preview_type == "image"
    pixels = [pixel for row in found.plot.data for pixel in row]
    wanted = [pixel for row in array[::4, ::4].tolist() for pixel in row]
    assert None in pixels and any(pixel is not None for pixel in pixels)
    assert found.sample and found.sample.parts and found.stats
    read = np.concatenate([array[index_of(part)].reshape(-1) for part in found.sample.parts])
    assert (found.stats.sample_size, found.stats.max) == (read.size, read.max())
    assert all(pixel in (None, other) for pixel, other in zip(pixels, wanted, strict=True))


# -------------------------------------------------------------------------------------------------- limits


def test_limits_are_robust_and_can_be_given() -> None:
    array = RANDOM.normal(size=(50, 40))
    array[3, 3] = 1e9
    store = with_attributes(array)
    found = look(store)
    low, high = np.percentile(array, [2, 98])
    assert found.plot and found.plot.limits == "robust"
    assert (found.plot.vmin, found.plot.vmax) == (pytest.approx(low), pytest.approx(high))
    given_ = look(store, vmin=-1.0, vmax=2.0).plot
    assert given_ and (given_.vmin, given_.vmax, given_.limits) == (-1.0, 2.0, "given")
    half = look(store, vmax=0.5).plot
    assert half and (half.vmin, half.vmax, half.limits) == (pytest.approx(low), 0.5, "given")


def test_logarithmic_limits() -> None:
    array = 10.0 ** RANDOM.uniform(-3, 6, (50, 40))
    array[0, :5] = [0, -1, np.nan, np.inf, -np.inf]
    found = look(with_attributes(array), log=True).plot
    positive = array[np.isfinite(array) & (array > 0)]
    low, high = np.percentile(positive, [2, 98])
    assert found and found.log and found.limits == "robust"
    assert (found.vmin, found.vmax) == (pytest.approx(low), pytest.approx(high))
    line = look(with_attributes(positive), log=True).plot
    assert line and line.log and line.vmin == min(value for value in line.data)
    none = look(with_attributes(-np.ones((3, 4))), log=True)
    assert none.plot and not none.plot.log and "no positive values" in none.notes[-1]


def test_fields_of_compounds_that_are_fields() -> None:
    kind = np.dtype(
        [("id", "i4"), ("at", [("x", "f4"), ("deep", [("y", "c8")]), ("word", "S2")]), ("at.x", "i2")]
    )
    data = np.zeros(3, kind)
    data["at"]["x"], data["at"]["deep"]["y"], data["at.x"] = [1.5, 2.5, 0.5], [1j, 2j, 3j], [7, 8, 9]
    store = stored(lambda h5: h5.create_dataset("data", data=data))
    found = look(store)
    assert found.inner_fields == ["at.deep.y"]  # the field of the same name stands for itself
    assert found.stats and found.stats.of == "id"
    inner = look(store, column="at.deep.y", part="imag")
    assert inner.stats and (inner.stats.of, inner.stats.max) == ("at.deep.y imag", 3)
    assert inner.plot and (inner.plot.data, inner.plot.label) == ([1, 2, 3], "at.deep.y imag")
    plain = look(store, column="at.x").plot
    assert plain and plain.data == [7, 8, 9]
    with pytest.raises(UsageError, match=r"a field at\.word holds no plain numbers"):
        look(store, column="at.word")
