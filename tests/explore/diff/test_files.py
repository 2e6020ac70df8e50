"""What differs of the files of two versions of a table."""

from __future__ import annotations

from h5s3.explore.diff.compare import Comparison, Side
from h5s3.explore.diff.files import table_diff
from h5s3.explore.diff.renamed import renamed_columns
from h5s3.records import (
    UNSET,
    Changed,
    Outline,
    OutlinedDataset,
    OutlinedFile,
    OutlinedObject,
    OutlinedTable,
    OutlinedType,
    Renamed,
    TypeInfo,
    UnsetType,
)
from h5s3.render.console import Symbols
from h5s3.render.tables.diff import table_diff_lines

SYMBOLS = Symbols("├── ", "└── ", "│   ", "→", " × ")


def outline(
    files: list[OutlinedFile] | UnsetType, *columns: OutlinedObject, rows: int | None = 10, count: int = 2
) -> Outline:
    """A version of a table."""
    return Outline(
        location="t", key="t", etag=None, format="delta",
        objects=[OutlinedObject(path="/", kind="group"), *columns],
        types=[OutlinedType(words="int64", info=TypeInfo(class_="integer"))],
        table=OutlinedTable(version="1", time=None, rows=rows, num_files=count, bytes=100, files=files),
    )  # fmt: skip


def column(path: str, number: str) -> OutlinedObject:
    """A column with an id."""
    return OutlinedObject(path=path, kind="dataset", dataset=OutlinedDataset(layout="columns"), column=number)


A = [OutlinedFile(path="one", size=10, rows=5), OutlinedFile(path="two", size=20, rows=5)]
B = [OutlinedFile(path="one", size=10, rows=3), OutlinedFile(path="\x1b[31m", size=30, rows=7)]


def test_files_that_came_and_went_and_rows_of_those_that_stayed() -> None:
    found = table_diff(outline(A), outline(B))
    assert found is not UNSET and not found.same
    assert found.added is not UNSET and found.removed is not UNSET
    assert (found.added.count, found.added.rows, found.added.bytes) == (1, 7, 30)
    assert found.removed.files == ["two"]
    assert (found.num_kept, found.rows_deleted, found.rows_restored) == (1, 2, 0)
    lines = ["".join(text for text, _ in line) for line in table_diff_lines(found, SYMBOLS)]
    assert lines == [
        "~ data",
        "  + 1 file: 7 rows, 30 B",
        r"      \x1b[31m",
        "  - 1 file: 5 rows, 20 B",
        "      two",
        "    1 file in both; 2 rows deleted in them",
    ]


def test_the_same_files_are_the_same() -> None:
    found = table_diff(outline(A), outline(list(reversed(A))))
    assert found is not UNSET and found.same


def test_a_file_of_another_size_is_another_file() -> None:
    found = table_diff(outline(A), outline([A[0], OutlinedFile(path="two", size=21, rows=5)]))
    assert found is not UNSET and not found.same and found.num_kept == 1


def test_rows_that_only_the_data_tells_are_not_guessed() -> None:
    found = table_diff(outline(A), outline([A[0], OutlinedFile(path="two", size=20, rows=None)]))
    assert found is not UNSET and not found.same and found.rows_deleted is None
    text = table_diff_lines(found, SYMBOLS)[-1][0][0]
    assert "only the data tells" in text


def test_where_there_are_too_many_files_totals_are_compared() -> None:
    same, other = (
        table_diff(outline(UNSET), outline(UNSET)),
        table_diff(outline(UNSET), outline(UNSET, rows=11)),
    )
    assert same is not UNSET and same.same and same.added is UNSET
    assert other is not UNSET and not other.same


def test_columns_are_known_again_by_their_ids() -> None:
    a, b = (
        outline(A, column("/old", "1"), column("/x", "2")),
        outline(A, column("/new", "1"), column("/y", "3")),
    )
    comparison = Comparison(Side(a, "/"), Side(b, "/"))
    comparison.renamed = renamed_columns(comparison)
    events = [event for _, event in comparison.events()]
    assert [(one.a, one.b) for one in events if isinstance(one, Renamed)] == [("/old", "/new")]
    assert len(events) == 3


def test_a_renamed_column_has_its_place_in_the_order() -> None:
    for names, moved in ((("/new", "/x"), False), (("/x", "/new"), True)):
        ids = {"/new": "1", "/x": "2"}
        a = outline(A, column("/old", "1"), column("/x", "2"))
        b = outline(A, *(column(name, ids[name]) for name in names))
        comparison = Comparison(Side(a, "/"), Side(b, "/"))
        comparison.renamed = renamed_columns(comparison)
        changes = [event for _, event in comparison.events() if isinstance(event, Changed)]
        assert [one.field for one in changes] == ["column_order"] * moved


def test_ids_of_another_table_say_nothing() -> None:
    a, b = outline(A, column("/old", "1")), outline(A, column("/new", "1"))
    b.location = "elsewhere"
    assert renamed_columns(Comparison(Side(a, "/"), Side(b, "/"))) == {}
    for one in (a, b):
        assert one.table is not UNSET
        one.table.id = "the same"
    assert renamed_columns(Comparison(Side(a, "/"), Side(b, "/"))) == {("old",): ("new",)}
