"""External links that are followed: to objects beside the file, and as h5py follows them in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

import h5s3
from h5s3.errors import H5s3Error, NotFoundError, RefusedError, UsageError
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest
from h5s3.records import UNSET, DatasetNode, ExternalLinkNode, GroupNode
from h5s3.settings import Settings
from tests.support.cli import run
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

BUCKET = "follow"


def master(folder: Path) -> Path:
    """A detector's files: a master, the data files it links to, and links to what is not there or allowed."""
    values = np.arange(4 * 8 * 8, dtype="u4").reshape(4, 8, 8)
    for number in (1, 2):
        with h5py.File(folder / f"scan_data_00000{number}.h5", "w") as made:
            group = made.create_group("entry/data")
            group.attrs["NX_class"] = "NXdata"
            data = group.create_dataset("data", data=values + 1000 * number, chunks=(1, 8, 8), compression=4)
            data.attrs["image_nr_low"] = number
            group["text"] = "ä"
            made["back"] = h5py.ExternalLink("scan_master.h5", "/")
    (folder / "damaged.h5").write_bytes((folder / "scan_data_000001.h5").read_bytes()[:600])
    path = folder / "scan_master.h5"
    with h5py.File(path, "w") as made:
        group = made.create_group("entry/data")
        for number in (1, 2, 3):
            name = f"data_00000{number}"
            group[name] = h5py.ExternalLink(f"scan_{name}.h5", "/entry/data/data")
        others = made.create_group("others")
        for name, file, inside in (
            ("group", "scan_data_000001.h5", "/entry"),
            ("root", "./scan_data_000002.h5", "/"),
            ("self", "scan_master.h5", "/entry"),
            ("no_path", "scan_data_000001.h5", "/none"),
            ("damaged", "damaged.h5", "/"),
            ("up", "../../other.h5", "/x"),
            ("passwd", "/etc/passwd", "/x"),
            ("bucket", "s3://other/x.h5", "/x"),
            ("web", "https://other/x.h5", "/x"),
            ("newline", "a\nb.h5", "/x"),
        ):
            others[name] = h5py.ExternalLink(file, inside)
        others["soft"] = h5py.SoftLink("/others/group/data/data")
        others["around"] = h5py.ExternalLink("scan_data_000001.h5", "/back/others/around")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("masters")
    master(made)
    return made


@pytest.fixture
def there(server: S3Server, folder: Path) -> str:
    """The same files in a bucket."""
    for path in folder.iterdir():
        server.put_file(BUCKET, f"run 1/{path.name}", path)
    return f"s3://{BUCKET}/run 1/scan_master.h5"


@pytest.fixture
def asking(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    yield


PATHS = (
    "/entry/data/data_000001",
    "/others/group/data/data",
    "/others/root/entry/data/data",
    "/others/root/back/others/self/data/data_000001",
    "/others/soft",
)


@pytest.mark.usefixtures("asking")
def test_values_are_those_of_h5py_in_the_folder(there: str, folder: Path) -> None:
    with h5py.File(folder / "scan_master.h5") as h5:
        for path in PATHS:
            found = h5s3.get(there, path, follow=True, selection="1:3,::2,5")
            np.testing.assert_array_equal(found, h5[path][1:3, ::2, 5])
            meta = h5s3.meta(there, path, follow=True)
            assert (meta.kind, meta.shape, meta.path) == ("dataset", [4, 8, 8], path)
            assert meta.attributes[0].value == h5[path].attrs["image_nr_low"]
            shown = h5s3.preview(there, path, follow=True)
            assert shown.stats is not None and shown.stats.max == h5[path][...].max()
            assert shown.followed is not UNSET and shown.followed.path == "/entry/data/data"
            assert shown.etag != shown.followed.etag
        assert h5s3.get(there, "/others/root/entry/data/text", follow=True).item() == "ä"


@pytest.mark.usefixtures("asking")
def test_a_tree_shows_what_links_lead_to(there: str) -> None:
    found = h5s3.tree(there, "/entry/data", follow=True)
    links = {child.name: child for child in found.children}
    first, missing = links["data_000001"], links["data_000003"]
    assert isinstance(first, ExternalLinkNode) and isinstance(first.node, DatasetNode)
    assert (first.node.shape, first.node.path) == ([4, 8, 8], "/entry/data/data_000001")
    assert first.followed is not UNSET and first.followed.location.endswith("run 1/scan_data_000001.h5")
    assert isinstance(missing, ExternalLinkNode) and missing.node is UNSET
    assert missing.error == "no such object"
    plain = h5s3.tree(there, "/entry/data")
    assert [child.to_dict().keys() for child in plain.children] == [
        {"type", "name", "path", "target", "target_file", "target_path"}
    ] * 3


@pytest.mark.usefixtures("asking")
def test_a_whole_tree_ends_where_files_lead_to_each_other(there: str) -> None:
    found = h5s3.tree(there, depth=0, follow=True, attributes=True)
    text = json.dumps(found.to_dict())
    assert len(text) < 60_000
    links = {child.name: child for child in found.children[1].children}  # type: ignore[union-attr]
    group = links["group"]
    assert isinstance(group, ExternalLinkNode) and isinstance(group.node, GroupNode)
    data = group.node.children[0].children[0]  # type: ignore[union-attr, index]
    entry = found.children[0].children[0].children[0]  # type: ignore[union-attr, index]
    assert (data.path, entry.node.alias_of) == ("/others/group/data/data",) * 2  # type: ignore[union-attr]
    root = links["root"].node  # type: ignore[union-attr]
    back = {child.name: child for child in root.children}["back"]
    assert back.node.alias_of == "/"
    for name, word in (
        ("no_path", "no /none"),
        ("damaged", "truncated"),
        ("up", "not below"),
        ("passwd", "relative"),
        ("bucket", "relative"),
        ("web", "relative"),
        ("newline", "control"),
        ("around", "more than 16"),
    ):
        assert word in links[name].error, name  # type: ignore[union-attr, operator]


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("/entry/data/data_000003", NotFoundError, "scan_data_000003.h5:/entry/data/data: no such object"),
        ("/others/no_path", NotFoundError, "scan_data_000001.h5:/none: no /none in the file"),
        ("/others/group/none", NotFoundError, "no /entry/none in the file"),
        ("/others/up", RefusedError, "../../other.h5:/x: it is not below s3://follow/run 1/"),
        ("/others/passwd/x", RefusedError, "/etc/passwd:/x: only files beside it"),
        ("/others/bucket", RefusedError, "s3://other/x.h5:/x: only files beside it"),
        ("/others/web", RefusedError, "https://other/x.h5:/x: only files beside it"),
        ("/others/around", RefusedError, "more than 16 links"),
    ],
)
@pytest.mark.usefixtures("asking")
def test_a_path_that_cannot_be_followed(
    path: str, error: type[H5s3Error], words: str, there: str, rclone: S3Server
) -> None:
    for ask in (h5s3.tree, h5s3.get) if "entry" in path else (h5s3.meta, h5s3.preview):
        with pytest.raises(error) as raised:
            ask(there, path, follow=True)  # type: ignore[operator]
        assert words in str(raised.value) and "external link" in str(raised.value)
    assert raised.value.exit_code == (3 if error is NotFoundError else 8)


@pytest.mark.usefixtures("asking")
def test_another_prefix(there: str, server: S3Server, folder: Path) -> None:
    for path in folder.glob("scan_data*"):
        server.put_file(BUCKET, f"raw/{path.name}", path)
    server.put_file(BUCKET, "masters/m.h5", folder / "scan_master.h5")
    where = f"s3://{BUCKET}/masters/m.h5"
    with pytest.raises(NotFoundError):
        h5s3.get(where, PATHS[0], follow=True)
    assert h5s3.get(where, PATHS[0], follow_prefix=f"s3://{BUCKET}/raw/")[0, 0, 0] == 1000
    with pytest.raises(UsageError):
        h5s3.get(where, PATHS[0], follow_prefix=str(folder))


def test_a_folder_of_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for cell in ("1", "0"):
        monkeypatch.setenv("H5S3_CELL", cell)
        for where in ("scan_master.h5", folder / "scan_master.h5"):
            assert h5s3.get(where, PATHS[0], follow=True)[0, 0, 0] == 1000
            with pytest.raises(RefusedError):
                h5s3.get(where, "/others/passwd", follow=True)


def test_the_command_line(there: str, server: S3Server, tmp_path: Path) -> None:
    shown = run("tree", there, "/entry/data", "--follow", on=server).lines
    assert shown[1].split()[1:3] == ["data_000001", "→"] and shown[2].split()[1:3] == ["└──", "data"]
    assert "no such object" in shown[-1]
    assert run("tree", there, "/", "-r", "--follow", "--json", on=server).json["children"]
    assert run("tree", there, "/entry/data", "--follow", "--jsonl", on=server).records[1]["node"]
    meta = run("meta", there, PATHS[0], "--follow", "--json", on=server).json
    assert meta["link"] == {
        "type": "external_link", "target": "scan_data_000001.h5:/entry/data/data", "resolved": True
    }  # fmt: skip
    assert meta["followed"]["etag"] and meta["etag"] != meta["followed"]["etag"]
    assert "in file" in run("meta", there, PATHS[0], "--follow", on=server).out
    assert "scan_data_000001.h5" in run("preview", there, PATHS[0], "--follow", on=server).out
    out = tmp_path / "x.npy"
    assert "scan_data_000001.h5" in run("get", there, PATHS[0], "--follow", "-o", out, on=server).out
    assert np.load(out)[0, 0, 0] == 1000
    assert run("meta", there, "/others/up", "--follow", on=server).failed(8)


@pytest.mark.usefixtures("asking")
def test_links_of_a_level_share_their_rounds(there: str, proxy: Proxy) -> None:
    """Files beside it are looked for all together, and nothing is remembered of the answer."""
    for rounds in (4, 2):
        with Session(Settings(endpoint_url=proxy.url, follow=True)) as session:
            found = tree(session, session.location(there), TreeRequest("/entry/data"))
            assert not found.cached and isinstance(found.children[0], ExternalLinkNode)
            assert session.trace.rounds <= rounds


def test_a_file_beside_it_that_changes_is_asked_for_again(
    there: str, server: S3Server, folder: Path, asking: None, tmp_path: Path
) -> None:
    assert h5s3.get(there, PATHS[0], follow=True)[0, 0, 0] == 1000
    with h5py.File(tmp_path / "new.h5", "w") as made:
        made["entry/data/data"] = np.full((4, 8, 8), 7, "u4")
    server.put_file(BUCKET, "run 1/scan_data_000001.h5", tmp_path / "new.h5")
    assert h5s3.get(there, PATHS[0], follow=True, refresh=True)[0, 0, 0] == 7


def test_find_looks_into_what_links_lead_to(tmp_path: Path) -> None:
    place = master(tmp_path)
    plain = h5s3.find(place, name="data", type="dataset")
    assert not plain.matches
    found = h5s3.find(place, name="data*", type="dataset", attrs="image_nr_low=2", follow=True)
    assert [one.path for one in found.matches][:1] == ["/entry/data/data_000002"]
    names = run("find", place, "--name", "text", "--follow").lines
    assert any(line.split("\t")[1] == "/others/group/data/text" for line in names)


def test_find_knows_what_links_lead_to_by_their_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new["entry/d"] = np.zeros((2, 3), "i2")
    with h5py.File(tmp_path / "m.h5", "w") as new:
        new["frames"] = h5py.ExternalLink("a.h5", "/entry/d")
        new[b"odd\xff"] = h5py.ExternalLink("a.h5", "/entry")
    found = h5s3.find(tmp_path / "m.h5", name="frames", type="dataset", follow=True).matches
    assert [(one.path, one.name) for one in found] == [("/frames", "frames")]
    assert not h5s3.find(tmp_path / "m.h5", name="entry", follow=True).matches
    (odd,) = h5s3.find(tmp_path / "m.h5", name="odd*", type="group", follow=True).matches
    assert odd.to_dict()["name_b64"] == "b2Rk/w=="
    assert run("find", tmp_path / "m.h5", "--name", "d", "--follow").out.endswith("dataset = /frames\n")
