"""What the questions of one command share: settings, cache, connections, counts."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from h5s3 import __version__, guard
from h5s3.cache import Cache
from h5s3.cache.write_only import Anew
from h5s3.errors import ChangedError, DamagedError, H5s3Error, NotCachedError, UsageError
from h5s3.records import DiskUsage, Meta, Preview, Tree, from_json, to_json
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, Store
from h5s3.storage.head_cache import Catalog
from h5s3.storage.location import Location, parse_location
from h5s3.storage.open import open_store
from h5s3.storage.responses import changed
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.formats.hdf5.fetch.blocks import BlockFile
    from h5s3.formats.hdf5.objects.file import OpenFile

FIRST_BYTES = 256 * 1024  # of an object that is met for the first time
T = TypeVar("T")
Answer = TypeVar("Answer", Tree, Meta, Preview, DiskUsage)


class Session:
    """One command's view of the storages. A context manager: leaving it closes connections and the cache."""

    def __init__(self, settings: Settings, cache: Cache | None = None) -> None:
        self.settings = settings.started()
        self.trace = Trace()
        self.cache = cache or Cache(enabled=not settings.no_cache)
        self.catalog = Catalog(self.cache, self.settings, self.trace)
        self._stores: dict[str, Store] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for store in self._stores.values():
            store.close()
        self.cache.close()

    def location(self, text: str) -> Location:
        """Parse a LOCATION under this session's default bucket."""
        found = parse_location(text, self.settings.bucket)
        guard.tell(location=found.display)
        return found

    def store(self, location: Location) -> Store:
        """The store for a location, opened when first needed."""
        if location.store not in self._stores:
            self._stores[location.store] = open_store(location, self.settings, self.trace)
        return self._stores[location.store]

    def answer(
        self,
        kind: type[Answer],
        location: Location,
        options: dict[str, Any],
        ask: Callable[[OpenFile], Answer],
    ) -> Answer:
        """The answer to a question about a file: remembered for this very object, or found out now.

        `options` are all that the answer depends on beside the object. The file is opened only if need be.
        """
        if location.kind == "s3" and not location.key:
            hint = f"try: h5s3 ls {location.display}"
            raise UsageError("a bucket, not a file", location=location.display, hint=hint)
        try:
            return self._answer(kind, location, options, ask)
        except ChangedError:
            if not self.catalog.forget(location):
                raise
        return self._answer(kind, location, options, ask)  # it had changed before this command began

    def _answer(
        self,
        kind: type[Answer],
        location: Location,
        options: dict[str, Any],
        ask: Callable[[OpenFile], Answer],
    ) -> Answer:
        info, first = self.catalog.resolve(location, lambda: self.store(location), FIRST_BYTES, _load_reader)
        key = self._key(kind, info, options)
        remembered = self.cache.get(key) if key else None
        if remembered is not None:
            try:
                found = from_json(remembered, kind)
            except ValueError:
                pass
            else:
                self.trace.hits += 1
                found.location, found.key, found.cached = location.display, shown_key(location), True
                return found
        found = self.read(info, first, ask)
        if key and not self.settings.offline:
            self.cache.set_many({key: to_json(found)}, "answer")
        return found

    @contextmanager
    def opened(self, location: Location) -> Iterator[OpenFile]:
        """The file itself, for as long as the block lasts."""
        from h5s3.formats.hdf5.objects.file import open_hdf5

        info, first = self.catalog.resolve(location, lambda: self.store(location), FIRST_BYTES)

        def enter(blocks: BlockFile) -> OpenFile:
            return stack.enter_context(open_hdf5(blocks, info, self.settings.plugins))

        try:
            with self._located(info), ExitStack() as stack:
                yield self._with_blocks(info, first, enter)
        except ChangedError:
            self.catalog.forget(location)
            raise

    def read(
        self,
        info: ObjectInfo,
        first: bytes,
        ask: Callable[[OpenFile], T],
        again: Callable[[], bool] = lambda: True,
    ) -> T:
        """Ask an open file. Where a suspended read confused libhdf5, the file is asked again plainly.

        `again` says whether the file may be asked once more, should what was read of it be damaged.
        """
        from h5s3.formats.hdf5.fetch.waves import ReplayError
        from h5s3.formats.hdf5.objects.file import open_hdf5

        def read(blocks: BlockFile) -> T:
            plugins = self.settings.plugins
            try:
                with open_hdf5(blocks, info, plugins) as file:
                    return file.ask(ask)
            except ReplayError:
                blocks.restart()
                with open_hdf5(blocks, info, plugins) as file:
                    return file.ask(ask)

        with self._located(info):
            return self._with_blocks(info, first, read, again)

    def _with_blocks(
        self,
        info: ObjectInfo,
        first: bytes,
        read: Callable[[BlockFile], T],
        again: Callable[[], bool] = lambda: True,
    ) -> T:
        """What `read` makes of the blocks. Where they are damaged, and the cache had some of them, it may
        have been given them by a server that erred: they are fetched and stored anew.
        """
        hits = self.trace.hits
        try:
            return read(self._blocks(info, first, self.cache))
        except DamagedError:
            if self.trace.hits == hits or self.settings.offline or not again():
                raise
        return read(self._blocks(info, first, Anew(self.cache)))

    def _blocks(self, info: ObjectInfo, first: bytes, cache: Cache) -> BlockFile:
        from h5s3.formats.hdf5.fetch.blocks import BlockFile

        from_cache = self.settings.offline and info.location.kind != "local"
        blocks = BlockFile(None if from_cache else self.store(info.location), cache, info, self.trace)
        blocks.seed(first)
        return blocks

    @contextmanager
    def _located(self, info: ObjectInfo) -> Iterator[None]:
        """Errors raised within name the object."""
        try:
            yield
        except DamagedError as error:
            self._confirm(info)
            raise error.at(info.location.display) from None
        except H5s3Error as error:
            if isinstance(error, NotCachedError):
                error.hint = error.hint or "run without --offline"
            raise error.at(info.location.display) from None

    def _confirm(self, info: ObjectInfo) -> None:
        """Before a file is called damaged, have both ways to ask for its size say the same once more.

        Raises `ChangedError` where they do not: then it was the server's word that was wrong, or is old.
        """
        if self.settings.offline or info.location.kind == "local":
            return
        store = self.store(info.location)
        for now in (store.head(info.location), store.first(info.location, 1)[0]):
            if (now.size, now.etag or now.last_modified) != (info.size, info.etag or info.last_modified):
                raise changed().at(info.location.display)

    def _key(self, kind: type[Answer], info: ObjectInfo, options: dict[str, Any]) -> str | None:
        if info.identity is None:
            return None
        asked = [__version__, kind.__name__, options, *(["plugins"] if self.settings.plugins else [])]
        question = json.dumps(asked, sort_keys=True)
        return f"answer:{info.identity}:{hashlib.sha256(question.encode()).hexdigest()[:32]}"


def _load_reader() -> None:
    """Import h5py while the first bytes are on their way. The interpreter waits for it, should it leave."""
    if "h5py" not in sys.modules:
        threading.Thread(target=importlib.import_module, args=("h5s3.formats.hdf5.objects.file",)).start()


def shown_key(location: Location) -> str:
    """The `key` field of a document: the S3 key, or the location without what could sign a request."""
    return location.key if location.kind == "s3" else location.display
