"""Several files into stores below one folder or prefix."""

from __future__ import annotations

import glob
import os
from dataclasses import replace

from h5s3.errors import DamagedError, H5s3Error, NotFoundError, RefusedError, UsageError
from h5s3.explore.convert.convert import convert
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.convert.work import WHOLE
from h5s3.explore.globs import WILD, glob_of
from h5s3.explore.refs.refs import MOST_FILES, files_of
from h5s3.explore.session import Session
from h5s3.records import ConversionFailure, ConvertMany
from h5s3.storage.location import Location, parse_location
from h5s3.storage.output import open_output

OF_ONE = (DamagedError, RefusedError, UsageError)  # that do not concern the other files


def is_many(location: Location) -> bool:
    """Whether a location means several files: a glob, or a prefix or folder that ends in `/`."""
    if location.kind == "local":
        wild = WILD.search(location.key) is not None and not os.path.lexists(location.key)
        return wild or location.key.endswith("/")
    return location.version_id is None and (location.key.endswith("/") or glob_of(location) is not None)


def convert_many(session: Session, location: Location, asked: ConvertRequest) -> ConvertMany:
    """A store for each file, named after it. A file that cannot be converted does not stop the others. With
    `resume`, stores that are whole stay as they are.

    Raises `NotFoundError` where no file is meant.
    """
    places, base = _files(session, location)
    found = ConvertMany(location=location.display, output=asked.output, stores=[], kept=[], failures=[])
    for place in places:
        output = f"{asked.output.rstrip('/')}/{place.key.removeprefix(base).lstrip('/')}.zarr"
        if asked.resume and _is_whole(session, output):
            found.kept.append(output)
            continue
        try:
            store = convert(session, place, replace(asked, output=output))
        except OF_ONE as error:
            where = error.at(place.display).location
            found.failures.append(
                ConversionFailure(location=where, error=error.cause, exit_code=error.exit_code)
            )
        else:
            found.stores.append(store)
    return found


def _files(session: Session, location: Location) -> tuple[list[Location], str]:
    """The files, and what their keys begin with that is not part of the names of stores."""
    if location.kind != "local":
        base = location.key if location.key.endswith("/") else glob_of(location).place.key  # type: ignore[union-attr]
        return [one.location for one in files_of(session, location)], base.rpartition("/")[0]
    wild = WILD.search(location.key)
    pattern = location.key if wild else glob.escape(location.key) + "**/*"
    names = sorted(name for name in glob.glob(pattern, recursive=True) if os.path.isfile(name))
    if not wild:
        names = [name for name in names if _begins_as_hdf5(name)]
    if not names:
        raise NotFoundError("no file is meant by it", location=location.display)
    if len(names) > MOST_FILES:
        raise RefusedError(f"more than {MOST_FILES:,} files", location=location.display)
    start = location.key[: wild.start()] if wild else location.key
    return [Location("local", name) for name in names], os.path.dirname(start)


def _begins_as_hdf5(name: str) -> bool:
    with open(name, "rb") as stream:
        return stream.read(8) == b"\x89HDF\r\n\x1a\n"


def _is_whole(session: Session, output: str) -> bool:
    place = open_output(parse_location(output), session.settings, session.trace)
    try:
        return any(name in WHOLE for name in place.top())
    finally:
        place.close()


def failed(found: ConvertMany) -> H5s3Error | None:
    """What the command ends with, where some files failed."""
    if not found.failures:
        return None
    count, first = len(found.failures), found.failures[0]
    error = H5s3Error(
        f"{count} of {count + len(found.stores) + len(found.kept)} files could not be converted"
    )
    error.exit_code = first.exit_code
    return error
