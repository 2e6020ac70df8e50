"""The sample files in a place of the user's: a folder or a prefix, with a Zarr store made of one of them."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np

from h5s3.demo.samples import Sample, make_samples
from h5s3.errors import UsageError
from h5s3.explore.convert.convert import convert
from h5s3.explore.convert.request import ConvertRequest
from h5s3.explore.session import Session
from h5s3.export.atomic_file import write_errors
from h5s3.storage.location import Location
from h5s3.storage.objects import Objects
from h5s3.storage.output import open_output

RECORD = Sample("day_record.h5", "a day of ground motion, 20 samples a second")
STORE = Sample("day_record.zarr", "the same as a Zarr store with overviews")
RATE, DAY = 20, 86_400  # samples a second, seconds
ARRIVALS = ((9_000, 40), (27_430, 3_000), (27_900, 250), (31_000, 600), (61_200, 90), (75_555, 1_500))


def write_samples(session: Session, place: Location, overwrite: bool = False) -> list[Sample]:
    """Write every sample file and the store below a place; what was written.

    Raises `UsageError` where one of them is there already, before anything is written.
    """
    with (
        closing(open_output(place, session.settings, session.trace)) as output,
        tempfile.TemporaryDirectory(prefix="h5s3-demo-") as folder,
    ):
        root = Path(folder)
        samples = [*make_samples(root), RECORD]
        if not overwrite:
            _require_none(session, place, [sample.name for sample in samples])
        _make_record(root / RECORD.name)
        asked = ConvertRequest(
            "/", output=_text(place.child(STORE.name)), overviews=True, overwrite=overwrite
        )
        convert(session, Location("local", str(root / RECORD.name)), asked)
        with write_errors(output.display):
            for sample in samples:
                output.put(sample.name, (root / sample.name).read_bytes())
    return [*samples, STORE]


def _require_none(session: Session, place: Location, names: list[str]) -> None:
    """Raise `UsageError` where one of the files is there, or anything of the store."""
    with closing(Objects(session.store(place), place, session.trace)) as objects:
        seen = zip(names, objects.look(names, 1), strict=True)
        there = [name for name, found in seen if found is not None]
        there += [STORE.name] * bool(objects.children([STORE.name], 0)[0])
    if there:
        more = f" and {len(there) - 1} more exist" if len(there) > 1 else " exists"
        raise UsageError(f"{there[0]}{more}", location=place.display, hint="replace with --overwrite")


def _text(place: Location) -> str:
    """A LOCATION as it is typed."""
    return f"s3://{place.bucket}/{place.key}" if place.kind == "s3" else place.key


def _make_record(path: Path) -> None:
    """Vertical ground motion in nm/s: the sea's swell, and earthquakes, most of them far away."""
    rng, time = np.random.default_rng(11), np.arange(RATE * DAY) / RATE
    swell = np.sin(2 * np.pi * time / 6.3 + 2 * np.sin(time / 97)) * (60 + 20 * np.sin(time / 11_000))
    motion = swell + rng.normal(0, 8, len(time))
    for onset, height in ARRIVALS:
        after = time[onset * RATE :] - onset
        motion[onset * RATE :] += height * after * np.exp(1 - after / 12) * np.sin(3.1 * after) / 12
    with h5py.File(path, "w", track_order=True) as file:
        file.attrs.update(title=RECORD.title, station="DEMO", sampling_rate=float(RATE))
        data = file.create_dataset(
            "motion", data=motion.round().astype("<i4"), chunks=(RATE * 3600,), compression=4, shuffle=True
        )
        data.attrs.update(units="nm/s", long_name="vertical ground motion")
