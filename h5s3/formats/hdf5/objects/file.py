"""Opening an object as HDF5, and saying plainly why it cannot be opened."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from struct import unpack_from
from traceback import walk_tb
from typing import Any

import h5py

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.metadata.node import COUNT, HEADER, Goal, Sizes, header, search
from h5s3.formats.hdf5.objects.filters import allow_plugins
from h5s3.formats.hdf5.objects.links import Found, resolve
from h5s3.formats.lookalikes import unknown_format
from h5s3.formats.names import join
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo

FAILURES = (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError)  # that h5py raises
TOO_DEEP = "its data types are nested too deep to be read"
DECODED = 4 * MIB  # bytes of the file that libhdf5 holds decoded, where memory is spared
DECODED_OF_OBJECTS = 1 * MIB  # the same while many objects are described, each of them once
DECODED_OF_LINKS = 64 * MIB  # the same while many links are listed, here and there in what holds them
SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class OpenFile:
    """An open HDF5 file and the blocks below it. Lives only inside `open_hdf5`."""

    h5: h5py.File
    blocks: BlockFile
    info: ObjectInfo
    superblock_offset: int
    files: Any = None  # `follow.files.Files`, those that it names; None where they are not followed

    @property
    def root(self) -> h5py.h5g.GroupID:
        """The root group."""
        return h5py.h5g.open(self.h5.id, b"/")

    def prefetch_objects(self, addresses: Iterable[int], goal: Goal = COUNT, limit: int = 0) -> None:
        """Have these objects here, and what the goal names of what is below them, in at most one round.

        `limit`: how many children of each group are wanted (0: all).
        """
        self.blocks.chase([header(address, goal, limit) for address in addresses])

    def fetch_headers(self, addresses: Iterable[int]) -> None:
        """Have the beginnings of these objects here, in at most one round."""
        base = self.superblock_offset
        self.blocks.hint((base + address, base + address + HEADER) for address in addresses)

    def spare_memory(self) -> None:
        """Hold little of what was read, and of what it led to."""
        self.blocks.follow_fewer()
        self.hold_decoded(DECODED)

    def hold_decoded(self, most: int) -> None:
        """Have libhdf5 hold so many bytes decoded: an object header takes ten times its bytes."""
        config = self.h5.id.get_mdc_config()
        config.set_initial_size = True
        config.initial_size = config.max_size = most
        self.h5.id.set_mdc_config(config)

    def find(self, path: bytes) -> Found:
        """Walk to a path, fetching ahead what the walk will need. Raises what `links.resolve` raises."""

        def ahead(address: int, levels: int) -> None:
            self.prefetch_objects([address], search(levels))

        return resolve(self.root, path, ahead)

    def child(self, parent: Found, name: str) -> Found | None:
        """What a name in a group leads to inside this file; None where there is nothing."""
        try:
            found = self.find(join(parent.path, name.encode("utf-8", "surrogateescape")))
        except H5s3Error:
            return None
        return found if found.object is not None else None

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Within it, what h5py raises and nobody caught is damage: a `DamagedError`; or an `AskAgainError`
        where it may be of our own making."""
        try:
            yield
        except RecursionError:
            raise RefusedError(TOO_DEEP) from None
        except FAILURES as error:
            if not _by_h5py(error):
                raise
            self.blocks.raise_if_confused(error)
            raise damaged(error, self.info) from None


@contextmanager
def open_hdf5(
    blocks: BlockFile, info: ObjectInfo, plugins: bool = False, files: Any = None
) -> Iterator[OpenFile]:
    """The file, closed for certain: an h5py object left open at exit over a Python file crashes the process.

    `plugins`: let HDF5_PLUGIN_PATH load filters for a file that is not of this machine, too. `files`: where
    those are opened that it names.

    Raises `DamagedError` for what is empty, not HDF5, truncated or damaged; and `AskAgainError` where closing
    fails after a suspended read.
    """
    offset = prepare(blocks, info, plugins)
    h5 = open_h5(blocks, info)
    blocks.seal()
    try:
        yield OpenFile(h5, blocks, info, offset, files)
    finally:
        _close(h5, blocks, info)
        blocks.save()


def prepare(blocks: BlockFile, info: ObjectInfo, plugins: bool) -> int:
    """Check that libhdf5 may have the file, and follow what it will read; the superblock's offset.

    Raises `DamagedError` for what is empty, not HDF5 or truncated.
    """
    if info.size == 0:
        raise DamagedError("the object is empty", location=info.location.display)
    offset = find_signature(blocks)
    if offset is None:
        blocks.seek(0)
        raise unknown_format(blocks.read(64)).at(info.location.display)
    if blocks.size < offset + superblock_size(blocks, offset):  # libhdf5 would make something of the rest
        raise _truncated(info)
    sizes = node_sizes(blocks, offset)
    if sizes is not None:
        blocks.look_ahead(offset, sizes)
    blocks.seek(0)
    allow_plugins(plugins or info.location.kind == "local")
    return offset


def open_h5(reads: io.RawIOBase, info: ObjectInfo, kind: type[h5py.File] = h5py.File) -> h5py.File:
    """The file over its bytes. Raises `DamagedError`."""
    try:
        return kind(reads, "r", locking=False)
    except FAILURES as error:
        raise damaged(error, info) from None


def _close(h5: h5py.File, blocks: BlockFile, info: ObjectInfo) -> None:
    """Close a file. Where that fails, damage has confused libhdf5, and nothing that it told is trusted."""
    try:
        h5.close()
    except FAILURES as error:
        blocks.raise_if_confused(error)
        raise damaged(error, info) from None


def _by_h5py(error: BaseException) -> bool:
    """Whether an error was raised in h5py, not in code of ours."""
    *_, (innermost, _) = walk_tb(error.__traceback__)
    return "h5py" in PurePath(innermost.f_code.co_filename).parts


def find_signature(blocks: BlockFile) -> int | None:
    """Offset of the superblock: 0, 512, 1024, 2048, … (HDF5 File Format Specification, II.A)."""
    offset = 0
    while offset + len(SIGNATURE) <= blocks.size and offset <= 1 << 30:
        blocks.seek(offset)
        if blocks.read(len(SIGNATURE)) == SIGNATURE:
            return offset
        offset = 512 if offset == 0 else offset * 2
    return None


def superblock_size(blocks: BlockFile, offset: int) -> int:
    """Bytes of the superblock (II.A), of which the first 16 tell; for addresses of odd sizes just those."""
    blocks.seek(offset + len(SIGNATURE))
    start = blocks.read(8).ljust(8, b"\0")
    version, width = start[0], start[5 if start[0] < 2 else 1]
    if width not in (2, 4, 8, 16, 32):
        return 16
    return 48 + 4 * version + 6 * width if version < 2 else 16 + 4 * width


def node_sizes(blocks: BlockFile, offset: int) -> Sizes | None:
    """Sizes of group nodes from the superblock (II.A); None where addresses are not of 8 bytes."""
    blocks.seek(offset + len(SIGNATURE))
    start = blocks.read(16)
    if len(start) < 16:
        return None
    if start[0] in (0, 1):
        leaf, internal = unpack_from("<HH", start, 8)
        usual = start[5] == start[6] == 8 and 1 <= leaf <= 512 and 1 <= internal <= 512
        return Sizes(leaf, internal) if usual else None
    return Sizes() if start[1] == start[2] == 8 else None


def damaged(error: Exception, info: ObjectInfo) -> H5s3Error:
    """What libhdf5 says of a file, in plain words."""
    text = str(error)
    where = info.location.display
    if "truncated file" in text:
        return _truncated(info)
    if "already open for write" in text or "consistency flags" in text:
        return DamagedError(
            "the file was not closed by its writer", location=where, hint="repair a copy with: h5clear -s"
        )
    return DamagedError(f"the file is damaged: {plain_reason(error)}", location=where)


def _truncated(info: ObjectInfo) -> DamagedError:
    return DamagedError(
        f"the file is truncated: {info.size} bytes are fewer than its header says",
        location=info.location.display,
        hint="an upload may not have completed",
    )


def plain_reason(error: Exception) -> str:
    """The innermost reason of an h5py error: what stands in its last parentheses."""
    if isinstance(error, H5s3Error):
        return error.cause
    text = " ".join((str(error.args[0]) if error.args else str(error)).split())
    head, found, reason = text.partition(" (")
    return reason.removesuffix(")") if found and reason else head or type(error).__name__
