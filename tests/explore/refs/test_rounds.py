"""What references cost: a walk, the indexes of all chunks together, what is inlined. A proxy counts."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.errors import DamagedError
from h5s3.explore.refs.refs import RefsRequest, refs
from h5s3.explore.session import Session
from h5s3.records import Refs
from h5s3.settings import Settings
from h5s3.storage.location import parse_location
from tests.support.scattered import scattered
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

BUCKET = "refs"


def chunked(datasets: int, texts: bool = False) -> bytes:
    """Groups of one dataset each, whose chunks stand between the headers and the nodes of the indexes."""
    stream, chance = io.BytesIO(), np.random.default_rng(0)
    with h5py.File(stream, "w") as file:
        made = []
        for number in range(datasets):
            group = file.create_group(f"group {number}")
            made.append(group.create_dataset("data", (40, 64, 64), "<f4", chunks=(1, 64, 64)))
            if texts:
                group["name"] = [f"text {number} {item}" * 20 for item in range(100)]
        for plane in range(40):
            for dataset in made:
                dataset[plane] = chance.random((64, 64), dtype="f4")
    return stream.getvalue()


def asked(server: S3Server, proxy: Proxy, data: bytes, folder: Path, **more: object) -> tuple[Refs, Session]:
    """References to an object that was never seen before, and the session that made them."""
    server.put(BUCKET, "file.h5", data)
    proxy.reset()
    settings = Settings(
        endpoint_url=proxy.url, access_key=server.access_key, secret_key=server.secret_key,
        region=server.region, no_cache=True,
    )  # fmt: skip
    with Session(settings) as session:
        place = parse_location(f"s3://{BUCKET}/file.h5")
        output = str(folder / "refs.json")
        return refs(session, [place], RefsRequest(output=output, overwrite=True, **more)), session  # type: ignore[arg-type]


@pytest.mark.parametrize("inline", [500, pytest.param(0, marks=pytest.mark.slow)])
def test_a_walk_over_scattered_metadata(inline: int, server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    data = scattered(groups=60, kilobytes=200)
    found, session = asked(server, proxy, data, tmp_path, inline=inline)
    assert (found.num_arrays, found.num_groups, found.num_chunks) == (60, 60, 60)
    assert session.trace.rounds <= 3 and session.trace.trips <= 5
    assert session.trace.total == proxy.count() <= 75
    assert proxy.bytes() < len(data) / 5


def test_indexes_of_all_datasets_share_rounds(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    rounds = []
    for datasets in (3, 12):
        found, session = asked(server, proxy, chunked(datasets), tmp_path)
        assert found.num_chunks == 40 * datasets
        rounds.append(session.trace.rounds)
    assert rounds[1] <= rounds[0] + 1 <= 7


def test_texts_of_all_datasets_share_rounds(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    _, without = asked(server, proxy, chunked(8), tmp_path)
    found, session = asked(server, proxy, chunked(8, texts=True), tmp_path)
    assert found.num_inlined == 8
    assert session.trace.rounds <= without.trace.rounds + 3


def test_several_files_wait_together(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    """What one of them raises is raised, and nothing is written."""
    for number in range(8):
        server.put(BUCKET, f"several/{number}.h5", scattered(groups=5, kilobytes=30))
    proxy.delay = 0.05
    settings = Settings(
        endpoint_url=proxy.url, access_key=server.access_key, secret_key=server.secret_key,
        region=server.region, no_cache=True,
    )  # fmt: skip
    output = tmp_path / "refs.json"
    with Session(settings) as session:
        place = parse_location(f"s3://{BUCKET}/several/")
        proxy.reset()
        found = refs(session, [place], RefsRequest(output=str(output)))
        assert [one.location[-4:] for one in found.sources] == [f"{number}.h5" for number in range(8)]
        assert found.num_arrays == 40
        seen = proxy.requests
        beside = [{b.path for b in seen if a.started < b.ended and b.started < a.ended} for a in seen]
        assert max(map(len, beside)) >= 4
        server.put(BUCKET, "several/4.h5", b"\x89HDF\r\n\x1a\n" + bytes(100))
        asked_again = RefsRequest(output=str(tmp_path / "again.json"))
        with pytest.raises(DamagedError, match=r"several/4\.h5"):
            refs(session, [place], asked_again)
    assert [one.name for one in tmp_path.iterdir()] == ["refs.json"]
