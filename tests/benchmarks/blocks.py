"""Which blocks, gaps and first bytes? A walk over everything in each shape, for each combination.

python -m tests.benchmarks.blocks [--shape SHAPE ...] [--bandwidth 200] [--get-cpu 0.42]

Rounds, depth, requests and MB (10^6 bytes) are counted exactly, in this process, by a store that answers at
once and in the order of a wire with room for all (`counting`). Gaps are in blocks: bytes not asked for that
are fetched to save a request. Seconds are projected:

    RTT × sum over depths d of ceil(n(d) / 64)  +  max(bytes / bandwidth, requests × CPU of a GET)

n(d) is the number of requests of depth d: each of them waited for a chain of d - 1 answers. The sum is the
depth of the walk, and one more for each further 64 requests of one depth, since 64 are in flight. Line and
processor work at the same time: the slower counts. The CPU of a GET is what `cpu` measures. What a process
costs whatever the blocks (its start, connecting, libhdf5) is left out: it is the same in each row.

`*` marks the best of a column, `<` what h5s3 has. The last table holds each combination against the best for
each shape: geometric means of the ratios over the shapes, and the worst of all ratios.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import NamedTuple

from h5s3.explore import session as session_module
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.hdf5.fetch import blocks as blocks_module
from h5s3.formats.requests import TreeRequest
from h5s3.records import DatasetNode, GroupNode, TreeNode
from h5s3.settings import Settings
from h5s3.storage.http.parallel import IN_FLIGHT
from tests.benchmarks.counting import LOCATION, CountingStore
from tests.benchmarks.files import DESCRIBED, MAKERS, make
from tests.benchmarks.tables import markdown
from tests.support.shapes import SCANS

KIB = 1024
BLOCKS = [4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB]
GAPS = [0, 1, 4]  # blocks
FIRSTS = [64 * KIB, 256 * KIB, 1024 * KIB]
RTTS = [0.005, 0.05, 0.15]  # seconds
COUNTED = ("rounds", "depth", "requests", "MB")


class Choice(NamedTuple):
    """Bytes of a block, of a gap, and of the first request."""

    block: int
    gap: int
    first: int

    def cells(self) -> list[str]:
        """As the first columns of a table."""
        return [f"{self.block // KIB}K", f"{self.gap / self.block:g}×", f"{self.first // KIB}K"]


CHOSEN = Choice(blocks_module.BLOCK, blocks_module.GAP, session_module.FIRST_BYTES)
ALL = [Choice(b, b * gap, first) for b, gap, first in itertools.product(BLOCKS, GAPS, FIRSTS)]


@dataclass(frozen=True)
class Line:
    """Bits per second, and seconds of CPU for a GET."""

    bandwidth: float = 200e6
    get_cpu: float = 0.00042


@dataclass(frozen=True)
class Walk:
    """What one walk asked for: requests by depth, waits, bytes; and the datasets it found."""

    at_depth: dict[int, int]
    rounds: int
    received: int
    datasets: int

    @property
    def requests(self) -> int:
        """All requests."""
        return sum(self.at_depth.values())

    def seconds(self, rtt: float, line: Line) -> float:
        """Projected, as the module says; `rtt` in seconds."""
        waits = sum(ceil(number / IN_FLIGHT) for number in self.at_depth.values())
        return rtt * waits + max(self.received * 8 / line.bandwidth, self.requests * line.get_cpu)

    def cells(self) -> list[str]:
        """The counts as cells of a table."""
        counts = (self.rounds, max(self.at_depth), self.requests)
        return [*map(str, counts), f"{self.received / 1e6:.2f}"]


@contextmanager
def chosen(choice: Choice) -> Iterator[None]:
    """h5s3 with other constants for as long as the block lasts."""
    before = blocks_module.BLOCK, blocks_module.GAP, session_module.FIRST_BYTES
    blocks_module.BLOCK, blocks_module.GAP, session_module.FIRST_BYTES = choice
    try:
        yield
    finally:
        blocks_module.BLOCK, blocks_module.GAP, session_module.FIRST_BYTES = before


def walk(data: bytes, choice: Choice) -> Walk:
    """Walk over everything in a file with these constants."""
    store = CountingStore(data)
    with chosen(choice), Session(Settings(no_cache=True), stores={LOCATION.kind: store}) as session:
        found = tree(session, LOCATION, TreeRequest(depth=0, limit=0))
    return Walk(dict(store.at_depth), store.rounds, store.received, count(found.children))


def count(nodes: Sequence[TreeNode]) -> int:
    """How many of these nodes of a tree, and of those below them, are datasets."""
    groups = (node.children for node in nodes if isinstance(node, GroupNode) and node.children)
    return sum(isinstance(node, DatasetNode) for node in nodes) + sum(map(count, groups))


def measure(shapes: Sequence[str], choices: Sequence[Choice], scans: int = SCANS) -> dict[str, list[Walk]]:
    """The walks by shape, in the order of the choices."""
    walks = {}
    with tempfile.TemporaryDirectory(prefix="blocks-") as folder:
        for shape in shapes:
            data = make(shape, Path(folder), scans).read_bytes()
            walks[shape] = [walk(data, choice) for choice in choices]
    return walks


def shape_table(walks: Sequence[Walk], choices: Sequence[Choice], line: Line) -> str:
    """One shape: the counts of each combination, and seconds for each RTT."""
    seconds = [[walk.seconds(rtt, line) for rtt in RTTS] for walk in walks]
    rows = [
        [*choice.cells(), *walk.cells(), *cells, _mark(choice)]
        for choice, walk, cells in zip(choices, walks, _starred(seconds), strict=True)
    ]
    return markdown([*_head(), *COUNTED, *(f"s at {rtt * 1e3:g} ms" for rtt in RTTS), ""], rows, 3)


def summary_table(walks: dict[str, list[Walk]], choices: Sequence[Choice], line: Line) -> str:
    """All shapes: each combination against the best for each shape."""
    ratios: list[list[list[float]]] = [[] for _ in choices]
    for of_shape in walks.values():
        best = [min(walk.seconds(rtt, line) for walk in of_shape) for rtt in RTTS]
        for found, walk in zip(ratios, of_shape, strict=True):
            found.append([walk.seconds(rtt, line) / least for rtt, least in zip(RTTS, best, strict=True)])
    figures = [
        [*(_mean(column) for column in zip(*found, strict=True)), max(map(max, found))] for found in ratios
    ]
    rows = [
        [*choice.cells(), *cells, _mark(choice)]
        for choice, cells in zip(choices, _starred(figures), strict=True)
    ]
    return markdown([*_head(), *(f"mean at {rtt * 1e3:g} ms" for rtt in RTTS), "worst", ""], rows, 3)


def _head() -> tuple[str, ...]:
    return ("block", "gap", "first")


def _mark(choice: Choice) -> str:
    return "<" if choice == CHOSEN else ""


def _mean(ratios: Sequence[float]) -> float:
    return prod(ratios) ** (1 / len(ratios))


def _starred(figures: Sequence[Sequence[float]]) -> list[list[str]]:
    """Rows of figures as text, the least of each column with a star."""
    least = [min(column) for column in zip(*figures, strict=True)]
    return [
        [f"{figure:.2f}{'*' if figure == best else ' '}" for figure, best in zip(row, least, strict=True)]
        for row in figures
    ]


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.blocks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--shape", nargs="+", choices=MAKERS, default=list(MAKERS), help="files [all]")
    parser.add_argument("--bandwidth", type=float, default=200, help="Mbit/s [200]")
    parser.add_argument("--get-cpu", type=float, default=0.42, help="CPU milliseconds of a GET [0.42]")
    options = parser.parse_args(words)
    line = Line(options.bandwidth * 1e6, options.get_cpu / 1e3)
    choices = sorted({*ALL, CHOSEN})
    walks = measure(options.shape, choices)
    for shape, of_shape in walks.items():
        print(f"\n{shape}: {DESCRIBED[shape]}, {of_shape[0].datasets} datasets\n")
        print(shape_table(of_shape, choices, line))
    print(f"\nall shapes: times the best for the shape\n\n{summary_table(walks, choices, line)}")


if __name__ == "__main__":
    main()
