"""What runs in the cell: it is locked, then it answers questions about objects that strangers wrote."""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import socket
import traceback
from contextlib import suppress
from typing import Any

from h5s3.cell import limits, locks, wire
from h5s3.cell.ask import ask
from h5s3.cell.calls import unpack
from h5s3.cell.wall import Wall, WallSource, remote
from h5s3.errors import H5s3Error
from h5s3.formats.detect import by_name
from h5s3.records import to_json
from h5s3.storage.trace import Trace

NO_MEMORY = ("can't allocate lock", "can't start new thread")  # Python's messages for it
READERS = ("h5s3.formats.hdf5.tree", "h5s3.formats.hdf5.meta")  # what most questions need


def main(told: str) -> None:
    """Answer until the command closes the line. `told`: facts, as JSON."""
    facts: dict[str, Any] = json.loads(told)
    limits.follow(facts["alive"])
    limits.limit(facts["memory"], facts["cpu"], for_good=True)
    gc.set_threshold(50_000, 20, 100)  # a question is short, and keeps nearly all that it makes
    for module in READERS:
        importlib.import_module(module)
    walls = locks.lock(facts["folders"])
    numbers = (facts["control"], *facts["others"])
    slots = wire.slots_in(facts["shared"], len(numbers))
    if facts["shared"] is not None:
        os.close(facts["shared"])  # the memory has a descriptor of its own
    control, *others = (
        wire.Line(socket.socket(fileno=number), wire.FromHost, slot, writes=True)
        for number, slot in zip(numbers, slots, strict=True)
    )
    wall = Wall(control, others)
    with suppress(wire.ClosedError):
        control.send(wire.Ready(walls))
        while True:
            _, question = wall.control.receive()
            wall.question += 1
            _answer(wall, question)
    os._exit(0)  # without libhdf5's own clearing up, which a damaged file may crash


def _answer(wall: Wall, packed: memoryview) -> None:
    trace = Trace()
    limits.renew()
    try:
        asked = unpack(packed, lambda number: remote(wall, number))
        answer = to_json(_asked(wall, trace, *asked))
    except wire.ClosedError:
        raise
    except BaseException as error:  # noqa: BLE001 - the command says what went wrong
        _fail(wall, error, trace)
    else:
        wall.control.send(wire.Answer(trace.hits, trace.waited), answer)


def _asked(
    wall: Wall,
    trace: Trace,
    question: Any,
    format_: Any,
    info: Any,
    start: bytes,
    names: Any,
    plugins: bool,
    found: Any,
    online: bool,
    follows: bool,
    version: str | None,
    outside: bool,
) -> Any:
    """The answer to a question about a source."""
    source = WallSource.made(
        wall,
        trace,
        info,
        start,
        online=online,
        follows=follows,
        names=names,
        plugins=plugins,
        found=found,
        version=version,
        outside=outside,
    )
    chosen = by_name(format_) if isinstance(format_, str) else format_
    assert chosen is not None
    return ask(chosen, source, question)


def _fail(wall: Wall, error: BaseException, trace: Trace) -> None:
    kind, cause, hint, number = type(error).__name__, "", "", 0
    if isinstance(error, H5s3Error):
        cause, hint = error.cause, error.hint
    elif str(error) in NO_MEMORY or getattr(error, "errno", 0) == errno.ENOMEM:
        kind = "MemoryError"
    elif isinstance(error, OSError):
        number = error.errno or 0
    text = "".join(traceback.format_exception(error)).encode("utf-8", "replace")
    del error
    wall.control.send(wire.Failure(kind, cause, hint, number, trace.hits, trace.waited), text[-100_000:])
