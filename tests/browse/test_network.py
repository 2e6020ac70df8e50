"""`browse` over a network that fails: a line in the pane, and the rest goes on; `r` asks again."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.browse import panes
from h5s3.cell import process
from h5s3.cell.host import Cell
from h5s3.explore.session import Session
from h5s3.settings import Settings
from h5s3.storage import head_cache
from h5s3.storage.http import client
from tests.browse.screen import Screen, browsing
from tests.support.hostile import misbehaving
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

pytestmark = pytest.mark.slow
EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


def written(path: Path, first: int, *more: str) -> None:
    """A file of 2 MB: small datasets in front, values that are not read with them behind."""
    with h5py.File(path, "w") as file:
        for name in ("alpha", "beta", *more):
            file[name] = np.arange(first, first + 5)
            file[name].attrs["said"] = f"{name} from {first}"
        file.create_dataset("large", data=np.random.default_rng(first).random(250_000))


@pytest.fixture
def lab(rclone: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    assert rclone.root is not None
    folder = rclone.root / tmp_path_factory.mktemp("lab").name
    folder.mkdir()
    written(folder / "run.h5", 100)
    written(folder / "then.h5", 500)
    written(folder / "zeta.h5", 700)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def line(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before the server, which the environment leads to. What is asked again is so at once."""
    monkeypatch.setattr(client, "BACKOFF", 0.001)
    with Proxy(rclone) as proxy:
        for name, value in rclone.at(proxy.url).env().items():
            monkeypatch.setenv(name, value)
        yield proxy


def entered(lab: Path) -> str:
    return f"s3://{lab.name}/"


async def opened(screen: Screen) -> None:
    """The first file is open, and its first dataset is under the cursor."""
    await screen.press("down", "right", "down")
    assert "alpha from 100" in screen.text and "5  int64" in screen.text


async def plotted(screen: Screen, *keys: str) -> None:
    """The plot of `large` is there after some keys."""
    await screen.press(*keys)
    await screen.shows("dimension 0")


Breaking = Callable[[Proxy], object]
FAULTS: dict[str, tuple[Breaking, str]] = {
    "resets": (lambda proxy: proxy.fault("reset"), "breaks off"),
    "resets in the middle": (lambda proxy: proxy.fault("reset_mid_body"), "ends early|breaks off"),
    "short answers": (lambda proxy: proxy.fault("short_body"), "end early|breaks off"),
    "an overloaded server": (
        lambda proxy: proxy.fault("status", status=503, body=SLOW_DOWN),
        "status 503",
    ),
    "no HTTP": (lambda proxy: proxy.fault("garbage"), "breaks off"),
    "refused": (lambda proxy: proxy.fault("status", status=403), "access denied"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_breaks_is_a_line_and_the_rest_goes_on(line: Proxy, lab: Path, name: str) -> None:
    breaking, said = FAULTS[name]

    async def steps(screen: Screen) -> None:
        await opened(screen)
        breaking(line)
        text = await screen.press("down", "down", "3")  # `large`, whose values are not here
        assert any(one in text for one in said.split("|")) and "r asks again" in text, text
        assert "alpha  5  int64" in text  # the tree is as it was
        assert "beta from 100" in await screen.press("k", "1")  # what is here is shown
        line.clear()
        await plotted(screen, "j", "3", "r")
        assert "r asks again" not in screen.text

    browsing(entered(lab), steps)


def test_a_reset_now_and_then_is_not_noticed(line: Proxy, lab: Path) -> None:
    async def steps(screen: Screen) -> None:
        await opened(screen)
        faults = [line.fault("reset_mid_body", times=1), line.fault("status", status=503, times=1)]
        await plotted(screen, "down", "down", "3")
        assert all(fault.hits for fault in faults) and "r asks again" not in screen.text

    browsing(entered(lab), steps)


def test_wrong_bytes_are_not_kept(line: Proxy, lab: Path) -> None:
    """Of a server that erred for a while: asked again, it tells what is in the file."""
    with h5py.File(lab / "late.h5", "w") as file:
        late = file.create_dataset("late/image", (2000, 100), "i4", chunks=(10, 100), compression="gzip")
        file["before"] = np.zeros(1_000_000)
        late[...] = np.arange(2000)[:, None]  # its index of chunks is the last in the file

    async def steps(screen: Screen) -> None:
        screen.app.lanes.ahead_budget = 0
        await screen.press("g", f"={entered(lab)}late.h5 /before")
        fault = line.fault("zeros")
        text = await screen.press("g", "=/late/image", "2")
        assert fault.hits and "r asks again" in text, text
        line.clear()
        text = await screen.press("r")
        assert "max 1999" in text, text

    browsing(entered(lab), steps)


def test_a_server_that_is_stopped_and_started_again(line: Proxy, lab: Path) -> None:
    async def steps(screen: Screen) -> None:
        await opened(screen)
        line.close()
        text = await screen.press("down", "down", "3")
        assert "cannot connect" in text and "r asks again" in text
        text = await screen.press("left", "left", "down", "down", "right")
        assert "cannot connect" in text, text  # below a file that was not opened yet
        with Proxy(line.server, port=int(line.url.rpartition(":")[2])):
            text = await screen.press("r")
            assert "cannot connect" not in text and text.count("alpha") == 1, text
            await plotted(screen, "g", f"={entered(lab)}run.h5 /large")

    browsing(entered(lab), steps)


def test_a_name_that_is_not_found(line: Proxy, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*args: Any) -> Any:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    async def steps(screen: Screen) -> None:
        await opened(screen)
        line.close()  # no connection is kept
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", lost)
            text = await screen.press("down", "down", "3")
            assert "cannot find 127.0.0.1" in text and "r asks again" in text
        with Proxy(line.server, port=int(line.url.rpartition(":")[2])):
            await plotted(screen, "r")

    browsing(entered(lab), steps)


def test_a_file_that_changes_is_opened_anew_on_wish(line: Proxy, lab: Path) -> None:
    async def steps(screen: Screen) -> None:
        await opened(screen)
        written(lab / "run.h5", 300, "gamma")
        text = await screen.press("down", "down", "3")
        assert "it changed since it was opened here" in text and "r shows it" in text, text
        assert "gamma" not in text
        text = await screen.press("r")
        assert "large" in text.splitlines()[0] and "gamma" in text and "r asks again" not in text, text
        assert "beta from 300" in await screen.press("p", "p", "1")
        assert "alpha from 500" in await screen.press("g", f"={entered(lab)}then.h5 /alpha")

    browsing(entered(lab), steps, size=(160, 30))


def test_a_listing_is_made_anew_on_wish(line: Proxy, lab: Path) -> None:
    async def steps(screen: Screen) -> None:
        assert "zeta.h5" in screen.text and "new.h5" not in screen.text
        written(lab / "new.h5", 900)
        assert "new.h5" in await screen.press("r")
        assert "alpha from 900" in await screen.press("g", f"={entered(lab)}new.h5 /alpha")

    browsing(entered(lab), steps)


def test_a_local_file_may_grow(tmp_path: Path) -> None:
    written(tmp_path / "run.h5", 100)

    async def steps(screen: Screen) -> None:
        await screen.press("down")
        assert "alpha from 100" in screen.text
        written(tmp_path / "run.h5", 300, "gamma")
        assert "beta from 300" in await screen.press("down", "r") and "gamma" in screen.text

    browsing(tmp_path / "run.h5", steps)


def test_a_file_that_vanishes_and_comes_back(line: Proxy, lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_cache, "FRESH_SECONDS", 0.0)

    async def steps(screen: Screen) -> None:
        await opened(screen)
        (lab / "run.h5").rename(lab.parent / "aside")
        screen.app.side.answers.forget()
        text = await screen.press("down")
        assert "no such object" in text and "r asks again" in text and "alpha  5" in text
        assert "no such object" in await screen.press("r")
        assert "alpha from 500" in await screen.press("g", f"={entered(lab)}then.h5 /alpha")
        (lab.parent / "aside").rename(lab / "run.h5")
        assert "beta from 100" in await screen.press("g", f"={entered(lab)}run.h5 /beta")
        assert "beta from 100" in await screen.press("r")

    browsing(entered(lab), steps)


def test_a_token_that_expires_and_is_renewed(
    moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `aws sso login`, or a tool that writes the credentials file: `r` reads it again."""

    def signed_in(key: str) -> None:
        file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = nothing-secret\n")

    file = tmp_path / "credentials"
    signed_in("ONCE")
    written(tmp_path / "run.h5", 100)
    moto.put_file("tokens", "run.h5", tmp_path / "run.h5")
    with Proxy(moto) as proxy:
        env = moto.at(proxy.url).env() | {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
        for name in set(env) - {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}:
            monkeypatch.setenv(name, env[name])

        async def steps(screen: Screen) -> None:
            await opened(screen)
            ended = proxy.fault("status", status=403, body=EXPIRED, when=lambda seen: "ONCE" in seen.query)
            text = await screen.press("down", "down", "3")
            assert "ExpiredToken" in text and "r asks again" in text and ended.hits
            assert "ExpiredToken" in await screen.press("r")
            signed_in("AGAIN")
            await plotted(screen, "r")

        browsing("s3://tokens/", steps)


def test_a_crash_of_the_library_costs_one_pane(
    line: Proxy, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = panes.meta

    def crashing(session: Session, location: Any, asked: Any) -> Any:
        if asked.path == "/beta":
            assert session.cell is not None
            session.cell.end()
            with monkeypatch.context() as patch:
                patch.setattr(process, "START", misbehaving.start("segfault"))
                return ask(session, location, asked)
        return ask(session, location, asked)

    monkeypatch.setattr(panes, "meta", crashing)

    async def steps(screen: Screen) -> None:
        screen.app.lanes.ahead_budget = 0  # no other cell starts while those that start crash
        await opened(screen)
        text = await screen.press("down")
        assert "library crashed while it" in text and "r asks again" in text and "alpha" in text, text
        assert "crashed" in await screen.press("r")
        await plotted(screen, "down", "3")
        assert "alpha from 100" in await screen.press("up", "up", "1")

    browsing(entered(lab), steps, session=Session(Settings(no_cache=True), cell=Cell()))


def test_each_question_has_its_own_time(line: Proxy, lab: Path) -> None:
    async def steps(screen: Screen) -> None:
        await opened(screen)
        screen.app.lanes.seconds = 2.0  # what is read below, without a delay, takes a small part of it
        line.delay = 4.0
        text = await screen.press("down", "down", "3")
        assert "not done within 2 s; raise --timeout" in text and "r asks again" in text
        assert "alpha from 100" in await screen.press("up", "up", "1")
        line.delay = 0.0
        await plotted(screen, "down", "down", "3", "r")

    browsing(entered(lab), steps)


def test_moving_on_cuts_off_what_is_on_the_wire_and_keeps_what_came(line: Proxy, lab: Path) -> None:
    async def steps(screen: Screen) -> None:
        await opened(screen)
        line.bandwidth = 300_000  # 2 MB would take 7 seconds
        await screen.press("down")
        await screen.pilot.press("down", "3")
        before = screen.app.session.trace.received
        while screen.app.session.trace.received < before + 200_000:
            await screen.pilot.pause(0.02)
        await screen.press("up", "1")
        assert "beta from 100" in screen.text
        sent = line.bytes()
        await screen.pilot.pause(0.5)
        assert line.bytes() - sent < 200_000  # what was on its way already
        came = screen.app.session.trace.received - before
        line.bandwidth = None
        await plotted(screen, "down", "3")
        assert screen.app.session.trace.received - before < 2_100_000, came

    browsing(entered(lab), steps)


def test_a_second_look_costs_nothing(line: Proxy, samples: Path, rclone: S3Server) -> None:
    """Also where there is no cache on disk: what came is kept in memory."""
    assert rclone.root is not None
    shutil.copytree(samples / "demo", rclone.root / "demo-again", dirs_exist_ok=True)

    async def steps(screen: Screen) -> None:
        costs = []
        for hurried in (False, True):
            before = screen.app.session.trace.received
            screen.app.side.answers.forget()
            await screen.press("g", "=s3://demo-again/archive_10k.h5 /events", "right")
            for _ in range(6):
                await screen.pilot.press("down")
                await (screen.pilot.pause(0.05) if hurried else screen.rests())  # all is asked for once
            await screen.press("5", "1")
            await screen.rests()
            costs.append(screen.app.session.trace.received - before)
        assert costs[0] > 300_000 and costs[1] == 0, costs

    browsing("s3://demo-again/", steps)
