"""What a table costs over S3: rounds and requests, counted by a proxy, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from h5s3.formats.tables.hudi.table import HudiTable
from h5s3.formats.tables.rows.scan import scan
from h5s3.storage.location import parse_location
from tests.formats.tables.hudi.tables import Maker
from tests.support.servers.counted import asking
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

COMMITS, GROUPS = 20, 3


@pytest.mark.parametrize("version", [6, 9], ids="version {}".format)
def test_a_table_takes_a_list_and_one_round_of_documents(
    server: S3Server, proxy: Proxy, tmp_path: Path, version: int
) -> None:
    """The names of the place, all below it, what is needed of the timeline; then all of it, and rows."""
    made = Maker(tmp_path / "t", version)
    for number in range(COMMITS):
        instant = f"{20240501120000000 + 1000 * number}"
        paths = [made.base(f"g{group}", instant, range(number + 1)) for group in range(GROUPS)]
        made.commit(instant, dict.fromkeys(paths, number + 1))
    place = f"t{version}"
    for path in sorted(made.folder.rglob("*")):
        if path.is_file():
            server.put("hudi", f"{place}/{path.relative_to(made.folder).as_posix()}", path.read_bytes())

    def question(table: HudiTable) -> list[tuple[int, int]]:
        told = [(session.trace.rounds, proxy.count())]
        assert len(table.files) == GROUPS and table.rows == GROUPS * COMMITS
        assert len(table.history()) == COMMITS
        told.append((session.trace.rounds, proxy.count()))
        assert sum(rows.num_rows for rows in scan(table, table.place)) == GROUPS * COMMITS
        return [*told, (session.trace.rounds, proxy.count())]

    with asking(server, proxy) as session:
        opened, history, rows = session.read(
            parse_location(f"s3://hudi/{place}/"), lambda contents: question(contents.table)
        )
    assert opened[0] <= 3 and opened[1] <= 12
    assert history[0] - opened[0] <= 1 and history[1] - opened[1] <= COMMITS
    assert rows[0] - history[0] <= 3
