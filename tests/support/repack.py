"""Repacking files for real: with h5repack where this machine has it, and with h5py everywhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import h5py
from h5py import h5f, h5o, h5p

H5REPACK = shutil.which("h5repack")
LOW = {0: h5f.LIBVER_EARLIEST, 2: h5f.LIBVER_V110}


def by_h5repack(source: Path, target: Path, page: int, low: int = 0) -> Path:
    """What h5repack makes of a file."""
    assert H5REPACK is not None
    options = ["-S", "PAGE", "-G", str(page), *([f"--low={low}"] if low else [])]
    subprocess.run([H5REPACK, *options, str(source), str(target)], check=True, capture_output=True)
    return target


def by_h5py(source: Path, target: Path, page: int, low: int = 0) -> Path:
    """The same with h5py: groups made anew, datasets copied with their values."""
    fcpl, fapl = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    fcpl.set_file_space_strategy(h5f.FSPACE_STRATEGY_PAGE, False, 1)
    fcpl.set_file_space_page_size(page)
    fapl.set_libver_bounds(LOW[low], h5f.LIBVER_LATEST)
    with h5py.File(source) as old:
        fcpl.set_link_creation_order(old["/"].id.get_create_plist().get_link_creation_order())
    made = h5f.create(str(target).encode(), h5f.ACC_TRUNC, fcpl, fapl)
    with h5py.File(source) as old, h5py.File(made) as new:
        _copy(old["/"], new["/"], {})
    return target


def _copy(old: h5py.Group, new: h5py.Group, done: dict[int, str]) -> None:
    for name, value in old.attrs.items():
        new.attrs[name] = value
    for name in old:
        link = old.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            new[name] = link
            continue
        address = h5o.get_info(old[name].id).addr
        if address in done:
            new[name] = new.file[done[address]]
        elif isinstance(old[name], h5py.Group):
            tracked = old[name].id.get_create_plist().get_link_creation_order()
            _copy(old[name], new.create_group(name, track_order=bool(tracked)), done)
        else:
            h5o.copy(old.id, name.encode(), new.id, name.encode())
        done.setdefault(address, new[name].name)


WAYS: dict[str, Any] = {"h5py": by_h5py} | ({"h5repack": by_h5repack} if H5REPACK else {})
