"""What the questions of one command share: settings, cache, connections, counts."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from h5s3.cache import Cache
from h5s3.cache.cache import ReadOnlyCache, WriteOnlyCache
from h5s3.cell.ask import ask
from h5s3.errors import (
    AccessError,
    ChangedError,
    DamagedError,
    H5s3Error,
    NotCachedError,
    NotFoundError,
    UsageError,
)
from h5s3.explore.answers import Answers
from h5s3.explore.glued_path import with_path
from h5s3.formats.base import Contents, Format, Seen, Source
from h5s3.formats.names import looks_like_hdf5
from h5s3.formats.requests import Request
from h5s3.records import DiskUsage, Meta, Outline, Preview, Tree
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, Store
from h5s3.storage.head_cache import HeadCache
from h5s3.storage.location import Location, parse_location
from h5s3.storage.open import Stores
from h5s3.storage.responses import changed
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.cell.host import Cell
    from h5s3.storage.memory import Memory

WITH_VERSIONS = ("delta", "iceberg", "hudi")
TABLES = ("parquet", *WITH_VERSIONS)
IN_CELL = ("hdf5", "zarr", *TABLES)  # formats that native code reads
FIRST_BYTES = 256 * 1024  # of an object that is met for the first time
TELLING = 16 * 1024  # of one that was met before, to tell its format
T = TypeVar("T")
Answer = TypeVar("Answer", Tree, Meta, Preview, DiskUsage, Outline)
Question = Callable[[Contents], T]


@dataclass(frozen=True)
class Resolved:
    """An object and its first bytes; or what stands below a prefix (`names`), of some the first bytes."""

    info: ObjectInfo
    start: bytes = b""
    names: tuple[str, ...] = ()
    found: Mapping[str, tuple[ObjectInfo, bytes]] = field(default_factory=dict)
    listed: Mapping[str, ObjectInfo] = field(default_factory=dict)  # who is below it


class Session:
    """One command's view of the storages. A context manager: leaving it closes connections and the cache.

    `stores`: in place of those that would be opened, by `Location.store`. `cell`: the process that reads HDF5
    in place of this one.
    """

    def __init__(
        self,
        settings: Settings,
        cache: Cache | None = None,
        stores: dict[str, Store] | None = None,
        cell: Cell | None = None,
    ) -> None:
        self.settings = settings.started()
        self.trace = Trace()
        self.cell = cell
        self.cache = cache or Cache(enabled=not settings.no_cache)
        self.catalog = HeadCache(self.cache, self.settings, self.trace)
        self.answers = Answers(self.cache, self.settings, self.trace)
        self.stores = Stores(self.settings, self.trace, stores or {})
        self.locations: list[str] = []  # that were asked for, as they may be shown
        self.memory: Memory | None = None  # of bytes that were received

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and the cache, and end the cell."""
        if self.cell is not None:
            self.cell.close()
        for store in self.stores.values():
            store.close()
        self.cache.close()

    def beside(self, cell: Cell | None) -> Session:
        """This session for another thread, with a cell of its own; the rest is shared. Not to be closed."""
        other = copy(self)
        other.cell = cell
        return other

    def location(self, place: str | os.PathLike[str] | Location) -> Location:
        """A LOCATION under this session's default bucket, or a local path; of the version that was named."""
        if isinstance(place, str):
            found = parse_location(place, self.settings.bucket)
        else:
            found = place if isinstance(place, Location) else Location("local", os.fspath(place))
        if self.settings.version_id is not None:
            if found.kind != "s3" or not found.key:
                raise UsageError("--version-id names a version of an object in S3", location=found.display)
            found = replace(found, version_id=self.settings.version_id)
        if self.settings.version is not None:
            found = replace(found, table_version=str(self.settings.version))
        self.locations.append(found.display)
        return found

    def store(self, location: Location) -> Store:
        """The store for a location, opened when first needed."""
        return self.stores.at(location)

    # ---------------------------------------------------------------------------------- questions

    def answer(
        self, kind: type[Answer], location: Location, asked: Request, question: Question[Answer]
    ) -> Answer:
        """The answer to a question: remembered for this very object, or found out now.

        `asked` is all that the answer depends on beside the object, which is opened only if need be.
        """
        found = self.answer_if_held(kind, location, asked, question)
        if found is None:
            raise DamagedError("there is no answer", location=location.display)
        return found

    def answer_if_held(
        self,
        kind: type[Answer],
        location: Location,
        asked: Request,
        question: Question[Answer | None],
        repeatable: Callable[[], bool] = lambda: True,
        cell: Cell | None = None,
    ) -> Answer | None:
        """The same for a question that may be answered without a record that could be remembered."""

        def remember(info: ObjectInfo, found: Answer | None) -> None:
            if found is not None:
                self.answers.keep([(info, asked, found)])

        try:
            return self.read(
                location, question, kind | None, repeatable=repeatable, remember=remember, cell=cell,
                remembered=lambda info: self.answers.get(kind, info, asked),
            )  # fmt: skip
        except NotCachedError:
            last = self.answers.last(kind, location, asked)
            if last is None:
                raise
            return last

    def read(
        self,
        location: Location,
        question: Question[T],
        kind: Any = None,
        *,
        repeatable: Callable[[], bool] = lambda: True,
        format: Format | None = None,
        remembered: Callable[[ObjectInfo], T | None] = lambda info: None,
        remember: Callable[[ObjectInfo, T], None] = lambda info, found: None,
        seen: Resolved | None = None,
        cell: Cell | None = None,
        keep: bool = True,
    ) -> T:
        """Ask the object at a location; the contents are open for as long as the question takes.

        The question is asked again where the object had changed before this command began, where a format
        says that its answer cannot be trusted, and, with bytes fetched again, where the cache may have held
        damaged ones; `repeatable` says whether it still may be. `format`: to open objects of its name with,
        in place of the usual one. `remembered` may know the answer without; `remember` is given a new one.
        `kind`: the type of the answer. A question that is asked in a cell has to be one that can be pickled,
        with `Callback`s for what it tells. `seen`: the object, where it was met already. `cell`: in place of
        the session's own. `keep`: its bytes may go into the cache.
        """
        if location.kind == "s3" and not location.key:
            hint = f"try: h5s3 ls {location.display}"
            raise UsageError("a bucket, not a file", location=location.display, hint=hint)

        sources: list[Source] = []

        def once(resolved: Resolved) -> T:
            found = remembered(resolved.info)
            if found is None:
                sources.append(self._source(resolved, keep))
                found = self._ask(sources[-1], question, kind, repeatable, format, cell)
                remember(resolved.info, found)
            return found

        try:
            return once(seen or self.resolve(location, cell))
        except ChangedError:
            read = [location, *(place for source in sources for place in source.found_beside)]
            forgotten = [self.catalog.forget(one) for one in read]
            if not (any(forgotten) or seen) or not repeatable():
                raise
        return once(self.resolve(location, cell))

    def identity(self, location: Location) -> ObjectInfo:
        """What the object at a location is now, for reads of its bytes that are held against it."""
        return self.resolve(location).info

    def kept(
        self, location: Location, as_bytes: bool = False, content: tuple[int, str | None] | None = None
    ) -> Any:
        """The HDF5 file itself (a `h5py.File`), for a program to keep. This session closes with it.

        That is when it is closed, when nothing of it is in use any more, or when the interpreter ends.
        `as_bytes`: a Python file object, for somebody else to have h5py open it. `content`: what it is to be
        still (`ObjectInfo.content`), or `ChangedError`.
        """
        from h5s3.formats.hdf5.format import Hdf5

        def failed(error: H5s3Error) -> None:
            if isinstance(error, ChangedError):
                self.catalog.forget(location)

        def once() -> Any:
            source = self._source(self.resolve(location))
            with self._located(source):
                if source.names:
                    raise DamagedError(f"not an HDF5 file: its format is {self._format(source).name}")
                if content not in (None, source.info.content):
                    raise ChangedError("the object changed since the file was opened", hint="open it again")
                return self._undamaged(source, lambda seen: Hdf5().kept(seen, self.close, failed, as_bytes))

        try:
            return once()
        except ChangedError:
            if not self.catalog.forget(location):
                raise
        return once()

    def resolve(self, location: Location, cell: Cell | None = None) -> Resolved:
        """The object at a location and its first bytes; or, of a prefix, what stands directly below it."""
        if (table := self._named_table(location)) is not None:
            return table
        below = self._below(location) if location.name_of_store else None
        if below is not None and self._knows(below):
            return below
        try:
            info, start = self.catalog.resolve(
                location, lambda: self.store(location), FIRST_BYTES, lambda: self._load_reader(location, cell)
            )
            return Resolved(info, start)
        except (NotFoundError, AccessError) as error:
            asked = isinstance(error, NotFoundError) or location.kind == "web"
            below = below or (self._below_missing(location) if asked else None)
            if below is not None and self._knows(below):
                return below
            if not isinstance(error, NotFoundError):
                raise
            if below is None:
                raise with_path(location, error, self.store) from None
            from h5s3.formats.lookalikes import unknown_prefix

            kind = "directory" if location.kind == "local" else "prefix"
            unknown = unknown_prefix(kind, f"h5s3 ls {location.below.display}")
            raise unknown.at(location.display) from error

    def _knows(self, below: Resolved) -> bool:
        from h5s3.formats.detect import detect

        return detect(Seen(below.info.location.name, names=below.names)) is not None

    def _load_reader(self, location: Location, cell: Cell | None = None) -> None:
        """Have h5py loaded while the first bytes are on their way: the interpreter waits for it, should it
        leave."""
        cell = cell or self.cell
        if cell is not None:
            cell.start(self.settings.plugins or location.kind == "local")
        elif "h5py" not in sys.modules:
            module = "h5s3.formats.hdf5.objects.file"
            threading.Thread(target=importlib.import_module, args=(module,)).start()

    def _below_missing(self, location: Location) -> Resolved | None:
        """The same below what is no object. For a name that files have, a LIST alone tells in most cases that
        nothing is there; documents are asked for where something may be."""
        if location.kind == "web" or not looks_like_hdf5(location.key):
            return self._below(location)
        from h5s3.storage.objects import MOST_NAMES

        listed = self._below(location, documents=False)
        may_be = listed is not None and (self._knows(listed) or len(listed.names) > MOST_NAMES)
        return self._below(location) if may_be else listed

    def _below(self, location: Location, documents: bool = True) -> Resolved | None:
        """What stands directly below a location; None where nothing does, or it cannot be told."""
        local = location.kind == "local"
        if location.version_id or (self.settings.offline and not local):
            return None
        if local and not os.path.isdir(location.key):
            return None
        from h5s3.formats.detect import info_of, names_below

        try:
            store = self.store(location)
            names, found, listed = names_below(store, location, self.trace, documents, FIRST_BYTES)
        except (H5s3Error, OSError):
            return None
        if location.kind == "web":  # a server may answer with a page where there is nothing
            found = {name: one for name, one in found.items() if one[1].lstrip().startswith(b"{")}
            names = tuple(found)
        return Resolved(info_of(store, location), b"", names, found, listed) if names else None

    def _named_table(self, location: Location) -> Resolved | None:
        """The table that a document of its metadata stands for, where the location is one."""
        if not location.key.endswith((".metadata.json", ".metadata.json.gz")) or self.settings.offline:
            return None
        from h5s3.formats.detect import found_in_table, info_of, table_of

        known = table_of(location)
        if known is None:
            return None
        table, document = known
        store = self.store(table)
        found = found_in_table(store, table, document, self.trace, FIRST_BYTES)
        return Resolved(info_of(store, table), b"", (document,), {document: found}) if found else None

    def _ask(
        self,
        source: Source,
        question: Question[T],
        kind: Any,
        repeatable: Callable[[], bool],
        format: Format | None,
        own: Cell | None = None,
    ) -> T:
        with self._located(source):
            chosen, cell = self._format(source), own or self.cell
            if source.version is not None and chosen.name not in WITH_VERSIONS:
                hint = "--version-id names a version of the object"
                raise UsageError(f"--version is about tables, and this is {chosen.name}", hint=hint)
            if self.settings.follows and chosen.name in TABLES:
                raise UsageError(f"--follow is about HDF5 files, and this is {chosen.name}")

            def once(seen: Source) -> T:
                other = format if format is not None and format.name == chosen.name else None
                if cell is not None and chosen.name in IN_CELL:
                    answer: T = cell.ask(chosen.name, seen, question, kind, other, self.settings.clock())
                    return answer
                return ask(other or chosen, seen, question)

            found = self._undamaged(source, once, repeatable)
            if isinstance(found, Tree | Meta | Preview | DiskUsage | Outline):
                found.location, found.key = source.info.location.display, source.info.location.shown_key
            return found

    def _undamaged(
        self, source: Source, ask: Callable[[Source], T], repeatable: Callable[[], bool] = lambda: True
    ) -> T:
        """The answer; where the cache may have held damaged bytes, that of bytes fetched again."""
        hits = self.trace.hits
        try:
            return ask(source)
        except DamagedError:
            if self.trace.hits == hits or self.settings.offline or not repeatable():
                raise
        if self.memory is not None:  # what was kept may come from a server that erred
            self.memory.forget(source.info)
        return ask(replace(source, cache=WriteOnlyCache(source.cache), kept={}))

    def _source(self, resolved: Resolved, keep: bool = True) -> Source:
        info, cache = resolved.info, self.cache if keep else ReadOnlyCache(self.cache)
        from_cache = self.settings.offline and info.location.kind != "local"
        store = None if from_cache else self.store(info.location)
        if store is not None and self.memory is not None and info.location.kind != "local":
            store = store if resolved.names else self.memory.over(store)
        siblings = None
        if self.settings.follows and not resolved.names:
            from h5s3.storage.siblings import siblings_of as beside

            siblings = beside(info.location, self.settings, self.catalog, self.store, self.trace)
        return Source(
            info, resolved.start, store, cache, self.trace, resolved.names, self.settings.plugins,
            found=resolved.found, listed=resolved.listed, version=info.location.table_version,
            follows=siblings is not None, siblings=siblings, outside=self.settings.follow_external,
        )  # fmt: skip

    # ---------------------------------------------------------------------------------- formats

    def _format(self, source: Source) -> Format:
        """The format of an object, detected now or before; the first of all for one that none knows."""
        from h5s3.formats.detect import by_name, detect, first

        info, key = source.info, f"format:{source.info.identity}"
        if source.names:
            return detect(Seen(info.location.name, names=source.names)) or first()
        start = source.start
        if info.size and not start:
            stored = self.cache.get(key) if info.identity else None
            before = by_name(stored.decode()) if stored else None
            if before is not None:
                return before
            wanted = (0, min(info.size, TELLING))
            start = source.read([wanted])[wanted] if source.store else b""
        found = detect(Seen(info.location.name, info.size, start))
        if found is not None and info.identity and not self.settings.offline:
            source.cache.set_many({key: found.name.encode()}, "format")
        return found or first()

    # ---------------------------------------------------------------------------------- errors

    @contextmanager
    def _located(self, source: Source) -> Iterator[None]:
        """Errors raised within name the object."""
        info = source.info
        try:
            yield
        except DamagedError as error:
            if not source.names:
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
            if now.content != info.content:
                raise changed().at(info.location.display)
