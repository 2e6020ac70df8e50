"""Records as Python's own types, as a short text, and as HTML in notebooks."""

from __future__ import annotations

import builtins
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import h5s3
from h5s3.records import Document, Entry, GroupNode, Listing, Tree, to_json
from h5s3.render.html.html import MOST_NODES, MOST_ROWS

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\"'&<img src=x onerror=y>"
VOID = {"img"}
ALLOWED = {"div", "b", "ul", "li", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "img"}


class Checked(HTMLParser):
    """Fails on what is not balanced, on tags and attributes that are not ours; keeps the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        assert {name for name, _ in attrs} <= {"style", "alt", "src"}
        assert all(
            name != "src" or (value or "").startswith("data:image/png;base64,") for name, value in attrs
        )
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert data.replace("\xa0", " ").isprintable(), data
        self.text += data + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as made:
        made["image"] = np.arange(12.0).reshape(3, 4)
        made["image"].attrs["units"] = HOSTILE
        made["gap"] = [1.0, np.nan]
        made["group/inner"] = 1
        made[HOSTILE.replace("/", "|") + "/deep"] = [HOSTILE]
        made[HOSTILE.replace("/", "|")].attrs[HOSTILE] = HOSTILE
        made["soft"] = h5py.SoftLink(HOSTILE)
    return path


def documents(file: Path) -> list[Document]:
    return [
        h5s3.tree(file, depth=0, attributes=True, values=True),
        h5s3.ls(file.parent),
        h5s3.meta(file),
        h5s3.meta(file, "image"),
        h5s3.preview(file, "image"),
        h5s3.preview(file, "gap"),
        h5s3.preview(file, HOSTILE.replace("/", "|") + "/deep"),
        h5s3.du(file, depth=0),
        h5s3.get(file, "image", file.with_suffix(".npy"), overwrite=True),
        h5s3.doctor(file),
    ]


def html(record: Document) -> str:
    made = record._repr_html_()
    assert made is not None
    return made


def test_dictionaries_are_what_the_json_holds(file: Path) -> None:
    for one in documents(file):
        assert one.to_dict() == json.loads(to_json(one))
    found = h5s3.preview(file, "gap").to_dict()
    assert found["table"]["rows"] == [[1.0], [None]]
    assert "group" not in found
    assert h5s3.tree(file).children[1].to_dict()["type"] in ("dataset", "group")


def test_texts_are_short(file: Path) -> None:
    for one in [*documents(file), *h5s3.tree(file).children]:
        assert "UNSET" not in repr(one) and "\x1b" not in repr(one) and len(repr(one)) < 800
    text = repr(h5s3.preview(file, "image"))
    assert text.startswith("Preview(location=") and "shape=[3, 4]" in text and "stats=Stats(…)" in text
    assert "children=<5>" in repr(h5s3.tree(file))


@pytest.mark.slow
def test_html_is_whole_and_harmless(file: Path) -> None:
    for one in documents(file):
        made = Checked(html(one))
        assert str(file.parent) in made.text or isinstance(one, Listing)
    tree = html(h5s3.tree(file, depth=0, attributes=True))
    assert "<script" not in tree and "&lt;script&gt;" in tree
    assert Checked(tree).tags.count("details") == 3
    assert "inner" in tree and "soft" in tree


def test_previews_have_their_picture(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = h5s3.preview(file, "image")
    assert Checked(html(found)).tags.count("img") == 1
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    made = Checked(html(found))
    assert "img" not in made.tags and made.tags.count("table") == 2
    assert re.search(r"min\nmax\nmean", made.text)


def test_long_listings_and_trees_are_cut() -> None:
    entries = [Entry(key=f"key {number}", type="object", size=1) for number in range(MOST_ROWS + 5)]
    made = Checked(html(Listing(location="s3://bucket/", entries=entries)))
    assert made.tags.count("tr") == MOST_ROWS + 1 and "… 5 more" in made.text
    children: list[Any] = [
        GroupNode(name=f"{n}", path=f"/{n}", num_children=0) for n in range(MOST_NODES + 7)
    ]
    wide = Tree(location="x", key="x", etag=None, path="/", num_children=len(children), children=children)
    made = Checked(html(wide))
    assert made.tags.count("li") == MOST_NODES + 1 and "… 7 more" in made.text
    wide.children, wide.children_truncated = children[:3], True
    assert f"… {MOST_NODES + 4:,} more" in Checked(html(wide)).text


def test_deep_trees_do_not_end_in_recursion() -> None:
    node = GroupNode(name="end", path="/end", num_children=0)
    for _ in range(500):
        node = GroupNode(name="g", path="/g", num_children=1, children=[node])
    deep = Tree(location="x", key="x", etag=None, path="/", num_children=1, children=[node])
    assert 40 < Checked(html(deep)).tags.count("details") < 60
