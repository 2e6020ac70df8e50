"""Ways of walking one HDF5 file over the network, and what each of them costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from h5s3.cache import Cache
from h5s3.errors import ChangedError, H5s3Error, RefusedError
from h5s3.explore.bench_plan import size_text
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.records import UNSET, AttributedNode, GroupNode, Strategy, Tree, TreeNode
from h5s3.settings import MIB, Settings
from h5s3.storage.base import ObjectInfo
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.storage.counted import CountedFile

PART = 8 * MIB  # of a download
PARTS_AT_ONCE = 8
COLD, WARM = "h5s3, first time", "h5s3, again"
S3FS, BLOCKS = "h5py over s3fs", "h5py over s3fs, 1 MiB blocks"
WHOLE = "download, then h5py"


def compare_strategies(
    session: Session, info: ObjectInfo, path: str, budget: int
) -> tuple[list[Strategy], list[str]]:
    """Walk everything below `path` in several ways, each counted by itself, and what to know about them.

    Whatever could take more than its part of `budget` bytes is stopped before it does, or left out; h5s3's
    own walk reads metadata alone and is not. Times begin with the first request, connections included,
    clients made and libraries loaded. Raises what h5s3's own walk raises; the others' failures are told.
    """
    import h5s3.reader.objects
    import h5s3.reader.plainwalk
    import h5s3.reader.waves  # noqa: F401 - loaded before the clock starts

    run = _Comparison(session, info, path, budget)
    run.ours()
    run.download()
    if info.location.kind == "s3" and info.location.version_id is None:
        run.s3fs(BLOCKS, run.left // 2, cache_type="blockcache", block_size=MIB)
        run.s3fs(S3FS, run.left)
    else:
        run.told.append("s3fs is not compared: it is about the newest version of objects in S3")
    order = (COLD, WARM, S3FS, BLOCKS, WHOLE)
    return sorted(run.found, key=lambda strategy: order.index(strategy.name)), run.told


@dataclass
class _Comparison:
    session: Session
    info: ObjectInfo
    path: str
    left: int  # bytes
    found: list[Strategy] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def ours(self) -> None:
        """A first command, and a later one: the cache is its own and gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="h5s3-") as folder:
            cache = Cache(Path(folder) / "cache")
            for name in (COLD, WARM):
                with Session(self._settings(), cache) as session:
                    self._walk(name, session)

    def _walk(self, name: str, session: Session) -> None:
        location = self.info.location
        _ = session.store(location)
        session.trace.started = time.perf_counter()
        walked = tree(session, location, self.path, depth=0, limit=0)
        if walked.etag != self.info.etag:
            raise ChangedError("the object changed while it was measured", location=location.display)
        self._note(name, session.trace, _objects(walked))

    def download(self) -> None:
        """The whole object into a temporary file, and h5py over that."""
        if self.info.size > self.left:
            self.told.append(
                f"{WHOLE} is left out: the object has {size_text(self.info.size)}, more than the "
                f"{size_text(self.left)} left for it; raise --max-bytes"
            )
            return
        with Session(self._settings(no_cache=True)) as session, tempfile.TemporaryFile() as file:
            _ = session.store(self.info.location)
            session.trace.started = time.perf_counter()
            self._try(WHOLE, session.trace, lambda: self._fetch(session, file))

    def _fetch(self, session: Session, file: Any) -> int:
        store, size = session.store(self.info.location), self.info.size
        parts = [(start, min(start + PART, size)) for start in range(0, size, PART)]
        info = store.head(self.info.location)
        for first in range(0, len(parts), PARTS_AT_ONCE):
            answers = store.get_ranges(info, parts[first : first + PARTS_AT_ONCE])
            for start, data in sorted((wanted[0], data) for wanted, data in answers.items()):
                file.seek(start)
                file.write(data)
        file.seek(0)
        return self._plainly(file)

    def s3fs(self, name: str, limit: int, **options: Any) -> None:
        """h5py over a file of s3fs, opened with these options."""
        from h5s3.storage.counted import open_counted

        trace = Trace()

        def walk() -> int:
            with open_counted(self._settings(), self.info.location, trace, limit, **options) as file:
                return self._plainly(file)

        self._try(name, trace, walk)

    def _plainly(self, file: BinaryIO | CountedFile) -> int:
        from h5s3.reader.plainwalk import plain_walk

        return plain_walk(file, self.path)

    def _try(self, name: str, trace: Trace, walk: Callable[[], int]) -> None:
        try:
            self._note(name, trace, walk())
        except RefusedError:
            self.told.append(f"{name} was stopped by the limit on bytes; raise --max-bytes")
            self._note(name, trace, None)
        except H5s3Error as error:
            _ = self.session.settings.request_seconds
            self.left -= trace.received
            self.told.append(f"{name} failed: {error.cause}")

    def _note(self, name: str, trace: Trace, objects: int | None) -> None:
        self.left = max(0, self.left - trace.received)
        strategy = Strategy(
            name=name,
            seconds=round(time.perf_counter() - trace.started, 6),
            requests=trace.total,
            bytes=trace.received,
            rounds=trace.rounds,
            objects=objects,
            complete=objects is not None,
        )
        self.found.append(strategy)

    def _settings(self, no_cache: bool = False) -> Settings:
        """Those of the command with the time left to it. What is known of the object is asked anew."""
        ours = self.session.settings
        left = None if ours.deadline is None else max(0.001, ours.deadline - time.monotonic())
        return replace(ours, timeout=left, deadline=None, refresh=True, no_cache=no_cache)


def _objects(walked: Tree) -> int:
    """Objects that a walk met, the one at its path included; an object counts once."""
    if walked.node is not UNSET:
        return int(isinstance(walked.node, AttributedNode))
    return 1 + sum(_count(node) for node in walked.children)


def _count(node: TreeNode) -> int:
    if not isinstance(node, AttributedNode) or node.alias_of is not UNSET:
        return 0
    below = node.children if isinstance(node, GroupNode) and node.children is not UNSET else []
    return 1 + sum(_count(child) for child in below)
