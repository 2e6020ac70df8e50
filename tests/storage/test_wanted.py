"""Questions that are stopped, or have used up their time."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from h5s3.errors import NetworkError, StoppedError
from h5s3.settings import Settings
from h5s3.storage.http.parallel import Batch
from h5s3.storage.trace import Trace
from h5s3.wanted import Wanted, asking, cut_off, pause, received, woken


def test_what_waits_is_woken_at_once() -> None:
    wanted, here, there = Wanted(), *socket.socketpair()

    def waiting() -> None:
        with asking(wanted):
            cut_off(here)
            waits.set()
            ended.append(here.recv(1))
            received()
            with pytest.raises(StoppedError):
                pause(100)

    ended, waits = list[bytes](), threading.Event()
    thread = threading.Thread(target=waiting, daemon=True)
    thread.start()
    assert waits.wait(20)
    time.sleep(0.02)  # it most likely waits by now; where not, it finds the line cut off
    wanted.stop()
    thread.join(20)
    assert ended == [b""] and not thread.is_alive()
    with asking(wanted), pytest.raises(StoppedError):
        cut_off(there)
    with asking(wanted), pytest.raises(StoppedError), woken(lambda: None):
        raise AssertionError
    here.close()
    there.close()


def test_a_batch_waits_no_longer_than_its_question() -> None:
    wanted, batch, begun = Wanted(), Batch(Trace()), threading.Event()
    never = threading.Event()

    def fetch(number: int) -> int:
        begun.set()
        never.wait(20)
        return number

    def stop() -> None:
        begun.wait(20)
        wanted.stop()

    threading.Thread(target=stop, daemon=True).start()
    with asking(wanted), pytest.raises(StoppedError):
        batch.run(fetch, [1, 2, 3])
    never.set()
    with asking(wanted), pytest.raises(StoppedError):
        batch.run(fetch, [1])  # no round begins
    assert batch.run(fetch, [1]) == {1: 1}


def test_settings_know_the_time_of_a_question() -> None:
    settings = Settings()
    assert settings.clock() is None and settings.request_seconds == 60
    with asking(Wanted(5.0)):
        clock = settings.clock()
        assert clock is not None and 4 < clock() <= 5 and settings.request_seconds <= 5
        assert settings.connection_seconds == 60
    with asking(Wanted(0.0)), pytest.raises(NetworkError, match="not done within 0 s"):
        settings.check_deadline()
    stopped = Wanted(5.0)
    stopped.stop()
    with asking(stopped), pytest.raises(StoppedError):
        settings.check_deadline()
    assert stopped.left() > 4
