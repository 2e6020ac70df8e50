"""`h5s3 find`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cell import limits
from h5s3.cli.options import Following, bound
from h5s3.errors import NotFoundError, UsageError
from h5s3.sizes import parse_size

if TYPE_CHECKING:
    from h5s3.explore.find.find import FindRequest, Search
    from h5s3.explore.session import Session
    from h5s3.render.many.beside import Turns


class Kind(StrEnum):
    """Kinds of objects and links."""

    GROUP = "group"
    DATASET = "dataset"
    DATATYPE = "datatype"
    SOFT_LINK = "soft_link"
    EXTERNAL_LINK = "external_link"
    LINK = "link"
    UNRESOLVED = "unresolved"


class Layout(StrEnum):
    """How datasets are stored."""

    CHUNKED = "chunked"
    CONTIGUOUS = "contiguous"
    COMPACT = "compact"
    VIRTUAL = "virtual"
    EXTERNAL = "external"


def find(
    locations: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LOCATION…",
            help="Files, prefixes that end in /, buckets, folders, globs such as 's3://bucket/run*/*.nxs'.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="GLOB", help="Name; with a / in it, the whole path ('/entry/*/data')."
        ),
    ] = None,
    regex: Annotated[
        str | None,
        typer.Option("--regex", metavar="RE", help="The same as a regular expression, found anywhere in it."),
    ] = None,
    kind: Annotated[Kind | None, typer.Option("--type", help="Kind of object.")] = None,
    dtype: Annotated[
        str | None, typer.Option("--dtype", metavar="GLOB", help="Type as tree shows it, such as 'float*'.")
    ] = None,
    ndim: Annotated[
        str | None, typer.Option("--ndim", metavar="N", help="Number of dimensions: 3, or '>=2'.")
    ] = None,
    shape: Annotated[
        str | None, typer.Option("--shape", metavar="N,…", help="Lengths of all dimensions: '*,2048,>100'.")
    ] = None,
    larger: Annotated[
        str | None, typer.Option("--larger", metavar="SIZE", help="Datasets of more logical bytes, as 10M.")
    ] = None,
    smaller: Annotated[
        str | None, typer.Option("--smaller", metavar="SIZE", help="Datasets of fewer logical bytes.")
    ] = None,
    attr: Annotated[
        list[str] | None,
        typer.Option(
            "--attr",
            metavar="NAME…",
            help="With this attribute: NAME, or 'units=K', 'title~temp' (holds), 'count>100', '!='; "
            "NAME may be a glob. May be given again.",
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Option("--value", metavar="VALUE", help="Scalars of this value, or '~text', '>5', '!=1'."),
    ] = None,
    filter: Annotated[
        str | None, typer.Option("--filter", metavar="GLOB", help="With this filter, such as zstd.")
    ] = None,
    layout: Annotated[Layout | None, typer.Option("--layout", help="How it is stored.")] = None,
    nxclass: Annotated[
        str | None, typer.Option("--nxclass", metavar="GLOB", help="NeXus class, such as NXdetector.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", metavar="N", min=0, help="At most N levels below the root.")
    ] = None,
    long: Annotated[
        bool,
        typer.Option("--long", "-l", help="Show type, shape and size, also where names are asked for."),
    ] = False,
    files: Annotated[bool, typer.Option("--files", help="Print only the files that have a match.")] = False,
    missing: Annotated[
        str | None,
        typer.Option("--missing", metavar="PATH", help="Print the files that lack PATH, and nothing else."),
    ] = None,
    catalog: Annotated[
        str | None,
        typer.Option(
            "--catalog",
            metavar="CATALOG",
            help="Look through this catalog in place of files.",
        ),
    ] = None,
    jobs: Annotated[
        int, bound("--jobs", metavar="N", min=1, max=64, help="Files that are read at the same time.")
    ] = 8,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="One JSON record per line, while they are found.")
    ] = False,
    *,
    common: Following,
) -> None:
    """Find objects inside one file, or in all files of a prefix.

    All conditions hold together; without any, every object is a match. Files are read several at a time, and
    what was learned of one is remembered: as long as a file does not change, it is not read again. Where
    names and kinds are all that is asked for, no dataset is opened; -l and JSON tell more.

    Files are what is called as HDF5 files are, Zarr stores, tables of Delta, Iceberg and Hudi, a folder of
    nothing but Parquet files, and all that a glob names. Columns of tables are datasets.

    A file that cannot be read costs itself alone, and is named at the end. Exit code 0: there are matches; 3:
    there are none; where there are none and files failed, that of the first failure.

    \b
    Examples:
      h5s3 find s3://bucket/scans/ --name temperature
      h5s3 find s3://bucket/scans/ --type dataset --ndim 3 --larger 100M --files
      h5s3 find 's3://bucket/run*/*.nxs' --nxclass NXdetector --attr 'units=K'
      h5s3 find s3://bucket/granules/ --missing /gt1l/h_li
    """
    from h5s3.explore.find.conditions import Conditions
    from h5s3.explore.find.find import FindRequest

    if bool(locations) is (catalog is not None):
        raise UsageError("give LOCATION or --catalog", hint="try: h5s3 find --help")
    conditions = Conditions(
        name=name,
        regex=regex,
        type=kind,
        dtype=dtype,
        ndim=ndim,
        shape=shape,
        larger=None if larger is None else parse_size(larger),
        smaller=None if smaller is None else parse_size(smaller),
        attrs=tuple(attr or ()),
        value=value,
        filter=filter,
        layout=layout,
        nxclass=nxclass,
        depth=depth,
    )
    if common.json and jsonl:
        raise UsageError("--json and --jsonl contradict each other")
    details = long or jsonl or common.json
    asked = FindRequest(conditions=conditions, details=details, files=files, missing=missing, jobs=jobs)
    with common.session() as opened, _turns() as turns:
        search = _search(opened, locations or [], catalog, asked, turns.tell)
        if common.json:
            document = search.document()
            turns.print(lambda: common.shown_as_json(document))
        else:
            _show(search, files or missing is not None, jsonl, turns)
    _end(search, common.json)


def _search(
    session: Session,
    locations: Sequence[str],
    catalog: str | None,
    asked: FindRequest,
    tell: Callable[[int, int], None],
) -> Search:
    from h5s3.explore.find.find import Search

    if catalog is None:
        return Search(session, [session.location(one) for one in locations], asked, tell)
    from h5s3.explore.catalog.search import search

    return search(session, catalog, asked, tell)


class _Turns:
    """Lines, and how far the search is, which a terminal shows between them."""

    def __init__(self, bar: Turns | None) -> None:
        self._bar = bar
        if bar is not None:
            bar.show("searching…", 0)

    def tell(self, done: int, known: int) -> None:
        """How many files are done, of how many that are known so far."""
        limits.renew()
        if self._bar is not None:
            self._bar.show(f"{done:,} files searched", done / known)

    def print(self, lines: Callable[[], object], count: int = 1) -> None:
        """Have so many lines printed, by calling this."""
        if self._bar is None:
            lines()
        else:
            self._bar.print(lines, count)


@contextmanager
def _turns() -> Iterator[_Turns]:
    if not sys.stderr.isatty():
        yield _Turns(None)
        return
    from h5s3.render.many.beside import bar_beside_lines

    with bar_beside_lines() as turns:
        yield _Turns(turns)


def _show(search: Search, only_files: bool, jsonl: bool, turns: _Turns) -> None:
    """Print matches, or files, as they are found."""
    from h5s3.render.json import show_json_lines
    from h5s3.render.many.find import Shown

    shown = Shown()
    for batch in search:
        if only_files and not batch.last:
            continue
        if jsonl:
            turns.print(partial(show_json_lines, [batch.file] if only_files else batch.matches))
        elif only_files:
            turns.print(partial(shown.file, batch.file))
        elif batch.matches:
            turns.print(partial(shown.matches, batch.file, batch.matches), len(batch.matches))


def _end(search: Search, quiet: bool) -> None:
    """Say what was searched, and what failed. Raises `NotFoundError`, or what `Exit` stands for."""
    from h5s3.render.diagnostics import announce
    from h5s3.render.many.find import failure_lines, summary
    from h5s3.render.text import plural

    if not quiet:
        for line in failure_lines(search.failures):
            announce(line)
        if sys.stdout.isatty() and search.num_files:
            announce(summary(search.files, search.num_matches, search.num_files))
    if search.num_files:
        return
    if search.first_error is not None:
        raise typer.Exit(search.first_error.exit_code)
    raise NotFoundError(f"nothing found in {plural(search.files.searched, 'file')}")
