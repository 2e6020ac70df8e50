"""Every private name of another package that h5s3 uses: it exists, and does what h5s3 needs of it.

After an upgrade this fails first. The search at the end finds what is used and not listed.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import pkgutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

import h5s3
from h5s3.settings import Settings
from h5s3.storage.trace import Trace
from tests.support import ROOT

PUBLIC = {  # with an underscore, and documented
    "_replace", "_asdict", "_fields", "_exit",
}  # fmt: skip
DUNDERS = {"__mro__", "__bases__", "__globals__", "__code__", "__closure__"}  # steps into what is private
NOWHERE = "http://127.0.0.1:9"


def pools_of_a_client() -> None:
    """botocore reads whole answers into memory: its pools get our connections, which bound them."""
    from h5s3.storage.stores.s3_client import PAGE_POOLS, make_client, make_session

    settings = Settings(anon=True, endpoint_url=NOWHERE, region="us-east-1")
    sender = make_client(make_session(settings), settings, Trace())._endpoint.http_session
    for manager in (sender._manager, sender._get_proxy_manager(NOWHERE)):
        assert type(manager.connection_from_url(NOWHERE)) is PAGE_POOLS["http"]


def body_of_a_response() -> None:
    """The response of `http.client`, which urllib3 wraps: ours, which can shorten the wait for the end."""
    import urllib3

    body = io.BytesIO(b"")
    assert urllib3.HTTPResponse(body=body, preload_content=False)._fp is body  # type: ignore[comparison-overlap]


def options_in_a_url() -> None:
    """What fsspec takes out of a URL to open a file system with."""
    import fsspec

    kind = fsspec.get_filesystem_class("ftp")
    assert kind._get_kwargs_from_urls("ftp://user@host:2121/x")["host"] == "host"


def session_of_aiohttp() -> None:
    """Where aiobotocore takes the session from that we keep from following redirects."""
    from aiobotocore.httpsession import AIOHTTPSession

    assert inspect.iscoroutinefunction(AIOHTTPSession._get_session)
    assert list(inspect.signature(AIOHTTPSession._get_session).parameters) == ["self", "proxy_url"]
    assert "self._get_session(" in inspect.getsource(AIOHTTPSession.send)


def end_of_credentials() -> None:
    """When temporary credentials end."""
    from botocore.credentials import RefreshableCredentials

    end = datetime(2100, 1, 1, tzinfo=UTC)
    assert RefreshableCredentials("a", "b", "c", end, dict, "test")._expiry_time == end


def socket_of_a_connection() -> None:
    """How `http.client` opens sockets, and whether it tunnels."""
    connection = HTTPConnection("h5s3.invalid")
    asked: list[Any] = []

    def dial(*arguments: Any) -> Any:
        asked.append(arguments)
        raise OSError

    connection._create_connection = dial  # type: ignore[attr-defined]
    with pytest.raises(OSError):
        connection.connect()
    assert asked[0][0] == ("h5s3.invalid", 80)
    connection.set_tunnel("far.invalid", 443)
    assert connection._tunnel_host in ("far.invalid", b"far.invalid")  # type: ignore[attr-defined]


def functions_at_exit() -> None:
    """What was registered for the exit runs, without the exit."""
    program = (
        "import atexit, os; atexit.register(print, 'ran', flush=True); atexit._run_exitfuncs(); os._exit(0)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).stdout == b"ran\n"


def lock_of_h5py() -> None:
    """The lock under which h5py calls libhdf5: another thread's call waits for it."""
    from h5py import h5f
    from h5py._objects import phil

    done = threading.Event()
    with phil:
        threading.Thread(target=lambda: (h5f.get_obj_count(h5f.OBJ_ALL), done.set()), daemon=True).start()
        assert not done.wait(0.1)
    assert done.wait(10)


LISTED: dict[Callable[[], None], set[str]] = {
    pools_of_a_client: {"_endpoint", "_manager", "_pool_classes_by_scheme"},
    body_of_a_response: {"_fp"},
    options_in_a_url: {"_get_kwargs_from_urls"},
    session_of_aiohttp: {"_get_session"},
    end_of_credentials: {"_expiry_time"},
    socket_of_a_connection: {"_create_connection", "_tunnel_host"},
    functions_at_exit: {"_run_exitfuncs"},
    lock_of_h5py: {"_objects"},
}


@pytest.mark.parametrize("check", LISTED, ids=lambda check: check.__name__)
def test_private_names_are_what_they_were(check: Callable[[], None]) -> None:
    check()


# The search


def private(name: str) -> bool:
    return name in DUNDERS or (name.startswith("_") and not name.startswith("__") and name not in PUBLIC)


def named(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Private attributes that a piece of code names, and of what; None for what is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, node.value
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr"):
            if isinstance(node.args[1], ast.Constant):
                yield str(node.args[1].value), node.args[0]
        elif isinstance(node, ast.ImportFrom) and not str(node.module).startswith("h5s3"):
            yield from (
                (name, None) for alias in node.names for name in [alias.name, *str(node.module).split(".")]
            )


def is_own(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def of_others(path: Path) -> set[str]:
    """Private names of anything but `self`, of which modules of h5s3 use none among each other."""
    tree = ast.parse(path.read_text())
    return {name for name, value in named(tree) if private(name) and not is_own(value)}


@cache
def modules() -> list[ModuleType]:
    """All of them, but the one for which xarray would have to be there."""
    names = [module.name for module in pkgutil.walk_packages(h5s3.__path__, "h5s3.")]
    wanted = [name for name in names if not name.endswith(("__main__", "xarray_backend"))]
    return [importlib.import_module(name) for name in wanted]


def inherited(module: ModuleType) -> set[str]:
    """Private names that classes share with a base of another package, knowingly or not."""
    found = set()
    for kind in vars(module).values():
        if not inspect.isclass(kind) or kind.__module__ != module.__name__:
            continue
        theirs = set()
        for base in kind.__mro__[1:]:
            if not base.__module__.startswith(("h5s3", "builtins", "typing")):
                functions = [value for value in vars(base).values() if isinstance(value, FunctionType)]
                theirs |= {*vars(base), *(name for one in functions for name in one.__code__.co_names)}
        if theirs:
            tree = ast.parse(inspect.getsource(inspect.getmodule(kind) or module))
            body = next(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == kind.__name__)
            ours = {name for name, value in named(body) if is_own(value)}
            ours |= {
                node.name for node in body.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            found |= {name for name in ours & theirs if private(name)}
    return found


def test_no_other_private_name_is_used() -> None:
    used: dict[str, set[str]] = {}
    for path in sorted((ROOT / "h5s3").rglob("*.py")):
        for name in of_others(path):
            used.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    for module in modules():
        for name in inherited(module):
            used.setdefault(name, set()).add(module.__name__)
    listed = set().union(*LISTED.values())
    assert not {name: places for name, places in used.items() if name not in listed}
    assert not listed - set(used), "listed, and no longer used"
