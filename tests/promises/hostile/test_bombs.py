"""Bombs: whatever a file declares or holds, commands end, in bounded memory, and say what they cut.

One that does not end is ended after a while, and the test fails. The bound of memory holds for all commands
at their defaults: what a process and its children held at the most; in the quick run, this one and a cell.
`pytest -s -m slow tests/promises/hostile/test_bombs.py` prints the whole table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import pytest

import h5s3.formats.hdf5.tree
from h5s3.explore.du import du
from h5s3.explore.meta import meta
from h5s3.explore.tree import tree
from h5s3.formats.hdf5.fetch import lookahead
from h5s3.formats.hdf5.fetch.safeguards import decoding
from h5s3.formats.hdf5.objects import attributes
from h5s3.formats.requests import MetaRequest, TreeRequest, UsageRequest
from h5s3.records import GroupNode
from tests.support.cli import command, environment, run
from tests.support.hostile.bombs import BOMBS, LARGE
from tests.support.servers.memory import LOCATION, MemoryStore, in_blocks, memory_session
from tests.support.servers.s3 import S3Server

MIB = 1 << 20
MOST_MEMORY = 1024  # MiB
TIMEOUT = 120.0  # seconds after which a command is taken not to end
CODES = {0, 2, 3, 5, 6, 8}
BUCKET = "bombs"
QUICK = ["ten_thousand_levels", "many_soft_links", "million_groups_by_doubling", "soft_links_in_circles"]
QUICK += ["tree_of_itself", "header_that_continues_in_itself", "lying_filters"]
_MEASURE = """
import json, os, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    json.dump([code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss], file)
"""


@dataclass(frozen=True)
class Cost:
    """How a command ended, and MiB of memory that it held at the most."""

    code: int
    memory: float
    out: str
    err: str


def measured(folder: Path, *args: object, on: S3Server) -> Cost:
    """A command, started by a small process: what starts one counts as its memory until it has begun."""
    noted = folder / "cost"
    words = [sys.executable, "-S", "-E", "-c", _MEASURE, str(noted), *command(*args)]
    variables = environment(on, H5S3_CACHE_DIR=str(folder / "cache"))
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        subprocess.run(words, stdout=out, stderr=err, env=variables, timeout=TIMEOUT, check=True)
    code, kib = json.loads(noted.read_text())
    texts = [(folder / name).read_text(errors="replace") for name in ("out", "err")]
    return Cost(code, kib / 1024, *texts)


def measured_here(cell: Any, folder: Path, *args: object, on: S3Server) -> Cost:
    """A command in this process: what that and the cell that reads for it held, each at the most."""
    own = Path("/proc/self")
    (own / "clear_refs").write_text("5")  # from here on
    before = _of_memory(own, "VmRSS:")
    done = run(*args, "--timeout", TIMEOUT, on=on, H5S3_CACHE_DIR=str(folder / "cache"))
    assert done.code != 5, "it does not end"
    if not cell.running:  # libhdf5 has crashed: what the process held, only who started it can tell
        return measured(folder, *args, on=on)
    held = max(cell.memory(), _of_memory(own, "VmHWM:") - before)
    if held > MOST_MEMORY:
        cell.end()  # the others are to have their own
    return Cost(done.code, held, done.out, done.err)


def _of_memory(process: Path, name: str) -> float:
    return int((process / "status").read_text().partition(name)[2].split()[0]) / 1024


def stored(name: str, folder: Path, server: S3Server) -> tuple[str, Path]:
    """A bomb on a server, made in a process of its own where that may take much memory."""
    path = folder / f"{name}.h5"
    if name in QUICK:
        BOMBS[name](path)
    else:
        _make_apart(name, path)
    server.put_file(BUCKET, path.name, path)
    return f"s3://{BUCKET}/{path.name}", path


def _make_apart(name: str, path: Path) -> None:
    made = "import sys; from pathlib import Path; from tests.support.hostile.bombs import BOMBS, LARGE;"
    made += "(BOMBS | LARGE)[sys.argv[1]](Path(sys.argv[2]))"
    subprocess.run(
        [sys.executable, "-c", made, name, str(path)], check=True, timeout=120, env=dict(os.environ)
    )


def datasets(path: Path) -> list[str]:
    """The first datasets of the root."""
    try:
        with h5py.File(path) as file:
            hard = [
                name for name in list(file)[:50] if isinstance(file.get(name, getlink=True), h5py.HardLink)
            ]
            return [f"/{name}" for name in hard if isinstance(file[name], h5py.Dataset)][:8]
    except (OSError, RuntimeError):
        return []


def commands(where: str, path: Path, folder: Path) -> Iterator[list[str]]:
    """Every command that reads HDF5, at its defaults and at its most."""
    yield ["tree", where]
    yield ["tree", where, "-r", "--attrs"]
    yield ["tree", where, "-r", "--attrs", "--json"]
    yield ["tree", where, "--view", "auto"]
    yield ["tree", where, "--view", "netcdf"]
    yield ["meta", where, "--all-attrs"]
    yield ["du", where]
    yield ["doctor", where]
    yield ["refs", where, "-o", f"{folder}/refs.json", "--overwrite"]
    for name in datasets(path):
        yield ["meta", where, name]
        yield ["preview", where, name]
        yield ["get", where, name, "-o", f"{folder}/got.npy", "--overwrite"]
        yield ["get", where, name, "-o", f"{folder}/got.h5", "--overwrite"]


def check(cost: Cost, name: str = "") -> None:
    """An end that is documented, within the bounds."""
    assert cost.code in CODES, cost
    assert cost.memory < MOST_MEMORY, cost
    assert cost.code == 0 or "h5s3: " in cost.err or (name == "doctor" and cost.out)  # which goes on
    assert "internal error" not in cost.err and "Traceback" not in cost.err


@pytest.mark.parametrize("name", QUICK)
def test_a_walk_ends(name: str, tmp_path: Path, rclone: S3Server, cell: Any) -> None:
    where, _ = stored(name, tmp_path, rclone)
    cost = measured_here(cell, tmp_path, "tree", where, "-r", "--attrs", "--json", on=rclone)
    check(cost)
    assert cost.memory < 700
    if cost.code == 0:
        json.loads(cost.out)
    if name == "ten_thousand_levels":  # the answer from the cache, and as text
        for _ in range(2):
            again = measured_here(cell, tmp_path, "tree", where, "-r", "--attrs", on=rclone)
            check(again)
            assert again.code == 0 and again.out.count("\n") > 200 and "1 more" in again.out


@pytest.mark.parametrize("name", ["gzip_stream", "one_string_everywhere"])
def test_values_that_grow_while_they_are_decoded(
    name: str, tmp_path: Path, rclone: S3Server, cell: Any
) -> None:
    where, _ = stored(name, tmp_path, rclone)
    for args in (["preview", where, "/data"], ["get", where, "/data", "-o", f"{tmp_path}/got.json"]):
        cost = measured_here(cell, tmp_path, *args, on=rclone)
        check(cost)
        assert cost.code in ((0, 8) if name == "one_string_everywhere" else (6, 8))
        assert not (tmp_path / "got.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BOMBS) + sorted(LARGE))
def test_every_command_ends(name: str, tmp_path: Path, rclone: S3Server) -> None:
    where, path = stored(name, tmp_path, rclone)
    for args in commands(where, path, tmp_path):
        cost = measured(tmp_path, *args, "--timeout", "90", on=rclone)
        said = cost.err.strip().rpartition("\n")[2][:60] if cost.code else ""
        words = " ".join(args[:1] + args[2:]).replace(str(tmp_path), "")
        print(f"{name:32s} {words:34.34s} {cost.code:4d} {cost.memory:6.0f} MiB  {said}")
        check(cost, args[0])


# ------------------------------------------------------------------------------------------ in this process


def bombed(name: str, folder: Path) -> MemoryStore:
    BOMBS[name](folder / "bomb.h5")
    return MemoryStore((folder / "bomb.h5").read_bytes())


def test_ten_thousand_levels_end_where_it_is_said(tmp_path: Path) -> None:
    with memory_session(bombed("ten_thousand_levels", tmp_path)) as session:
        found = tree(session, LOCATION, TreeRequest(depth=0))
        for _ in range(h5s3.formats.hdf5.tree.DEEPEST - 1):
            (node,) = found.children
            assert isinstance(node, GroupNode) and node.children and not node.children_truncated
            found = node  # type: ignore[assignment]
        (last,) = found.children
        assert isinstance(last, GroupNode) and last.children_truncated is True and last.num_children == 1
        assert "200 levels" in str(du(session, LOCATION).notes)


def test_attributes_end_with_their_allowance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5s3.formats.hdf5.tree, "MOST_VALUES", 3 * MIB)
    with memory_session(bombed("attributes_of_aliases", tmp_path)) as session:
        found = tree(session, LOCATION, TreeRequest(depth=0, attributes=True))
    told = [node for group in found.children if isinstance(group, GroupNode) for node in group.children or []]
    read = [node for node in told if node.attributes]
    assert 1 <= len(read) <= 3 and all(len(node.attributes) == 20 for node in read)
    assert all(
        node.attributes_truncated and node.num_attributes == 20 for node in told if not node.attributes
    )


def test_paths_end_with_their_allowance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5s3.formats.hdf5.tree, "MOST_TEXT", 10 * MIB)
    monkeypatch.setattr("h5s3.formats.hdf5.du.MOST_TEXT", 10 * MIB)
    with memory_session(bombed("long_paths", tmp_path)) as session:
        found = tree(session, LOCATION, TreeRequest(depth=0))
        depth, groups = 0, [c for c in found.children if isinstance(c, GroupNode)]
        while groups and groups[0].children:
            deepest, depth = groups[0], depth + 1
            groups = [c for c in deepest.children or [] if isinstance(c, GroupNode)]
        assert 2 < depth < 50 and (groups or [deepest])[0].children_truncated is True
        assert "paths" in str(du(session, LOCATION, UsageRequest(depth=0)).notes)


def test_a_sequence_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes, "MOST_IN_SEQUENCES", 1500)
    with memory_session(bombed("scales", tmp_path)) as session:
        found = meta(session, LOCATION, MetaRequest("/data"))
    (scales,) = (a for a in found.attributes if a.name == "DIMENSION_LIST")
    assert [len(item) for item in scales.value] == [1500, 0] and scales.truncated is True


@pytest.mark.slow
def test_a_type_of_many_members_is_told_in_few_words(tmp_path: Path) -> None:
    from h5s3.formats.hdf5.objects import datatypes

    with memory_session(bombed("wide_type_shared", tmp_path)) as session:
        found = tree(session, LOCATION, TreeRequest("/many", limit=3))
        one, other = (meta(session, LOCATION, MetaRequest(f"/many/{n}")) for n in (1, 2))
    assert all(len(node.dtype) == datatypes.LONGEST and node.dtype.endswith("…") for node in found.children)
    assert one.type and one.type == other.type and len(one.type.members or []) == 2500


def test_what_waits_for_blocks_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound pointers are not followed ahead: the answer is the same."""
    store = bombed("every_group_in_every_group", tmp_path)
    with memory_session(store) as session:
        wanted = tree(session, LOCATION, TreeRequest(depth=0))
    monkeypatch.setattr(lookahead, "MOST_WAITING", 2)
    most: list[int] = []
    expect = lookahead.Lookahead.expect

    def counted(self: lookahead.Lookahead, nodes: object) -> object:
        found = expect(self, nodes)  # type: ignore[arg-type]
        most.append(sum(map(len, self._waiting.values())))
        assert most[-1] == self._many
        return found

    monkeypatch.setattr(lookahead.Lookahead, "expect", counted)
    monkeypatch.setattr(h5s3.explore.session, "FIRST_BYTES", 0)
    with in_blocks(512, ahead=True), memory_session(store) as session:
        assert tree(session, LOCATION, TreeRequest(depth=0)) == wanted
    assert max(most) == 2


def test_memory_for_decoding_is_given_back() -> None:
    import resource

    from h5s3.errors import RefusedError

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with decoding():
        pass
    with pytest.raises(RefusedError, match="MiB of memory"), decoding(64 * MIB):
        bytearray(200 * MIB)
    with pytest.raises(ValueError, match="other"), decoding():
        raise ValueError("other")
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
