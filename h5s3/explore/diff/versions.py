"""Which versions of an object are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from h5s3.errors import NotCachedError, NotFoundError, UsageError
from h5s3.explore.session import Session
from h5s3.storage.location import Location


def with_versions(
    places: Sequence[Location], ids: Sequence[str], of_tables: Sequence[str] = ()
) -> list[Location]:
    """The two places, of these versions: one is of the first place, two are of each. `ids`: of objects.

    Raises `UsageError` for what has no versions.
    """
    if len(of_tables) > 2:
        raise UsageError("--version is given twice at the most")
    if len(ids) > 2:
        raise UsageError("--version-id is given twice at the most")
    found = list(places)
    for number, version in enumerate(ids):
        found[number] = replace(_of_s3(found[number], "--version-id"), version_id=version)
    for number, version in enumerate(of_tables):
        found[number] = replace(found[number], table_version=version)
    return found


def last_two(session: Session, place: Location) -> list[Location]:
    """The newest version of an object and the one before it, which comes first.

    Raises `UsageError` for what has no versions, and `NotFoundError` where there are not two.
    """
    place = _of_s3(place, "--versions")
    if session.settings.offline:
        raise NotCachedError("versions are listed by the server alone", location=place.display)
    ids: list[str] = []
    for entry in session.store(place).list(place, versions=True):  # keys in order, of each the newest first
        if entry.key != place.key:
            break
        if entry.delete_marker is not True and isinstance(entry.version_id, str):
            ids.append(entry.version_id)
        if len(ids) == 2:
            return [replace(place, version_id=version) for version in reversed(ids)]
    if not ids:
        raise NotFoundError("no such object", location=place.display)
    hint = "try: h5s3 ls {location} --versions"
    raise NotFoundError("there is only one version of it", location=place.display, hint=hint).at(
        place.display
    )


def _of_s3(place: Location, option: str) -> Location:
    if place.kind != "s3" or not place.key:
        raise UsageError(f"{option} names versions of an object in S3", location=place.display)
    return place
