"""Listings as text: the fast way, for pipes, prints what the other prints."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h5s3.records import UNSET, Arriving, Entry
from h5s3.render import ls
from h5s3.render.columns import Widths
from tests.support import examples

DATES = st.sampled_from([None, "2026-03-01T12:34:56+00:00", "2026-03-01T12:34:56.123456+02:00", "x" * 50])
KEYS = st.text() | st.text("ab/ \x1b", min_size=1) | st.sampled_from(["a.h5", "c d ", "f" * 3000])
OBJECTS = st.builds(
    Entry,
    key=KEYS,
    type=st.just("object"),
    size=st.integers(0, 10**15) | st.none(),
    last_modified=DATES,
    etag=st.just("e" * 32),
    storage_class=st.sampled_from([UNSET, "STANDARD"]),
    version_id=st.sampled_from([UNSET, UNSET, UNSET, "v1"]),
)
PLAIN = st.builds(Entry, key=st.text("abc/"), type=st.just("object"), size=st.integers(0, 10**15))
PREFIXES = st.builds(Entry, key=KEYS, type=st.sampled_from(["prefix", "bucket"]))
PAGES = st.lists(
    st.one_of(st.lists(PLAIN, max_size=4), st.lists(OBJECTS | PREFIXES | PLAIN, max_size=4)), max_size=4
)


def shown(pages: list[list[Entry]], long: bool, capsys: pytest.CaptureFixture[str]) -> str:
    ls.show_listing(Arriving("s3://b/", pages), long)
    return capsys.readouterr().out


@settings(max_examples=examples(300), deadline=None)
@given(PAGES, st.booleans(), st.sampled_from(["", "30", "60"]))
def test_the_fast_way_prints_what_the_other_prints(
    pages: list[list[Entry]], long: bool, columns: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", columns)
        widths, other = Widths(5), Widths(5)
        console = ls.stdout()
        for page in pages:
            with console.capture():
                pass
            fast = ls.plain_lines(page, long, widths)
            lines = ls.page_lines(page, long, console.width, other)
            slow = "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)
            if fast is None:
                widths.columns, widths.first = [*other.columns], other.first
            else:
                assert fast == slow
            assert (widths.columns, widths.first) == (other.columns, other.first)


def test_columns_only_grow(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = [[10], [2_500_000, 1], [10]]
    pages = [[Entry(key="k", type="object", size=size) for size in page] for page in sizes]
    *lines, total = shown(pages, False, capsys).splitlines()
    assert lines == ["  10 B  k", "  2.5 MB  k", "     1 B  k", "    10 B  k"]
    assert total == "4 objects, 2.5 MB"


def test_what_is_listed_is_counted_over_all_pages(capsys: pytest.CaptureFixture[str]) -> None:
    page = [Entry(key="a/", type="prefix"), Entry(key="b", type="object", size=5)]
    assert shown([page, page], False, capsys).splitlines()[-1] == "2 objects, 10 B, 2 prefixes"
    assert shown([], False, capsys) == "0 objects\n"
    assert shown([[], page[:1]], False, capsys).splitlines() == ["  PREFIX  a/", "1 prefix"]
