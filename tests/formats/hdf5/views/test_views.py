"""What holds for all views: where they are asked for, what they refuse, what they cost."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

import h5s3
from h5s3.errors import DamagedError, UsageError
from h5s3.explore.tree import tree
from h5s3.formats.requests import VIEWS, TreeRequest
from h5s3.records import UNSET
from h5s3.storage.location import Location
from tests.support import cli
from tests.support.cli import file, run, sample, without_colour
from tests.support.h5files import make as h5files
from tests.support.hostile.text import FRAGMENTS, on_screen, visible
from tests.support.servers.memory import MemoryStore, in_blocks, one_file_session
from tests.support.servers.s3 import S3Server

HERE = Location("s3", "file.h5", "memory")
OWN = {
    "netcdf4": "netcdf", "nexus": "nexus", "anndata": "anndata", "nwb": "nwb", "pytables": "pytables",
    "pandas": "pandas", "matlab73": "matlab", "keras": "keras",
}  # fmt: skip
MORE = 3  # rounds that a view may take beside those of the whole tree


def test_auto_finds_out() -> None:
    for name, view in OWN.items():
        assert run("tree", file(name), "--view", "auto", "--json").json["convention"]["view"] == view
    assert "convention" not in run("tree", file("floats"), "--view", "auto", "--json").json


class Terminal(io.TextIOWrapper):
    """A stream that says that it is one."""

    def isatty(self) -> bool:
        return True


def shown(*args: object) -> str:
    return without_colour(run("tree", file("netcdf4"), *args).out)


def test_what_is_asked_for_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON, pipes, and a path get HDF5 as it lies; the root on a terminal its convention."""
    assert "convention" not in run("tree", file("netcdf4"), "--json").json
    plain = run("tree", file("netcdf4"), "--view", "plain").out
    assert run("tree", file("netcdf4")).out == plain
    monkeypatch.setattr(cli, "STREAM", Terminal)
    assert "short sst(time, lat, lon) ;" in shown()
    for more in (["-d", 1], ["-r"], ["--attrs"], ["--values"], ["/forecast"], ["--view", "plain"]):
        assert "(time, lat, lon)" not in shown(*more)
    assert "convention" not in shown("--json")


def test_the_tree_is_the_same_beside_it() -> None:
    plain = run("tree", file("nexus"), "--json").json
    shown = run("tree", file("nexus"), "--json", "--view", "nexus").json
    assert shown.pop("convention") and shown == plain


@pytest.mark.parametrize("view", [view for view in VIEWS if view not in ("auto", "plain")])
def test_a_view_that_does_not_fit(view: str) -> None:
    path = file("floats")
    line = run("tree", path, "--view", view).failed(2)
    assert line.startswith(f"{path}: the file cannot be shown as ")
    assert line.endswith(
        f": the file is HDF5 of no convention known here; try: h5s3 tree {path} --view plain"
    )


def test_the_view_that_would_fit_is_named() -> None:
    line = run("tree", file("nexus"), "--view", "anndata").failed(2)
    assert "the file is NeXus; try: h5s3 tree" in line and line.endswith("--view nexus")


def test_a_dataset_has_no_view() -> None:
    line = run("tree", file("nexus"), "/entry/title", "--view", "nexus").failed(2)
    assert "/entry/title cannot be shown as NeXus: it is a dataset, not a group" in line


@pytest.mark.parametrize("option", ["--attrs", "--values", "--jsonl"])
def test_options_of_the_plain_tree(option: str) -> None:
    assert "--view plain" in run("tree", file("nexus"), "--view", "nexus", option).failed(2)


ODD = ("cyclic_hard_link", "soft_link_loop", "non_utf8_names", "dimension_scales_broken", "null_spaces")
OTHERS = sorted(set(h5files.FILES) - {*OWN, *ODD})


@pytest.mark.parametrize(
    "name", [*OWN, *ODD, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_every_view_of_every_file_ends_well(name: str) -> None:
    """With an answer, or none: whatever is in the file."""
    location = Location("local", str(file(name)))
    for view in VIEWS:
        with one_file_session(location) as session:
            try:
                found = tree(session, location, TreeRequest(view=view))
            except UsageError as error:
                assert "cannot be shown as" in error.cause
            else:
                assert view in ("auto", "plain") or found.convention is not UNSET


def climate(number: int) -> bytes:
    """Variables over three dimensions, among blocks of data that scatter them."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as new:
        new.attrs["Conventions"] = "CF-1.8"
        for name in ("time", "lat", "lon"):
            new[name] = np.arange(4.0)
            new[name].make_scale(name)
        for count in range(number):
            data = new.require_group(f"group_{count % 5}").create_dataset(
                f"v{count}", data=np.zeros((4, 4, 4))
            )
            data.attrs["units"], data.attrs["long_name"] = "K", f"variable number {count}"
            for axis, name in enumerate(("time", "lat", "lon")):
                data.dims[axis].attach_scale(new[name])
            if count % 4 == 0:
                new.create_dataset(f"group_{count % 5}/block{count}", data=np.zeros(20_000))
    return buffer.getvalue()


def scan(number: int) -> bytes:
    """Scalars with units in groups of an entry, among blocks of data that scatter them."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as new:
        entry = new.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        for count in range(number):
            group = entry.require_group(f"device_{count % 10}")
            group.attrs["NX_class"] = "NXcollection"
            group[f"s{count}"] = count / 3
            group[f"s{count}"].attrs["units"] = "mm"
            if count % 4 == 0:
                group[f"block{count}"] = np.zeros(20_000)
    return buffer.getvalue()


@pytest.mark.parametrize(("view", "make"), [("netcdf", climate), ("nexus", scan)])
def test_rounds_grow_with_depth_and_not_with_the_number_of_objects(
    view: str, make: Callable[[int], bytes]
) -> None:
    spent = {}
    for number in (40, 200):
        data = make(number)
        for shown in ("plain", view):
            with one_file_session(HERE, MemoryStore(data)) as session:
                found = tree(session, HERE, TreeRequest(depth=0, limit=0, view=shown))
                spent[number, shown] = session.trace.rounds
        assert found.convention is not UNSET
        assert spent[number, view] <= spent[number, "plain"] + MORE
    assert spent[200, view] <= spent[40, view] + MORE


def test_a_warm_view_asks_nothing(rclone: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path))
    first = run("tree", sample(rclone, "netcdf4"), "--view", "netcdf", "--json", on=rclone).json
    again = run("tree", sample(rclone, "netcdf4"), "--view", "netcdf", "--json", "--offline", on=rclone).json
    assert again["cached"] and not first["cached"] and again["convention"] == first["convention"]


@pytest.mark.parametrize("name", OWN)
def test_a_view_costs_hardly_more_rounds_than_the_whole_tree(name: str) -> None:
    data, spent = file(name).read_bytes(), []
    for view in ("plain", OWN[name]):
        with in_blocks(512), one_file_session(HERE, MemoryStore(data)) as session:
            tree(session, HERE, TreeRequest(depth=0, limit=0, view=view, view_levels=0))
            spent.append(session.trace.rounds)
    assert spent[1] <= spent[0] + MORE, spent


def test_auto_shows_the_tree_where_its_view_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise DamagedError("the file is damaged")

    monkeypatch.setattr("h5s3.formats.hdf5.views.survey.Survey.top", damaged)
    assert "entry/" in run("tree", file("nexus"), "--view", "auto").out
    assert "the file is damaged" in run("tree", file("nexus"), "--view", "nexus").failed(6)


def test_notebooks_show_it() -> None:
    html = h5s3.tree(file("nexus"), view="nexus")._repr_html_() or ""
    assert "<pre>" in html and "NXentry" in html and "over angle [deg]" in html


def hostile(path: Path, texts: Sequence[str]) -> Path:
    """Groups, variables, classes, units and values of NeXus and NetCDF, all of them hostile."""
    with h5py.File(path, "w") as new:
        new.attrs["Conventions"], new.attrs["NX_class"] = f"CF-1.8 {texts[0]}", "NXroot"
        new.attrs["default"] = new.attrs["creator"] = new.attrs["NeXus_version"] = texts[1]
        for number, text in enumerate(texts):
            name = text.replace("/", "|").replace("\0", "0") or "none"
            group = new.create_group(f"{number}{name}")
            text = text.replace("\0", "0")
            for key in ("NX_class", "signal", "axes", "long_name"):
                group.attrs[key] = text
            data = group.create_dataset(name, data=np.arange(3.0))
            data.make_scale(text)
            data.attrs["units"], data.attrs["long_name"], data.attrs[f"x{name}"] = text, text, text
            group["text"] = text
            group["soft"] = h5py.SoftLink(f"/{name}")
    return path


@pytest.mark.parametrize("view", ["netcdf", "nexus"])
def test_hostile_text_is_seen_and_does_nothing(view: str, tmp_path: Path) -> None:
    path = hostile(tmp_path / "hostile.h5", FRAGMENTS)
    piped = run("tree", path, "--view", view, "--limit", 0)
    assert piped.code == 0 and visible(piped)
    lines = len(piped.lines)
    harmless = hostile(tmp_path / "harmless.h5", [f"t{number}" for number in range(len(FRAGMENTS))])
    assert lines == len(run("tree", harmless, "--view", view, "--limit", 0).lines)
    shown = on_screen("tree", path, "--view", view, "--limit", 0, columns=80)
    assert shown.code == 0 and visible(shown, colour=True)
