"""How a file manages its space: what its superblock and the extension of it say."""

from __future__ import annotations

from dataclasses import dataclass

from h5py import h5f

from h5s3.formats.hdf5.objects.file import OpenFile

STRATEGIES = {
    h5f.FSPACE_STRATEGY_FSM_AGGR: "aggregate",
    h5f.FSPACE_STRATEGY_PAGE: "page",
    h5f.FSPACE_STRATEGY_AGGR: "aggregate without free-space managers",
    h5f.FSPACE_STRATEGY_NONE: "none",
}


@dataclass(frozen=True)
class FileSpace:
    """Facts of a file. `page_size` is None where it has no pages."""

    superblock_version: int | None
    userblock_size: int
    strategy: str | None
    page_size: int | None
    open_for_write: bool  # it was, when these bytes were written, and may be still


def file_space(file: OpenFile) -> FileSpace:
    """Read what is in the superblock (II.A)."""
    plist = file.h5.id.get_create_plist()
    strategy, _, _ = plist.get_file_space_strategy()
    file.blocks.seek(file.superblock_offset + 8)
    start = file.blocks.read(4)
    return FileSpace(
        superblock_version=start[0] if start else None,
        userblock_size=int(plist.get_userblock()),
        strategy=STRATEGIES.get(strategy),
        page_size=int(plist.get_file_space_page_size()) if strategy == h5f.FSPACE_STRATEGY_PAGE else None,
        open_for_write=len(start) == 4 and start[0] >= 3 and bool(start[3] & 0b101),  # by one writer, or SWMR
    )
