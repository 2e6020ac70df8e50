"""Servers for the whole run, a proxy for each test, and an environment that is nobody's."""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import boto3
import botocore.loaders
import botocore.session
import hypothesis
import pytest

from h5s3.cell.host import Cell
from h5s3.demo.samples import make_samples
from tests.support import shapes
from tests.support.h5files import make as h5files
from tests.support.hostile import secrecy
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, external_server, moto_server, rclone_server
from tests.support.shared import made_once

# Some hundred processes are started: without byte code each would compile all that it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell has what it starts in the background ignore SIGINT: so would each command that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("h5s3", deadline=None)  # seconds are never asserted
hypothesis.settings.load_profile("h5s3")
SERVERS = ["external"] if os.environ.get("H5S3_TEST_ENDPOINT_URL") else ["rclone", "moto"]

_HIDDEN_PREFIXES = ("AWS_", "H5S3_", "S3_", "XDG_", "RCLONE_")
# Settings of the terminal, of colour and of web proxies; GITHUB_ACTIONS makes typer write colour into pipes.
_HIDDEN = {"NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "PY_COLORS", "COLUMNS", "LINES"}
_HIDDEN |= {"TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS"}
_HIDDEN |= {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}


BOTH = {"storage", "wire"}  # folders of tests that always ask both servers
ONE = {"bench"}  # folders in them that do not: what is told of a server comes from the proxy before it


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Elsewhere the second server is asked in the slow run alone, and what is slow by itself of the first."""
    names, asked = {item.nodeid for item in items}, []
    for item in items:
        callspec = getattr(item, "callspec", None)
        second = callspec is not None and callspec.params.get("server") == "moto"
        folders = set(item.path.parts)
        if second and (ONE & folders or not BOTH & folders):
            if item.get_closest_marker("slow") and item.nodeid.replace("moto", "rclone") in names:
                continue
            item.add_marker(pytest.mark.slow)
        asked.append(item)
    items[:] = asked


@pytest.fixture(scope="session", autouse=True)
def _known_of_s3() -> Iterator[None]:
    """What botocore ships of S3 is parsed once: that is most of what it takes to make a client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.loaders.create_loader))
        yield


@pytest.fixture(scope="session", autouse=True)
def _known_of_the_kernel() -> Iterator[None]:
    """The walls around a new process are looked at once: every `doctor` would start a process for that."""
    seen = cache(lambda walls=Cell.walls: walls(Cell()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cell, "walls", lambda self: list(seen()))
        yield


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """rclone's S3 server; the folders of its `root` are its buckets."""
    with rclone_server(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """moto's server: the semantics of AWS."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def external() -> Iterator[S3Server]:
    """The server that H5S3_TEST_ENDPOINT_URL names."""
    with external_server() as server:
        yield server


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> S3Server:
    """Each server in turn: rclone and moto, or only the external one where the environment names it.

    Not of the session's scope: pytest would run all tests of one server first, in whatever file they are.
    """
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All the good files by name, to be read only."""
    folder = made_once(tmp_path_factory, "h5files", h5files.make_all)
    return {name: folder / f"{name}.h5" for name in h5files.FILES}


@pytest.fixture(scope="session")
def shape(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the file of a name in `shapes.SHAPES`, to be read only."""

    def named(name: str) -> Path:
        folder = made_once(
            tmp_path_factory, f"shape-{name}", lambda new: shapes.SHAPES[name](new / "file.h5")
        )
        return folder / "file.h5"

    return named


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for a server: its bucket `demo` holds the sample files of the demo, to be read only.

    Beside it, `titles.json` has their names and titles, in their order.
    """

    def make(folder: Path) -> None:
        made = make_samples(folder / "demo")
        (folder / "titles.json").write_text(json.dumps([(one.name, one.title) for one in made]))

    return made_once(tmp_path_factory, "samples", make)


@pytest.fixture
def proxy(server: S3Server) -> Iterator[Proxy]:
    """A proxy before the server: counts, slows and breaks requests."""
    with Proxy(server) as running:
        yield running


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of folders, none of which is there: most tests need none, and one takes 3 ms."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def isolated(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, homes: Iterator[Path]
) -> Iterator[None]:
    """Hide the user's environment from each test; the servers, started before, do not depend on it.

    Afterwards the caches that the test left are searched for secrets of the servers.
    """
    for name in list(os.environ):
        if name.upper() in _HIDDEN or name.startswith(_HIDDEN_PREFIXES):
            monkeypatch.delenv(name)
    home = next(homes)
    for name, folder in {"HOME": "", "XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config"}.items():
        monkeypatch.setenv(name, str(home / folder))
    monkeypatch.setenv("H5S3_CACHE_DIR", str(home / "h5s3-cache"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)  # whom this machine trusts is nothing to us, and 40 ms
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    memory = resource.getrlimit(resource.RLIMIT_DATA)
    yield
    resource.setrlimit(resource.RLIMIT_DATA, memory)  # commands limit their process, which is this one
    caches = {home / "h5s3-cache", home / ".cache", Path(os.environ.get("H5S3_CACHE_DIR") or home / ".cache")}
    ours = [cache for cache in caches if cache.is_relative_to(tmp_path_factory.getbasetemp())]
    assert not {path: found for cache in ours for path, found in secrecy.searched(cache).items()}
