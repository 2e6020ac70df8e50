"""Which chunks of a store are whole, while it is written: a run that was killed can be gone on with.

The journal stands in the store as a few objects, each with the chunks of some seconds and the marks by which
the output knows them. A chunk that is not in it, or is not as it says, is written again. The journal is
removed when the store is whole.
"""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

from h5s3.errors import ChangedError, UsageError
from h5s3.records import Json
from h5s3.storage.output import Output

FOLDER = ".h5s3-convert"
HEAD = f"{FOLDER}/begun.json"
PART = re.compile(rf"{re.escape(FOLDER)}/([0-9]{{1,9}})\.json")
EVERY, MOST = 2.0, 5000  # seconds, and chunks, of one part
FIRST = 4  # parts that come sooner
EMPTY = ""  # in place of the mark of a chunk that is not written: it has the fill value
Written = dict[str, str]  # marks by name


class Journal:
    """The journal of a store that is being written. `held`: chunks that are there already."""

    def __init__(self, output: Output, number: int = 0, held: Written | None = None) -> None:
        self._output, self._number = output, number
        self.held: Written = held or {}
        self._new: Written = {}
        self._lock, self._saved = threading.Lock(), time.monotonic()

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Write a chunk."""
        self.note(name, self._output.put(name, data))

    def empty(self, name: str) -> None:
        """Note a chunk that is not to be written."""
        self.note(name, EMPTY)

    def note(self, name: str, mark: str) -> None:
        """Note a chunk that somebody has written, by its mark."""
        with self._lock:
            self._new[name] = mark
            now = time.monotonic()
            wait = EVERY if self._number >= FIRST else EVERY / 8
            due = len(self._new) >= MOST or now - self._saved >= wait
        if due:
            self.save()

    def save(self) -> None:
        """Write what was noted since."""
        with self._lock:
            part, self._new, self._saved = self._new, {}, time.monotonic()
            self._number += bool(part)
            number = self._number
        if part:
            self._output.put(f"{FOLDER}/{number}.json", json.dumps(part).encode())

    def remove(self) -> None:
        """The store is whole."""
        names = list(self._output.below(FOLDER))
        self._output.remove([*(name for name in names if name != HEAD), HEAD])


def begin(output: Output, plan: str, content: Json) -> Journal:
    """A journal for a plan (a hash) and an object as it is now (`ObjectInfo.content`)."""
    output.put(HEAD, json.dumps({"plan": plan, "content": content}).encode())
    return Journal(output)


def go_on(output: Output, plan: str, content: Json) -> Journal:
    """The journal that stands in a store, and the chunks there that are as it says.

    Raises `ChangedError` for another object than it was begun with, `UsageError` for other options.
    """
    head = _document(output, HEAD)
    if not head:  # killed as it began
        return begin(output, plan, content)
    if head.get("content") != content:
        raise ChangedError(
            "the object is not the one that the conversion was begun with", hint="--overwrite begins anew"
        )
    if head.get("plan") != plan:
        raise UsageError(
            "the conversion was begun with other options, or another release", hint="--overwrite begins anew"
        )
    noted: Written = {}
    number = 0
    for name in list(output.below(FOLDER)):
        match = PART.fullmatch(name)
        if match:
            number = max(number, int(match[1]))
            noted.update(_sound(_document(output, name)))
    whole = output.unchanged({name: mark for name, mark in noted.items() if mark != EMPTY})
    held = {name: mark for name, mark in noted.items() if mark == EMPTY or name in whole}
    return Journal(output, number, held)


def _document(output: Output, name: str) -> dict[str, Any]:
    """A part of the journal; nothing where it was cut short."""
    try:
        found = json.loads(output.read(name))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sound(part: dict[str, Any]) -> Written:
    return {name: mark for name, mark in part.items() if isinstance(mark, str)}
