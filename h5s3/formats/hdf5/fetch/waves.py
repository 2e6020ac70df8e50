"""A level of siblings in few rounds: try each, fetch all that was missed at once, try again.

libhdf5 follows pointers one read at a time. A read that would wait raises `Miss` instead, which h5py
carries out unchanged and libhdf5 survives; so the reads of all siblings can share a round trip. The
calls that are passed in must be pure questions: each may be asked several times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from h5s3.errors import H5s3Error, NotCachedError
from h5s3.formats.base import AskAgainError
from h5s3.formats.hdf5.fetch.blocks import BlockFile

T = TypeVar("T")


def gather(
    file: BlockFile, calls: Sequence[Callable[[], T]], failed: Callable[[int, Exception], T]
) -> list[T]:
    """The answers of all calls, in order. What h5py raises is turned into an answer by `failed`.

    Rounds grow with the depth of the pointers that one call follows, not with the number of calls.
    Progress is guaranteed: where a round brought nothing new, the calls wait for their bytes.
    Raises `H5s3Error` from the storage, and `AskAgainError` where a failure may be of our own making.
    """
    answers: dict[int, T] = {}
    todo = list(range(len(calls)))
    fetched: set[int] = set()
    while len(todo) > 1 and file.waves:
        file.missed.clear()
        todo = _try_all(file, calls, todo, answers, failed)
        new = file.missed - fetched
        if not new:
            break
        fetched |= new
        file.prefetch(new)
    for index in todo:
        answers[index] = _ask(file, index, calls[index], failed)
    return [answers[index] for index in range(len(calls))]


def _try_all(
    file: BlockFile,
    calls: Sequence[Callable[[], T]],
    todo: list[int],
    answers: dict[int, T],
    failed: Callable[[int, Exception], T],
) -> list[int]:
    """Answer what can be answered without waiting; the indices of what missed."""
    again = []
    with file.suspended():
        for index in todo:
            before, file.missed = file.missed, set()
            try:
                answers[index] = calls[index]()
            except Exception as error:  # noqa: BLE001 - a miss can surface as another exception
                if file.missed:
                    again.append(index)
                else:
                    answers[index] = _failure(file, index, error, failed)
            else:
                if file.missed:  # the miss was swallowed: the answer may lack something
                    again.append(index)
            file.missed |= before
    return again


def _ask(file: BlockFile, index: int, call: Callable[[], T], failed: Callable[[int, Exception], T]) -> T:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - libhdf5 raises many kinds; `failed` decides
        return _failure(file, index, error, failed)


def _failure(file: BlockFile, index: int, error: Exception, failed: Callable[[int, Exception], T]) -> T:
    if isinstance(error, H5s3Error) and not _of_the_file(error):
        raise error
    if file.ever_missed and not isinstance(error, H5s3Error):
        raise AskAgainError from error
    return failed(index, error)


def _of_the_file(error: H5s3Error) -> bool:
    return isinstance(error, NotCachedError) or error.exit_code in (3, 6, 8)
