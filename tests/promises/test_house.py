"""The house: imports go down, each third party has one door, and no room is crowded."""

from __future__ import annotations

import ast
import logging
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.support import ROOT

PACKAGE = ROOT / "h5s3"
DOORS = {
    "typer": {"cli"},
    "rich": {"render"},
    "plotext": {"render"},
    "diskcache": {"cache"},
    "boto3": {"storage"},
    "botocore": {"storage"},
    "s3fs": {"storage"},
    "aiobotocore": {"storage"},
    "fsspec": {"storage"},
    "urllib3": {"storage"},
    "h5py": {"formats", "export", "demo", "api"},  # api: for a type alone
    "cftime": {"formats"},
    "matplotlib": {"render"},
    "textual": {"browse"},
    "textual_image": {"render"},
    "pyarrow": {"export", "formats"},
    "pyroaring": {"formats"},
    "fastavro": {"formats"},
    "hdf5plugin": {"formats", "demo"},
    "duckdb": {"explore"},
    "deflate": {"formats", "storage"},
    "zarr": {"formats", "export"},
    "icechunk": {"export"},
    "distributed": {"explore"},
    "numcodecs": {"formats", "export"},
    "msgspec": {"records", "cell", "formats", "decoders"},  # formats: documents of metadata
    "numpy": {"formats", "explore", "export", "render", "demo", "api"},  # api: for a type alone
    "xarray": {"xarray_backend"},
    "h5netcdf": {"xarray_backend"},
    "dotenv": {"settings"},
    "platformdirs": {"settings"},
}  # fmt: skip
NAMED = {
    "dotenv": "python-dotenv",
    "botocore": "boto3",
    "fsspec": "s3fs",
    "aiobotocore": "s3fs",
    "textual_image": "textual-image",
}  # who brings a module
LONGEST = 450  # lines of a module
FILES = 15  # Python files of a folder
MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def imports(path: Path) -> set[str]:
    """Every module that a file imports, at the top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            if node.module == "h5s3":
                found |= {f"h5s3.{alias.name}" for alias in node.names}
    return found


def floor(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def test_imports_go_down_and_not_in_circles(capsys: pytest.CaptureFixture[str]) -> None:
    """The contracts of .importlinter."""
    failed = lint_imports(str(ROOT / ".importlinter"), no_cache=True, no_logo=True)
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # import-linter sets logging up for itself alone
    assert not failed, capsys.readouterr().out


def test_one_door_per_third_party() -> None:
    for path in MODULES:
        for top in {name.split(".")[0] for name in imports(path)}:
            if top not in sys.stdlib_module_names and top not in ("h5s3", "__future__"):
                assert floor(path) in DOORS[top], f"{path} imports {top}"


def test_every_dependency_is_used_and_none_is_missing() -> None:
    import tomllib

    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = (
        project["dependencies"]
        + extras["catalog"]
        + extras["browse"]
        + extras["image"]
        + extras["plot"]
        + extras["parquet"]
        + extras["tables"]
        + extras["xarray"]
        + extras["zarr"]
        + extras["icechunk"]
        + extras["dask"]
    )
    declared = {item.split(">")[0] for item in needed}
    assert all(">=" in item for item in needed), "a dependency without a lower bound"
    used = {name.split(".")[0] for path in MODULES for name in imports(path)}
    assert {NAMED.get(name, name) for name in DOORS if name in used} == declared
    assert set(DOORS) <= used, "a door that nobody goes through"


def test_modules_are_small() -> None:
    assert not {str(path): n for path in MODULES if (n := len(path.read_text().splitlines())) > LONGEST}


def test_folders_are_not_crowded() -> None:
    files = [*MODULES, *(ROOT / "tests").rglob("*.py")]
    counts = Counter(str(path.parent.relative_to(ROOT)) for path in files)
    assert not {folder: n for folder, n in counts.items() if n > FILES}


def test_only_cli_and_render_print_or_exit() -> None:
    for path in MODULES:
        if floor(path) in ("cli", "render", "__main__"):
            continue
        tree = ast.parse(path.read_text())
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not names & {"print", "exit", "quit"}, path
        assert not attributes & {"sys.exit", "sys.argv", "sys.stdout", "sys.stderr"}, path
