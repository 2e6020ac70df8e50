"""The partitions of a table, for people: in place of its columns, by `tree` and by `du`."""

from __future__ import annotations

from collections.abc import Iterator

from h5s3.records import UNSET, DiskUsage, Tree
from h5s3.render.columns import Line
from h5s3.render.tables.lists import partition_lines
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text


def partitioned_lines(tree: Tree) -> Iterator[Line]:
    """A heading, and a line for each partition, in the order of their values."""
    found = [] if tree.partitions is UNSET else tree.partitions
    count = len(found) if tree.num_partitions is UNSET else tree.num_partitions
    yield [(safe(tree.location, 1000), "key"), (f"  ({plural(count, 'partition')})", "faint")]
    yield from partition_lines(found, count)


def partition_usage_lines(found: DiskUsage, exact: bool) -> Iterator[Line]:
    """The same with the bytes of all in the heading, and the share of each."""
    shown = [] if found.partitions is UNSET else found.partitions
    count = len(shown) if found.num_partitions is UNSET else found.num_partitions
    size = f"{found.size} bytes" if exact else size_text(found.size)
    files = "" if found.objects is UNSET else f", {plural(found.objects, 'file')}"
    words = f"  {size}  ({plural(count, 'partition')}{files})"
    yield [(safe(found.location, 1000), "key"), (words, "faint")]
    yield from partition_lines(shown, count, exact=exact, whole=found.size)
