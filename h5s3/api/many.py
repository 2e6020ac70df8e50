"""The questions about many files for Python programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Unpack

from h5s3.api.common import FollowingArgs, Place, SettingsArgs, asking, session_of
from h5s3.errors import UsageError
from h5s3.records import CatalogBuild, CatalogCheck, CatalogQuery, Diff, Find
from h5s3.storage.location import Location


@asking
def find(
    locations: Place | Sequence[Place] = (),
    *,
    name: str | None = None,
    regex: str | None = None,
    type: str | None = None,
    dtype: str | None = None,
    ndim: str | int | None = None,
    shape: str | None = None,
    larger: int | None = None,
    smaller: int | None = None,
    attrs: str | Sequence[str] = (),
    value: str | None = None,
    filter: str | None = None,
    layout: str | None = None,
    nxclass: str | None = None,
    depth: int | None = None,
    files: bool = False,
    missing: str | None = None,
    catalog: Place | None = None,
    jobs: int = 8,
    **settings: Unpack[FollowingArgs],
) -> Find:
    """Objects inside files that meet all conditions, which are written as on the command line.

    Locations are files, prefixes that end in `/`, folders, globs. `files`: only which files have a match;
    `missing`: which lack this path. `catalog`: look through what `catalog_build` has written, in place of
    files. `jobs` files are read at a time. Failures of single files are in the
    record.
    """
    from h5s3.explore.find.conditions import Conditions
    from h5s3.explore.find.find import FindRequest, Search

    if (catalog is None) is (locations == ()):
        raise UsageError("give locations or a catalog")
    conditions = Conditions(
        name=name,
        regex=regex,
        type=type,
        dtype=dtype,
        ndim=None if ndim is None else str(ndim),
        shape=shape,
        larger=larger,
        smaller=smaller,
        attrs=(attrs,) if isinstance(attrs, str) else tuple(attrs),
        value=value,
        filter=filter,
        layout=layout,
        nxclass=nxclass,
        depth=depth,
    )
    asked = FindRequest(conditions=conditions, files=files, missing=missing, jobs=jobs)
    with session_of(settings) as session:
        if catalog is not None:
            from h5s3.explore.catalog.search import search

            return search(session, catalog, asked).document()
        return Search(session, [session.location(one) for one in _places(locations)], asked).document()


@asking
def diff(
    a: Place,
    b: Place | None = None,
    *,
    path_a: str = "/",
    path_b: str | None = None,
    version_ids: Sequence[str] = (),
    versions: bool = False,
    table_versions: Sequence[str | int] = (),
    data: bool = False,
    rtol: float = 0.0,
    atol: float = 0.0,
    **settings: Unpack[SettingsArgs],
) -> Diff:
    """What differs between `a` and `b`, or between two objects in them (`path_b`: None for that of `path_a`).

    Without `b`, both paths are of `a`. `version_ids`: of `a`, or of both; `versions`: the newest one of `a`
    is compared with the one before it. `table_versions`: those of a table (numbers, ids, times), of `a`, or
    of both. `data`: compare the values of datasets as well, numbers with tolerances as NumPy's `isclose` has
    them.
    """
    from h5s3.explore.diff.diff import DiffRequest
    from h5s3.explore.diff.diff import diff as ask
    from h5s3.explore.diff.versions import last_two, with_versions

    with session_of(settings) as session:
        given = session.location(a), session.location(a if b is None else b)
        places = (
            last_two(session, given[0])
            if versions
            else with_versions(given, version_ids, [str(one) for one in table_versions])
        )
        paths = path_a, path_a if path_b is None else path_b
        return ask(session, places[0], places[1], DiffRequest(*paths, data, rtol, atol))


@asking
def catalog_build(
    locations: Place | Sequence[Place],
    output: Place,
    *,
    stored: bool = False,
    again: bool = False,
    jobs: int = 8,
    **settings: Unpack[SettingsArgs],
) -> CatalogBuild:
    """Write the metadata of many files as Parquet into a folder or a prefix, or renew what is there.

    Only files that are new or have changed are read, `again`: all. `stored`: the bytes that datasets take,
    also in large files. Failures of single files are in the record and in the catalog.
    """
    from h5s3.explore.catalog.build import Build, BuildRequest
    from h5s3.explore.catalog.place import location_of

    asked = BuildRequest(jobs=jobs, stored=stored, again=again)
    with session_of(settings) as session:
        places = [session.location(one) for one in _places(locations)]
        return Build(session, places, location_of(session, output), asked).run()


@asking
def catalog_query(
    catalog: Place, sql: str, *, limit: int | None = None, **settings: Unpack[SettingsArgs]
) -> CatalogQuery:
    """The answer of a catalog to one SELECT over the tables `files`, `objects` and `attributes`.

    At most `limit` rows, and a million. Raises `UsageError` for SQL that is wrong, or is more than that.
    """
    from h5s3.explore.catalog.place import location_of
    from h5s3.explore.catalog.query import asking as asking_sql
    from h5s3.explore.catalog.query import document

    with session_of(settings, here=True) as session:
        location = location_of(session, catalog)
        with asking_sql(session, location, sql) as rows:
            return document(location, rows, limit)


@asking
def catalog_check(
    place: Place | Sequence[Place],
    *,
    like: Place | None = None,
    jobs: int = 8,
    **settings: Unpack[SettingsArgs],
) -> CatalogCheck:
    """Files by their structure, and how those differ that are not like most, or not like one (`like`).

    `place` is a catalog; or files, prefixes, folders, globs, which are read then.
    """
    from h5s3.explore.catalog.check import Check

    with session_of(settings) as session:
        places = [session.location(one) for one in _places(place)]
        return Check(session, places, None if like is None else session.location(like), jobs).run()


def _places(given: Place | Sequence[Place]) -> Sequence[Place]:
    return [given] if isinstance(given, str | os.PathLike | Location) else given
