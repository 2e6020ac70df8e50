"""The state of the cache for people."""

from __future__ import annotations

from h5s3.records import UNSET, CacheFinding, CacheInfo, CacheVerify
from h5s3.render.console import show
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

RESULTS = {
    "sound": "nothing is wrong",
    "mended": "all that was wrong is mended",
    "damaged": "something is wrong",
}


def show_cache(info: CacheInfo) -> None:
    """Where it is, what it holds, how large it may become."""
    lines = [
        f"path     {safe(info.path, 1000)}",
        f"entries  {info.entries:,} ({info.blocks:,} blocks, {info.answers:,} answers)",
        f"size     {size_text(info.bytes)} of at most {size_text(info.limit)}",
    ]
    if info.problem:
        lines.append(f"problem  {safe(info.problem)}")
    show(lines)


def show_verified(found: CacheVerify) -> None:
    """What was checked, a line for each kind of damage, and how it stands now."""
    lines = [f"path     {safe(found.path, 1000)}"]
    if found.exists:
        lines.append(f"checked  {plural(found.entries, 'entry', 'entries')}, {size_text(found.bytes)}")
    else:
        lines.append("checked  nothing: it is not there yet")
    lines += [_finding(finding) for finding in found.findings]
    if found.other_files:
        lines.append(f"others   {plural(found.other_files, 'file')} that the cache did not make: left alone")
    lines.append(f"result   {RESULTS[found.status]}")
    if found.status == "damaged" and found.dry_run:
        lines[-1] += ", and was left so (--dry-run)"
    show(lines)


def _finding(finding: CacheFinding) -> str:
    count = f"{finding.count:,} " if finding.what == "entries" else ""
    line = f"{'mended ' if finding.mended else 'damaged'}  {count}{safe(finding.detail, 1000)}"
    return line if finding.remedy is UNSET else f"{line}; {safe(finding.remedy, 1000)}"
