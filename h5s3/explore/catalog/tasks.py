"""Batches of files that workers of a cluster read, each with connections, a cache and cells of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from h5s3 import __version__
from h5s3.cell.wall import error_of
from h5s3.errors import H5s3Error, NetworkError
from h5s3.explore.catalog.reading import Outcome, Reading
from h5s3.explore.dask_cluster import AgainError, Cluster
from h5s3.explore.many.files import File
from h5s3.explore.session import Session
from h5s3.settings import Settings

TOGETHER = 50  # files of one task


@dataclass(frozen=True)
class Batch:
    """Files to be read. `settings` hold credentials where they are to be sent, else none."""

    files: Sequence[File]
    settings: Settings
    stored: bool
    jobs: int
    release: str = __version__


@dataclass(frozen=True)
class Done:
    """What was learned of them. `error`: kind, cause and hint of why nothing was."""

    outcomes: Sequence[Outcome] = ()
    error: tuple[str, str, str] | None = None


def outcomes(
    cluster: Cluster, files: Iterable[File], settings: Settings, stored: bool, jobs: int
) -> Iterator[Outcome]:
    """What comes of files that the workers of a cluster read, in any order."""
    for done in cluster.results(run, batches(files, settings, stored, jobs)):
        if done.error is not None:
            raise error_of(*done.error)
        yield from done.outcomes


def batches(files: Iterable[File], settings: Settings, stored: bool, jobs: int) -> Iterator[Batch]:
    """The tasks, as files come."""
    coming = iter(files)
    while some := list(islice(coming, TOGETHER)):
        yield Batch(some, settings, stored, jobs)


def run(batch: Batch) -> Done:
    """Do a task, in a worker. What may succeed another time raises `AgainError`."""
    from h5s3.cell import pool

    try:
        if batch.release != __version__:
            hint = f"they need {batch.release}, as is here"
            raise H5s3Error(f"the workers have h5s3 {__version__}", hint=hint)
        with Session(batch.settings, cell=pool.lend(batch.settings.max_bytes or 0)) as session:
            return Done(list(Reading(session, batch.stored, batch.jobs).read(batch.files)))
    except NetworkError as error:
        raise AgainError(str(error)) from None
    except H5s3Error as error:
        where = f" ({error.location})" if error.location else ""
        return Done(error=(type(error).__name__, error.cause + where, error.hint))
