"""Whose HEAD and LIST answers the cache gives: those of the same address, asked for by the same user."""

from __future__ import annotations

from typing import Any

import pytest

from h5s3.cache import Cache
from h5s3.errors import NotCachedError
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo
from h5s3.storage.head_cache import HeadCache
from h5s3.storage.location import parse_location
from h5s3.storage.trace import Trace
from tests.support.servers.memory import LOCATION, MemoryStore

SCOPES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"profile": "a"}, {}),
    ({"access_key": "a"}, {}),
    ({"secret_key": "a"}, {}),
    ({"endpoint_url": "a"}, {}),
    ({"region": "a"}, {}),
    ({"anon": True}, {}),
    ({}, {"AWS_PROFILE": "a"}),
    ({}, {"AWS_ACCESS_KEY_ID": "a"}),
    ({}, {"AWS_SESSION_TOKEN": "a"}),
    ({}, {"AWS_ENDPOINT_URL": "a"}),
    ({}, {"AWS_CONFIG_FILE": "a"}),
]


def test_another_scope_sees_neither_head_nor_list(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, store = Cache(), MemoryStore(b"12345")
    for number, (settings, variables) in enumerate(SCOPES):
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            offline = HeadCache(cache, Settings(offline=True, **settings), Trace())
            with pytest.raises(NotCachedError):
                offline.resolve(LOCATION, lambda: store, 5)
            with pytest.raises(NotCachedError):
                offline.listing(LOCATION, "")
            online = HeadCache(cache, Settings(**settings), Trace())
            online.resolve(LOCATION, lambda: store, 5)
            online.remember_listing(LOCATION, "", b"listing")
            assert offline.resolve(LOCATION, lambda: store, 5) == (store.info, b"")
            assert offline.listing(LOCATION, "") == b"listing"
        assert cache.info()["entries"] == 2 * (number + 1)
    cache.close()


def test_offline_says_that_the_cache_could_not_be_used() -> None:
    cache = Cache()
    cache.problem = "is locked by another process"
    offline = HeadCache(cache, Settings(offline=True), Trace())
    store = MemoryStore(b"")
    for ask in (lambda: offline.resolve(LOCATION, lambda: store, 5), lambda: offline.listing(LOCATION, "")):
        with pytest.raises(NotCachedError) as caught:
            ask()
        assert caught.value.cause == "the cache could not be used: it is locked by another process"
        assert caught.value.hint == "run without --offline"


SIGNED = "https://host/file.h5?versionId=3&X-Amz-Signature={0}&X-Amz-Date={0}&X-Amz-Credential={0}"
SAME = [
    (SIGNED.format("a"), SIGNED.format("b")),
    ("https://h/x?sig=a&se=1&sv=2", "https://h/x?sig=b&se=2&sv=2"),
    ("https://h/x?Signature=a&Expires=1&Key-Pair-Id=k", "https://h/x?Signature=b&Expires=2&Key-Pair-Id=k"),
    ("https://user:password@h/x", "https://h/x#fragment"),
]
DIFFERENT = [
    (SIGNED.format("a"), SIGNED.format("a").replace("versionId=3", "versionId=4")),
    ("https://h/x?token=a", "https://h/x?token=b"),
    ("https://h/x?sig=a", "https://h/x?sig=b"),
    ("https://h/x?expires=a", "https://h/x?expires=b"),
    ("https://h/x?file=%FE", "https://h/x?file=%FF"),
    ("https://h/x?a=1&b=2", "https://h/x?b=2&a=1"),
    ("https://h/x", "http://h/x"),
]


@pytest.mark.parametrize(
    ("one", "other", "same"), [(*p, True) for p in SAME] + [(*p, False) for p in DIFFERENT]
)
def test_a_signature_is_no_part_of_an_address(one: str, other: str, same: bool) -> None:
    infos = [ObjectInfo(parse_location(url), "web", 5, "etag") for url in (one, other)]
    assert (infos[0].identity == infos[1].identity) is same
    cache, store = Cache(), MemoryStore(b"12345")
    store.info = infos[0]
    HeadCache(cache, Settings(), Trace()).resolve(infos[0].location, lambda: store, 5)
    offline = HeadCache(cache, Settings(offline=True), Trace())
    if same:
        assert offline.resolve(infos[1].location, lambda: store, 5)[0].etag == "etag"
    else:
        with pytest.raises(NotCachedError):
            offline.resolve(infos[1].location, lambda: store, 5)
    cache.close()
