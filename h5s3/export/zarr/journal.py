"""Which chunks of a store are whole, while it is written: a run that was killed can be gone on with.

The journal stands in the store as a few objects, each with the chunks of some seconds: name, bytes, CRC-32.
A chunk that is not in it, or is not as it says, is written again. It is removed when the store is whole.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import deflate

from h5s3.errors import ChangedError, UsageError
from h5s3.records import Json
from h5s3.storage.output import Output

FOLDER = ".h5s3-convert"
HEAD = f"{FOLDER}/begun.json"
PART = re.compile(rf"{re.escape(FOLDER)}/([0-9]{{1,9}})\.json")
EVERY, MOST = 2.0, 5000  # seconds, and chunks, of one part
EMPTY = (-1, 0)  # of a chunk that is not written: it has the fill value
Written = dict[str, tuple[int, int]]  # bytes and CRC-32 by name


class Journal:
    """The journal of a store that is being written. `held`: chunks that are there already."""

    def __init__(self, output: Output, number: int = 0, held: Written | None = None) -> None:
        self._output, self._number = output, number
        self.held: Written = held or {}
        self._new: Written = {}
        self._lock, self._saved = threading.Lock(), time.monotonic()

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Write a chunk."""
        self._output.put(name, data)
        self._note(name, (memoryview(data).nbytes, deflate.crc32(data)))

    def empty(self, name: str) -> None:
        """Note a chunk that is not to be written."""
        self._note(name, EMPTY)

    def _note(self, name: str, what: tuple[int, int]) -> None:
        with self._lock:
            self._new[name] = what
            now = time.monotonic()
            due = len(self._new) >= MOST or now - self._saved >= EVERY
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
        names = [name for name, _ in self._output.below(FOLDER)]
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
    for name, _ in list(output.below(FOLDER)):
        match = PART.fullmatch(name)
        if match:
            number = max(number, int(match[1]))
            noted.update(_sound(_document(output, name)))
    sizes = dict(output.below())
    return Journal(output, number, dict(_whole(output, noted, sizes)))


def _whole(output: Output, noted: Written, sizes: dict[str, int]) -> Iterator[tuple[str, tuple[int, int]]]:
    for name, (size, check) in noted.items():
        if (size, check) == EMPTY:
            if name not in sizes:
                yield name, EMPTY
        elif sizes.get(name) == size and deflate.crc32(output.read(name)) == check:
            yield name, (size, check)


def _document(output: Output, name: str) -> dict[str, Any]:
    """A part of the journal; nothing where it was cut short."""
    try:
        found = json.loads(output.read(name))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sound(part: dict[str, Any]) -> Written:
    return {
        name: (what[0], what[1])
        for name, what in part.items()
        if isinstance(what, list) and len(what) == 2 and all(isinstance(n, int) for n in what)
    }
