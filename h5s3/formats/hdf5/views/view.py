"""What views share: how they are asked, and how things become items of a record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from h5s3.formats.hdf5.data.small_values import SmallValue
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found
from h5s3.formats.hdf5.views.survey import Plan, Thing
from h5s3.formats.names import names_of, text_of
from h5s3.records import UNSET, Convention, Item


@dataclass
class Asked:
    """A group to be viewed: as it was found and as it was surveyed, and the limit of lists."""

    file: OpenFile
    found: Found
    top: Thing
    limit: int
    root: Thing | None = None  # of the file, where the plan wants all of it
    notes: list[str] = field(default_factory=list)

    def cut(self, items: Sequence[Item], total: int = 0) -> dict[str, Any]:
        """The fields `items` and `num_items` for a list of which not all may be shown."""
        total = max(total, len(items))
        shown = list(items[: self.limit] if self.limit else items)
        return {"items": shown, "num_items": total if total > len(shown) else UNSET}


@dataclass(frozen=True)
class View:
    """One convention: its word, its name, what it looks at, and how it is read."""

    word: str
    name: str
    plan: Callable[[int | None], Plan]  # of the levels that were asked for (0: all; None: as it sees fit)
    read: Callable[[Asked], Convention | None]  # None where the group does not follow it


def item(kind: str, thing: Thing, **more: Any) -> Item:
    """An item about an object of the file."""
    if thing.reason and thing.kind in ("group", "dataset"):
        more["facts"] = {**more.get("facts", {}), "unreadable": thing.reason}
    if thing.facts is not None and thing.facts.size > 1:
        more.setdefault("nbytes", bytes_of(thing))
    return Item(kind=kind, **names_of(thing.name), path=text_of(thing.path), **more)


def everything(top: Thing) -> list[Thing]:
    """A thing with all that is below it, parents first."""
    found = [top]
    for thing in found:
        found += thing.children.values()
    return found


def group_item(asked: Asked, group: Thing, items: Sequence[Item], hidden: int = 0, **more: Any) -> Item:
    """The item of a group with what is in it, but for so many hidden ones; of one that was not walked into,
    how much that is."""
    if not group.walked:
        return item("group", group, items=[], num_items=group.total or UNSET, **more)
    return item("group", group, **asked.cut(items, group.total - hidden), **more)


def link_item(thing: Thing) -> Item:
    """A link that is not followed, another name of what was met before, or what cannot be opened."""
    if thing.alias is not None:
        return item("alias", thing, target=text_of(thing.alias))
    if thing.kind == "unresolved" or thing.link is None:
        return item("unresolved", thing, facts={"unreadable": thing.reason})
    target, file = text_of(thing.link.target), text_of(thing.link.target_file)
    return item("link", thing, target=f"{file}:{target}" if file else target)


def bytes_of(*things: Thing | None) -> int | Any:
    """Bytes of the values of datasets together; not of those that point elsewhere, such as texts."""
    known = [one.facts for one in things if one is not None and one.facts is not None]
    return sum(facts.nbytes for facts in known if not facts.type_has_pointers) or UNSET


def valued(found: SmallValue | None) -> dict[str, Any]:
    """The field `value` of an item."""
    return {} if found is None else {"value": found.value}


def levels_of(asked: int | None, usual: int, most: int) -> int:
    """How many levels to walk: what was asked for (0: all), or what is usual."""
    return usual if asked is None else asked or most
