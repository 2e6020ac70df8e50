"""HDF5 into Zarr: planned, copied or decoded chunk by chunk, and whole only when it says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from h5s3.errors import NotCachedError, RefusedError, UsageError
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.session import Session
from h5s3.records import ConversionPlan, Convert
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.storage.output import Output

MOST_NAMED = 3  # things without a counterpart that a refusal names


def convert(session: Session, location: Location, asked: ConvertRequest) -> Convert:
    """Write a Zarr store of a file, a group or a dataset; the receipt.

    Documents are written when all chunks are there, that of the whole store last. Raises `UsageError` for an
    output that is there already, `RefusedError` for what cannot be read (or with `strict`, written), and
    `ChangedError` where the object is another one than before.
    """
    from h5s3.explore.convert.work import Work
    from h5s3.export.atomic_file import write_errors
    from h5s3.export.zarr.layout.wishes import wishes_of
    from h5s3.export.zarr.questions import Planning
    from h5s3.formats.zarr.data.in_memory import library as require_library
    from h5s3.storage.location import parse_location
    from h5s3.storage.output import open_output

    begun = time.monotonic()
    if asked.verify:
        require_library()
    target = parse_location(asked.output)
    wishes = wishes_of(
        asked.recompress, asked.chunks, asked.shards, asked.version, asked.overviews, asked.ome
    )
    if session.settings.offline and location.kind != "local":
        raise NotCachedError(
            "chunks are not in the cache", location=location.display, hint="run without --offline"
        )
    output = open_output(target, session.settings, session.trace)
    try:
        with write_errors(output.display):
            going_on = _look(output, asked)
            planning = Planning(asked.path, asked.version, wishes)
            plan: ConversionPlan = session.read(location, planning, ConversionPlan)
            if asked.strict and plan.left:
                raise _not_all(plan).at(location.display)
            work = Work(session, location, asked, plan, output, going_on)
            work.run()
            if asked.verify:
                from h5s3.explore.convert.verify import verify

                tell = asked.progress or (lambda *_: None)
                work.verified = verify(session, location, target, plan, asked.version, tell)
    finally:
        output.close()
    return work.receipt(time.monotonic() - begun)


def _look(output: Output, asked: ConvertRequest) -> bool:
    """Whether an unfinished store stands there that is to be gone on with. Raises `UsageError`."""
    from h5s3.explore.convert.work import WHOLE
    from h5s3.export.zarr.journal import FOLDER

    names = output.top()
    whole = any(name in WHOLE for name in names)
    begun = FOLDER + "/" in names
    if not names or asked.overwrite:
        if names and not whole and not begun:
            raise UsageError(
                "there is something that is no Zarr store",
                location=output.display,
                hint="choose another place",
            )
        return False
    if whole:
        raise UsageError("the store exists", location=output.display, hint="replace it with --overwrite")
    if not begun:
        raise UsageError(
            "there is something that is no Zarr store", location=output.display, hint="choose another place"
        )
    if not asked.resume:
        raise UsageError(
            "a conversion that was not finished",
            location=output.display,
            hint="--resume goes on with it, --overwrite begins anew",
        )
    return True


def _not_all(plan: ConversionPlan) -> RefusedError:
    named = "; ".join(f"{item.path}: {item.reason}" for item in plan.left[:MOST_NAMED])
    more = f"; and {len(plan.left) - MOST_NAMED:,} more" if len(plan.left) > MOST_NAMED else ""
    return RefusedError(
        f"not all of it has a counterpart in Zarr: {named}{more}", hint="run without --strict"
    )
