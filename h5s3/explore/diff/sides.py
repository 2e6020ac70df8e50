"""The two objects of a comparison, read by two cells at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from h5s3.cell.pool import lend
from h5s3.explore.session import Session
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.cell.host import Cell

T = TypeVar("T")


@dataclass(frozen=True)
class Cells:
    """Who reads each side; None: this process, one side after the other."""

    cells: Sequence[Cell | None]
    session: Session

    def both(self, calls: Sequence[Callable[[Cell | None], T]]) -> list[T]:
        """What both calls give, which are made at the same time where there are cells.

        Rounds count as those of one that takes longer. Raises the failure of the first that fails, of the
        other one nobody waits for the end.
        """
        if None in self.cells:
            return [call(None) for call in calls]
        ended: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
        traces: list[Trace] = []

        def work(number: int) -> None:
            try:
                with self.session.trace.apart() as own:
                    traces.append(own)
                    ended.put((number, calls[number](self.cells[number]), None))
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
                ended.put((number, None, error))

        for number in range(len(calls)):
            threading.Thread(target=work, args=(number,), daemon=True, name="h5s3-side").start()
        found: dict[int, Any] = {}
        try:
            while len(found) < len(calls):
                number, answer, error = ended.get()
                if error is not None:
                    raise error
                found[number] = answer
        except BaseException:
            self.end()
            raise
        finally:
            self.count(traces)
        return [found[number] for number in range(len(calls))]

    def count(self, traces: Sequence[Trace]) -> None:
        """Count the waits of who waited longer."""
        self.session.trace.add(
            rounds=max((one.rounds for one in traces), default=0),
            trips=max((one.trips for one in traces), default=0),
            waited=max((one.waited for one in traces), default=0.0),
        )

    def end(self) -> None:
        """End the processes: what they are asked is no longer wanted."""
        for cell in self.cells:
            if cell is not None:
                cell.end()


@contextmanager
def two_cells(session: Session) -> Iterator[Cells]:
    """The session's own cell and another one; without the first there is none."""
    if session.cell is None:
        yield Cells((None, None), session)
        return
    second = lend(session.settings.max_bytes or 0)
    try:
        yield Cells((session.cell, second), session)
    finally:
        if second is not None:
            second.close()
