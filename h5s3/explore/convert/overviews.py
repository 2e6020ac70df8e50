"""Overviews of what is converted: made from the file, written as the store's other arrays are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

from h5s3.explore.session import Session
from h5s3.export.zarr.journal import Journal
from h5s3.export.zarr.pyramid import NAMES, Found, Levels, Overviews, chunks_of_level
from h5s3.records import ConversionPlan
from h5s3.storage.location import Location

Tell = Callable[[str, int], None]  # a path, and bytes that were written


def write_overviews(
    session: Session, location: Location, plan: ConversionPlan, version: int, journal: Journal, tell: Tell
) -> None:
    """One array after another. What is there from before is kept."""
    for one in plan.overviews:
        array = plan.arrays[one.array]
        top = f"overview/{array.path}/"
        with tempfile.TemporaryDirectory() as folder:
            levels = Levels(one, array.shape, folder)
            last = f"{top}{len(levels.shapes)}/mean/"  # written last
            if any(name.startswith(last) for name in journal.held):
                continue

            def take(found: Found, levels: Levels = levels) -> None:
                levels.take(found)
                tell(f"overview of {array.source}", 0)  # noqa: B023 - called within this turn

            most = session.settings.max_bytes
            session.read(location, Overviews(plan.arrays, [one], version, take, most))
            levels.finish()
            for number, level in enumerate(levels.levels, 1):
                for name in NAMES:
                    for cell, data in chunks_of_level(level, one, name):
                        key = ".".join(map(str, cell)) if version == 2 else "/".join(["c", *map(str, cell)])
                        journal.put(f"{top}{number}/{name}/{key}", data)
                        tell(f"overview of {array.source}", len(data))
