"""What `convert` prints: its result, and what has no counterpart."""

from __future__ import annotations

from collections.abc import Sequence

from h5s3.records import UNSET, Convert, ConvertMany, NotConverted
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

MOST_SHOWN = 20  # things that are named


def result_lines(found: Convert) -> list[str]:
    """What is there now."""
    chunks = [
        (found.chunks_copied, "copied as stored"),
        (found.chunks_encoded, "decoded and encoded"),
        (found.chunks_kept, "there from before"),
    ]
    told = ", ".join(f"{count:,} {what}" for count, what in chunks if count) or "none"
    empty = f", {found.chunks_empty:,} empty" if found.chunks_empty is not UNSET else ""
    below = f"{plural(found.num_groups, 'group')}, " if found.num_groups else ""
    levels = f", {found.num_overviews:,} with overviews" if found.num_overviews is not UNSET else ""
    arrays = plural(found.num_arrays, "array")
    compared = f", {found.verified:,} values verified" if found.verified is not UNSET else ""
    return [
        f"{safe(found.output)}: Zarr v{found.zarr_format}, {below}{arrays}{levels},"
        f" {size_text(found.written)} written{compared}",
        f"  chunks: {told}{empty}",
    ]


def many_lines(found: ConvertMany) -> list[str]:
    """The sum of it, once each store was told of."""
    lines = [f"{safe(one.location)}: {safe(one.error, 300)}" for one in found.failures]
    kept = f", {len(found.kept):,} there from before" if found.kept else ""
    return [*lines, f"{safe(found.output)}: {plural(len(found.stores), 'store')} written{kept}"]


def lost_lines(lost: Sequence[NotConverted], heading: str) -> list[str]:
    """What is not in the store, or there in another form; the first things of many."""
    lines = [f"{heading}:"] if lost else []
    lines += [f"  {safe(item.path)}: {safe(item.reason, 200)}" for item in lost[:MOST_SHOWN]]
    if len(lost) > MOST_SHOWN:
        lines.append(f"  … and {len(lost) - MOST_SHOWN:,} more (--json names all)")
    return lines
