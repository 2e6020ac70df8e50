"""What `catalog` says."""

from __future__ import annotations

from h5s3.records import CatalogBuild
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

LONGEST_PATH = 1000


def progress_text(done: int, known: int, complete: bool, seconds: float) -> str:
    """How many files are done, how fast, and how long it will take from here on."""
    rate = done / seconds if seconds > 0 else 0.0
    text = f"{done:,} of {'' if complete else 'at least '}{known:,} files · {rate:,.0f}/s"
    if rate and known > done:
        text += f" · {duration((known - done) / rate)} left"
    return text


def duration(seconds: float) -> str:
    """A time as people say it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def build_lines(found: CatalogBuild) -> list[str]:
    """What a build did, and what the catalog has now."""
    done = [
        f"{count:,} {word}"
        for count, word in (
            (found.added, "new"),
            (found.changed, "read again"),
            (found.unchanged, "unchanged"),
            (found.vanished, "gone"),
        )
        if count
    ]
    failed = f", {found.failed:,} of them failed" if found.failed else ""
    lines = [
        f"{safe(found.output, LONGEST_PATH)}: {plural(found.files, 'file')} ({', '.join(done)}{failed}), "
        f"{size_text(found.size)} in {plural(found.parts, 'part')}, {duration(found.seconds)}"
    ]
    if found.other:
        lines.append(f"{plural(found.other, 'object')} of other kinds not looked into")
    return lines
