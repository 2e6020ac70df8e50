"""What differs between two objects: their outlines are read at the same time, then compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, prod
from typing import TYPE_CHECKING, Any, TypeVar

from h5s3.errors import H5s3Error, UsageError
from h5s3.explore.diff.compare import Added, Comparison, Event, Removed, Side
from h5s3.explore.diff.files import table_diff
from h5s3.explore.diff.renamed import Candidate, candidates, confirmed, renamed_columns
from h5s3.explore.diff.sides import Cells, two_cells
from h5s3.explore.session import Session
from h5s3.formats.base import Comparable, Contents
from h5s3.formats.requests import OutlineRequest, absolute
from h5s3.records import UNSET, Changed, Diff, DiffSide, NotCompared, Outline, OutlinedObject, Renamed
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.cell.host import Cell

T = TypeVar("T")


@dataclass(frozen=True)
class DiffRequest:
    """What to compare: these paths of the two. `take` is given each difference as it is found.

    `data`: values of datasets, too, with tolerances as NumPy's `isclose` has them.
    """

    path_a: str = "/"
    path_b: str = "/"
    data: bool = False
    rtol: float = 0.0
    atol: float = 0.0
    take: Callable[[Event], object] = lambda event: None
    progress: Callable[[str, float], object] = lambda path, done: None  # of values

    def __post_init__(self) -> None:
        object.__setattr__(self, "path_a", absolute(self.path_a))
        object.__setattr__(self, "path_b", absolute(self.path_b))
        if not (0 <= self.rtol < inf and 0 <= self.atol < inf):
            raise UsageError("tolerances are not negative")
        if (self.rtol or self.atol) and not self.data:
            raise UsageError("tolerances are for values", hint="compare them with --data")


def diff(session: Session, a: Location, b: Location, asked: DiffRequest | None = None) -> Diff:
    """What differs. Raises what opening either of them raises, with its location."""
    asked = asked or DiffRequest()
    places = (a, b)
    paths = (asked.path_a, asked.path_b)
    with two_cells(session) as cells:
        found = _outlines(session, cells, places, paths)
        comparison = Comparison(Side(found[0], asked.path_a), Side(found[1], asked.path_b))
        table = table_diff(*found)
        for place, one in zip(places, found, strict=True):
            if asked.data and (one.table is not UNSET or one.has_columns):
                cause = "rows of tables are not compared"
                raise UsageError(cause, location=place.display, hint="leave out --data")
        document = Diff(
            a=_side(a, asked.path_a, found[0]),
            b=_side(b, asked.path_b, found[1]),
            identical=False,
            data=asked.data,
            added=[],
            removed=[],
            changed=[],
            renamed=[],
            not_compared=[],
            num_objects=0,
            num_attributes=0,
            table=table,
        )
        if table is not UNSET:
            comparison.renamed = renamed_columns(comparison)
        found_again = candidates(comparison)
        if found_again:
            _rename(session, cells, places, comparison, found_again)
        events = _with_values(session, cells, places, comparison, asked, document)
        for event in events if asked.data else (event for _, event in comparison.events()):
            _note(document, event)
            asked.take(event)
    document.num_objects, document.num_attributes = comparison.num_objects, comparison.num_attributes
    document.identical = not (num_differences(document) or document.not_compared)
    return document


def _with_values(
    session: Session,
    cells: Cells,
    places: tuple[Location, Location],
    comparison: Comparison,
    asked: DiffRequest,
    document: Diff,
) -> Iterator[Event]:
    """All differences in the order of paths, those of values behind what else differs of a dataset."""
    from h5s3.explore.diff.data import DataComparison
    from h5s3.explore.diff.readers import two_readers
    from h5s3.explore.diff.values import Tolerance

    events = deque(comparison.events())
    if not comparison.datasets or _same_object(places, document):
        document.num_values = sum(_num_values(one) for _, one, _ in comparison.datasets)
        yield from (event for _, event in events)
        return
    with two_readers(session, cells, places, partial(_naming, places)) as readers:
        data = DataComparison(
            readers,
            (comparison.a, comparison.b),
            comparison.shared,
            Tolerance(asked.rtol, asked.atol),
            session.settings.max_bytes,
            asked.progress,
        )
        for key, found in data.events(comparison.datasets):
            while events and events[0][0] <= key:
                yield events.popleft()[1]
            yield from found
        document.num_values = data.compared
    yield from (event for _, event in events)


def _same_object(places: tuple[Location, Location], document: Diff) -> bool:
    """Whether both are the same content: a version of an object in S3 that is stored a second time."""
    a, b = places
    same = a.kind == b.kind == "s3" and (a.bucket, a.key) == (b.bucket, b.key)
    return same and document.a.etag == document.b.etag is not None and document.a.path == document.b.path


def _num_values(one: OutlinedObject) -> int:
    return prod(one.dataset.shape) if one.dataset is not UNSET and one.dataset.shape is not None else 0


def _rename(
    session: Session,
    cells: Cells,
    places: tuple[Location, Location],
    comparison: Comparison,
    found: Sequence[Candidate],
) -> None:
    """Tell what was renamed: data is looked at, a little of each dataset."""
    from h5s3.explore.diff.data import DataComparison
    from h5s3.explore.diff.readers import two_readers
    from h5s3.explore.diff.values import Tolerance

    if not any(one.datasets for one in found):
        comparison.renamed = confirmed(found, lambda pairs: [])
        return
    sides = comparison.a, comparison.b
    with two_readers(session, cells, places, partial(_naming, places)) as readers:
        data = DataComparison(readers, sides, comparison.shared, Tolerance(), session.settings.max_bytes)
        comparison.renamed = confirmed(found, data.same)


def _naming(
    places: tuple[Location, Location], call: Callable[[Cell | None], Any], place: Location
) -> Callable[[Cell | None], Any]:
    return partial(named, call, place, places)


def num_differences(found: Diff) -> int:
    """How much was found that differs."""
    files = found.table is not UNSET and not found.table.same
    return len(found.added) + len(found.removed) + len(found.changed) + len(found.renamed) + files


def _outlines(
    session: Session, cells: Cells, places: tuple[Location, Location], paths: tuple[str, str]
) -> list[Outline]:
    calls = [partial(_outline, session, *each) for each in zip(places, paths, strict=True)]
    return cells.both(
        [partial(named, call, place, places) for call, place in zip(calls, places, strict=True)]
    )


def named(
    call: Callable[[Cell | None], T],
    place: Location,
    places: tuple[Location, Location],
    cell: Cell | None,
) -> T:
    """What a call about a place gives; its errors tell which of two versions they are of."""
    try:
        return call(cell)
    except H5s3Error as error:
        error = error.at(place.display)
        version = place.version_id or place.table_version
        if version and places[0].display == places[1].display:
            error.location = f"{place.display} (version {version})"
        raise


def _outline(session: Session, place: Location, path: str, cell: Cell | None) -> Outline:
    asked = OutlineRequest(path)
    found = session.answer_if_held(Outline, place, asked, partial(_outlined, asked=asked), cell=cell)
    if found is None:
        raise UsageError("objects of this format cannot be compared", location=place.display)
    return found


def _outlined(contents: Contents, asked: OutlineRequest) -> Outline | None:
    return contents.outline(asked) if isinstance(contents, Comparable) else None


def _side(place: Location, path: str, found: Outline) -> DiffSide:
    return DiffSide(
        location=found.location,
        key=found.key,
        etag=found.etag,
        path=path,
        format=found.format,
        version_id=place.version_id or UNSET,
        version=UNSET if found.table is UNSET or found.table.version is None else found.table.version,
        cached=found.cached,
    )


def _note(document: Diff, event: Event) -> None:
    if isinstance(event, Added):
        document.added.append(event.what)
    elif isinstance(event, Removed):
        document.removed.append(event.what)
    elif isinstance(event, Changed):
        document.changed.append(event)
    elif isinstance(event, Renamed):
        document.renamed.append(event)
    elif isinstance(event, NotCompared):
        document.not_compared.append(event)
