"""What a benchmark will ask for, worked out before it asks: requests, bytes, and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from h5s3.errors import UsageError
from h5s3.sizes import MIB, binary_text
from h5s3.storage.base import unsigned
from h5s3.storage.bench.checks import RANGES, REQUESTS, sample_length
from h5s3.storage.location import Location

BUDGET = 256 * MIB  # bytes, where --max-bytes does not say
FEWEST = 3  # samples worth a summary
FEW = 20  # samples of what is not a matter of size, at the most
PAIRS = 10  # of reads of one place, at the most
PAIRED = 64 * 1024  # bytes of such a read, at the most, where there is a size that small
MOST_AT_ONCE = 256
Pattern = Literal["random", "sequential", "pairs"]


@dataclass(frozen=True)
class Wishes:
    """What is to be measured: sizes in bytes, requests of each kind, how many at once."""

    sizes: list[int]
    count: int
    concurrency: list[int]

    def validate(self) -> None:
        """Raises `UsageError` for wishes that make no sense."""
        if not self.sizes or min(self.sizes) < 1:
            raise UsageError("a size to read is one byte or more")
        if self.count < FEWEST:
            raise UsageError(f"at least {FEWEST} requests of each kind are needed", hint="raise --count")
        if not self.concurrency or min(self.concurrency) < 1 or max(self.concurrency) > MOST_AT_ONCE:
            raise UsageError(f"between 1 and {MOST_AT_ONCE} requests can be in flight at once")


@dataclass(frozen=True)
class Cell:
    """Ranged reads of one size, so many at once. `fresh`: each on a connection of its own.

    The places are random, or follow each other, or are read twice each (`pairs`).
    """

    size: int  # bytes
    concurrency: int
    count: int
    fresh: bool = False
    pattern: Pattern = "random"

    @property
    def floor(self) -> int:
        """The fewest requests that make sense: as many as are to be in flight."""
        return max(FEWEST, self.concurrency)

    @property
    def each(self) -> int:
        """Bytes that one more of `count` takes."""
        return self.size * (2 if self.pattern == "pairs" else 1)

    @property
    def requests(self) -> int:
        """With the one that warms up, where they come one at a time."""
        return self.bytes // self.size

    @property
    def bytes(self) -> int:
        """Bytes of the object that will arrive."""
        return self.each * self.count + self.size * (self.concurrency == 1)

    def least(self) -> int:
        """Bytes with the fewest requests."""
        return replace(self, count=self.floor).bytes


@dataclass
class Plan:
    """All that will be asked for, if nothing fails. `few` samples of each of `singles`, after a warm-up."""

    object_size: int | None  # None: a bucket or prefix, or not known yet
    budget: int
    singles: list[str]  # of connect, HEAD, LIST
    few: int
    named: bool = True  # whether there is an object: its identity is asked for
    check_length: int = 0
    cells: list[Cell] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """Connections to be used together: each is warmed up by reading one byte."""
        return sum({cell.concurrency for cell in self.cells} - {1})

    @property
    def requests(self) -> int:
        """Requests, the walks of --compare left out."""
        singles = sum(name != "connect" for name in self.singles) * (self.few + 1)
        checks = REQUESTS if self.check_length else 0
        return self.named + checks + singles + self.lines + sum(cell.requests for cell in self.cells)

    @property
    def bytes(self) -> int:
        """Bytes of the object; pages of LIST come on top."""
        return self.named + RANGES * self.check_length + self.lines + sum(cell.bytes for cell in self.cells)


def is_object(location: Location) -> bool:
    """Whether a location names an object rather than a bucket or a prefix."""
    return location.kind == "web" or bool(location.key and not location.key.endswith("/"))


def make_plan(location: Location, object_size: int | None, budget: int, wishes: Wishes) -> Plan:
    """Fit the wishes into `budget` bytes. Raises `UsageError` for wishes that make no sense.

    `object_size` None plans for an object that is large enough for every size.
    """
    wishes.validate()
    plan = Plan(object_size, budget, _singles(location), min(wishes.count, FEW), is_object(location))
    if not plan.named or object_size == 0:
        return plan
    plan.check_length = sample_length(object_size or budget, budget)
    fitting = _fitting(plan, sorted(set(wishes.sizes)))
    wanted = _cells(plan, wishes, fitting)
    left = budget - plan.bytes - sum(set(wishes.concurrency))
    plan.cells = _fill(plan, *_admit(plan, wanted, left))
    return plan


def _cells(plan: Plan, wishes: Wishes, sizes: list[int]) -> list[Cell]:
    """All kinds of reads. Sequential ones never come back to a place, and neither do pairs."""
    paired = max((size for size in sizes if size <= PAIRED), default=sizes[0])
    cells = [
        Cell(paired, 1, min(plan.few, PAIRS, _places(plan, paired)), pattern="pairs"),
        Cell(sizes[0], 1, plan.few, fresh=True),
    ]
    for at_once in sorted(set(wishes.concurrency)):
        cells += [Cell(size, at_once, max(wishes.count, at_once)) for size in sizes]
    if 1 in wishes.concurrency:
        cells += [
            Cell(size, 1, min(plan.few, _places(plan, size) - 1), pattern="sequential") for size in sizes
        ]
    return [cell for cell in cells if cell.count >= cell.floor]


def _places(plan: Plan, size: int) -> int:
    """Ranges of a size that the object has side by side."""
    return FEW + 1 if plan.object_size is None else plan.object_size // size


def _singles(location: Location) -> list[str]:
    if location.kind == "s3":
        return ["connect", "HEAD", "LIST"] if is_object(location) else ["connect", "LIST"]
    presigned = unsigned(location.key) != location.key  # for GET alone: a HEAD would be refused
    return ["connect"] if presigned else ["connect", "HEAD"]


def _fitting(plan: Plan, sizes: list[int]) -> list[int]:
    """The sizes that the object has; the whole object where it has none of them."""
    there = plan.object_size
    if there is None or sizes[-1] <= there:
        return sizes
    if sizes[0] > there:
        plan.warnings.append(
            f"the object has {binary_text(there)}, less than any size asked for: it is read whole"
        )
        return [there]
    left_out = ", ".join(binary_text(size) for size in sizes if size > there)
    plan.warnings.append(f"left out, as the object has only {binary_text(there)}: {left_out}")
    return [size for size in sizes if size <= there]


def _admit(plan: Plan, wanted: list[Cell], left: int) -> tuple[list[Cell], int]:
    """The cells, cheapest first, whose fewest requests fit together into the bytes `left`, and the rest."""
    admitted: list[Cell] = []
    out: list[Cell] = []
    for cell in sorted(wanted, key=Cell.least):
        if cell.least() <= left and not out:
            left -= cell.least()
            admitted.append(cell)
        else:
            out.append(cell)
    if out:
        named = ", ".join(map(_cell_text, out))
        plan.warnings.append(
            f"left out, to stay within {binary_text(plan.budget)}: {named}; raise --max-bytes"
        )
    return [cell for cell in wanted if cell in admitted], left


def _fill(plan: Plan, cells: list[Cell], left: int) -> list[Cell]:
    """Give each cell the requests it wants, or an equal share of the bytes that are left."""
    order = sorted(range(len(cells)), key=lambda i: cells[i].bytes - cells[i].least())
    filled = list(cells)
    for position, index in enumerate(order):
        cell = cells[index]
        share = left // (len(order) - position) // cell.each
        count = min(cell.count, cell.floor + share)
        left -= (count - cell.floor) * cell.each
        filled[index] = replace(cell, count=count)
    fewer = [
        f"{_cell_text(new)} ({new.count} of {old.count})"
        for old, new in zip(cells, filled, strict=True)
        if new.count < old.count
    ]
    if fewer:
        plan.warnings.append(
            f"fewer requests, to stay within {binary_text(plan.budget)}: "
            f"{', '.join(fewer)}; raise --max-bytes"
        )
    return filled


def _cell_text(cell: Cell) -> str:
    kind = "new connections, " if cell.fresh else "" if cell.pattern == "random" else f"{cell.pattern}, "
    return f"{kind}{binary_text(cell.size)} at {cell.concurrency}"
