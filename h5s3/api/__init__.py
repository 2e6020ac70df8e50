"""The questions for Python programs: each function opens a session, asks, and closes it.

A location is text as on the command line, a `Location`, or a path of this machine (`os.PathLike`). All
functions take the settings of the command line as keyword arguments, which `SettingsArgs` names, and raise
the errors of `h5s3.errors`.
"""

from __future__ import annotations

from typing import Any

from h5s3.api.common import FollowingArgs, SettingsArgs
from h5s3.api.many import catalog_build, catalog_check, catalog_query, diff, find
from h5s3.api.questions import bench, doctor, du, get, ls, meta, open, open_bytes, preview, tree
from h5s3.api.zarr import convert, refs
from h5s3.records.base import show_in_notebooks
from h5s3.storage.location import Location

__all__ = [
    "FollowingArgs", "Location", "SettingsArgs", "bench", "catalog_build", "catalog_check", "catalog_query",
    "convert", "diff", "doctor", "du", "find", "get", "ls", "meta", "open", "open_bytes", "preview", "refs",
    "tree",
]  # fmt: skip


def _html(record: Any) -> str:
    from h5s3.render.html.html import html_of

    return html_of(record)


show_in_notebooks(_html)
