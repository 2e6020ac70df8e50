"""What an Iceberg table costs over S3: rounds and requests, counted by a proxy, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from h5s3.errors import NotFoundError
from h5s3.explore.ls import ls
from h5s3.explore.questions import Question
from h5s3.explore.session import Session
from h5s3.formats.tables.iceberg.table import IcebergTable
from h5s3.settings import Settings
from h5s3.storage.location import parse_location
from tests.formats.tables.iceberg.making import FolderPlace, Made
from tests.support.servers.counted import asking
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server


def put(server: S3Server, folder: Path, prefix: str) -> None:
    for path, _ in FolderPlace(folder).below():
        server.put("icebergs", f"{prefix}/{path}", (folder / path).read_bytes())


@pytest.mark.parametrize(
    ("manifests", "hint"), [(30, True), pytest.param(500, False, marks=pytest.mark.slow)]
)
def test_a_table_of_many_manifests(
    server: S3Server, proxy: Proxy, tmp_path: Path, manifests: int, hint: bool
) -> None:
    """The place, names of metadata, the document, the list of manifests, and all of them at once."""
    table = Made(tmp_path)
    for number in range(manifests):
        table.manifest(*[table.file(f"data/{number}-{n}.parquet", 10, 100) for n in range(3)])
    table.finish()
    if hint:
        table.write("metadata/version-hint.text", b"1")
    put(server, tmp_path, f"many{hint}")

    def question(found: IcebergTable) -> tuple[int, int | None, int, int, int]:
        opened = session.trace.rounds
        return len(found.files), found.rows, len(found.history()), opened, session.trace.rounds

    with asking(server, proxy) as session:
        where = parse_location(f"s3://icebergs/many{hint}/")
        files, rows, versions, opened, after = session.read(where, lambda one: question(one.table))
        assert (files, rows, versions) == (3 * manifests, 30 * manifests, 1)
        assert opened <= 5 and after == opened
        assert proxy.count() <= manifests + 12


def test_a_document_stands_for_its_table(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    table = Made(tmp_path)
    table.manifest(table.file("data/a.parquet", 10, 100))
    table.finish()
    table.finish("v2.metadata.json", **{"current-snapshot-id": None})
    put(server, tmp_path, "named")
    with asking(server, proxy) as session:
        for name, expected in (("v1", "1"), ("v2", None)):
            where = parse_location(f"s3://icebergs/named/metadata/{name}.metadata.json")
            assert session.read(where, lambda one: one.table.version) == expected
        assert session.trace.rounds <= 7 and proxy.count() <= 10
        with pytest.raises(NotFoundError):
            session.read(parse_location("s3://icebergs/named/metadata/v9.metadata.json"), print)


def test_listings_mark_tables(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    """By one more LIST for prefixes that have the folder, which others have, too."""
    table = Made(tmp_path / "marked" / "table")
    table.manifest(table.file("data/a.parquet", 10, 100))
    table.finish()
    (tmp_path / "marked/other/metadata").mkdir(parents=True)
    (tmp_path / "marked/other/metadata/notes.txt").write_text("no table")
    put(server, tmp_path / "marked", "marked")
    expected = {"marked/other/": None, "marked/table/": "iceberg"}
    with asking(server, proxy) as session:
        found = ls(session, parse_location("s3://icebergs/marked/"), Question(formats=True)).entries
        assert {one.key: one.format or None for one in found} == expected
        assert session.trace.rounds <= 3 and proxy.count() <= 5
    with Session(Settings(no_cache=True)) as session:
        local = ls(session, parse_location(f"{tmp_path}/marked"), Question(formats=True)).entries
        assert [one.format or None for one in local] == [None, "iceberg"]
