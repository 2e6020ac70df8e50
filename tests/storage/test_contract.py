"""One contract for every storage: S3, web, local files, fsspec with memory, s3fs and http."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from h5s3.errors import ChangedError, NetworkError, NotFoundError, UsageError
from h5s3.settings import Settings
from h5s3.storage.base import Range, Store
from h5s3.storage.location import Location, parse_location
from h5s3.storage.open import open_store
from h5s3.storage.trace import Trace
from tests.conftest import SERVERS
from tests.support.servers.places import BUCKET, Place, place
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach
from tests.support.servers.web import WebServer

DATA = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(300_000)
ON_SERVERS = [f"{kind}-{server}" for kind in ("s3", "presigned", "s3fs") for server in SERVERS]
PLACES = [*ON_SERVERS, "plain", "http", "local", "memory"]
SELDOM = ("presigned-moto", "s3fs-rclone")  # whose client is tried with the other server
LISTING = [name for name in PLACES if name.startswith(("s3", "local", "memory")) and name not in SELDOM]
STRONG = [name for name in PLACES if name != "memory"]  # those that tell an ETag
numbers = itertools.count()


@pytest.fixture(scope="module")
def kept() -> Iterator[dict[str, tuple[Store, Trace]]]:
    """The stores of all tests, by place."""
    stores: dict[str, tuple[Store, Trace]] = {}
    yield stores
    for store, _ in stores.values():
        store.close()


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SELDOM)) for name in PLACES])
def here(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kept: dict[str, tuple[Store, Trace]],
) -> Iterator[Place]:
    """Each place in turn, with the environment that leads to it and a folder of its own."""
    name: str = request.param
    server: S3Server | None = None
    if "-" in name:
        server = request.getfixturevalue(name.partition("-")[2])
        server.put(BUCKET, "bucket-is-there", b"")
        reach(server, monkeypatch)
    with place(name, f"folder-{next(numbers)}", server, tmp_path, kept) as found:
        yield found


def random_ranges(seed: int, count: int, size: int) -> list[Range]:
    """Ranges of all lengths, with the ends of the object among them."""
    chance = random.Random(seed)
    ranges = {(0, 1), (size - 1, size), (0, size)}
    while len(ranges) < count:
        start = chance.randrange(size)
        ranges.add((start, min(size, start + chance.choice([1, 7, 512, 65536]))))
    return sorted(ranges, key=lambda _: chance.random())


# What every storage does


def test_head_tells_size_and_identity(here: Place) -> None:
    location = here.put("file.h5", DATA)
    info = here.store.head(location)
    assert (info.size, info.location) == (len(DATA), location)
    assert here.store.head(location) == info
    if here.name in STRONG:
        assert info.etag and not info.etag.startswith(("W/", '"'))
    changed = here.store.head(here.put("file.h5", OTHER))
    assert (changed.etag, changed.last_modified) != (info.etag, info.last_modified)


def test_only_what_is_proven_is_kept(here: Place) -> None:
    info = here.store.head(here.put("file.h5", DATA))
    assert (info.identity is not None) == here.name.startswith(("s3-", "presigned", "plain"))


def test_first_is_head_and_bytes_at_once(here: Place) -> None:
    location = here.put("file.h5", DATA)
    head = here.store.head(location)
    for length in (1, 1000, len(DATA), 2 * len(DATA)):
        assert here.store.first(location, length) == (head, DATA[:length])


def test_ranges_are_the_bytes(here: Place) -> None:
    info = here.store.head(here.put("file.h5", DATA))
    for seed in range(3):
        ranges = random_ranges(seed, 50, len(DATA))
        answers = here.store.get_ranges(info, ranges)
        assert set(answers) == set(ranges)
        assert [r for r in ranges if answers[r] != DATA[r[0] : r[1]]] == []
    assert here.store.get_ranges(info, []) == {}


def test_arrivals_may_name_more(here: Place) -> None:
    info = here.store.head(here.put("file.h5", DATA))
    after = {(0, 10): [(20, 30), (40, 50)], (40, 50): [(60, 70)], (60, 70): [(299_999, 300_000)]}
    arrived: list[Range] = []

    def arrive(wanted: Range, data: bytes) -> Iterable[Range]:
        assert threading.current_thread() is threading.main_thread()
        assert data == DATA[wanted[0] : wanted[1]]
        arrived.append(wanted)
        return after.get(wanted, [])

    answers = here.store.get_ranges(info, [(0, 10), (80, 90)], arrive)
    wanted = {(0, 10), (80, 90), *itertools.chain(*after.values())}
    assert set(answers) == wanted == set(arrived)
    assert len(arrived) == len(wanted)


def test_an_error_on_arrival_is_raised(here: Place) -> None:
    info = here.store.head(here.put("file.h5", DATA))
    with pytest.raises(ZeroDivisionError):
        here.store.get_ranges(info, [(0, 10), (10, 20)], lambda wanted, data: [(0, 1 // 0)])
    assert here.store.get_ranges(info, [(5, 8)]) == {(5, 8): DATA[5:8]}


def test_an_empty_object(here: Place) -> None:
    location = here.put("empty.h5", b"")
    assert here.store.head(location).size == 0
    info, body = here.store.first(location, 1000)
    assert (info.size, body) == (0, b"")


def test_a_missing_object(here: Place) -> None:
    here.put("file.h5", DATA)
    location = here.locate("missing.h5")
    for ask in (lambda: here.store.head(location), lambda: here.store.first(location, 1000)):
        with pytest.raises(NotFoundError, match=r"no such (object|file)") as caught:
            ask()
        assert caught.value.location == location.display


@pytest.mark.parametrize("content", [OTHER, DATA[:-1], DATA + b"x"], ids=["same size", "shorter", "longer"])
def test_a_changed_object(here: Place, content: bytes) -> None:
    info = here.store.head(here.put("file.h5", DATA))
    here.put("file.h5", content)
    with pytest.raises(ChangedError) as caught:
        here.store.get_ranges(info, [(0, 100), (200_000, 200_100)])
    assert caught.value.location == info.location.display


def test_a_deleted_object(here: Place) -> None:
    info = here.store.head(here.put("file.h5", DATA))
    here.delete("file.h5")
    if here.name == "local":  # the open file is still there
        assert here.store.get_ranges(info, [(0, 9)]) == {(0, 9): DATA[:9]}
    else:
        with pytest.raises(ChangedError):
            here.store.get_ranges(info, [(0, 9)])


def test_requests_are_counted(here: Place) -> None:
    info = here.store.head(here.put("file.h5", DATA))
    if here.name == "local":
        return
    before, received = here.trace.total, here.trace.received
    here.store.get_ranges(info, [(0, 100), (200, 300)])
    assert here.trace.total - before == 2 + here.name.startswith(("s3fs", "http", "memory"))
    assert here.trace.received - received == 200
    assert here.trace.rounds >= 2


def test_several_threads_ask_at_a_time(here: Place) -> None:
    info = here.store.head(here.put("file.h5", DATA))
    asked = [random_ranges(seed, 20, len(DATA)) for seed in range(4)]
    found: dict[int, dict[Range, bytes]] = {}

    def ask(number: int) -> None:
        found[number] = here.store.get_ranges(info, asked[number])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, ranges in enumerate(asked):
        assert found[number] == {item: DATA[item[0] : item[1]] for item in ranges}


# Listings


@pytest.mark.parametrize("here", LISTING, indirect=True)
def test_listings(here: Place) -> None:
    for key, size in {"a.h5": 3, "b/c.h5": 4, "b/d/e.h5": 5, "f": 0}.items():
        here.put(key, b"x" * size)

    def listed(key: str, recursive: bool) -> list[tuple[str, str, int | None]]:
        entries = here.store.list(here.locate(key), recursive=recursive)
        return [(e.key.removeprefix(here.folder), e.type, e.size) for e in entries]

    assert listed("", False) == [("a.h5", "object", 3), ("b/", "prefix", None), ("f", "object", 0)]
    every = [("a.h5", "object", 3), ("b/c.h5", "object", 4), ("b/d/e.h5", "object", 5), ("f", "object", 0)]
    assert listed("", True) == every


@pytest.mark.parametrize("here", LISTING, indirect=True)
def test_listing_what_is_missing(here: Place) -> None:
    missing = {"s3": Location("s3", "", "no-such-bucket"), "s3fs": Location("s3", "", "no-such-bucket")}
    with pytest.raises(NotFoundError):
        list(here.store.list(missing.get(here.name.partition("-")[0], here.locate("no/such"))))


@pytest.mark.parametrize("here", [name for name in PLACES if "s3-" in name], indirect=True)
def test_listing_buckets_and_etags(here: Place) -> None:
    location = here.put("file.h5", DATA)
    assert BUCKET in {entry.key for entry in here.store.list(Location("s3", ""))}
    (entry,) = here.store.list(location)
    assert (entry.key, entry.etag) == (location.key, here.store.head(location).etag)


@pytest.mark.parametrize("here", ["presigned-" + name for name in SERVERS] + ["plain"], indirect=True)
def test_a_url_has_no_listing(here: Place) -> None:
    with pytest.raises(UsageError, match="cannot be listed"):
        list(here.store.list(here.locate("")))


# S3 alone


KEYS = ["a b+c%d?e#f&g=h.h5", "ü/日本.h5", "'\"<>|*.h5", "%41.h5", "@:!$(),;~.h5"]


@pytest.mark.parametrize("here", [name for name in PLACES if name.startswith("s3-")], indirect=True)
def test_keys_are_taken_verbatim(here: Place) -> None:
    keys = KEYS + (["a//b/../c.h5", "./x", "/y", "trailing/"] if here.name == "s3-moto" else [])
    for number, key in enumerate(keys):
        location = here.put(key, data := DATA[number : number + 1000])
        info, body = here.store.first(location, 10)
        assert (info.size, body) == (1000, data[:10])
        assert here.store.head(location) == info
        assert here.store.get_ranges(info, [(5, 15)]) == {(5, 15): data[5:15]}
    listed = {entry.key for entry in here.store.list(here.locate(""), recursive=True)}
    assert listed == {here.folder + key for key in keys}


def test_versions(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    reach(moto, monkeypatch)
    moto.put("versioned", "x", b"")
    client = moto.client()
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    ids = [client.put_object(Bucket="versioned", Key="k", Body=b"v" * n)["VersionId"] for n in (1, 2)]
    client.delete_object(Bucket="versioned", Key="k")
    store = open_store(Location("s3", "k", "versioned"), Settings(), Trace())
    entries = list(store.list(Location("s3", "k", "versioned"), versions=True))
    assert sorted((e.size, e.version_id) for e in entries if e.size) == [(1, ids[0]), (2, ids[1])]
    assert [e.is_latest for e in entries if e.size is None] == [True]
    old = Location("s3", "k", "versioned", version_id=ids[0])
    info, body = store.first(old, 100)
    assert (body, info.version_id, store.head(old)) == (b"v", ids[0], info)
    with pytest.raises(NotFoundError):
        store.head(Location("s3", "k", "versioned"))
    store.close()


def test_versions_where_there_are_none(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    reach(rclone, monkeypatch)
    rclone.put(BUCKET, "x", b"")
    store = open_store(Location("s3", "", BUCKET), Settings(), Trace())
    with pytest.raises(NetworkError, match="NotImplemented"):
        list(store.list(Location("s3", "", BUCKET), versions=True))
    store.close()


def test_a_missing_bucket_is_named(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    reach(server, monkeypatch)
    location = parse_location("s3://no-such-bucket/key")
    store = open_store(location, Settings(), Trace())
    for ask in (lambda: store.head(location), lambda: store.first(location, 10)):
        with pytest.raises(NotFoundError, match="no such bucket"):
            ask()
    store.close()


def test_a_page_without_validators_is_read_once() -> None:
    with WebServer().running() as web:
        web.pages["/x"], web.validators = DATA, False
        store = open_store(location := parse_location(f"{web.url}/x"), Settings(), Trace())
        info, body = store.first(location, 500_000)
        assert (body, info.identity) == (DATA, None)
        with pytest.raises(NetworkError, match="neither ETag nor Last-Modified"):
            store.get_ranges(info, [(0, 10)])
        store.close()
