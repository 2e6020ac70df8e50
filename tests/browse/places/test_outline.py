"""The rows of the tree: what is opened, filtered, added by pages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from h5s3.browse.look import Look
from h5s3.browse.places.children import Page
from h5s3.browse.places.items import Item, parent_of
from h5s3.browse.places.outline import Outline
from h5s3.browse.places.rows import Row
from h5s3.records import DatasetNode, ExternalLinkNode, GroupNode
from h5s3.render.screen.rows import row_line
from h5s3.storage.location import Location, parse_location

PLACE = Location("s3", "run/scan.h5", "lab")


def item(name: str, children: int = 0, above: str = "") -> Item:
    path = f"{above}/{name}"
    if children:
        return Item("node", name, PLACE, path, node=GroupNode(name=name, path=path, num_children=children))
    node = DatasetNode(name=name, path=path, shape=[2], dtype="int8", size=2, ndim=1, nbytes=2)
    return Item("node", name, PLACE, path, node=node)


def names(outline: Outline) -> list[str]:
    return [row.note or row.item.name for row in outline.shown]


def opened(outline: Outline, row: Row, items: Sequence[Item], more: bool = False) -> None:
    assert outline.begin(row) is not None
    outline.add(row, Page(items, more))


def test_rows_are_added_page_by_page_below_what_is_open() -> None:
    outline = Outline(Item("file", "scan.h5", PLACE))
    opened(outline, outline.top, [item("a", 2), item("b")], more=True)
    assert names(outline) == ["scan.h5", "a", "b", "… more"]
    opened(outline, outline.top.rows[0], [item("x", above="/a")])
    outline.add(outline.top, Page([item("c"), item("d", 1)]))
    assert names(outline) == ["scan.h5", "a", "x", "b", "c", "d"]
    opened(outline, outline.top.rows[3], [item("y", above="/d")])
    assert names(outline)[-2:] == ["d", "y"]
    outline.close(outline.top.rows[0])
    assert names(outline) == ["scan.h5", "a", "b", "c", "d", "y"]
    assert outline.begin(outline.top.rows[0]) is None and "x" in names(outline)  # nothing is asked twice


def test_a_page_behind_an_open_row_stands_behind_all_that_is_below_it() -> None:
    outline = Outline(Item("file", "scan.h5", PLACE))
    opened(outline, outline.top, [item("a", 2)], more=True)
    opened(outline, outline.top.rows[0], [item("x", 1, "/a")])
    opened(outline, outline.top.rows[0].rows[0], [item("deep", above="/a/x")])
    outline.add(outline.top, Page([item("b")]))
    assert names(outline) == ["scan.h5", "a", "x", "deep", "b"]


def test_a_failure_is_a_line_and_can_be_tried_again() -> None:
    outline = Outline(Item("file", "scan.h5", PLACE))
    assert outline.begin(outline.top) is not None
    outline.fail(outline.top, "no network")
    assert names(outline) == ["scan.h5", "no network"]
    outline.close(outline.top)
    assert outline.begin(outline.top) is not None
    outline.add(outline.top, Page([]))
    assert names(outline) == ["scan.h5", "(empty)"]


def test_a_filter_shows_names_and_what_holds_them() -> None:
    outline = Outline(Item("file", "scan.h5", PLACE))
    opened(outline, outline.top, [item("entry", 2), item("other")])
    opened(outline, outline.top.rows[0], [item("Counts", above="/entry"), item("time", above="/entry")])
    outline.close(outline.top.rows[0])
    outline.filter = "count"
    outline.refresh()
    assert names(outline) == ["scan.h5", "entry", "Counts"]
    outline.filter = ""
    outline.refresh()
    assert names(outline) == ["scan.h5", "entry", "other"]


@pytest.mark.parametrize(("width", "shown"), [
    (40, "  far  → calibration.h5:/entry/gain"), (20, "  far  → calibratio…"), (10, "  far  →"), (7, "  far"),
])  # fmt: skip
def test_a_link_is_known_by_its_arrow_where_there_is_little_room(width: int, shown: str) -> None:
    symbols = Look("", True).symbols
    target = "calibration.h5:/entry/gain"
    file, _, path = target.partition(":")
    link = ExternalLinkNode(name="far", path="/far", target=target, target_file=file, target_path=path)
    line = row_line("far", "external_link", 0, "  ", link, width, symbols)
    assert "".join(text for text, _ in line) == shown


def test_what_holds_a_place() -> None:
    def up(place: str, path: str = "/") -> list[str]:
        found: list[str] = []
        location = parse_location(place)
        above = parent_of(Item("node" if path != "/" else "prefix", "", location, path))
        while above is not None and len(found) < 9:
            found.append(above.location.display + (above.path if above.kind == "node" else ""))
            above = parent_of(above)
        return found

    assert up("s3://lab/run/scan.h5", "/a/b") == [
        "s3://lab/run/scan.h5/a", "s3://lab/run/scan.h5", "s3://lab/run/", "s3://lab/", "s3://",
    ]  # fmt: skip
    assert up("/data/x/y.h5")[:2] == ["/data/x", "/data"]
    assert up("https://host/y.h5") == []
