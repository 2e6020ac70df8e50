"""A level of siblings in few rounds: try each, fetch all that was missed at once, try again.

libhdf5 follows pointers one read at a time. A read that would wait raises `Miss` instead, which h5py
carries out unchanged and libhdf5 survives; so the reads of all siblings can share a round trip. The
calls that are passed in must be pure questions: each may be asked several times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from h5s3.errors import DamagedError, H5s3Error, NotCachedError, NotFoundError, RefusedError
from h5s3.formats.hdf5.fetch.block_file import BlockFile

OF_THE_FILE = (DamagedError, NotCachedError, NotFoundError, RefusedError)  # that concern one call alone
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
        with file.suspended() as missed:
            todo = [index for index in todo if not _try(file, index, calls[index], answers, failed)]
        new = missed - fetched
        if not new:
            break
        fetched |= new
        file.prefetch(new)
    for index in todo:
        try:
            answers[index] = calls[index]()
        except Exception as error:  # noqa: BLE001 - libhdf5 raises many kinds; `failed` decides
            answers[index] = _failure(file, index, error, failed)
    return [answers[index] for index in range(len(calls))]


def _try(
    file: BlockFile,
    index: int,
    call: Callable[[], T],
    answers: dict[int, T],
    failed: Callable[[int, Exception], T],
) -> bool:
    """Whether a call could be answered without waiting."""
    misses = file.misses
    try:
        answers[index] = call()
    except Exception as error:  # noqa: BLE001 - a miss can surface as another exception
        if file.misses == misses:
            answers[index] = _failure(file, index, error, failed)
    return file.misses == misses  # or the miss was swallowed: the answer may lack something


def _failure(file: BlockFile, index: int, error: Exception, failed: Callable[[int, Exception], T]) -> T:
    if isinstance(error, H5s3Error):
        if not isinstance(error, OF_THE_FILE):
            raise error
    else:
        file.raise_if_confused(error)
    return failed(index, error)
