"""Where references are written: a file or a folder of this machine, or objects in S3; whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO

from h5s3.errors import H5s3Error, NoBucketError, NotFoundError, RefusedError, UsageError
from h5s3.explore.session import Session
from h5s3.export.atomic_file import atomic_write, check_target, write_errors
from h5s3.export.references.folder import MARKS, SOURCES, atomic_folder, check_folder, folder_bytes
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.location import Location, parse_location
from h5s3.storage.output import Output, open_object, open_output

LARGEST = 2 << 30  # bytes of references in one file
PIECE = 8 << 20  # bytes that one request reads
ICECHUNK = ("repo", "refs/branch.main/ref.json")  # by which it finds a repository
LAST = (*ICECHUNK, *MARKS)
UNFINISHED = b'{"h5s3": "not whole"}\n'
REPLACE = "replace it with --overwrite"


def place_of(output: str) -> Location:
    """The place that an output names. Raises `UsageError` for one that cannot be written to."""
    place = parse_location(output)
    if place.kind not in ("local", "s3"):
        raise UsageError("only files and s3:// can be written to", location=place.display)
    return place


def check_place(session: Session, place: Location, folder: bool, overwrite: bool) -> None:
    """Raises before anything is fetched where references cannot be put there: `UsageError` where something
    is, and must not be replaced."""
    if place.kind == "local":
        (check_folder if folder else check_target)(place.key, overwrite)
        return
    if session.settings.offline:
        raise UsageError("--offline asks no storage: nothing could be written", location=place.display)
    if folder:
        with closing(open_output(place, session.settings, session.trace)) as output:
            names = output.top()
        if names and not overwrite:
            raise UsageError("there is something already", location=place.display, hint=REPLACE)
        if names and not any(name in MARKS for name in names):
            raise UsageError("no references are in it: it is not replaced", location=place.display)
        return
    with closing(open_object(place, session.settings, session.trace)[0]):
        if _found(session, place) is not None and not overwrite:
            raise UsageError("the object exists", location=place.display, hint=REPLACE)


def write_file(session: Session, place: Location, overwrite: bool, write: Callable[[BinaryIO], None]) -> int:
    """Write one file, in S3 by one PUT; its bytes. Raises `RefusedError` for one that is too large."""
    if place.kind == "local":
        with write_errors(place.key):
            with atomic_write(place.key, overwrite) as (stream, _):
                write(stream)
            return os.path.getsize(place.key)
    made = io.BytesIO()
    write(made)
    data = made.getvalue()
    if len(data) > LARGEST:
        raise RefusedError(
            f"more than {LARGEST >> 30} GiB of JSON", location=place.display, hint="write .parq"
        )
    output, name = open_object(place, session.settings, session.trace)
    with closing(output):
        output.put(name, data)
    return len(data)


def write_folder(session: Session, place: Location, overwrite: bool, write: Callable[[str], None]) -> int:
    """Let `write` fill a folder; its bytes. In S3 the objects by which readers find references come last;
    whatever is raised, nothing of them is left there."""
    if place.kind == "local":
        with write_errors(place.key):
            with atomic_folder(place.key, overwrite) as folder:
                write(folder)
            return folder_bytes(place.key)
    with _temporary() as folder, closing(open_output(place, session.settings, session.trace)) as output:
        with write_errors(folder):
            write(folder)
        _upload(session, folder, output, overwrite)
        return folder_bytes(folder)


def _upload(session: Session, folder: str, output: Output, overwrite: bool) -> None:
    """A mark says from the first moment on whose objects these are: what was killed can be overwritten."""
    paths = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
    names = {os.path.relpath(path, folder).replace(os.sep, "/") for path in paths}
    before = set(output.below()) if overwrite else set()

    def put(name: str) -> None:
        with open(os.path.join(folder, name), "rb") as stream, session.trace.inside():
            output.put(name, stream.read())

    try:
        output.put(SOURCES, UNFINISHED)
        output.remove(before.intersection(LAST) - {SOURCES})
        with session.trace.round(), ThreadPoolExecutor(output.threads) as pool:
            list(pool.map(put, sorted(names.difference(LAST))))  # what fails waits for those on their way
        for name in filter(names.__contains__, LAST):
            put(name)
        output.remove(before.union([SOURCES]) - names)
    except BaseException:
        with suppress(H5s3Error, OSError):
            output.remove(LAST)
            output.remove(before | names)
        raise


@contextmanager
def _temporary() -> Iterator[str]:
    """An empty folder for as long as the block."""
    with tempfile.TemporaryDirectory(prefix="h5s3-refs-") as folder:
        yield folder


def read_references(session: Session, output: str) -> bytes:
    """A file of references, or the one in a folder of them that says what their objects were.

    Raises `NotFoundError` where there is none, `RefusedError` for one that is too large.
    """
    place = parse_location(output)
    candidates = [place, *(place.child(name) for name in MARKS)]
    if place.kind == "local" and os.path.isdir(place.key):
        del candidates[0]
    for one in candidates:
        if (info := _found(session, one)) is not None:
            return _whole(session, info)
    raise NotFoundError("no such file or folder of references", location=place.display)


def _found(session: Session, place: Location) -> ObjectInfo | None:
    try:
        return session.store(place).head(place)
    except NoBucketError:
        raise
    except NotFoundError:
        return None


def _whole(session: Session, info: ObjectInfo) -> bytes:
    if info.size > LARGEST:
        raise RefusedError(f"larger than {LARGEST >> 30} GiB", location=info.location.display)
    wanted: list[Range] = [(at, min(at + PIECE, info.size)) for at in range(0, info.size, PIECE)]
    found = session.store(info.location).get_ranges(info, wanted)
    return b"".join(found[one] for one in wanted)
