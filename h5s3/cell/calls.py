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
    """A function of one argument, and the type of that: one that JSON holds."""

    function: Callable[[T], object]
    kind: Any

    def __call__(self, value: T) -> None:
        self.function(value)


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
