"""`h5s3 serve` and viewers: zarrita by Node, and in pages of a browser, which keeps the rules of CORS."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import h5py
import numpy as np
import pytest

from tests.support.cli import run
from tests.support.servers.s3 import S3Server
from tests.support.shared import made_once

pytestmark = [pytest.mark.slow, pytest.mark.network]
PACKAGES = ("zarrita@0.7.5", "@zarrita/storage@0.2.0", "numcodecs@0.3.2")
VIEWER = Path(__file__).parent / "viewer"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = """--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run
  --disable-background-networking --disable-component-update --disable-sync --no-proxy-server
  --enable-logging=stderr"""
SECONDS = 60.0  # that a browser may take to start and to read

STORES = {  # by their names: how they are converted
    "copied2": ["--zarr-format", "2"],
    "copied3": [],
    "zstd": ["--recompress", "zstd", "--overviews"],
    "blosc": ["--recompress", "blosc", "--zarr-format", "2"],
    "shards": ["--shards", "line=20000,y=20,x=20"],
}
LINE = np.cumsum(np.random.default_rng(5).normal(size=60_000)).astype("<f4")
IMAGE = np.arange(30 * 40, dtype="<i2").reshape(30, 40)
PART = [[5, 12], [10, 31]]


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with zarrita and what reads with it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed on this machine")

    def install(folder: Path) -> None:
        for file in VIEWER.iterdir():
            shutil.copy(file, folder)
        (folder / "package.json").write_text('{"private": true}')
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
        done = subprocess.run(
            [*command, *PACKAGES], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            pytest.skip(f"npm cannot install zarrita: {done.stderr.strip()[-200:]}")

    return made_once(tmp_path_factory, "zarrita", install)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Zarr stores, all of the same file."""
    folder = tmp_path_factory.mktemp("stores")
    source = folder / "source.h5"
    with h5py.File(source, "w") as new:
        deflated = {"compression": "gzip", "shuffle": True}
        new.create_dataset("line", data=LINE, chunks=(10_000,), **deflated)
        new["line"].dims[0].label = "line"
        image = new.create_dataset("group/image", (60, 40), "<i2", chunks=(10, 10), fillvalue=-7, **deflated)
        image[:30] = IMAGE  # the other chunks are not there
        for number, label in enumerate("yx"):
            image.dims[number].label = label
        new["group/whole"] = np.array([2**53 + 1, -1, 2**62])
        new["group/names"] = ["a", "längere", ""]
    for name, options in STORES.items():
        assert run("convert", source, "-o", folder / f"{name}.zarr", *options).code == 0
    return folder


@contextmanager
def serving(place: str, *origins: str, on: S3Server | None = None) -> Iterator[str]:
    """The URL where the command serves a place, in a process of its own."""
    options = [option for origin in origins for option in ("--cors", origin)]
    command = [sys.executable, "-m", "h5s3", "serve", place, "--port", "0", "--json", *options]
    environment = {**os.environ, **(on.env() if on else {})}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0


def asked(url: str, part: Sequence[Sequence[int]] | None = None) -> list[list[Any]]:
    """The arguments of `read` for each store."""
    names = ["line", "group/image", "group/whole", "group/names"]
    lowest = "overview/line/1/min"
    return [[f"{url}{name}.zarr", [*names, lowest][: 5 if name == "zstd" else 4], part] for name in STORES]


def check(found: list[dict[str, Any]], part: Sequence[Sequence[int]] | None = None) -> None:
    """What was read of each store is what was written."""
    image = np.full((60, 40), -7, dtype="<i2")
    image[:30] = IMAGE
    if part is not None:
        image = image[tuple(slice(*bounds) for bounds in part)]
    for name, arrays in zip(STORES, found, strict=True):
        read = arrays["group/image"]
        assert (read["dtype"], read["shape"]) == ("int16", list(image.shape)), name
        assert read["values"] == image.ravel().tolist(), name
        assert arrays["line"]["dtype"] == "float32" and arrays["line"]["values"] == LINE.tolist()
        assert arrays["group/whole"]["values"] == [str(2**53 + 1), "-1", str(2**62)]
        assert arrays["group/names"]["values"] == ["a", "längere", ""]
    lowest = found[list(STORES).index("zstd")]["overview/line/1/min"]["values"]
    assert len(lowest) < len(LINE) and min(lowest) == LINE.min()


def by_node(viewer: Path, steps: list[list[Any]]) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["node", "node.mjs", json.dumps(steps)],
        cwd=viewer,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_zarrita_reads_a_folder(viewer: Path, stores: Path) -> None:
    with serving(str(stores)) as url:
        check(by_node(viewer, asked(url)))
        check(by_node(viewer, asked(url, PART)), PART)


def test_zarrita_reads_a_private_prefix(viewer: Path, stores: Path, server: S3Server) -> None:
    for path in sorted(stores.rglob("*")):
        if path.is_file():
            server.put("viewers", f"up/{path.relative_to(stores)}", path.read_bytes())
    with serving("s3://viewers/up/", on=server) as url:
        check(by_node(viewer, asked(url, PART)), PART)


class Pages(SimpleHTTPRequestHandler):
    """Serves the files of a viewer, and takes what its pages report."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def __init__(self, *given: Any, reports: queue.Queue[Any], **more: Any) -> None:
        self.reports = reports
        super().__init__(*given, **more)

    def do_POST(self) -> None:
        """A report."""
        self.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def pages(folder: Path, reports: queue.Queue[Any]) -> Iterator[str]:
    """The origin of a viewer of its own."""
    handler = partial(Pages, directory=str(folder), reports=reports)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def browsing(url: str, profile: Path) -> Iterator[None]:
    """A browser without a window that opens a page."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium is installed on this machine")
    command = [found, *QUIET.split(), f"--user-data-dir={profile}", url]
    with open(profile.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    except queue.Empty:
        pytest.fail(f"no page reported: {profile.with_suffix('.log').read_text(errors='replace')[-2000:]}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def page(origin: str, steps: list[list[Any]], next_page: str = "") -> str:
    return f"{origin}/page.html#{quote(json.dumps({'steps': steps, 'next': next_page}))}"


def test_a_browser_reads_what_its_origin_may(viewer: Path, stores: Path, tmp_path: Path) -> None:
    """A page of the origin that --cors names reads stores; of another origin, or without --cors, none."""
    (stores / "data.bin").write_bytes(b"0123456789")
    reports: queue.Queue[Any] = queue.Queue()
    with ExitStack() as stack:
        viewing, other = (stack.enter_context(pages(viewer, reports)) for _ in range(2))
        open_to_it = stack.enter_context(serving(str(stores), viewing))
        closed = stack.enter_context(serving(str(stores)))
        few = [["read", *asked(url)[1]] for url in (open_to_it, closed)]
        plain = [["ask", f"{url}data.bin"] for url in (open_to_it, closed)]
        ranged = {"headers": {"Range": "bytes=-4", "If-Match": '"other"'}}  # which a browser asks leave for
        steps = [["ask", f"{open_to_it}data.bin", {"headers": {"Range": "bytes=2-4"}}]]
        steps += [["ask", f"{open_to_it}data.bin", ranged], ["ask", f"{open_to_it}nothing"]]
        steps += [["ask", f"{open_to_it}data.bin", {"method": "DELETE"}], few[1], plain[1]]
        first = page(
            viewing,
            [*steps, *(["read", *one] for one in asked(open_to_it, PART))],
            page(other, [*few, *plain, ["ask", f"{open_to_it}data.bin", ranged]]),
        )
        with browsing(first, tmp_path / "profile"):
            allowed, refused = (reports.get(timeout=SECONDS) for _ in range(2))
        assert (allowed["origin"], refused["origin"]) == (viewing, other)
        for url in (open_to_it, closed):  # what refuses is the browser: others read both
            assert by_node(viewer, asked(url)[1:2])[0]["line"]["values"] == LINE.tolist()
    part, unlike, absent, deleting, *without = allowed["found"][:6]
    assert (part["status"], part["type"], part["body"]) == (206, "cors", "234")
    assert part["content-range"] == "bytes 2-4/10" and part["etag"].startswith('"')
    assert (unlike["status"], absent["status"]) == (412, 404)
    for one in [deleting, *without, *refused["found"]]:
        assert "Failed to fetch" in one["refused"], one
    assert len(refused["found"]) == 5
    check(allowed["found"][6:], PART)
