"""What goes over the line between the command and its cell: messages, each with bytes behind it.

What comes from the cell is as untrusted as the file that it reads: the command bounds lengths before it takes
memory for them, and decodes messages by their types.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from h5s3.decoders import msgpack_decoder
from h5s3.sizes import GIB, MIB
from h5s3.storage.base import ObjectInfo

LENGTHS = struct.Struct("<IQ")  # bytes of a message, and of what stands behind it
SHARED = 1 << 63  # added to the second: it stands in memory that both processes have
LEAST = 64 * 1024  # bytes that are worth the detour
TOGETHER = 128 * 1024  # bytes that travel in one piece with the message before them
AT_ONCE = 8 * MIB  # bytes of memory that are taken before anything came
MOST_HEAD = 16 * MIB
MOST_BODY = 2 * GIB
LONGEST = 1e6  # seconds that the system can wait


class ClosedError(Exception):
    """The other side is gone."""


class MalformedError(Exception):
    """What came makes no sense."""


# ------------------------------------------------------------------------------------------ from the cell


class Ready(msgspec.Struct, tag=True, array_like=True):
    """The cell is locked: these walls stand."""

    walls: list[str]


class Ranges(msgspec.Struct, tag=True, array_like=True):
    """Fetch these bytes of the object. `arriving`: the cell answers each with `More`."""

    ranges: list[tuple[int, int]]
    arriving: bool
    question: int = 0  # during which it was wanted
    file: int = 0  # of which file: 0 is the one that is asked about


class More(msgspec.Struct, tag=True, array_like=True):
    """Fetch these, too, before the fetch is done."""

    ranges: list[tuple[int, int]]


class Look(msgspec.Struct, tag=True, array_like=True):
    """Look these keys up in the cache."""

    keys: list[str]
    question: int = 0
    file: int = 0


class Keep(msgspec.Struct, tag=True, array_like=True):
    """Store values in the cache: they stand behind, one after the other."""

    label: str
    items: list[tuple[str, int]]  # key and bytes
    question: int = 0
    file: int = 0


class Siblings(msgspec.Struct, tag=True, array_like=True):
    """Identity and first bytes of the files that a file names."""

    names: list[bytes]
    file: int


class LookAt(msgspec.Struct, tag=True, array_like=True):
    """Identity and first bytes of the objects at these paths below the location."""

    paths: list[str]
    length: int


class TailsOf(msgspec.Struct, tag=True, array_like=True):
    """Identity and last bytes of objects of these paths and sizes."""

    files: list[tuple[str, int]]
    length: int


class ReadFrom(msgspec.Struct, tag=True, array_like=True):
    """Ranges of objects that were looked at, by their numbers."""

    wanted: list[tuple[int, int, int]]


class Below(msgspec.Struct, tag=True, array_like=True):
    """What stands below each path, as the method of this name says, up to so many of each."""

    method: Literal["children", "entries"]
    paths: list[str]
    most: int


class Pages(msgspec.Struct, tag=True, array_like=True):
    """Begin to list all that is below a path: the answer is the number of this listing."""

    path: str


class Page(msgspec.Struct, tag=True, array_like=True):
    """The next page of a listing; none at its end."""

    number: int


class Call(msgspec.Struct, tag=True, array_like=True):
    """Call a function of the command's by its number; the argument stands behind, as JSON or as bytes."""

    number: int
    question: int = 0


class Answer(msgspec.Struct, tag=True, array_like=True):
    """The record, as JSON, stands behind."""

    hits: int
    waited: float


class Failure(msgspec.Struct, tag=True, array_like=True):
    """An error of `h5s3.errors` by its name, or of Python (its `number`: of the system's); a traceback stands
    behind."""

    kind: str
    cause: str
    hint: str
    number: int
    hits: int
    waited: float


FromCell = (
    Ready
    | Ranges
    | More
    | Look
    | Keep
    | Siblings
    | LookAt
    | TailsOf
    | ReadFrom
    | Below
    | Pages
    | Page
    | Call
    | Answer
    | Failure
)

# ------------------------------------------------------------------------------------------ to the cell


@dataclass(frozen=True)
class Known(ObjectInfo):
    """An object as the cell knows it: by a location that signs nothing, and by the identity that it has."""

    known: str | None = None

    @property
    def identity(self) -> str | None:
        """As the command has it."""
        return self.known


class Ask(msgspec.Struct, tag=True, array_like=True):
    """A question stands behind, pickled."""


class Data(msgspec.Struct, tag=True, array_like=True):
    """Bytes of the object stand behind."""

    start: int


class Found(msgspec.Struct, tag=True, array_like=True):
    """Values of the cache stand behind, one after the other."""

    items: list[tuple[str, int]]


class Looked(msgspec.Struct, tag=True, array_like=True):
    """Of each object its number, what it is, and how many bytes stand behind; None: it is not there."""

    found: list[tuple[int, Known, int] | None]


class Named(msgspec.Struct, tag=True, array_like=True):
    """Of each file its number, what it is, and how many bytes stand behind; of those that are not to be had
    why, in their order: an error by its name, cause and hint."""

    found: list[tuple[int, Known, int] | None]
    failures: list[tuple[str, str, str]]


class Done(msgspec.Struct, tag=True, array_like=True):
    """All was done that was asked for."""


class Returned(msgspec.Struct, tag=True, array_like=True):
    """What a function gave stands behind, as JSON or (`raw`) as bytes; or a descriptor comes after."""

    file: bool = False
    raw: bool = False


class Failed(msgspec.Struct, tag=True, array_like=True):
    """It could not be done: an error of `h5s3.errors`, by its name."""

    kind: str
    cause: str
    hint: str


FromHost = Ask | Data | Found | Looked | Named | Done | Returned | Failed


def slots_in(descriptor: int | None, lines: int) -> list[memoryview | None]:
    """Memory that both processes have, a slot for each line."""
    if descriptor is None:
        return [None] * lines
    size = os.fstat(descriptor).st_size // lines
    memory = memoryview(mmap.mmap(descriptor, lines * size))
    return [memory[number * size : (number + 1) * size] for number in range(lines)]


class Line:
    """One end of a line, on which `kind` arrives.

    `slot`: memory that both processes have. The cell writes to it (`writes`), and sends nothing more on the
    line before it has an answer.
    """

    def __init__(
        self, end: socket.socket, kind: Any, slot: memoryview | None = None, writes: bool = False
    ) -> None:
        self._end = end
        self._slot, self._writes = slot, writes
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgpack_decoder(kind)
        self.left: Callable[[], float] | None = None  # seconds that may be waited; it may raise

    def send(self, message: msgspec.Struct, *behind: bytes | bytearray | memoryview) -> None:
        """Send a message and what stands behind it. Raises `ClosedError`."""
        head = self._encoder.encode(message)
        size = sum(memoryview(part).nbytes for part in behind)
        shared = self._writes and self._slot is not None and LEAST <= size <= len(self._slot)
        try:
            if shared:
                self._share(behind)
                behind = ()
            first = LENGTHS.pack(len(head), size | SHARED * shared) + head
            if behind and size <= TOGETHER:  # who receives it is woken once
                first, behind = b"".join((first, *behind)), ()
            self._send(first)
            for part in behind:
                self._send(part)
        except OSError:
            raise ClosedError from None

    def receive(self) -> tuple[Any, memoryview]:
        """The next message, and what stands behind it. Raises `ClosedError`, `MalformedError`."""
        head, size = LENGTHS.unpack(self._take(LENGTHS.size))
        shared = bool(size & SHARED)
        size &= SHARED - 1
        if head > MOST_HEAD or size > (len(self._slot or b"") if shared else MOST_BODY):
            raise MalformedError
        together = 0 if shared or size > TOGETHER else size
        taken = self._take(head + together)
        try:
            message = self._decoder.decode(taken[:head])
        except msgspec.MsgspecError:
            raise MalformedError from None
        if shared and self._slot is not None:  # a copy: the other side may write to it at any time
            return message, memoryview(bytearray(self._slot[:size]))
        return message, taken[head:] if together == size else self._take(size)

    def send_file(self, descriptor: int) -> None:
        """Hand an open file over, and close it here. Raises `ClosedError`."""
        try:
            socket.send_fds(self._end, [b"f"], [descriptor])
        except OSError:
            raise ClosedError from None
        finally:
            os.close(descriptor)

    def receive_file(self) -> int:
        """A file that is handed over. Raises `ClosedError`."""
        _, found, _, _ = socket.recv_fds(self._end, 1, 1)
        if not found:
            raise ClosedError
        return found[0]

    def close(self) -> None:
        """End the line."""
        self._end.close()

    def _share(self, parts: tuple[bytes | bytearray | memoryview, ...]) -> None:
        assert self._slot is not None
        at = 0
        for part in parts:
            view = memoryview(part).cast("B")
            self._slot[at : at + len(view)] = view
            at += len(view)

    def _take(self, size: int) -> memoryview:
        taken, at = bytearray(min(size, AT_ONCE)), 0
        try:
            while at < size:
                if at == len(taken):  # memory is taken as bytes arrive, not as they are announced
                    taken += bytes(min(size - at, max(MIB, at)))
                count = self._received(memoryview(taken)[at:])
                if not count:
                    raise ClosedError
                at += count
        except OSError:
            raise ClosedError from None
        return memoryview(taken)

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        if self.left is None:
            self._end.sendall(data)
            return
        rest = memoryview(data).cast("B")
        while rest:
            self._end.settimeout(min(self.left(), LONGEST))
            with suppress(TimeoutError):
                rest = rest[self._end.send(rest) :]

    def _received(self, into: memoryview) -> int:
        while self.left is not None:
            self._end.settimeout(min(self.left(), LONGEST))
            with suppress(TimeoutError):
                return self._end.recv_into(into)
        return self._end.recv_into(into)
