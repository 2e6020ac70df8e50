"""Names in a whole file, or in all files of a prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from h5s3.browse.places.items import Item
from h5s3.errors import StoppedError
from h5s3.explore.find.conditions import Conditions
from h5s3.explore.find.find import FindRequest, Search
from h5s3.explore.find.looking import Found
from h5s3.explore.session import Session
from h5s3.storage.location import Location, parse_location

MOST = 5_000  # matches that are shown


def look_for(
    session: Session,
    item: Item,
    text: str,
    take: Callable[[list[Item]], object],
    stopped: Callable[[], bool],
    tell: Callable[[str], object],
) -> str:
    """Give `take` what is called so (a glob, or a part of a name) in the file of an item, or in all files
    below it; words about the search. `tell` takes how far it is.

    Raises what a listing raises, and `UsageError` for what cannot be looked through.
    """
    glob = text if any(mark in text for mark in "*?[") else f"*{text}*"
    looked = 0

    def more(count: int) -> None:
        nonlocal looked
        looked += count
        if item.inside:
            tell(f"{looked:,} looked at")

    def files(done: int, of: int) -> None:
        if stopped():
            raise StoppedError("nobody waits for it")
        if not item.inside:
            tell(f"{done:,} of {of:,} files")

    asked = FindRequest(conditions=Conditions(name=glob))
    search = Search(session, [item.location], asked, files, looked=more)
    known: dict[str, Location] = {item.location.display: item.location}
    count = 0
    for batch in search:
        if stopped():
            break
        found = batch.matches
        count += len(found)
        if found:
            take(list(_items(found[: MOST - count + len(found)], known, item)))
        if count >= MOST:
            return f"the first {MOST:,}; there are more"
    failed = f", {search.files.failed:,} could not be read" if search.files.failed else ""
    searched = search.files.searched
    all_ = "that is all" if count else "among groups, datasets and links, not fields"
    return all_ + (f", in {searched:,} files{failed}" if not item.inside else failed)


def _place(text: str, top: Item) -> Location:
    return Location("local", text) if top.location.kind == "local" else parse_location(text)


def _items(found: Iterable[Found], known: dict[str, Location], top: Item) -> Iterable[Item]:
    for one in found:
        place = known.setdefault(one.location, _place(one.location, top))
        name = one.path if top.inside else f"{place.name}{one.path}"
        yield Item("node", name, place, one.path, node=one)  # type: ignore[arg-type]
