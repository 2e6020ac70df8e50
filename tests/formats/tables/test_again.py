"""The second question about a table: a listing says what is still the same, and that is not fetched again."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from h5s3.cache import Cache
from h5s3.explore.meta import meta
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import Session
from h5s3.settings import Settings
from h5s3.storage.location import parse_location
from tests.formats.tables.iceberg.making import FolderPlace, Made
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

FILES = 5


def data(rows: int) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": range(rows)}), sink)
    return bytes(sink.getvalue())


def settings_for(server: S3Server, proxy: Proxy) -> Settings:
    return Settings(
        endpoint_url=proxy.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
    )


def test_documents_of_iceberg_are_fetched_once(server: S3Server, tmp_path: Path) -> None:
    table = Made(tmp_path / "table")
    for number in range(FILES):
        table.manifest(table.file(f"data/{number}.parquet", 10, 100))
    table.finish()
    for path, _ in FolderPlace(tmp_path / "table").below():
        server.put("again", f"ice{server.name}/{path}", (tmp_path / "table" / path).read_bytes())

    with Proxy(server) as proxy:

        def asked() -> tuple[int | None, int]:
            """Rows of the table, and the objects that were asked for."""
            proxy.reset()
            with Session(settings_for(server, proxy), Cache(tmp_path / "cache")) as session:
                found = meta(session, parse_location(f"s3://again/ice{server.name}/"))
                assert found.table
                return found.table.rows, sum(
                    f"/ice{server.name}/metadata/" in one.path for one in proxy.requests
                )

        assert asked() == (10 * FILES, FILES + 3)  # the hint, the document, the list of manifests, and these
        assert asked() == (10 * FILES, 1)  # the hint is looked for while names are listed


def test_footers_are_fetched_once(server: S3Server, tmp_path: Path) -> None:
    for number in range(FILES):
        server.put("again", f"set/part-{number}.parquet", data(10))

    with Proxy(server) as proxy:
        settings = settings_for(server, proxy)

        def rows() -> tuple[int | None, int]:
            """Of the table, and the objects that were asked for."""
            proxy.reset()
            with Session(settings, Cache(tmp_path)) as session:
                found = meta(session, parse_location("s3://again/set/"))
                assert found.table
                return found.table.rows, sum(".parquet" in one.path for one in proxy.requests)

        assert rows() == (10 * FILES, FILES)
        assert rows() == (10 * FILES, 0)
        server.put("again", "set/part-3.parquet", data(17))
        assert rows() == (10 * FILES + 7, 1)


def test_rows_are_fetched_once(server: S3Server, tmp_path: Path) -> None:
    server.put("again", "rows/part-0.parquet", data(50_000))

    with Proxy(server) as proxy:

        def asked() -> int:
            proxy.reset()
            with Session(settings_for(server, proxy), Cache(tmp_path)) as session:
                found = preview(session, parse_location("s3://again/rows/"), PreviewRequest("/"))
                assert found.table is not None
            return sum(".parquet" in one.path for one in proxy.requests)

        assert asked() > 0
        assert asked() == 0
