"""What a snapshot is made of: its list of manifests, and all of them in one round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.iceberg.current import FOLDER
from h5s3.formats.tables.iceberg.files import Roots
from h5s3.formats.tables.iceberg.manifests import MOST_PACKED, Entries, Entry, Manifest, list_of
from h5s3.formats.tables.iceberg.metadata import Metadata, Snapshot
from h5s3.formats.tables.place import Place
from h5s3.sizes import MIB

AT_ONCE = 2000  # manifests of a round
MOST_MANIFEST = 128 * MIB  # bytes of one


class UnreadableError(Exception):
    """The files of a snapshot cannot be told, though its metadata can. Its text is the reason."""


def entries_of(place: Place, metadata: Metadata, snapshot: Snapshot, roots: Roots) -> list[Entry]:
    """All files of a snapshot. Raises `UnreadableError`, `DamagedError`, `RefusedError`."""
    manifests = _manifests(place, snapshot, roots)
    if any(one.encrypted for one in manifests):
        raise UnreadableError("encryption of manifests is not known here")
    paths = [_path(one.path, roots) for one in manifests]
    reader = Entries(metadata.specs())
    found: list[Entry] = []
    for manifest, data in zip(manifests, _documents(place, paths), strict=True):
        if data is None and roots.path(manifest.path) is None:
            raise UnreadableError(f"a manifest lies elsewhere: {manifest.path}")
        if data is None:
            raise DamagedError(f"{roots.path(manifest.path)} is not there, which tells of files of the table")
        if roots.path(manifest.path) is None:
            roots.add(_before(manifest.path))
        found += reader.read(manifest, data)
    return found


def _path(location: str, roots: Roots) -> str:
    """Where a list or a manifest is, or may be: where the metadata names another place, the table may have
    been moved, and was there before."""
    name = location.rpartition("/")[2]
    found = roots.path(location) or f"{FOLDER}/{name}"
    if roots.path(location) is None and (not _before(location) or name in ("", ".", "..")):
        raise UnreadableError(f"a part of its metadata lies elsewhere: {location}")
    return found


def _before(location: str) -> str:
    """The table of which a location is metadata; empty where none is."""
    above = location.rpartition("/")[0]
    return above.removesuffix(f"/{FOLDER}") if above.endswith(f"/{FOLDER}") else ""


def _manifests(place: Place, snapshot: Snapshot, roots: Roots) -> list[Manifest]:
    if snapshot.key_id is not None:
        raise UnreadableError("encryption of manifest lists is not known here")
    if snapshot.manifest_list is None:
        return [Manifest(path, None) for path in snapshot.manifests]
    path, data = _list(place, snapshot.manifest_list, roots)
    return [one for one in list_of(data, path) if one.live]


def _list(place: Place, location: str, roots: Roots) -> tuple[str, bytes]:
    path = _path(location, roots)
    data = place.documents([path], MOST_MANIFEST).get(path)
    here = roots.path(location) is not None
    if data is None and not here:
        raise UnreadableError(f"its list of manifests lies elsewhere: {location}")
    if data is None:
        raise DamagedError(f"{path} is not there, which lists the manifests")
    if not here:
        roots.add(_before(location))
    return path, data


def _documents(place: Place, paths: Sequence[str]) -> Iterator[bytes | None]:
    """Each manifest, None where it is not there."""
    left = iter(paths)
    total = 0
    while batch := list(islice(left, AT_ONCE)):
        found = place.documents(batch, MOST_MANIFEST)
        for path in batch:
            data = found.get(path)
            total += len(data or b"")
            if total > MOST_PACKED:
                raise RefusedError(f"the manifests of the table are more than {MOST_PACKED // MIB} MiB")
            yield data
