"""Opening an object as HDF5, and saying plainly why it cannot be opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import h5py

from h5s3.errors import DamagedError, H5s3Error
from h5s3.reader.blocks import BlockFile, require_bytes
from h5s3.storage.base import ObjectInfo

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEADER = 512  # bytes of an object header that are usually enough
LOOKALIKES = {
    b"<!DO": "an HTML page",
    b"<htm": "an HTML page",
    b"<?xm": "an XML document",
    b"CDF\x01": "a NetCDF-3 file (classic format), not NetCDF-4",
    b"CDF\x02": "a NetCDF-3 file (64-bit offset), not NetCDF-4",
    b"CDF\x05": "a NetCDF-3 file (CDF-5), not NetCDF-4",
    b"\x0e\x03\x13\x01": "an HDF4 file",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip file: decompress it first",
    b"PAR1": "a Parquet file",
    b"MATL": "a MATLAB file older than version 7.3",
    b"SIMP": "a FITS file",
}


@dataclass(frozen=True)
class OpenFile:
    """An open HDF5 file and the blocks below it. Lives only inside `open_hdf5`."""

    h5: h5py.File
    blocks: BlockFile
    info: ObjectInfo
    superblock_offset: int

    @property
    def root(self) -> h5py.h5g.GroupID:
        """The root group."""
        return h5py.h5g.open(self.h5.id, b"/")

    def prefetch_objects(self, addresses: Iterable[int]) -> None:
        """Have the start of these object headers here, in at most one round."""
        base = self.superblock_offset
        self.blocks.prefetch_ranges((base + address, base + address + HEADER) for address in addresses)


@contextmanager
def open_hdf5(blocks: BlockFile, info: ObjectInfo) -> Iterator[OpenFile]:
    """The file, closed for certain: an h5py object left open at exit over a Python file crashes the process.

    Raises `DamagedError` for what is empty, not HDF5, truncated or damaged.
    """
    require_bytes(info)
    offset = find_signature(blocks)
    if offset is None:
        blocks.seek(0)
        raise DamagedError(_not_hdf5(blocks.read(8)), location=info.location.display)
    blocks.seek(0)
    try:
        h5 = h5py.File(blocks, "r", locking=False)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise damaged(error, info) from None
    try:
        yield OpenFile(h5, blocks, info, offset)
    finally:
        h5.close()
        blocks.save()


def find_signature(blocks: BlockFile) -> int | None:
    """Offset of the superblock: 0, 512, 1024, 2048, … (HDF5 File Format Specification, II.A)."""
    offset = 0
    while offset + len(SIGNATURE) <= blocks.size and offset <= 1 << 30:
        blocks.seek(offset)
        if blocks.read(len(SIGNATURE)) == SIGNATURE:
            return offset
        offset = 512 if offset == 0 else offset * 2
    return None


def _not_hdf5(start: bytes) -> str:
    for magic, what in LOOKALIKES.items():
        if start.startswith(magic):
            return f"not an HDF5 file but {what}"
    return "not an HDF5 file (no HDF5 signature)"


def damaged(error: Exception, info: ObjectInfo) -> H5s3Error:
    """What libhdf5 says of a file, in plain words."""
    text = str(error)
    where = info.location.display
    if "truncated file" in text:
        return DamagedError(
            f"the file is truncated: {info.size} bytes are fewer than its header promises",
            location=where,
            hint="an upload may not have completed",
        )
    if "already open for write" in text or "consistency flags" in text:
        return DamagedError(
            "the file was not closed by its writer", location=where, hint="repair a copy with: h5clear -s"
        )
    return DamagedError(f"the file is damaged: {plain_reason(error)}", location=where)


def plain_reason(error: Exception) -> str:
    """The innermost reason of an h5py error: what stands in its last parentheses."""
    if isinstance(error, H5s3Error):
        return error.cause
    text = " ".join((str(error.args[0]) if error.args else str(error)).split())
    head, found, reason = text.partition(" (")
    return reason.rstrip(")") if found and reason else head or type(error).__name__
