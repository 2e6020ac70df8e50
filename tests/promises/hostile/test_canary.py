"""No file leads h5s3 to other files of this machine, or to other objects.

Each file here points at the canary in all ways that HDF5 and its conventions have. Every command reads it,
and the canary is neither opened nor seen anywhere: in what is printed, written or remembered.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.support.cli import Result, run, spawn
from tests.support.hostile import canary
from tests.support.servers.s3 import S3Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="inotify watches the canary"),
]
BUCKET = "canary"
SUFFIXES = ("npy", "npz", "csv", "json", "parquet", "h5")
NAMES = ("absolute", "relative", "above")


@pytest.fixture
def nest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the canary, which is where commands run: relative names lead there."""
    folder = tmp_path / "nest"
    folder.mkdir()
    (tmp_path / "out").mkdir()
    canary.plant(folder)
    monkeypatch.chdir(folder)
    return folder


def make(nest: Path, how: str, path: Path) -> list[str]:
    """The hostile file: the canary named by its absolute path, as beside the file, or through a parent."""
    folder = {"absolute": f"{nest}/", "relative": "", "above": f"../{nest.name}/"}[how]
    return canary.hostile(path, f"{folder}canary.bin", f"{folder}canary.h5")


def commands(where: str, paths: list[str], out: Path, *, all_: bool = True) -> Iterator[list[str]]:
    """Every command that reads HDF5, with what it may be asked of such a file; options by turns."""
    ways: list[list[str]] = [[], ["--json"], ["--debug"]]
    for options in ways if all_ else ways[:1]:
        yield ["tree", where, "-r", "--attrs", *options]
        yield ["du", where, "-d", "0", *options]
    for number, path in enumerate(paths):
        suffix = SUFFIXES[number % len(SUFFIXES)]
        yield ["meta", where, path, "--all-attrs", *ways[number % 3]]
        yield ["preview", where, path, *ways[(number + 1) % 3]]
        yield ["get", where, path, "-o", f"{out}/{path.replace('/', '_')}.{suffix}"]
        if all_:
            yield ["tree", where, path, "--attrs"]
            yield ["meta", where, path, "--attr", "PALETTE"]
            yield ["get", where, path, "-o", f"{out}/{path.replace('/', '_')}_copy.h5"]
            yield ["get", where, path, "-o", "-", "--format", "json"]
    yield ["doctor", where, "--json"]
    yield ["refs", where, "-o", f"{out}/refs.json", "--overwrite"]


def check(results: list[Result], *folders: Path) -> None:
    """Plain ends, and no trace of the canary in what was printed, written or remembered."""
    assert {result.code for result in results} <= {0, 2, 3, 6, 8}
    for result in results:
        assert "internal error" not in result.err
        assert not canary.traces(result.out, result.err)
    assert not canary.traces(*canary.files_below(*folders))


def test_the_trap_works(nest: Path, tmp_path: Path) -> None:
    """Plain h5py walks into it: the eye sees that, and the content is found."""
    make(nest, "absolute", tmp_path / "hostile.h5")
    files = [nest / "canary.bin", nest / "canary.h5"]
    for name, at in (("raw", 0), ("link", 1), ("virtual", 1), ("virtual_by_link", 1), ("through", 1)):
        with canary.watched(*files) as seen, h5py.File(tmp_path / "hostile.h5") as file:
            values = file[name][:]
        assert set(seen) == {files[at].name}, name
        assert canary.traces(values.tobytes()) and canary.traces(str(values.tolist()))


@pytest.mark.parametrize("how", NAMES)
@pytest.mark.parametrize("remote", [True, False], ids=["remote", "local"])
def test_nothing_leads_to_the_canary(
    how: str, remote: bool, nest: Path, tmp_path: Path, rclone: S3Server
) -> None:
    where = tmp_path / "nest" / "hostile.h5"
    paths = make(nest, how, where)
    location = str(where)
    if remote:
        rclone.put_file(BUCKET, f"{how}/hostile.h5", where)
        location = f"s3://{BUCKET}/{how}/hostile.h5"
    cache, out = tmp_path / "cache", tmp_path / "out"
    with canary.watched(nest / "canary.bin", nest / "canary.h5") as seen:
        results = [
            run(*args, on=rclone, H5S3_CACHE_DIR=str(cache))
            for args in commands(location, paths, out, all_=how == "absolute")
        ]
    assert not seen
    check(results, cache, out)


@pytest.mark.parametrize("remote", [True, False], ids=["remote", "local"])
def test_the_environment_opens_no_way(remote: bool, nest: Path, tmp_path: Path, rclone: S3Server) -> None:
    """Prefixes that libhdf5 puts before names, and drivers it may be told to use."""
    where = tmp_path / "hostile.h5"
    make(nest, "relative", where)
    location = str(where)
    if remote:
        rclone.put_file(BUCKET, "prefixed/hostile.h5", where)
        location = f"s3://{BUCKET}/prefixed/hostile.h5"
    more = {f"HDF5_{name}_PREFIX": str(nest) for name in ("EXTFILE", "VDS", "EXT")}
    more |= {"H5S3_CACHE_DIR": str(tmp_path / "cache"), "HDF5_DRIVER": "sec2"}
    os.chdir(tmp_path)
    with canary.watched(nest / "canary.bin", nest / "canary.h5") as seen:
        results = [
            spawn(*args, on=rclone, **more)
            for args in (
                ["tree", location, "-r", "--attrs", "--json"],
                ["preview", location, "/raw", "--debug"],
                ["preview", location, "/virtual_by_link"],
                ["get", location, "/virtual", "-o", f"{tmp_path}/out/a.h5"],
            )
        ]
    assert not seen and [result.code for result in results] == [0, 8, 8, 8]
    check(results, tmp_path / "cache", tmp_path / "out")


def test_comparing_strategies_reads_no_canary(nest: Path, tmp_path: Path, rclone: S3Server) -> None:
    """`bench --compare` has plain h5py read the file in several ways."""
    where = tmp_path / "hostile.h5"
    make(nest, "absolute", where)
    rclone.put_file(BUCKET, "bench/hostile.h5", where)
    location = f"s3://{BUCKET}/bench/hostile.h5"
    options = ["--compare", "--count", "3", "--sizes", "4K", "--concurrency", "1", "--json"]
    with canary.watched(nest / "canary.bin", nest / "canary.h5") as seen:
        results = [run("bench", location, *options, "--path", path, on=rclone) for path in ("/", "/raw")]
    assert not seen and results[0].code == 0
    check(results)


def test_plain_reading_refuses_what_became_external(nest: Path, tmp_path: Path) -> None:
    """An object may be replaced between our preview and what is compared with it."""
    from h5s3.errors import NotFoundError, RefusedError
    from h5s3.formats.hdf5.layout.h5py_baseline import plain_read

    make(nest, "absolute", tmp_path / "hostile.h5")
    with canary.watched(nest / "canary.bin", nest / "canary.h5") as seen:
        for path in ("/raw", "/virtual", "/virtual_by_link", "/virtual_by_pattern", "/virtual_of_raw"):
            with open(tmp_path / "hostile.h5", "rb") as file, pytest.raises(RefusedError):
                plain_read(file, path, [":"])
        with open(tmp_path / "hostile.h5", "rb") as file, pytest.raises(NotFoundError):
            plain_read(file, "/link", [":"])
    assert not seen


def test_what_is_not_followed_is_shown(nest: Path) -> None:
    """Names of files and links are told: as information, no more."""
    make(nest, "absolute", nest / "hostile.h5")
    where = nest / "hostile.h5"
    found = {child["name"]: child for child in run("tree", where, "--json").json["children"]}
    assert found["raw"]["external_files"] == [f"{nest}/canary.bin"] and found["raw"]["layout"] == "external"
    assert (found["link"]["type"], found["link"]["target"]) == ("external_link", f"{nest}/canary.h5:/secret")
    assert found["soft"]["type"] == "soft_link" and found["virtual"]["layout"] == "virtual"
    (source,) = run("meta", where, "/virtual", "--json").json["virtual_sources"]
    assert (source["file"], source["path"], source["same_file"]) == (f"{nest}/canary.h5", "secret", False)
    for path, words in {
        "/raw": "external files",
        "/link": "an external link to",
        "/virtual": "in other files",
        "/virtual_by_link": "a link that is never followed",
        "/virtual_by_soft_link": "the soft link /soft_root leads nowhere",
        "/virtual_of_raw": "stored elsewhere too",
    }.items():
        assert words in run("preview", where, path).failed(8)
    assert run("meta", where, "/virtual_by_pattern", "--json").json["shape"] == [
        0
    ]  # each block is such a link


def test_a_link_whose_name_is_a_path(nest: Path, tmp_path: Path) -> None:
    """HDF5 would take such a name for a way through the external link before it."""
    where = tmp_path / "hostile.h5"
    with h5py.File(where, "w", libver="earliest") as file:
        file["root"] = h5py.ExternalLink(f"{nest}/canary.h5", "/")
        file["root_secret"] = np.arange(3)
        file["soft_secret"] = h5py.SoftLink("/root_secret")
    content = where.read_bytes()
    where.write_bytes(re.sub(rb"(?<!/)root_secret", b"root/secret", content))
    with h5py.File(where) as file:
        assert "root/secret" in list(file)
    with canary.watched(nest / "canary.h5") as seen:
        document = run("tree", where, "-r", "--json").json
        results = [run(*args) for args in commands(str(where), ["/root/secret", "/"], tmp_path / "out")]
    assert not seen
    odd = next(child for child in document["children"] if child["name"] == "root/secret")
    assert (odd["type"], odd["reason"]) == ("unresolved", "its name is a path")
    check(results, tmp_path / "out")


def test_a_driver_information_block_opens_no_other_files(nest: Path, tmp_path: Path) -> None:
    """Superblock 0 may say that the file goes on in others, which drivers of HDF5 would open."""
    where = nest / "hostile.h5"
    with h5py.File(where, "w", libver="earliest") as file:
        file["data"] = np.arange(3)
    content = bytearray(where.read_bytes())
    member = (
        b"\1\1\1\1\1\1\0\0" + (2048).to_bytes(8, "little") * 2 + f"{nest}/canary.h5".encode().ljust(64, b"\0")
    )
    for name in (b"NCSAmult", b"NCSAfami"):
        block = b"\0" * 4 + len(member).to_bytes(4, "little") + name + member
        at = len(content)
        new = content + block
        new[48:56] = at.to_bytes(8, "little")  # driver information block
        new[40:48] = len(new).to_bytes(8, "little")  # end of file
        where.write_bytes(new)
        with canary.watched(nest / "canary.h5") as seen:
            results = [run("tree", where), run("preview", where, "/data"), run("doctor", where)]
        assert not seen
        check(results)


def test_names_of_outputs_stay_in_the_folder(
    nest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dataset is called leads to no other folder; nothing is written through a link."""
    where = tmp_path / "hostile.h5"
    with h5py.File(where, "w") as file:
        for name in ("..", "~root", "-o", "C:\\x"):
            file[f"group/{name}"] = np.arange(3)
    out = tmp_path / "out"
    monkeypatch.chdir(out)
    before = (nest / "canary.bin").read_bytes()
    for name in ("..", "~root", "-o", "C:\\x"):
        assert run("get", where, f"/group/{name}").code == 0
    assert all(path.parent == out and path.suffix == ".npy" for path in out.iterdir())
    (out / "link.npy").symlink_to(nest / "canary.bin")
    run("get", where, "/group/..", "-o", out / "link.npy").failed(2)
    assert (nest / "canary.bin").read_bytes() == before
    assert run("get", where, "/group/..", "-o", out / "link.npy", "--overwrite").code == 0
    assert not (out / "link.npy").is_symlink() and (nest / "canary.bin").read_bytes() == before


# ------------------------------------------------------------------------------------------------ plugins

PLUGIN = r"""
#include <stdio.h>
#include <stddef.h>
__attribute__((constructor)) static void sing(void) { FILE *f = fopen(TRACE, "a"); if (f) fclose(f); }
static size_t keep(unsigned flags, size_t n, const unsigned *v, size_t nbytes, size_t *size, void **buffer) {
  return nbytes;
}
typedef struct { int version, id; unsigned encoder, decoder; const char *name; void *can, *set;
  size_t (*filter)(unsigned, size_t, const unsigned *, size_t, size_t *, void **); } Class;
static Class mine = {1, 450, 1, 1, "canary", NULL, NULL, keep};
int H5PLget_plugin_type(void) { return 0; }
const void *H5PLget_plugin_info(void) { return &mine; }
"""


@pytest.fixture
def plugin(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with a filter for HDF5, and the file that appears when it is loaded."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: a plugin cannot be made")
    folder, trace = tmp_path / "plugins", tmp_path / "loaded"
    folder.mkdir()
    (tmp_path / "plugin.c").write_text(PLUGIN)
    subprocess.run(
        [
            compiler,
            "-shared",
            "-fPIC",
            f'-DTRACE="{trace}"',
            "-o",
            folder / "libcanary.so",
            tmp_path / "plugin.c",
        ],
        check=True,
        timeout=60,
    )
    return folder, trace


def test_plugins_are_loaded_for_files_of_this_machine_and_where_asked(
    plugin: tuple[Path, Path], tmp_path: Path, rclone: S3Server
) -> None:
    folder, trace = plugin
    where = tmp_path / "filtered.h5"
    with h5py.File(where, "w") as file:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((4,))
        plist.set_filter(450, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((4,))
        data = h5py.h5d.create(file.id, b"data", h5py.h5t.STD_I32LE, space, plist)
        data.write_direct_chunk((0,), np.arange(4, dtype="<i4").tobytes())
    rclone.put_file(BUCKET, "plugins/filtered.h5", where)
    remote = f"s3://{BUCKET}/plugins/filtered.h5"
    more = {"HDF5_PLUGIN_PATH": str(folder), "H5S3_CACHE_DIR": str(tmp_path / "cache")}
    take = ["get", remote, "/data", "-o", f"{tmp_path}/out.npy"]
    for args in (["doctor", remote], take):
        _ = spawn(*args, on=rclone, **more)
    meta = spawn("meta", remote, "/data", "--json", on=rclone, **more).json
    assert not meta["filters"][0]["available"]
    assert "no plugin here decodes" in spawn("preview", remote, "/data", on=rclone, **more).failed(8)
    assert not trace.exists()
    asked = spawn("preview", remote, "/data", "--plugins", "--json", on=rclone, **more).json
    assert asked["stats"]["max"] == 3 and not trace.exists()  # it was loaded, and wrote nothing: see the cell
    meta = spawn("meta", remote, "/data", "--plugins", "--json", on=rclone, **more).json
    assert meta["filters"][0]["available"] and not meta["cached"]
    local = spawn("preview", where, "/data", "--json", **more).json
    assert local["stats"]["max"] == 3 and not trace.exists()
    assert spawn(*take, "--plugins", on=rclone, **more, H5S3_CELL="0").code == 0
    assert trace.exists()


def test_a_program_may_go_from_one_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from h5s3.formats.hdf5.objects import filters as plugins

    before = plugins.plugin_folders()
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "named")
    for _ in range(2):
        plugins.allow_plugins(False)
        assert plugins.plugin_folders() == []
        plugins.allow_plugins(False)
        plugins.allow_plugins(True)
        assert plugins.plugin_folders() == before
    monkeypatch.delenv("HDF5_PLUGIN_PATH")
    plugins.allow_plugins(False)
    assert plugins.plugin_folders() == before
