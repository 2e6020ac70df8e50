"""`h5s3 catalog`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cell import limits
from h5s3.cli.options import Common, bound, with_common
from h5s3.cli.process.signals import ended_by_signals
from h5s3.errors import H5s3Error, UsageError

if TYPE_CHECKING:
    from h5s3.explore.catalog.build import Progress
    from h5s3.explore.catalog.query import Rows
    from h5s3.explore.dask_cluster import Cluster
    from h5s3.records import FileFailure

catalog = typer.Typer(
    help="Keep the metadata of many files as Parquet: build, query with SQL, check what falls out of line."
)
Catalog = Annotated[
    str, typer.Argument(metavar="CATALOG", help="A folder or s3://bucket/prefix that `build` has written.")
]
DIFFER = 9  # exit code: some files fall out of line
SHOWN = 1000  # rows of a table
Jobs = Annotated[
    int, bound("--jobs", metavar="N", min=1, max=64, help="Files that are read at the same time.")
]


def build(
    locations: Annotated[
        list[str],
        typer.Argument(
            metavar="LOCATION…",
            help="Files, prefixes that end in /, buckets, folders, globs such as 's3://bucket/run*/*.nxs'.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="CATALOG", help="A folder, or s3://bucket/prefix.", show_default=False
        ),
    ],
    stored: Annotated[
        bool,
        typer.Option("--stored", help="Stored bytes also of large files, from the indexes of their chunks."),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Read all files, also those that have not changed.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Append each failure to FILE, as a JSON record a line."),
    ] = None,
    jobs: Jobs = 8,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="ADDRESS",
            help="Have the workers of a Dask cluster read: tcp://host:8786, or local for workers here.",
        ),
    ] = None,
    dask_pass_credentials: Annotated[
        bool,
        typer.Option(
            "--dask-pass-credentials", help="Send your credentials to the workers, which else use their own."
        ),
    ] = False,
    *,
    common: Common,
) -> None:
    """Write the metadata of many files as Parquet, or renew what is there.

    The tables are `files`, `objects` and `attributes`; also DuckDB, pandas or Spark read the Parquet below
    CATALOG/parts, of which manifest.json names what counts. Where a catalog is there, only files that are
    new or have another ETag are read, and files that are gone are taken out. What was read counts as soon as
    a part of the catalog is full: a build that was ended goes on where it was, and queries may run meanwhile.

    With --dask the workers of a cluster read the files, which are to be where they can reach them, with
    credentials and caches of their own; this process lists, and writes CATALOG.

    A file that cannot be read has a row with its error, and costs itself alone. Exit code 0: there are files
    that could be read; 3: there are no files; where all failed, that of the first failure.

    \b
    Examples:
      h5s3 catalog build s3://bucket/scans/ -o scans.catalog
      h5s3 catalog build 's3://bucket/2024-*/*.nc' -o s3://bucket/catalog --jobs 16 --log failed.jsonl
    """
    from h5s3.explore.catalog.build import Build, BuildRequest
    from h5s3.explore.catalog.place import location_of

    if dask_pass_credentials and dask is None:
        raise UsageError("--dask-pass-credentials goes with --dask")
    with (
        ended_by_signals(),
        common.session() as opened,
        _cluster(dask) as cluster,
        _progress() as tell,
        _logging(log) as failed,
    ):
        asked = BuildRequest(
            jobs=jobs, stored=stored, again=again, cluster=cluster, credentials=dask_pass_credentials
        )
        places = [opened.location(one) for one in locations]
        work = Build(opened, places, location_of(opened, output), asked, tell, failed)
        found = work.run()
    if not common.shown_as_json(found):
        from h5s3.render.console import stdout
        from h5s3.render.diagnostics import announce
        from h5s3.render.many.catalog import build_lines
        from h5s3.render.many.find import failure_lines

        for line in failure_lines(found.failures, found.failed):
            announce(line)
        for line in build_lines(found):
            stdout().print(line, soft_wrap=True)
    if work.first_failure is not None and found.failed == found.files:
        raise typer.Exit(work.first_failure)


def _cluster(address: str | None) -> AbstractContextManager[Cluster | None]:
    if address is None:
        return nullcontext()
    from h5s3.explore.dask_cluster import Cluster
    from h5s3.render.diagnostics import announce

    return Cluster(address, announce)


def query(
    place: Catalog,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT, in the dialect of DuckDB.")],
    csv: Annotated[bool, typer.Option("--csv", help="CSV on standard output.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Show at most N rows. [a table: 1000]")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write all rows to FILE, .parquet or .csv."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE where it exists.")] = False,
    *,
    common: Common,
) -> None:
    """Ask a catalog with SQL: DuckDB answers from its tables.

    The tables are `files`, `objects` and `attributes`, which have the column `file` in common, the last two
    also `path`. SQL can read these and nothing else: no files, no network, no variables. Lists count from 1.

    \b
    Examples:
      h5s3 catalog query scans.catalog "SELECT status, count(*), sum(size) FROM files GROUP BY ALL"
      h5s3 catalog query scans.catalog "SELECT file, shape[1] FROM objects WHERE path = '/entry/data'" --csv
      h5s3 catalog query s3://bucket/catalog "FROM attributes WHERE name = 'units'" -o units.parquet
    """
    from h5s3.explore.catalog.place import location_of
    from h5s3.explore.catalog.query import asking, check_file

    if sum((csv, common.json, output is not None)) > 1 and not (common.json and output):
        raise UsageError("--csv, --json and -o contradict each other")
    if output is not None:
        check_file(output, overwrite)
    with ended_by_signals(), common.session() as opened:
        location = location_of(opened, place)
        with asking(opened, location, sql) as rows:
            if output is not None:
                _written(rows, location.display, output, overwrite, common)
            elif common.json:
                from h5s3.explore.catalog.query import document

                common.shown_as_json(document(location, rows, limit))
            elif csv:
                from h5s3.render.many.catalog import show_csv

                show_csv([column.name for column in rows.columns], rows, limit)
            else:
                from h5s3.render.many.catalog import show_table

                show_table([column.name for column in rows.columns], rows, limit or SHOWN)


def check(
    locations: Annotated[
        list[str],
        typer.Argument(
            metavar="CATALOG|LOCATION…",
            help="A catalog; or files, prefixes that end in /, folders, globs, which are read then.",
            show_default=False,
        ),
    ],
    like: Annotated[
        str | None,
        typer.Option("--like", metavar="FILE", help="The file to hold others against. [those like most]"),
    ] = None,
    jobs: Jobs = 8,
    *,
    common: Common,
) -> None:
    """Group files by their structure, and say what falls out of line.

    The structure of a file: its objects, their types, shapes, layouts, chunks, filters, and the names, types
    and shapes of attributes. Lengths along dimensions without a limit are no difference, nor are lengths of
    texts and values. Exit code 9: some files differ; else that of the first file that could not be read.

    \b
    Examples:
      h5s3 catalog check scans.catalog
      h5s3 catalog check s3://bucket/granules/ --like s3://bucket/granules/first.h5 --json
    """
    from h5s3.explore.catalog.check import Check
    from h5s3.render.diagnostics import announce, progress
    from h5s3.render.many.catalog import check_lines
    from h5s3.render.many.find import failure_lines

    with ended_by_signals(), common.session() as opened, progress() as bar:

        def tell(done: int, known: int) -> None:
            limits.renew()
            if bar is not None:
                bar(f"{done:,} files read", done / max(1, known))

        places = [opened.location(one) for one in locations]
        wanted = None if like is None else opened.location(like)
        work = Check(opened, places, wanted, jobs, tell)
        found = work.run()
    if not common.shown_as_json(found):
        from h5s3.render.console import stdout

        for line in failure_lines(found.failures, found.failed):
            announce(line)
        for line in check_lines(found):
            stdout().print(line, soft_wrap=True)
    if found.num_groups:
        raise typer.Exit(DIFFER)
    if work.first_error is not None:
        raise typer.Exit(work.first_error)


def _written(rows: Rows, place: str, output: str, overwrite: bool, common: Common) -> None:
    from h5s3.explore.catalog.query import written
    from h5s3.render.diagnostics import announce

    found = written(place, rows, output, overwrite)
    if not common.shown_as_json(found):
        announce(f"{output}: {found.num_rows:,} rows")


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Takes how far a build is."""
    from h5s3.render.diagnostics import progress
    from h5s3.render.many.catalog import progress_text

    started = time.monotonic()
    with progress() as bar:

        def tell(done: Progress) -> None:
            limits.renew()
            if bar is not None:
                seconds = time.monotonic() - started
                text = progress_text(done.done, done.known, done.complete, seconds)
                bar(text, done.done / max(1, done.known))

        yield tell


@contextmanager
def _logging(path: Path | None) -> Iterator[Callable[[FileFailure], None]]:
    """Takes failures, and writes them at once."""
    if path is None:
        yield lambda failure: None
        return
    from h5s3.records import to_json

    try:
        stream = open(path, "ab")
    except OSError as error:
        raise H5s3Error(f"cannot be written: {error.strerror}", location=str(path)) from None

    def write(failure: FileFailure) -> None:
        stream.write(to_json(failure) + b"\n")
        stream.flush()

    with stream:
        yield write


for _command in (build, query, check):
    catalog.command(_command.__name__)(with_common(_command))
