"""The receipt of `--stats`: what a command cost, on standard error."""

from __future__ import annotations

from typing import Any

from h5s3.render.console import stderr
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text


def show_receipt(receipt: dict[str, Any], problem: str | None) -> None:
    """One line: requests by method, bytes, rounds, cache hits, seconds waiting and computing."""
    stderr().print(receipt_line(receipt, problem), style="faint", soft_wrap=True)


def receipt_line(receipt: dict[str, Any], problem: str | None) -> str:
    """The text of the receipt."""
    methods = ", ".join(f"{count} {name}" for name, count in sorted(receipt["by_method"].items()))
    parts = [
        plural(receipt["requests"], "request") + (f" ({methods})" if methods else ""),
        f"{size_text(receipt['bytes'])} ({receipt['bytes']} bytes)",
        plural(receipt["rounds"], "round"),
        plural(receipt["cache_hits"], "cache hit"),
    ]
    if receipt["retries"]:
        parts.append(plural(receipt["retries"], "retry", "retries"))
    parts.append(
        f"{receipt['seconds_waiting']:.3f} s waiting, {receipt['seconds_computing']:.3f} s computing"
    )
    if problem:
        parts.append(f"the cache {safe(problem)}")
    return "stats: " + " · ".join(parts)
