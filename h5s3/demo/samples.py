"""Sample files for the demo, in forms scientists keep: NeXus, NetCDF-4, an archive, a run, every datatype.

Nothing in them was measured: each comes from a small model and a fixed seed.
"""

from __future__ import annotations

import zlib
from base64 import b85decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
# Where there is land: 60 x 120 cells of 3 degrees from 90 N, 180 W, a bit each, zlib, base 85.
LAND = (
    "c-pPfJx;?g6ae5C615o+W@AB0u7Fq=pcXgj5jrA-8cQsk0<ORTkm{S@8xS#hi2QgzHYE!T^hr(h)z5x@jsgCRWta)4IU~PJW+l{|XfW6"
    "jTIdjw{zFVQ0Pc{(&@Xnb`Vb+H_6w-rMN{>NaU}~;gf#$71-Rfz=pDd-I|r9oXt|zI(k!Yck8jeRZYHJ^jsSODD1ngL+nf<Udv1iMSVt"
    "V4Y=EnI-Yh5A{FH@9X?Ns~6D=L~#G#Y20QWQjacf@mY))kK&E&JHg??dL^)oXz%S`Klt29lfhg+`FD~CYY#C2vQdT0t0(ZLaHlyn@@`j"
    "swKsL>^5{krE9b*>#6<|)0Sk`8(xTD=5@lD52LQqqnd=H!yAoa}SOYh~F&TTbU^9M5_FD-RvEd|$mFSgsDp2bG9&;Zh#Ng#U;y;SnUp"
)
PEAKS = ((33, 88, 6, 14, 4.8), (-20, -68, 18, 4, 3.5), (73, -40, 8, 12, 3), (-85, 60, 12, 150, 3))


@dataclass(frozen=True)
class Sample:
    """One sample file: `name` in its folder, and a `title` that says what it is."""

    name: str
    title: str


def make_samples(directory: Path, check: Callable[[], object] = lambda: None) -> list[Sample]:
    """Write every sample into `directory` (made when missing): in a second or two, some 24 MB in all. `check`
    is called after each: it may raise."""
    directory.mkdir(parents=True, exist_ok=True)
    makers = {
        "scan_0042.nxs": ("NeXus: a crystal turned in an X-ray beam, 60 detector frames", _nexus),
        "climate_2024.nc": ("NetCDF-4: temperature and rain of a year on a 1 degree grid, packed", _climate),
        "archive_10k.h5": ("10,000 seismic waveforms in one group", _archive),
        "types_and_links.h5": ("every datatype, dataspace, layout, filter and kind of link", _types),
        "paged_run.h5": ("a flow simulation, 50 snapshots, in a file made of 1 MiB pages", _paged),
    }
    for name, (_, make) in makers.items():
        make(directory / name)
        check()
    return [Sample(name, title) for name, (title, _) in makers.items()]


def _nx(parent: Any, path: str, nx_class: str, /, **fields: Any) -> Any:
    """A NeXus group with its fields, scalar or 1-D; a field given as a pair is a value and its units."""
    group = parent.create_group(path)
    group.attrs["NX_class"] = nx_class
    for key, given in fields.items():
        value, units = given if isinstance(given, tuple) else (given, "")
        group[key] = value
        if units:
            group[key].attrs["units"] = units
    return group


def _frames(omega: Floats, beam: Floats) -> NDArray[np.uint16]:
    """Counts (frame, y, x) at angles `omega` in radians: spots of a lattice plane, ice rings, air."""
    rng, (y, x) = np.random.default_rng(42), np.mgrid[-128:128, -128:128]
    radius = np.hypot(y, x)
    ground = 50 * np.exp(-radius / 45) + 4
    for ring, height in ((91.9, 20), (98.1, 36), (105.5, 16), (139.7, 8)):
        ground += height * np.exp(-0.5 * ((radius - ring) / 1.6) ** 2)
    dark = (radius < 9) | ((np.abs(x + y / 9) < 3) & (y > 0)) | (np.abs(y + 44) < 2)  # beam stop, gap
    v, u = (axis.reshape(-1, 1) * 0.039 for axis in np.mgrid[-8:9, -8:9])  # the lattice, in 1/Å at 1 Å
    factor = rng.gamma(1.5, 0.5, v.shape) * np.exp(-9 * (u**2 + v**2))
    dy, dx = (part.ravel() for part in np.mgrid[-4:5, -4:5])
    frames = np.empty((len(omega), 256, 256), np.uint16)
    for index, angle in enumerate(omega):
        strength = factor * np.exp(-0.5 * ((v * np.sin(angle) - (u**2 + v**2) / 2) / 0.0025) ** 2)
        row, col = 128 + 349 * (v * np.cos(angle) + u / 9), 128 + 349 * (u - v / 9)
        at = np.rint(row).astype(int) + dy, np.rint(col).astype(int) + dx
        expected = ground.copy()
        np.add.at(expected, at, 120 * strength * np.exp(-((at[0] - row) ** 2 + (at[1] - col) ** 2) / 3))
        frames[index] = rng.poisson(np.where(dark, 0.05, expected * beam[index]))
    return frames


def _nexus(path: Path) -> None:
    """A rotation scan: 60 frames of 256 x 256 linked into NXdata, motor positions, a monitor."""
    omega, rng = np.arange(60) * 0.25, np.random.default_rng(1)  # degrees
    beam = 1 - 0.03 * (omega * 0.8 % 5) + rng.normal(0, 0.004, 60)  # decays, topped up every 5 s
    with h5py.File(path, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "default": "entry", "file_name": path.name})
        entry = _nx(file, "entry", "NXentry", title="MOF-5 single crystal, rotation scan 42")
        entry.attrs["default"] = "data"
        entry["start_time"], entry["end_time"] = "2024-03-14T09:26:53+01:00", "2024-03-14T09:27:05+01:00"
        _nx(entry, "sample", "NXsample", name="MOF-5", temperature=(100.0, "K"), unit_cell=(25.8, "angstrom"))
        time, counts = (omega * 0.8, "s"), (rng.poisson(2.5e6 * beam), "counts")
        _nx(entry, "monitor", "NXmonitor", data=counts, time=time).attrs.update(signal="data", axes="time")
        detector = _instrument(entry, omega, beam)
        frames = _frames(np.radians(omega), beam)
        data = detector.create_dataset("data", data=frames, chunks=(1, 256, 256), compression=4, shuffle=True)
        data.attrs.update(units="counts", long_name="detector counts", interpretation="image")
        plot = _nx(entry, "data", "NXdata", total_counts=(frames.sum((1, 2), dtype=np.int64), "counts"))
        plot.attrs.update(signal="data", axes=["omega", ".", "."], auxiliary_signals=["total_counts"])
        plot["data"] = data  # a hard link: one dataset, two names
        plot["omega"] = h5py.SoftLink("/entry/instrument/positioners/omega")


def _instrument(entry: Any, omega: Floats, beam: Floats) -> Any:
    """Add source, monochromator, motors (frame) and a detector still without data; returns the detector."""
    group = _nx(entry, "instrument", "NXinstrument", name="demonstration beamline")
    _nx(group, "source", "NXsource", probe="x-ray", energy=(6.0, "GeV"), current=(100 * beam, "mA"))
    _nx(group, "monochromator", "NXmonochromator", energy=(12.398, "keV"), wavelength=(1.0, "angstrom"))
    _nx(group, "positioners", "NXcollection", omega=(omega, "deg"), phi=(np.full(60, 12.5), "deg"))
    size = {f"{axis}_pixel_size": (0.344, "mm") for axis in "xy"} | {"distance": (120.0, "mm")}
    detector = _nx(group, "detector", "NXdetector", count_time=(np.full(60, 0.2), "s"), **size)
    detector["flatfield"] = h5py.ExternalLink("calibration/flatfield_2024-03.h5", "/entry/flatfield")
    return detector


def _weather(lat: Floats, lon: Floats, day: Floats) -> tuple[Floats, Floats]:
    """Temperature in K and rain in mm/day, both (day, lat, lon), of a planet much like this one."""
    rng, lat = np.random.default_rng(2024), lat[:, None]
    north, season = np.sin(np.radians(lat)), -np.cos((day - 20) * 2 * np.pi / 366)[:, None, None]
    height = sum(h * np.exp(-(np.hypot((lat - y) / dy, (lon - x) / dx) ** 2)) for y, x, dy, dx, h in PEAKS)
    kelvin = 301 - 48 * np.abs(north) ** 2.3 - 6 * height
    weather = rng.normal(0, 0.1, (len(day), *height.shape))
    for wave in range(2, 8):  # planetary waves, each of another phase every ten days
        angle = np.radians(wave * lon + 3 * lat * (-1) ** wave) + rng.uniform(0, 2 * np.pi, season.shape)
        weather += 2 / wave * np.cos(angle)
    kelvin = kelvin + season * np.sign(north) * 20 * np.abs(north) ** 1.3 + 3 * np.abs(north) * weather
    rain = 9 * np.exp(-(((lat - 9 * season) / 9) ** 2)) + 3.5 * np.exp(-(((np.abs(lat) - 48) / 11) ** 2))
    return kelvin, rain * np.exp(weather / 2) * rng.gamma(5, 0.2, kelvin.shape)


def _variable(file: Any, name: str, data: Any, fill: Any = None, **attrs: Any) -> None:
    """A NetCDF-4 variable: 1-D names its dimension, 3-D runs along (time, lat, lon) in chunks."""
    dims = ("time", "lat", "lon")
    maxshape = (None, *data.shape[1:]) if name == "time" or data.ndim == 3 else None
    how = {"chunks": (1, *data.shape[1:]), "compression": 4, "shuffle": True} if data.ndim == 3 else {}
    variable = file.create_dataset(name, data=data, maxshape=maxshape, fillvalue=fill, **how)
    if data.ndim == 1:
        variable.make_scale(name)
        variable.attrs["_Netcdf4Dimid"] = np.int32(dims.index(name))
    else:
        for number, dim in enumerate(dims):
            variable.dims[number].attach_scale(file[dim])
        attrs["_FillValue"] = data.dtype.type(fill)
    for key, value in attrs.items():
        variable.attrs[key] = np.bytes_(value) if isinstance(value, str) else np.array([value])


def _climate(path: Path) -> None:
    """36 ten-day means: packed temperature over land, rain between 60 S and 60 N; NetCDF-4 by hand."""
    lat, lon, day = np.arange(90, -91, -1.0), np.arange(-180, 180, 1.0), (np.arange(36) + 0.5) * 366 / 36
    kelvin, rain = _weather(lat, lon, day)
    land = np.unpackbits(np.frombuffer(zlib.decompress(b85decode(LAND)), np.uint8)).reshape(60, 120)
    land = land.repeat(3, 1)[np.minimum(np.arange(181) // 3, 59)]
    packed = np.where(land, np.rint((kelvin - 273.15) / 0.01), -32767).astype("<i2")
    rain = np.where(np.abs(lat[:, None]) <= 60, rain.round(1), 9.96921e36).astype("<f4")
    with h5py.File(path, "w", track_order=True) as file:
        text = {"Conventions": "CF-1.10", "_NCProperties": "version=2,h5py=3", "title": "Ten-day means, 2024"}
        file.attrs.update({key: np.bytes_(value) for key, value in text.items()})
        _variable(file, "time", day, units="days since 2024-01-01 00:00:00", calendar="standard")
        _variable(file, "lat", lat.astype("<f4"), standard_name="latitude", units="degrees_north")
        _variable(file, "lon", lon.astype("<f4"), standard_name="longitude", units="degrees_east")
        scale = {"units": "K", "scale_factor": 0.01, "add_offset": 273.15}
        _variable(file, "t2m", packed, -32767, long_name="2 metre temperature over land", **scale)
        _variable(file, "precip", rain, 9.96921e36, long_name="total precipitation", units="mm day-1")


def _archive(path: Path) -> None:
    """10,000 waveforms (64 samples) in one group of the old format, and their catalogue."""
    rng, time = np.random.default_rng(3), np.arange(64) / 20  # seconds
    table = np.zeros(10_000, [(name, "<f8") for name in ("magnitude", "onset", "latitude", "longitude")])
    table["magnitude"], table["onset"] = rng.exponential(0.8, 10_000) + 1, rng.uniform(0.3, 1.2, 10_000)
    table["latitude"], table["longitude"] = rng.normal((38.0, 22.0), 0.4, (10_000, 2)).T
    after = np.clip(time - table["onset"][:, None], 0, None)
    waves = 10 ** table["magnitude"][:, None] * after * np.exp(-3 * after) * np.sin(6 * np.pi * after)
    waves = (waves + rng.normal(0, 2, waves.shape)).astype("<f4")
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs.update(title="local seismicity, one station", station="DEMO", sampling_rate=20.0)
        file["catalog/events"] = table
        events = file.create_group("events")
        events.attrs.update(units="nm/s", channel="HHZ", count=10_000)
        for number, wave in enumerate(waves):
            _raw(events, f"ev_{number:05d}", h5py.h5t.IEEE_F32LE, wave)


def _types(path: Path) -> None:
    """One small object for each thing the format can hold."""
    with h5py.File(path, "w") as file:
        file.attrs.update({f"note_{number:02d}": f"attribute {number} of many" for number in range(30)})
        _datatypes(file)
        _storage(file.create_group("storage"))
        links = file.create_group("links")
        links["hard"], links["cycle"] = file["strings/variable_utf8"], file
        links["soft"], links["dangling"] = h5py.SoftLink("/strings"), h5py.SoftLink("/not/there")
        links["external"] = h5py.ExternalLink("calibration/elsewhere.h5", "/entry/data")


def _datatypes(file: Any) -> None:
    """A small 1-D dataset for each datatype, below a group for each class."""
    for order, word in zip("<>", ("little", "big"), strict=True):
        for code in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"):
            file[f"numbers/{word}_endian/{code}"] = np.arange(100, 106).astype(order + code)
    file["compound/point_type"] = point = np.dtype([("x", "<f4"), ("y", "<f4")])  # a committed datatype
    state = h5py.enum_dtype({"IDLE": 0, "RUN": 1, "FAULT": 7}, "u1")
    nested = np.dtype([("id", "<u4"), ("at", point), ("label", "S8"), ("m", "<f8", (2, 2)), ("state", state)])
    words, date = ["grüße", "日本", "plain"], h5py.opaque_dtype("M8[s]")
    given: dict[str, tuple[Any, Any]] = {
        "numbers/long_double": (np.arange(6) / 3, np.longdouble),
        "numbers/bool": ([True, False, True], bool),
        "numbers/enum": ([0, 1, 7, 1], state),
        "strings/variable_ascii": (["alpha", "beta"], h5py.string_dtype("ascii")),
        "strings/variable_utf8": (words, h5py.string_dtype()),
        "strings/fixed_ascii": ([b"alpha", b"beta"], "S8"),
        "strings/fixed_utf8": ([word.encode() for word in words], h5py.string_dtype("utf-8", 12)),
        "compound/flat": (np.array([(0, 1), (2, 3)], point), point),
        "compound/nested": (np.array([(7, (1, 2), b"seven", np.eye(2), 1)] * 2, nested), nested),
        "compound/committed": (np.array([(4, 5)], point), file["compound/point_type"]),
        "other/array": (np.arange(12).reshape(4, 3), np.dtype(("<i4", (3,)))),
        "other/vlen": ([np.arange(2), np.arange(5)], h5py.vlen_dtype("<i4")),
        "other/opaque": (np.array([b"\0\1\2", b"\xfe\xff\0"], "V3"), "V3"),
        "other/opaque_date": (np.array(["2024-02-29"], "M8[s]").astype(date), date),
        "other/object_reference": ([file.ref, file["numbers"].ref], h5py.ref_dtype),
        "other/region_reference": ([file["numbers/big_endian/i4"].regionref[1:4]], h5py.regionref_dtype),
    }
    for name, (values, kind) in given.items():
        file.create_dataset(name, (len(values),), kind)[...] = values
    _raw(file, "other/bitfield", h5py.h5t.STD_B8LE, np.array([1, 3, 255], np.uint8))
    _raw(file, "numbers/complex_native", h5py.h5t.COMPLEX_IEEE_F64LE, np.array([1 + 2j, -1j]))


def _raw(group: Any, name: str, kind: Any, data: NDArray[Any], layout: int = h5py.h5d.CONTIGUOUS) -> None:
    """A dataset made below h5py's convenience; `data` lies in memory as the file will have it."""
    space, plist = h5py.h5s.create_simple(data.shape), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(layout)
    plist.set_obj_track_times(False)
    h5py.h5d.create(group.id, name.encode(), kind, space, plist).write(space, space, data, kind)


def _storage(file: Any) -> None:
    """Dataspaces, layouts and filters, most over the same smooth image of 64 x 64 int32."""
    image = np.add.outer(np.arange(64) ** 2, np.arange(64) * 32).astype("<i4")
    file["dataspace/null"], file["dataspace/scalar"] = h5py.Empty("<f8"), 299_792_458.0
    file.create_dataset("dataspace/empty", (0, 3), "<f4")
    file.create_dataset("dataspace/never_written", (100, 100), "<f4", fillvalue=-1)
    file.create_dataset("dataspace/unlimited", data=image, maxshape=(None, 64), chunks=(16, 64))
    file["layout/contiguous"] = image
    _raw(file["layout"], "compact", h5py.h5t.STD_I32LE, image[0, :8].copy(), h5py.h5d.COMPACT)
    virtual = h5py.VirtualLayout((2, 64, 64), "<i4")
    virtual[0] = h5py.VirtualSource(".", "/layout/contiguous", (64, 64))
    virtual[1] = h5py.VirtualSource("not_there.h5", "/data", (64, 64))
    file.create_virtual_dataset("layout/virtual", virtual, fillvalue=-1)
    file.create_dataset("layout/chunked", data=image, chunks=(16, 32))
    builtin = ["gzip", "lzf"] + ["szip"] * h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP)
    filters: dict[str, dict[str, Any]] = {name: {"compression": name} for name in builtin}
    filters |= {"gzip_shuffle": {"compression": 4, "shuffle": True}, "fletcher32": {"fletcher32": True}}
    for plugin in (hdf5plugin.Blosc, hdf5plugin.Zstd, hdf5plugin.LZ4, hdf5plugin.Bitshuffle):
        filters[plugin.filter_name] = {"compression": plugin()}
    for name, how in filters.items():
        file.create_dataset(f"filters/{name}", data=image, chunks=(16, 64), **how)


def _shear_layers() -> Iterator[tuple[float, Floats, Floats]]:
    """Time, vorticity (y, x) and stream function (y, x) of two shear layers rolling up, pseudo-spectral."""
    axis = np.arange(128) * np.pi / 64
    kx, ky = np.arange(65), np.fft.fftfreq(128, 1 / 128)[:, None]
    square = kx**2 + ky**2
    inverse, keep = 1 / np.where(square, square, np.inf), (kx < 43) & (np.abs(ky) < 43)
    layers = 8 * np.cosh(8 * (axis % np.pi - np.pi / 2)) ** -2.0 * np.where(axis < np.pi, -1, 1)
    w = np.fft.rfft2(layers[:, None] + 0.05 * np.cos(axis))

    def rate(w: Any) -> Any:
        u, v, wx, wy = np.fft.irfft2(1j * np.stack([ky * w * inverse, -kx * w * inverse, kx * w, ky * w]))
        return -np.fft.rfft2(u * wx + v * wy) * keep - 1e-3 * square * w

    for snapshot in range(50):
        yield snapshot * 0.2, np.fft.irfft2(w), np.fft.irfft2(w * inverse)
        for _ in range(8):
            w = w + 0.025 * rate(w + 0.0125 * rate(w + 0.025 / 3 * rate(w)))


def _paged(path: Path) -> None:
    """A flow simulation on 128 x 128 points, a group a snapshot; the file's space comes in pages of 1 MiB."""
    history = []
    with h5py.File(path, "w", fs_strategy="page", fs_page_size=1 << 20) as file:
        file.attrs.update(title="double shear layer", viscosity=1e-3, grid=[128, 128])
        for number, (time, w, psi) in enumerate(_shear_layers()):
            group = file.create_group(f"snapshot_{number:03d}")
            group.attrs["time"] = time
            group.create_dataset("vorticity", data=w.astype("<f4"), chunks=(64, 64), compression=4)
            group["stream_function"] = psi.astype("<f4")
            group["spectrum"] = (np.abs(np.fft.rfft(w)) ** 2).mean(0)
            history.append((time, (w * psi).mean() / 2, (w**2).mean() / 2))
        for name, values in zip(("time", "energy", "enstrophy"), np.transpose(history), strict=True):
            file[f"history/{name}"] = values
