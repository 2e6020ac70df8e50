"""The generated files are as described: good ones can be walked, bad ones cannot; each is always the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import pytest

from tests.support.h5files import make as h5files
from tests.support.h5files.layouts import external_storage_at
from tests.support.reference import h5py_walk

OPENS = {"corrupted_btree", "corrupted_local_heap", "corrupted_child_header", "corrupted_object_header"}
"""Bad files that open all the same; what is bad about them shows on the way."""


def _walks(files: dict[str, Path], name: str) -> dict[str, dict[str, Any]]:
    return h5py_walk.walk(files[name])


@pytest.mark.parametrize("name", sorted(h5files.FILES))
def test_good_file_walks_and_is_small_and_the_same_again(
    files: dict[str, Path], name: str, tmp_path: Path
) -> None:
    entries = h5py_walk.walk(files[name])
    assert entries["/"]["kind"] == "group"
    unresolved = [path for path, entry in entries.items() if entry["kind"] == "unresolved"]
    assert bool(unresolved) == (name == "user_defined_link")
    content = files[name].read_bytes()
    assert len(content) < 600_000
    again = h5files.make(name, tmp_path)
    assert h5py_walk.walk(again) == entries
    assert name in h5files.VARYING or again.read_bytes() == content


@pytest.mark.parametrize("name", sorted(h5files.BAD))
def test_bad_file_does_not_walk_and_is_the_same_again(name: str, tmp_path: Path) -> None:
    path = h5files.make(name, tmp_path)
    first = path.read_bytes()
    assert h5files.make(name, tmp_path).read_bytes() == first
    if name in OPENS:
        h5py.File(path, "r").close()
    else:
        with pytest.raises(OSError):
            h5py.File(path, "r")
    try:
        entries = h5py_walk.walk(path)
    except (OSError, KeyError, RuntimeError):
        return
    assert any(entry["kind"] == "unresolved" for entry in entries.values())


def test_every_maker_says_what_it_makes() -> None:
    for maker in (*h5files.FILES.values(), *h5files.BAD.values()):
        assert maker.__doc__ and maker.__doc__.strip()


def test_lists_of_names_hold_names() -> None:
    native = {"metadata_cache_image", "shared_messages"}
    assert h5files.CRASHES <= h5files.FILES.keys()
    assert h5files.VARYING - native <= h5files.FILES.keys()


def test_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        h5files.make("no such file", tmp_path)


@pytest.mark.parametrize(
    ("name", "version"),
    [("libver_earliest", 0), ("superblock_v1", 1), ("libver_v108", 2), ("libver_v110", 3), ("user_block", 0)],
)
def test_superblock_version(files: dict[str, Path], name: str, version: int) -> None:
    if name not in files:
        pytest.skip("not to be made with this build of h5py")
    content = files[name].read_bytes()
    start = 512 if name == "user_block" else 0
    assert content[start : start + 8] == b"\x89HDF\r\n\x1a\n"
    assert content[start + 8] == version


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("btree_v1_index", [b"TREE"]),
        ("fixed_array_index", [b"FAHD", b"FADB"]),
        ("extensible_array_index", [b"EAHD", b"EAIB", b"EASB"]),
        ("btree_v2_index", [b"BTHD", b"BTIN", b"BTLF"]),
        ("links_old_style", [b"SNOD", b"HEAP"]),
        ("links_dense", [b"FRHP", b"FHDB", b"BTHD"]),
        ("attributes_many", [b"FRHP", b"BTHD"]),
        ("shared_messages", [b"SMTB"]),
        ("metadata_cache_image", [b"MDCI"]),
        ("space_page_persistent", [b"FSHD"]),
    ],
)
def test_structures_are_in_the_file(files: dict[str, Path], name: str, marks: list[bytes]) -> None:
    if name not in files:
        pytest.skip("not to be made with this build of h5py")
    content = files[name].read_bytes()
    assert [mark for mark in marks if mark not in content] == []


@pytest.mark.parametrize("name", ["links_compact", "single_chunk_index", "implicit_index"])
def test_structures_are_not_in_the_file(files: dict[str, Path], name: str) -> None:
    content = files[name].read_bytes()
    assert [mark for mark in (b"TREE", b"FRHP", b"BTHD", b"FAHD", b"EAHD") if mark in content] == []


def test_walk_of_cycles_and_aliases(files: dict[str, Path]) -> None:
    entries = _walks(files, "cyclic_hard_link")
    aliases = {path: entry["canonical"] for path, entry in entries.items() if entry.get("alias")}
    expected = {"/group/itself": "/group", "/group/child/parent": "/group", "/group/child/root": "/"}
    assert aliases == expected | {"/one/other": "/other", "/other/one": "/one"}
    entries = _walks(files, "hard_link_alias")
    assert not entries["/alias"]["alias"] and entries["/group_alias"]["kind"] == "group"
    assert entries["/group_alias/data"] == {"kind": "dataset", "alias": True, "canonical": "/alias"}
    assert "/deep/er/data" not in entries


def test_walk_of_links(files: dict[str, Path]) -> None:
    assert _walks(files, "soft_link_loop")["/itself"] == {"kind": "soft_link", "target": "itself"}
    entry = _walks(files, "external_link")["/data"]
    assert entry == {"kind": "external_link", "file": "external_target.h5", "target": "/group/data"}
    chain = _walks(files, "soft_link_chain")
    assert sum(entry["kind"] == "soft_link" for entry in chain.values()) == 50


def test_walk_of_odd_names(files: dict[str, Path]) -> None:
    entries = _walks(files, "non_utf8_names")
    assert entries["/gr\udcfcn/\udcff\udcfe"]["shape"] == (2,)
    assert entries["/temp\udce9rature"]["attribute_names"] == ["unit\udce9"]
    assert entries["/ext\udce9"]["file"] == "miss\udce9.h5"
    assert "/[red]x[/red]" in _walks(files, "markup_names")
    assert "/" + "n" * 5000 in _walks(files, "long_names")
    assert "/../.." in _walks(files, "odd_names")


def test_walk_of_datasets(files: dict[str, Path]) -> None:
    null = _walks(files, "null_spaces")["/float"]
    assert (null["shape"], null["maxshape"], null["nbytes"], null["dtype"]) == (None, None, 0, "float64")
    assert _walks(files, "times")["/UNIX_D32LE"]["dtype"] is None
    assert _walks(files, "compact")["/grid"]["layout"] == "compact"
    assert _walks(files, "virtual_other_file")["/virtual"]["virtual_sources"] == 1
    assert _walks(files, "external_storage")["/pieces"]["external_files"] == 2
    resizable = _walks(files, "resizable")["/both"]
    assert (resizable["maxshape"], resizable["chunks"]) == ((None, 8), (2, 3))
    assert _walks(files, "billion_elements")["/contiguous"]["nbytes"] == 8 * 10**9
    assert _walks(files, "ranks")["/chunked_32"]["shape"] == (2,) * 8 + (1,) * 24


def test_walk_of_filters(files: dict[str, Path]) -> None:
    assert _walks(files, "gzip")["/all"]["filters"][1] == (1, "deflate", (4,))
    assert _walks(files, "unknown_filter")["/data"]["filters"] == [(40000, "", (3, 1, 4))]
    nbit = _walks(files, "nbit")["/compound"]["filters"][0]
    assert nbit[:2] == (5, "nbit") and len(nbit[2]) > 20
    plugins = {path for path, entry in _walks(files, "plugins").items() if entry["kind"] == "dataset"}
    assert len(plugins) == 12


def test_unknown_filter_cannot_be_read(files: dict[str, Path]) -> None:
    with h5py.File(files["unknown_filter"], "r") as file, pytest.raises(OSError):
        file["data"][...]


def test_external_storage_at_an_absolute_path(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "raw.bin"
    target.parent.mkdir()
    target.write_bytes(bytes(range(80)))
    path = tmp_path / "absolute.h5"
    external_storage_at(path, target)
    with h5py.File(path, "r") as file:
        assert file["absolute"].external == [(str(target.resolve()), 0, 80)]
        assert file["absolute"][...].tobytes() == bytes(range(80))
