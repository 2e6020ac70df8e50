"""The house: imports go down, and each third party has one door."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "h5s3"
LAYERS = [
    "__main__",
    "cli",
    "demo",
    "api",
    "render",
    "explore",
    "export",
    "formats",
    "storage",
    "cache",
    "records",
    "settings",
    "sizes",
    "errors",
    "guard",
]
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
    "pyarrow": {"export"},
    "hdf5plugin": {"formats", "demo"},
    "msgspec": {"records"},
    "numpy": {"formats", "explore", "export", "render", "demo"},
    "dotenv": {"settings"},
    "platformdirs": {"settings"},
}  # fmt: skip
NAMED = {
    "dotenv": "python-dotenv",
    "botocore": "boto3",
    "fsspec": "s3fs",
    "aiobotocore": "s3fs",
}  # who brings a module
MODULES = sorted(PACKAGE.rglob("*.py"))


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


def layer(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    if layer(path) == "__init__":
        return
    own = LAYERS.index(layer(path))
    for name in imports(path):
        if name.startswith("h5s3.") and name != "h5s3.__version__":
            below = name.split(".")[1]
            assert below in LAYERS, f"{path} imports {name}, which has no layer"
            assert LAYERS.index(below) >= own, f"{path} imports upwards: {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_door_per_third_party(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names and top not in ("h5s3", "__future__"):
            assert layer(path) in DOORS[top], f"{path} imports {top}"


def test_every_dependency_is_used_and_none_is_missing() -> None:
    import tomllib

    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + extras["plot"] + extras["parquet"]
    declared = {item.split(">")[0] for item in needed}
    assert all(">=" in item for item in needed), "a dependency without a lower bound"
    used = {name.split(".")[0] for path in MODULES for name in imports(path)}
    assert {NAMED.get(name, name) for name in DOORS if name in used} == declared
    assert set(DOORS) <= used, "a door that nobody goes through"


def test_modules_are_small() -> None:
    long = {str(path): n for path in MODULES if (n := len(path.read_text().splitlines())) > 300}
    assert not long


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_cli_and_render_print_or_exit(path: Path) -> None:
    if layer(path) in ("cli", "render", "__main__"):
        return
    tree = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & {"print", "exit", "quit"}, path
    assert not attributes & {"sys.exit", "sys.argv", "sys.stdout", "sys.stderr"}, path
