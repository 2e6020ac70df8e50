"""What `refs` prints: a line for what was written, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from h5s3.records import UNSET, LeftOut, Refs, RefsCheck
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

MOST_NAMED = 10  # objects that are named; --json has all


def result_line(found: Refs) -> str:
    """What was written."""
    parts = [plural(found.num_arrays, "array")]
    if found.num_groups:
        parts.append(plural(found.num_groups, "group"))
    parts.append(f"{plural(found.num_chunks, 'chunk')} referred to")
    if found.num_inlined:
        parts.append(f"{found.num_inlined:,} inlined")
    files = f" of {plural(len(found.sources), 'file')}" if len(found.sources) > 1 else ""
    return f"{safe(found.output)}: {', '.join(parts)}{files}, {size_text(found.file_bytes)}"


def left_lines(found: Refs) -> Iterator[str]:
    """What references do not hold, and what of them is not quite as it is in the file."""
    yield from _lines("left out", found.left_out)
    yield from _lines("note", found.notes)


def _lines(word: str, items: Sequence[LeftOut]) -> Iterator[str]:
    """A line for each reason where there are many objects, else one for each object."""
    if len(items) <= MOST_NAMED:
        for item in items:
            yield f"{word}: {_name(item)}: {safe(item.reason)}"
        return
    first: dict[str, LeftOut] = {}
    for item in items:
        first.setdefault(item.reason, item)
    for reason, count in Counter(item.reason for item in items).most_common(MOST_NAMED):
        more = f" and {count - 1:,} more" if count > 1 else ""
        yield f"{word}: {_name(first[reason])}{more}: {safe(reason)}"
    if len(first) > MOST_NAMED:
        yield f"{word}: {len(first) - MOST_NAMED:,} other reasons; --json has all"


def _name(item: LeftOut) -> str:
    where = "" if item.location is UNSET else f"{safe(item.location, 1000)} "
    return f"{where}{safe(item.path, 200)}"


def check_lines(found: RefsCheck) -> Iterator[str]:
    """Whether references are what they were, and a line for each object that is another."""
    if found.fresh:
        yield f"{safe(found.output)}: fresh: {plural(found.num_sources, 'object')} as they were"
        return
    yield f"{safe(found.output)}: stale: {len(found.stale):,} of {plural(found.num_sources, 'object')}"
    for item in found.stale[:MOST_NAMED]:
        yield f"  {safe(item.location, 1000)}: {safe(item.reason)}"
    if len(found.stale) > MOST_NAMED:
        yield f"  and {len(found.stale) - MOST_NAMED:,} more; --json has all"
