"""HDF5 files that packages on the index carry: `tree` and `meta` say of them what h5py says."""

from __future__ import annotations

import importlib.util
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.reference.corpus import Result, look_at_all
from tests.support.reference.sdists import LARGE, SIGNATURE, SMALL, Sdist, Unreachable, fetch, unpack

SECONDS = 60  # for all questions about one file
DAMAGED, REFUSED = "6", "8"  # exit codes


def check(sdist: Sdist, results: dict[Path, Result]) -> None:
    """Every file was looked at, and all of it is as h5py has it."""
    assert len(results) == sdist.files
    for path, result in results.items():
        assert result["outcome"] == "record" and not result["wrong"], (path.name, result)
        assert not {"meta_errors", "du_errors"} & result.keys(), (path.name, result)
        assert result.get("preview_errors", {}).keys() <= {DAMAGED, REFUSED}, (path.name, result)


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("sdist", [*SMALL, *LARGE], ids=lambda sdist: sdist.name)
def test_files_of_a_package(sdist: Sdist, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if importlib.util.find_spec("unearth") is None:
        pytest.skip("unearth, which asks the package index, is not installed")
    try:
        archive = fetch(sdist, request.config.cache.mkdir("sdists"))
    except Unreachable as error:
        pytest.skip(str(error))
    check(sdist, look_at_all(unpack(archive, tmp_path), SECONDS, agree=True))


def test_files_that_installed_packages_carry(tmp_path: Path) -> None:
    found: list[Path] = []
    for name in ("h5py", "tables", "netCDF4", "anndata", "xarray", "nexusformat"):
        spec = importlib.util.find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            found += [
                path for path in Path(folder).rglob("*") if path.suffix in (".h5", ".hdf5", ".nc", ".nxs")
            ]
    found = [path for path in found if path.read_bytes()[:8] == SIGNATURE]
    assert found
    check(Sdist("", "", "", "", len(found)), look_at_all(found, SECONDS, agree=True))


def archive_of(path: Path, *members: tuple[dict[str, Any], bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for fields, data in members:
            info = tarfile.TarInfo()
            info.size = len(data)
            for name, value in fields.items():
                setattr(info, name, value)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_archives_write_nowhere_else(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside.h5", tmp_path / "in"
    folder.mkdir()
    archive = archive_of(
        tmp_path / "a.tar.gz",
        ({"name": "../outside.h5"}, SIGNATURE),
        ({"name": str(outside)}, bytes(512) + SIGNATURE),
        ({"name": "link.h5", "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, b""),
        ({"name": "text.h5"}, b"no HDF5"),
        ({"name": "empty.h5"}, b""),
    )
    assert [path.name for path in unpack(archive, folder)] == ["000-outside.h5", "001-outside.h5"]
    assert len(list(folder.iterdir())) == 2 and not outside.exists()


def test_another_archive_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the cache is used only if it is what it should be."""
    sdist = Sdist("nothing", "1", "nothing-1.tar.gz", "0" * 64, 1)
    (tmp_path / sdist.file).write_bytes(b"another")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    with pytest.raises(Unreachable):
        fetch(sdist, tmp_path)
    assert not (tmp_path / sdist.file).exists()
