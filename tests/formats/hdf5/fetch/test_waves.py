"""One wave: each question is answered, however often it had to be asked, in few rounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from h5s3.errors import DamagedError, NetworkError
from h5s3.formats.base import AskAgainError
from h5s3.formats.hdf5.fetch import blocks
from h5s3.formats.hdf5.fetch.block_file import BlockFile, Miss
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.storage.trace import Trace
from tests.support.servers.memory import MemoryStore, in_blocks


@pytest.fixture(autouse=True)
def nothing_for_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bytes but those asked for: small files are not fetched whole, nor blocks with their neighbours."""
    monkeypatch.setattr(blocks, "WHOLE", 0)
    monkeypatch.setattr(blocks, "CARRIED", 0)
    monkeypatch.setattr(blocks, "FEW", 0)


def block_file(count: int = 40, size: int = 64) -> tuple[BlockFile, MemoryStore]:
    store = MemoryStore(bytes(count * size))
    return BlockFile(store, None, store.info, Trace()), store


def chain(file: BlockFile, indices: list[int], log: list[int] | None = None) -> Callable[[], list[int]]:
    """A question that reads one block after another."""

    def ask() -> list[int]:
        if log is not None:
            log.append(1)
        for index in indices:
            file.seek(index * blocks.BLOCK)
            file.read(1)
        return indices

    return ask


def no_failure(index: int, error: Exception) -> Any:
    raise AssertionError(f"{index}: {error!r}")


@given(st.lists(st.lists(st.integers(0, 39), max_size=8), max_size=10))
def test_rounds_grow_with_depth_only(chains: list[list[int]]) -> None:
    with in_blocks(64):
        file, store = block_file()
        assert gather(file, [chain(file, indices) for indices in chains], no_failure) == chains
        assert len(store.rounds) <= max(map(len, chains), default=0)


def test_a_swallowed_miss_is_asked_again() -> None:
    with in_blocks(64):
        file, _ = block_file()

        def careless() -> str:
            try:
                chain(file, [7])()
            except Miss:
                return "incomplete"
            return "complete"

        assert gather(file, [careless, chain(file, [3])], no_failure) == ["complete", [3]]


@pytest.mark.parametrize("others", [0, 1, 5])
def test_progress_where_nothing_new_is_missed(others: int) -> None:
    """A call that says it missed a block that is here, for as long as it may not wait."""
    with in_blocks(64):
        file, store = block_file()
        asked: list[int] = []

        def stubborn() -> str:
            asked.append(1)
            if len(asked) > 100:
                raise SystemExit("it would never end")
            if file._suspended:
                file.misses += 1
                raise RuntimeError("something else")
            return "answer"

        calls = [stubborn, stubborn, *(chain(file, [number]) for number in range(others))]
        found = gather(file, calls, no_failure)
        assert found == ["answer", "answer", *([number] for number in range(others))]
        assert len(asked) <= 6 and len(store.rounds) <= 2


def test_failures_become_answers() -> None:
    with in_blocks(64):
        file, _ = block_file()
        found = gather(
            file, [broken(ValueError("no")), broken(DamagedError("bad"))], lambda i, e: (i, str(e))
        )
    assert found == [(0, "no"), (1, "bad")]


def broken(error: Exception) -> Callable[[], Any]:
    def ask() -> Any:
        raise error

    return ask


@pytest.mark.parametrize("alone", [True, False])
def test_errors_of_the_storage_end_the_walk(alone: bool) -> None:
    with in_blocks(64):
        file, _ = block_file()
        calls = [broken(NetworkError("gone"))] + ([] if alone else [chain(file, [1])])
        with pytest.raises(NetworkError):
            gather(file, calls, no_failure)


def test_a_failure_after_a_miss_is_of_our_own_making() -> None:
    with in_blocks(64):
        file, _ = block_file()

        def confused() -> None:
            chain(file, [5])()
            raise OSError("unusable")

        with pytest.raises(AskAgainError):
            gather(file, [confused, chain(file, [1])], no_failure)
        file.restart()
        assert gather(file, [confused, chain(file, [1])], lambda *_: "failed") == ["failed", [1]]
        with pytest.raises(NetworkError):
            gather(file, [broken(NetworkError("gone")), confused], no_failure)
