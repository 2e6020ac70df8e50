"""The values of a dataset themselves, exact, into a file or a stream."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from h5s3.cell.calls import Callback
from h5s3.errors import DamagedError, UsageError
from h5s3.explore.get.output import Output, SharedMemory
from h5s3.explore.get.structure import copy_structure
from h5s3.explore.get.transfer import Estimate, Outside, Transfer
from h5s3.explore.session import Session
from h5s3.formats.base import Contents
from h5s3.formats.requests import Request
from h5s3.records import Coding, Get
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.export.base import Array as Values

Progress = Callable[[str, float], None]
Texts = tuple[list[int], list[str]]  # a shape and the values


@dataclass(frozen=True)
class GetRequest(Request):
    """Which values to write, and where to."""

    selection: str | None = None
    labels: str | None = None  # the same by coordinates: `time=2023-06-01:2023-06-30,lat=~48.2`
    output: str | None = None  # None: a file named for the dataset
    stream: BinaryIO | None = None  # in place of a file
    texts: Callable[[Texts], object] | None = None  # takes strings of variable length in place of the stream
    memory: Callable[[None], int] | None = None  # gives a file in memory for large arrays, in place of it
    format: str | None = None  # None: by the suffix of the file
    overwrite: bool = False
    coords: bool = False  # the values of the dimensions with them
    decode: bool = False  # values as they are meant: CF packing, missing values, times
    columns: tuple[str, ...] | None = None  # of a table: these, `b.c` for a field inside one
    where: str | None = None  # of a table: rows that match, `price > 5 and name in ('a', 'b')`
    limit: int | None = None  # of a table: no more rows than these
    metadata_only: bool = False  # of a whole file, in place of values: all but its data
    left_out: Callable[[list[str]], None] = lambda left: None  # told what of that cannot be copied
    differs: Callable[[Coding], None] = lambda coding: None  # told where stored values are not what is meant
    noted: Callable[[str], None] = lambda note: None  # told what is left out, where values go to a stream
    announce: Callable[[Estimate], None] = lambda estimate: None
    progress: Progress | None = None


def get(session: Session, location: Location, asked: GetRequest) -> Get:
    """Write the values of the array at a path (or of a part of it); the receipt.

    Nothing is left under the name of the output unless all of it was written. Raises `UsageError` for what
    is not an array, for an output that is there already, and `RefusedError` for values that are unsafe to
    read, that the format cannot hold, or that do not fit the disk or `max_bytes`.
    """
    target = _structure_target(asked) if asked.metadata_only else asked.output
    begun: list[bool] = []
    with Output(target, asked.overwrite) as output:
        outside = _outside(asked, output, begun)
        question = _question(session, location, asked, outside, target)
        found = session.read(location, question, Get, repeatable=lambda: not begun)
        found.location, found.key, found.output = location.display, location.shown_key, output.name
        if output.name is not None:
            found.file_bytes = output.finish()
        elif asked.stream is None:
            raise DamagedError("nothing was written", location=location.display)
    if asked.metadata_only and found.notes:
        asked.left_out(found.notes)
    return found


def get_array(session: Session, location: Location, asked: GetRequest) -> Values:
    """The values themselves, as a NumPy array; strings of variable length as objects, which are `str`.

    Raises what `get` raises.
    """
    from io import BytesIO

    from h5s3.export.npy import array_in, array_of, array_of_texts

    if asked.coords or asked.format or asked.overwrite or asked.metadata_only:
        raise UsageError("format, coords, overwrite and metadata_only go with a file", hint="give output")
    stream, texts = BytesIO(), list[Texts]()
    asked = replace(asked, stream=stream, format="npy", texts=texts.append)
    with SharedMemory() as memory:
        get(session, location, replace(asked, memory=memory.file if memory.there else None))
        try:
            if memory.descriptor is not None:
                return array_in(memory.descriptor)
            return array_of_texts(*texts[-1]) if texts else array_of(stream)
        except ValueError:
            raise DamagedError("what was read is no array", location=location.display) from None


def _question(
    session: Session, location: Location, asked: GetRequest, outside: Outside, target: str | None
) -> Callable[[Contents], Get]:
    if asked.metadata_only:
        return partial(copy_structure, output=target or "", outside=outside)
    return Transfer(
        location.display,
        location.shown_key,
        asked.path,
        asked.selection,
        asked.labels,
        asked.output,
        asked.format,
        asked.coords,
        asked.decode,
        session.settings.max_bytes,
        outside,
        asked.columns,
        asked.where,
        asked.limit,
    )


def _outside(asked: GetRequest, output: Output, begun: list[bool]) -> Outside:
    """What is done here for the process that reads. `begun` holds something once values were handed out."""

    def send(data: bytes) -> None:
        assert asked.stream is not None
        begun.append(True)
        asked.stream.write(data)

    def tell(done: tuple[str, float]) -> None:
        if asked.progress is not None:
            asked.progress(*done)

    return Outside(
        check=Callback(output.check, str),
        file=Callback(output.file, str, gives_file=True),
        spool=Callback(output.spool, None, gives_file=True),
        stream=None if asked.stream is None else Callback(send, bytes),
        memory=None if asked.memory is None else Callback(asked.memory, None, gives_file=True),
        texts=None if asked.texts is None else Callback(asked.texts, Texts),
        announce=Callback(asked.announce, Estimate),
        differs=Callback(asked.differs, Coding),
        noted=Callback(asked.noted, str),
        progress=Callback(tell, tuple[str, float]),
    )


def _structure_target(asked: GetRequest) -> str:
    """The file to write. Raises `UsageError` for wishes that go with values alone."""
    if asked.path != "/":
        raise UsageError("--metadata-only copies a whole file", hint="give the path /")
    others = (asked.selection, asked.labels, asked.columns, asked.where, asked.limit)
    if asked.coords or asked.decode or any(one is not None for one in others):
        raise UsageError("--metadata-only goes with no choice of values, --coords or --decode")
    from h5s3.export.file_types import format_of

    named = asked.format or os.path.splitext(asked.output or "")[1].lstrip(".")
    if asked.stream is not None or not asked.output or not named or format_of(named) != "h5":
        raise UsageError("--metadata-only writes an HDF5 file", hint="name one with -o, such as copy.h5")
    return asked.output
