"""A cell that stays for many commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from h5s3.cell.host import Cell
from h5s3.cli.process import cells


class Kept(Cell):
    """A cell for one command after the other: to start one for each takes longer than all else."""

    def close(self) -> None:
        """The command that asked is done."""

    def memory(self) -> float:
        """MiB of real memory that the process held at the most, which is there to be asked."""
        assert self._process is not None
        status = Path(f"/proc/{self._process._popen.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    cell = Kept()
    yield cell
    cell.end()


@pytest.fixture
def cell(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """The cell of commands in this process."""
    monkeypatch.setattr(cells, "cell", lambda settings, debug: kept)
    return kept
