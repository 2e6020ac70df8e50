"""Asking again: what failed, what a prefix holds, and whether a file is another one by now."""

from __future__ import annotations

from h5s3.browse.frame import Frame
from h5s3.browse.lanes import Question
from h5s3.browse.places.items import Item
from h5s3.errors import H5s3Error
from h5s3.explore.session import Session


def ask_again(frame: Frame) -> None:
    """Ask once more what is in the pane and what is missing below the row, with the credentials that there
    are now; list a place in the storage anew."""
    frame.lanes.renew()
    item = frame.item
    if not item.inside:
        frame.pins.list_again(item.location)
        return _missing(frame)

    def work(session: Session) -> bool:
        return frame.pins.renew(session, item.location)

    def done(changed: bool) -> None:
        if changed:
            _reopen(frame, item)
        elif frame.item.key == item.key:
            _missing(frame)

    def failed(error: H5s3Error) -> None:
        if frame.item.key == item.key:
            frame.side.fail(error)

    what = f"whether {item.location.name} changed"
    frame.lanes.drop("pane")
    frame.lanes.ask(Question("again", what, work, done, failed, verb="asking"))


def _missing(frame: Frame) -> None:
    row = frame.tree_view.row
    if row.note and row.parent is not None:
        frame.fetch_again(row.parent)
    elif row.failed:
        frame.fetch_again(row)
    elif not row.item.inside and row.fetched:
        was_open = row.state == "open"
        frame.outline.forget(row)
        frame.tree_view.keep_at(row)
        if was_open:
            frame.open(row)
    frame.side.again()


def _reopen(frame: Frame, item: Item) -> None:
    """Show another object that has come in the place of the one before: nothing of that is kept."""
    location, row = item.location, frame.tree_view.row
    frame.keep_tab()
    while row.parent is not None and row.parent.item.inside and row.parent.item.location == location:
        row = row.parent
    row.ahead, was_open = None, row.state != "closed"
    for outline, _ in frame.tabs:
        found = outline.reset(location)
        if found is not None:
            frame.lanes.drop(f"tree {id(found)}")
    frame.tabs = [(outline, min(cursor, len(outline.shown) - 1)) for outline, cursor in frame.tabs]
    frame.side.views = {key: view for key, view in frame.side.views.items() if _place(key) != location}
    frame.tree_view.keep_at(row)
    frame.side.again()
    frame.reveal(item)
    if was_open and row.state == "closed":
        frame.open(row)


def _place(key: object) -> object:
    return key[0] if isinstance(key, tuple) else None
