"""Metadata that declare absurdities: each command ends in an answer or a sentence, in little memory.

One that does not end is killed after a while, and the test fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import pytest

from tests.support.cli import command, environment, run
from tests.support.h5files.registry import new_file, raw_dataset
from tests.support.hostile.absurd import ABSURD

MOST_MEMORY = 400  # MiB
TIMEOUT = 90.0  # seconds after which a command is taken not to end
CODES = {0, 2, 3, 5, 6, 8}
OF_THE_C_LIBRARY = (
    "free(): ",
    "corrupted ",
    "double free ",
    "malloc",
    "munmap_chunk",
    "realloc",
)  # its last words
ENDLESS = {"extensible_array_of_billions", "local_heap_whose_space_goes_in_circles"}
"""libhdf5 goes on with these until a limit ends it."""
RARE = {
    *("btree2_of_65535_levels", "heap_tables_65535_wide", "heap_tables_32768_wide", "heaps_of_65535_bits"),
    *("heap_blocks_of_exabytes", "heaps_with_filters_beyond_number", "huge_objects_of_4_gib"),
    *("btree1_with_65535_children", "local_heap_of_3_gib", "global_heap_of_2_gib", "chunks_of_exabytes"),
    *("global_heap_of_exabytes", "header_continued_for_exabytes", "header_continued_for_3_gib"),
    *("shared_messages_in_lists_of_64_kib", "extents_of_contiguous_exabytes", "rank_of_255"),
    *("layout_of_exabytes", "scaleoffset_of_large_chunks", "nbit_of_absurd_numbers", "pages_of_a_gib"),
    *("filter_of_65535_parameters", "fixed_array_of_a_billion", "extensible_array_of_exabytes"),
    *("superblock_far_away", "superblock_of_wide_addresses", "free_space_of_2_gib", "values_of_4_gib_each"),
    *("shuffle_of_absurd_size", "heap_that_is_its_own_list_of_space", "chunks_of_4_gib_stored"),
}
"""Those that a close relation stands for in the quick run."""
QUICK = sorted(set(ABSURD) - RARE - ENDLESS)


@dataclass(frozen=True)
class End:
    """How a command ended."""

    code: int
    out: str
    err: str
    memory: float


def ended(*args: object, **more: str) -> End:
    """A command in a process of its own: what it and its children held of real memory at the most."""
    variables = environment(**{"PYTHONFAULTHANDLER": "", **more})
    words = [sys.executable, "-S", "-E", "-c", _MEASURE, *command(*args, "--no-cache")]
    done = subprocess.run(words, capture_output=True, env=variables, timeout=TIMEOUT)
    out, err = done.stdout.decode(), done.stderr.decode()
    err, _, cost = err.rstrip("\n").rpartition("\n")
    code, kib = map(int, cost.split())
    return End(code, out, err + "\n" * bool(err), kib / 1024)


_MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def check(name: str, end: End) -> None:
    """An end that is documented, within the bounds."""
    assert end.code in CODES and end.memory < MOST_MEMORY, end
    assert "internal error" not in end.err and "Traceback" not in end.err, end
    if end.code and name != "doctor":  # which reports of damage, and goes on
        ours = [line for line in end.err.splitlines() if not line.startswith(OF_THE_C_LIBRARY)]
        assert not end.out and len(ours) == 1 and ours[0].startswith("h5s3: "), end


def made(name: str, folder: Path) -> Path:
    """The file."""
    ABSURD[name](folder / "absurd.h5")
    return folder / "absurd.h5"


@pytest.fixture
def here(cell: Any) -> Callable[..., End]:
    """A command in this process, as it holds no more than what it says; the reading is in a cell."""

    def asked(*args: object) -> End:
        done = run(*args, "--no-cache", "--timeout", TIMEOUT)
        assert done.code != 5 and len(done.out) < 1_000_000, "it does not end"
        if not cell.running:  # libhdf5 has crashed: what the process held, only who started it can tell
            return ended(*args)
        memory = cell.memory()
        if memory > MOST_MEMORY:
            cell.end()  # the others are to have their own
        return End(done.code, done.out, done.err, memory)

    return asked


@pytest.mark.parametrize("name", QUICK)
def test_absurd_metadata(name: str, tmp_path: Path, here: Callable[..., End]) -> None:
    path = made(name, tmp_path)
    turns = [["tree", path, "-r", "--attrs"], ["preview", path, "/data"], ["du", path]]
    words = turns[QUICK.index(name) % len(turns)]
    check(str(words[0]), here(*words))


def test_a_shuffle_of_absurd_width_is_undone_at_once(tmp_path: Path, here: Callable[..., End]) -> None:
    check("preview", here("preview", made("shuffle_of_absurd_size", tmp_path), "/data"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ABSURD) - ENDLESS))
def test_absurd_metadata_for_every_command(name: str, tmp_path: Path) -> None:
    path = made(name, tmp_path)
    for words in (
        ["tree", path, "-r", "--attrs", "--json"],
        ["tree", path, "--view", "netcdf"],
        ["meta", path],
        ["meta", path, "/data", "--all-attrs"],
        ["preview", path, "/data"],
        ["du", path],
        ["doctor", path],
        ["refs", path, "-o", tmp_path / "refs.json", "--overwrite"],
        ["get", path, "/data", "-o", tmp_path / "got.npy", "--overwrite"],
        ["get", path, "/data", "-o", tmp_path / "got.h5", "--overwrite"],
    ):
        end = ended(*words)
        check(str(words[0]), end)
        print(f"{name:42s} {words[0]:8} {end.code:3d} {end.memory:5.0f} MiB")


@pytest.mark.parametrize("words", [["meta", "/data"], pytest.param(["du"], marks=pytest.mark.slow)])
def test_an_index_without_end_ends_with_the_time(words: list[str], tmp_path: Path) -> None:
    path = made("extensible_array_of_billions", tmp_path)
    end = ended(words[0], path, *words[1:], "--timeout", "1")
    assert (end.code, end.out) == (5, "") and end.memory < MOST_MEMORY
    assert end.err == f"h5s3: {path}: not done within 1 s; raise --timeout\n"


@pytest.mark.parametrize("name", [pytest.param("tree", marks=pytest.mark.slow), "doctor"])
def test_a_list_without_end_ends_with_the_memory(name: str, tmp_path: Path) -> None:
    path = made("local_heap_whose_space_goes_in_circles", tmp_path)
    end = ended(name, path, H5S3_MEMORY="384M")
    check(name, end)
    assert end.code == 6


def test_a_billion_cells_end_with_the_time(tmp_path: Path) -> None:
    path = tmp_path / "cells.h5"
    with new_file(path, "latest") as file:
        data = file.create_dataset("data", (10**9,), "u1", chunks=(1,))
        data[0] = 1
    end = ended("du", path, "--timeout", "1")
    path.unlink()  # 8 GB by its account
    assert (end.code, end.out) == (5, "") and end.memory < MOST_MEMORY
    assert "not done within 1 s" in end.err


@pytest.mark.slow
def test_many_names_of_an_old_group_are_counted_once(tmp_path: Path) -> None:
    """Each name of a group tells how many links it has: to count them reads all of the group."""
    path = tmp_path / "names.h5"
    with new_file(path) as file:
        group = file.create_group("group")
        for number in range(30_000):
            group.id.links.create_hard(b"%d" % number, file.id, b"group")
    end = ended("tree", path, "-r", "--limit", "0")
    assert end.code == 0 and end.out.count(" = /group") >= 29_999
    end = ended("doctor", path)
    assert end.code == 0


def test_sequences_nested_too_deep_are_refused(tmp_path: Path, here: Callable[..., End]) -> None:
    path = tmp_path / "deep.h5"
    with new_file(path, "latest") as file:
        kind = h5py.h5t.STD_I8LE
        for _ in range(1500):
            kind = h5py.h5t.vlen_create(kind)
        raw_dataset(file, "data", kind, (1,))
    end = here("get", path, "/data", "-o", tmp_path / "got.json")
    assert end.code == 8 and end.err == f"h5s3: {path}: its data types are nested too deep to be read\n"
    assert os.listdir(tmp_path) == ["deep.h5"]
