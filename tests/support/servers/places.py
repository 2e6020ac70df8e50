"""Places where the storages of the contract suite keep their objects, each behind one face."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from h5s3.settings import Settings
from h5s3.storage.base import Store
from h5s3.storage.location import Location, parse_location
from h5s3.storage.open import open_store
from h5s3.storage.trace import Trace
from tests.support.servers.s3 import S3Server
from tests.support.servers.web import WebServer

BUCKET = "contract"
TICK = 0.02  # seconds after which a clock of files has moved on


@dataclass
class Place:
    """A store, and what a test does to the storage behind its back. Keys are relative to `folder`."""

    name: str
    trace: Trace
    store: Store
    locate: Callable[[str], Location]
    write: Callable[[str, bytes], object]
    delete: Callable[[str], object]
    folder: str = ""  # what the keys of a listing start with
    there: set[str] = field(default_factory=set)  # keys that were written

    @property
    def lists(self) -> bool:
        return self.name.partition("-")[0] not in ("presigned", "plain", "http")

    def put(self, key: str, data: bytes) -> Location:
        """Store an object so that its date differs from what was there before."""
        if key in self.there:
            time.sleep(TICK)
        self.there.add(key)
        self.write(key, data)
        return self.locate(key)


@contextmanager
def place(
    name: str, folder: str, server: S3Server | None, tmp_path: Path, kept: dict[str, tuple[Store, Trace]]
) -> Iterator[Place]:
    """A place by its name; those that need a server have it after a hyphen. `folder` is new to the place.

    Its store is left in `kept` for the next one of this name: to make a client of S3 takes long.
    """
    kind = name.partition("-")[0]
    with _behind(kind, folder, server, tmp_path) as (locate, write, delete, listed):
        if name not in kept:
            trace = Trace()
            kept[name] = _store(kind, locate("x"), trace), trace
        store, trace = kept[name]
        yield Place(name, trace, store, locate, write, delete, listed)


def _store(kind: str, location: Location, trace: Trace) -> Store:
    if kind in ("s3fs", "http"):
        import fsspec

        from h5s3.storage.stores.fsspec import FsspecStore
        from h5s3.storage.stores.s3fs import s3fs_filesystem

        return FsspecStore(s3fs_filesystem(Settings()) if kind == "s3fs" else fsspec.filesystem(kind), trace)
    return open_store(location, Settings(), trace)


@contextmanager
def _behind(kind: str, folder: str, server: S3Server | None, tmp_path: Path) -> Iterator[Any]:
    if server is not None:
        client = server.client()
        yield (
            _presigned(client, folder) if kind == "presigned" else _keys(folder),
            lambda key, data: server.put(BUCKET, f"{folder}/{key}", data),
            lambda key: client.delete_object(Bucket=BUCKET, Key=f"{folder}/{key}"),
            f"{folder}/",
        )
    elif kind == "local":
        yield (
            lambda key: Location("local", str(tmp_path / key) if key else str(tmp_path)),
            lambda key, data: _write_file(tmp_path / key, data),
            lambda key: (tmp_path / key).unlink(),
            "",
        )
    elif kind == "memory":
        import fsspec

        memory = fsspec.filesystem("memory")
        yield (
            lambda key: Location("fsspec", f"memory://{folder}/{key}"),
            lambda key, data: memory.pipe(f"/{folder}/{key}", data),
            lambda key: memory.rm(f"/{folder}/{key}"),
            f"/{folder}/",
        )
    else:
        with WebServer().running() as web:
            yield (
                lambda key: parse_location(f"{web.url}/{folder}/{key}"),
                lambda key, data: web.pages.update({f"/{folder}/{key}": data}),
                lambda key: web.pages.pop(f"/{folder}/{key}"),
                "",
            )


def _keys(folder: str) -> Callable[[str], Location]:
    return lambda key: Location("s3", f"{folder}/{key}", BUCKET)


def _presigned(client: Any, folder: str) -> Callable[[str], Location]:
    def locate(key: str) -> Location:
        names = {"Bucket": BUCKET, "Key": f"{folder}/{key}"}
        return parse_location(client.generate_presigned_url("get_object", Params=names))

    return locate


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
