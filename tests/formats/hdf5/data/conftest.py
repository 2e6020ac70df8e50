"""What the tests of chunk indexes share: a cache, and a count of what libhdf5 listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from h5s3.cache import Cache
from h5s3.formats.hdf5.data import chunk_index as chunkindex


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    found = Cache(tmp_path / "cache")
    yield found
    found.close()


@pytest.fixture
def iterations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many chunks were listed, each time that libhdf5 was asked."""
    calls: list[int] = []
    real = chunkindex._iterate

    def counted(*arguments: Any) -> Any:
        found = real(*arguments)
        calls.append(len(found))
        return found

    monkeypatch.setattr(chunkindex, "_iterate", counted)
    return calls
