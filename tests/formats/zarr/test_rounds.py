"""What a store costs over S3 and the web: rounds, requests. Counted by a proxy, too."""

from __future__ import annotations

import json

import pytest

from h5s3.explore.du import du
from h5s3.explore.get.get import GetRequest, get_array
from h5s3.explore.meta import meta
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import UNSET, nodes_of
from h5s3.storage.location import parse_location
from tests.support.cli import run
from tests.support.servers.counted import asking
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.web import WebServer
from tests.support.zarr_stores import (
    GROUP_OF_V2,
    GROUP_OF_V3,
    Objects,
    array_of_v2,
    array_of_v3,
    made,
    on_server,
)

MARK = "z"  # in the names of documents, and of no chunk
ALL = TreeRequest(depth=0, limit=0)


def deep(version: int, depth: int, siblings: int) -> Objects:
    """Groups within each other, arrays in each of them."""
    found: Objects = {}
    for level in range(depth):
        above = "".join(f"level{number}/" for number in range(level))
        found[above + ("zarr.json" if version == 3 else ".zgroup")] = (
            GROUP_OF_V3 if version == 3 else GROUP_OF_V2
        )
        for number in range(siblings):
            name = f"{above}array{number:03}/"
            found[name + ("zarr.json" if version == 3 else ".zarray")] = (
                array_of_v3() if version == 3 else array_of_v2()
            )
    return found


@pytest.mark.parametrize("version", [3, pytest.param(2, marks=pytest.mark.slow)])
def test_rounds_grow_with_depth_alone(version: int, server: S3Server, proxy: Proxy) -> None:
    for depth, siblings in ((1, 2), (3, 12)):
        where = on_server(
            deep(version, depth, siblings), server, "zarrs", f"v{version}-{depth}-{siblings}.zarr"
        )
        with asking(server, proxy) as session:
            found = tree(session, parse_location(where), ALL)
        assert len(list(nodes_of(found))) == depth * (siblings + 1)
        assert session.trace.rounds == 2 * depth, session.trace
        assert session.trace.total == proxy.count()


def test_consolidated_metadata_takes_one_round(server: S3Server, proxy: Proxy) -> None:
    for version in (2, 3):
        documents = {name: data for name, data in made(version, consolidated=True).items() if MARK in name}
        where = on_server(documents, server, "zarrs", f"consolidated{version}.zarr")
        for location in (where, where + "/"):
            with asking(server, proxy) as session:
                tree(session, parse_location(location), TreeRequest(depth=0, limit=0, attributes=True))
            assert session.trace.rounds == 1 and session.trace.total == proxy.count() <= 6
        with asking(server, proxy) as session:
            assert meta(session, parse_location(where)).store.consolidated  # type: ignore[union-attr]
            assert session.trace.rounds == 1


def test_a_prefix_of_any_name(server: S3Server, proxy: Proxy) -> None:
    """It is found after an object of that name is not."""
    where = on_server(deep(3, 1, 2), server, "zarrs", "some/store")
    with asking(server, proxy) as session:
        assert tree(session, parse_location(where)).num_children == 2
        assert session.trace.rounds <= 4


def test_a_store_may_be_called_as_files_are(
    server: S3Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing tells, as far as it goes, then the documents do: a round more than other names take."""
    monkeypatch.setattr("h5s3.storage.objects.MOST_NAMES", 2)  # zarr.json is beyond
    for version, siblings in ((2, 1), (3, 1), (3, 5)):
        where = on_server(deep(version, 1, siblings), server, "zarrs", f"called{version}{siblings}.h5")
        with asking(server, proxy) as session:
            assert meta(session, parse_location(where)).zarr_format == version
            assert session.trace.rounds <= 5 and session.trace.total == proxy.count()
    server.put("zarrs", "folder.nc/some/x", b"x")
    assert "a prefix" in run("tree", "s3://zarrs/folder.nc", on=server).failed(3)


def test_values_take_one_round_more(server: S3Server, proxy: Proxy) -> None:
    """Documents, a listing, coordinates, chunks; of shards their index, and what is in it."""
    where = on_server(made(3, consolidated=True), server, "zarrs", "values.zarr")
    with asking(server, proxy) as session:
        found = get_array(session, parse_location(where), GetRequest(path="/temperature"))
        assert found.shape == (6, 8) and session.trace.rounds == 2
    with asking(server, proxy) as session:
        found = get_array(session, parse_location(where), GetRequest(path="/group/shards", selection="0:3,:"))
        assert (found[2] == range(40, 60)).all() and session.trace.rounds <= 3
    for path, chunks, rounds in (
        ("/temperature", 0, 2),
        ("/time", 2, 3),
    ):  # a document, a LIST; chunks of few values
        with asking(server, proxy) as session:
            described = meta(session, parse_location(where), MetaRequest(path))
            assert (described.value is UNSET) == (not chunks) and session.trace.rounds == rounds
            assert session.trace.total == proxy.count() == 6 + 1 + chunks
    with asking(server, proxy) as session:
        shown = du(session, parse_location(where))
        assert shown.num_datasets == 18 and shown.stored > 0 and session.trace.rounds <= 3


def test_stored_sizes_are_counted(server: S3Server) -> None:
    held = {
        ".zgroup": GROUP_OF_V2,
        "a/.zarray": array_of_v2(),
        "a/0": bytes(8),
        "a/7": bytes(100),
        "a/x": b"no",
    }
    where = on_server(
        {**held, "b/.zarray": array_of_v2(chunks=[4]), "b/0": bytes(16)}, server, "zarrs", "sums.zarr"
    )
    told = run("meta", where, "/a", "--json", on=server).json
    assert (told["num_chunks"], told["storage_size"]) == (1, 8)
    sizes = {
        node["name"]: node["storage_size"]
        for node in run("tree", where, "--stored", "--json", on=server).json["children"]
    }
    assert sizes == {"a": 8, "b": 16}
    total = run("du", where, "--json", on=server).json
    assert total["objects"] == 7 and total["other"] == total["size"] - 126
    assert "of the store" in run("du", where, on=server).out
    assert total["stored"] == 126 and total["logical"] == 32
    assert {one["path"]: one["stored"] for one in total["entries"]} == {"/a": 110, "/b": 16}


def test_over_the_web(tmp_path: object) -> None:
    """Nothing is listed there: consolidated metadata tells, and single arrays are found by their paths."""
    with WebServer().running() as web:
        for name, data in made(3, consolidated=True).items():
            web.pages[f"/data/all.zarr/{name}"] = data
        for name, data in made(2).items():
            web.pages[f"/data/plain/{name}"] = data
        found = run("tree", f"{web.url}/data/all.zarr", "-r", "--json", "--no-cache").json
        assert found["num_children"] == 3
        assert run("preview", f"{web.url}/data/all.zarr/", "temperature", "--json").json["units"] == "K"
        shown = run("meta", f"{web.url}/data/plain", "group/types/bool", "--json").json
        assert shown["shape"] == [6] and "num_chunks" in shown and shown["num_chunks"] is None
        values = json.loads(run("get", f"{web.url}/data/plain", "temperature", "-o", "-.json").out)
        assert values["data"][0][0] == -1
        web.pages["/data/all.zarr/temperature"] = b"<!doctype html><title>a listing</title>"
        assert run("meta", f"{web.url}/data/all.zarr/temperature", "--json").json["shape"] == [6, 8]
        assert "cannot be listed" in run("tree", f"{web.url}/data/plain").failed(2)
        assert "cannot be listed" in run("du", f"{web.url}/data/all.zarr").failed(2)
        assert run("tree", f"{web.url}/data/nothing").failed(3)
        for name in ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata", ""):
            web.pages[f"/app.zarr/{name}".rstrip("/")] = b"<!doctype html>"
        assert "an HTML page" in run("tree", f"{web.url}/app.zarr").failed(6)
