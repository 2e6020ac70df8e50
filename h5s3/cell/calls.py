"""Functions of the command that a question calls: the question may be asked in another process."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Callback(Generic[T]):
    """A function of one argument, and the type of that: one that JSON holds, or `bytes`, or `memoryview` for
    bytes that are not copied. What it gives is likewise `bytes`, or what JSON holds. Threads of the process
    that is asked may call it, too.

    `gives_file`: what it gives is an open descriptor, which is the caller's from then on.
    """

    function: Callable[[T], Any]
    kind: Any
    gives_file: bool = False

    def __call__(self, value: T) -> Any:
        return self.function(value)


def pack(question: Any) -> tuple[bytes, list[Callback[Any]]]:
    """A question as bytes, and the callbacks in it, which stay here."""
    made, callbacks = io.BytesIO(), list[Callback[Any]]()

    class Pickler(pickle.Pickler):
        def persistent_id(self, part: Any) -> int | None:
            if not isinstance(part, Callback):
                return None
            callbacks.append(part)
            return len(callbacks) - 1

    Pickler(made, protocol=pickle.HIGHEST_PROTOCOL).dump(question)
    return made.getvalue(), callbacks


def unpack(packed: bytes | memoryview, callback: Callable[[int], Any]) -> Any:
    """The question; `callback` makes what stands for the one of a number."""

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, number: int) -> Any:
            return callback(number)

    return Unpickler(io.BytesIO(packed)).load()
