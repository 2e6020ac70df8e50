"""The state of the cache for people."""

from __future__ import annotations

from h5s3.records import CacheInfo
from h5s3.render.console import show
from h5s3.render.text import safe, size


def show_cache(info: CacheInfo) -> None:
    """Where it is, what it holds, how large it may become."""
    lines = [
        f"path     {safe(info.path, 1000)}",
        f"entries  {info.entries:,} ({info.blocks:,} blocks, {info.answers:,} answers)",
        f"size     {size(info.bytes)} of at most {size(info.limit)}",
    ]
    if info.problem:
        lines.append(f"problem  {safe(info.problem)}")
    show(lines)
