"""Processes killed from outside, as a system does that runs out of memory."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from pathlib import Path


def kill_one(chance: random.Random, ancestor: int, word: str, early: float = 1.0) -> bool:
    """Kill one of the processes that a process has started, itself or by others, and whose command line holds
    a word; whether one was killed. `early`: how likely, of a cell that is not locked yet."""
    found = [number for number in descendants(ancestor) if word in _command(number)]
    if not found:
        return False
    chosen = chance.choice(found)
    if chance.random() >= early and not _locked(chosen):
        return False
    with suppress(ProcessLookupError):
        os.kill(chosen, signal.SIGKILL)
        return True
    return False


def _locked(number: int) -> bool:
    """Whether a process has given up system calls: then it reads files."""
    with suppress(OSError):
        return "Seccomp:\t2" in Path(f"/proc/{number}/status").read_text()
    return False


def descendants(ancestor: int) -> list[int]:
    """The processes below one, by number. Those that ended are left out."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with suppress(ValueError, OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found, before = {ancestor}, 0
    while len(found) > before:
        before = len(found)
        found |= {number for number, parent in parents.items() if parent in found}
    return sorted(found - {ancestor})


def _command(number: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace")
    return ""
