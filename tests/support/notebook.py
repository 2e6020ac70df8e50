"""The notebook among the examples: run, and written with what it showed.

`python -m tests.support.notebook` renews it; that takes pandas, and what the extra `xarray` brings:
`uv run --extra xarray --with pandas python -m tests.support.notebook`.
"""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
from nbclient import NotebookClient

from h5s3.demo.samples import make_samples
from h5s3.demo.server import serve
from tests.support import ROOT

NOTEBOOK = ROOT / "examples" / "notebook.ipynb"
OPTIONAL = ("pandas", "xarray")  # packages that some cells need, which bear their names as tags


def stored() -> Any:
    """The notebook as it lies there."""
    return nbformat.read(NOTEBOOK, as_version=4)


def runnable(notebook: Any) -> list[Any]:
    """Its cells but for those that need a package that is not here."""
    missing = {name for name in OPTIONAL if find_spec(name) is None}
    return [cell for cell in notebook.cells if not missing & set(cell.metadata.get("tags", ()))]


def executed(notebook: Any, environment: dict[str, str]) -> Any:
    """The notebook run from its beginning, in a kernel of its own."""
    made = nbformat.from_dict({**notebook, "cells": runnable(notebook)})
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, environment):
        kept = {"IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder, "JUPYTER_PLATFORM_DIRS": "1"}
        with mock.patch.dict(os.environ, kept):
            NotebookClient(made, timeout=120, kernel_name="python3", record_timing=False).execute()
    return made


def main() -> None:
    """Run it on the files of the demo, and write it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_samples(root / "demo")
        with serve(root) as server:
            made = executed(stored(), {**server.env(), "H5S3_CACHE_DIR": str(root / "cache")})
    made.metadata.pop("language_info", None)
    nbformat.write(made, NOTEBOOK)


if __name__ == "__main__":
    main()
