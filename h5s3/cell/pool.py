"""Cells that are kept from one question to the next: to start one takes longer than most questions."""

from __future__ import annotations

import atexit
import os
import threading

from h5s3.cell.allowed import strict, wanted
from h5s3.cell.host import Cell

KEPT = 4  # that wait for a question
QUESTIONS = 500  # of one cell, after which another takes its place: libhdf5 keeps memory


class KeptCell(Cell):
    """A cell that goes back to where it came from when it is closed."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(strict=strict())
        self._pool = pool

    def another(self) -> Cell:
        """One more of the same pool."""
        return self._pool.lend()

    def close(self) -> None:
        """Wait for another question."""
        self._pool.take_back(self)


class Pool:
    """Cells for the threads of a program, one for each question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[KeptCell] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.end)

    def lend(self, more: int = 0) -> Cell:
        """A cell, running or not, until it is closed. `more`: bytes of memory that it may take beyond the
        default: of such a one nothing is kept."""
        if more:
            return Cell(more, strict=strict())
        with self._lock:
            return self._waiting.pop() if self._waiting else KeptCell(self)

    def take_back(self, cell: KeptCell) -> None:
        """Keep a cell, if it runs and is neither old nor one too many."""
        with self._lock:
            keep = cell.running and cell.asked < QUESTIONS and len(self._waiting) < KEPT
            if keep:
                self._waiting.append(cell)
        if not keep:
            cell.end()

    def end(self) -> None:
        """End those that wait."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for cell in waiting:
            cell.end()

    def _forget(self) -> None:
        """In a process that was forked: the cells are those of the other one."""
        self._lock = threading.Lock()
        waiting, self._waiting = self._waiting, []
        for cell in waiting:
            cell.leave()


_pools: list[Pool] = []


def lend(more: int = 0) -> Cell | None:
    """A cell of this program; None where it is to have none."""
    if not wanted():
        return None
    if not _pools:
        _pools.append(Pool())
    return _pools[0].lend(more)
