"""Where the children of an item come from: page by page, or, of a large group, its names all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from h5s3.browse.places.items import Item, of_entry
from h5s3.browse.places.members import Packing, Part
from h5s3.explore.ls import arriving
from h5s3.explore.questions import Question
from h5s3.explore.session import Session
from h5s3.explore.tree import child_names, tree
from h5s3.formats.requests import TreeRequest
from h5s3.records import UNSET, Arriving, Entry, TreeNode

PAGE = 1000  # children that are fetched together
MOST_LISTED = 1_000_000  # entries of one prefix


@dataclass
class Page:
    """Some children of an item, and whether there are more. `names`: those of all, in place of what came
    before. `cut`: what is not told, in words. `itself`: what the item turned out to be, that has none."""

    items: Sequence[Item]
    more: bool = False
    names: tuple[list[Part], int] | None = None
    cut: str = ""
    itself: TreeNode | None = None


class Children:
    """The children of one item, page by page, to be asked for by one thread at a time.

    Of a file or a group the first page comes by itself. Where there are more, all names come with the second:
    whoever lists a group from its beginning for every page reads it many times over.
    """

    def __init__(self, item: Item) -> None:
        self._item = item
        self._given = 0
        self._first: Sequence[TreeNode] = ()
        self._pages: Iterator[Sequence[Entry]] | None = None
        self._ahead: Sequence[Entry] | None = None
        self._listing: Arriving | None = None

    def next(self, session: Session) -> Page:
        """The next page. Raises what a listing or a tree raises; asked again, it goes on where it was."""
        if not self._item.inside:
            return self._entries(session)
        return (self._names(session) if self._given else None) or self._nodes(session)

    def _names(self, session: Session) -> Page | None:
        names = Packing()
        total = child_names(session, self._item.location, self._item.path, names.take, names.begin)
        if total is None:
            return None
        parts, told = names.parts(), names.count
        cut = f"only the first {told:,} of {total:,}" if told < total else ""
        return Page((), names=(parts, told), cut=cut)

    def _nodes(self, session: Session) -> Page:
        asked = TreeRequest(self._item.path, limit=PAGE, first=self._given)
        found = tree(session, self._item.location, asked)
        children = found.children if self._given == 0 or found.children[:1] != self._first else []
        if self._given == 0:
            self._first = children[:1]
        self._given += len(children)
        items = [self._item.named(one) for one in children]
        itself = None if found.node is UNSET or items else found.node
        return Page(items, bool(children) and self._given < found.num_children, itself=itself)

    def _entries(self, session: Session) -> Page:
        if self._pages is None:
            question = Question(uris=True, formats=True, limit=MOST_LISTED)
            self._listing = arriving(session, self._item.location, question)
            self._pages = _after(self._given, self._listing.pages)
            self._ahead = None
        try:
            now = self._ahead if self._ahead is not None else next(self._pages, ())
            self._ahead = next(self._pages, ()) if now else ()
        except BaseException:
            self._pages = None  # it begins anew, where it was not shown yet
            raise
        cut = self._listing is not None and self._listing.truncated and not self._ahead
        self._given += len(now)
        items = [of_entry(self._item.location, one) for one in now]
        return Page(items, bool(self._ahead), cut=f"only the first {MOST_LISTED:,}" if cut else "")


def _after(skipped: int, pages: Iterable[Sequence[Entry]]) -> Iterator[Sequence[Entry]]:
    """Pages without the first entries, which are here already."""
    for page in pages:
        rest = page[skipped:]
        skipped = max(0, skipped - len(page))
        if rest:
            yield rest
