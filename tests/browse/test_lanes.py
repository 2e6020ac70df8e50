"""Questions are asked elsewhere, dropped, ended, and asked in idle time within a budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest

from h5s3.browse import lanes as module
from h5s3.browse.lanes import Lanes, Question
from h5s3.errors import H5s3Error, NotFoundError, StoppedError
from h5s3.explore.session import Session
from h5s3.settings import Settings


class BusyCell:
    """A cell that computes until it is interrupted."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def another(self) -> BusyCell:
        return BusyCell()

    def interrupt(self) -> None:
        self.ended.set()

    def close(self) -> None:
        self.ended.set()


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(Settings(no_cache=True)) as opened:
        yield opened


def test_answers_and_failures_are_delivered(session: Session) -> None:
    delivered: Queue[Any] = Queue()
    lanes = Lanes(session, delivered.put)
    told: list[Any] = []

    def fail(session: Session) -> None:
        raise NotFoundError("gone")

    lanes.ask(Question("a", "", lambda session: 3, told.append))
    delivered.get(timeout=10)()
    lanes.ask(Question("b", "", fail, told.append, told.append))
    delivered.get(timeout=10)()
    lanes.ask(Question("c", "", lambda session: 1 / 0, told.append, told.append))
    delivered.get(timeout=10)()
    assert told[0] == 3 and isinstance(told[1], NotFoundError)
    assert isinstance(told[2], H5s3Error) and "ZeroDivisionError" in str(told[2])
    lanes.close()


def test_what_is_dropped_ends_at_its_next_round_and_tells_nothing(session: Session) -> None:
    delivered: Queue[Any] = Queue()
    lanes, going, ended = Lanes(session, delivered.put), threading.Event(), threading.Event()

    def asking(session: Session) -> None:
        try:
            while True:
                with session.trace.round():
                    going.set()
                time.sleep(0.001)
        except StoppedError:
            ended.set()
            raise

    lanes.ask(Question("pane", "", asking, delivered.put))
    assert going.wait(10)
    lanes.ask(Question("pane", "", lambda session: "later", delivered.put))
    delivered.get(timeout=10)()
    assert delivered.get(timeout=10) == "later" and delivered.empty()
    assert ended.wait(10)
    lanes.close()


def test_a_dropped_question_that_computes_loses_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 0.02)
    with Session(Settings(no_cache=True), cell=BusyCell()) as session:  # type: ignore[arg-type]
        lanes, begun, ended = (
            Lanes(session, lambda call: None, threads=1),
            threading.Event(),
            threading.Event(),
        )

        def compute(session: Session) -> None:
            begun.set()
            assert session.cell.ended.wait(20)  # type: ignore[union-attr]
            ended.set()

        lanes.ask(Question("pane", "", compute, lambda found: None))
        assert begun.wait(10)
        lanes.drop("pane")
        assert ended.wait(10)
        lanes.close()


def test_idle_questions_wait_and_keep_to_their_bytes(session: Session) -> None:
    delivered: Queue[Any] = Queue()
    lanes, hold, order = Lanes(session, delivered.put), threading.Event(), list[str]()

    def first(session: Session) -> None:
        hold.wait(10)
        order.append("first")

    def ahead(session: Session) -> None:
        order.append("ahead")
        session.trace.request("GET", 1000)

    lanes.ahead_budget = 1500
    lanes.ask(Question("pane", "", first, lambda found: None))
    lanes.ask(Question("x", "", ahead, lambda found: None, idle=True))
    time.sleep(0.05)
    assert order == []
    hold.set()
    for name, done in (("y", 2), ("z", 3), ("w", 3)):  # after y the bytes are used up
        while len(order) < done or lanes.under_way():
            time.sleep(0.001)
        lanes.ask(Question(name, "", ahead, lambda found: None, idle=True))
    time.sleep(0.05)
    assert order == ["first", "ahead", "ahead"] and lanes.ahead_bytes == 2000
    lanes.close()
