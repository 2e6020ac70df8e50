"""What is known of a file that is examined, and words for what was found in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from h5s3.explore.doctor.advice import repack
from h5s3.formats.names import text_of
from h5s3.records.doctor import Costs, FileLayout
from h5s3.sizes import binary_text
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.formats.hdf5.layout.inventory import Inventory, StoredDataset

RTT = "50 ms"
WORTH, LEAST_GAIN = 0.7, 0.1  # a copy is worth it that takes this part of the time, and saves these seconds
NAMED = 5  # paths of one finding


@dataclass(frozen=True)
class Copy:
    """What a walk over a repacked copy costs, and the options of h5repack that make it."""

    costs: Costs
    options: list[str]

    @property
    def seconds(self) -> float:
        """Seconds of a walk at the usual round-trip time."""
        return self.costs.seconds[RTT]


@dataclass
class Case:
    """All that is known of a file, and the options of h5repack that its findings came to."""

    location: Location
    survey: Inventory
    layout: FileLayout
    now: Costs  # of a walk over the file as it is
    copies: list[Copy]  # in the oldest format, and perhaps in a newer one
    options: list[str] = field(default_factory=list)
    remedies: set[str] = field(default_factory=set)

    @property
    def best(self) -> Copy | None:
        """The copy that is worth it, if any is: the oldest format unless a newer one is much better."""
        best = self.copies[0]
        fastest = min(self.copies, key=lambda copy: copy.seconds)
        if worth(fastest, best.costs):
            best = fastest
        return best if worth(best, self.now) else None

    def remedy(self, options: list[str]) -> str:
        """A command with these options, which the command for everything gets too."""
        self.options += [item for item in options if item not in self.options]
        command = repack(self.location, options)
        self.remedies.add(command)
        return command


def worth(copy: Copy, now: Costs) -> bool:
    """Whether a copy saves much of the time that a walk takes now."""
    before, after = now.seconds[RTT], copy.seconds
    return after <= WORTH * before and before - after >= LEAST_GAIN


def path_of(item: StoredDataset) -> str:
    """The path of a dataset as text."""
    return text_of(item.path)


def paths_of(items: Iterable[StoredDataset]) -> list[str]:
    """The paths of datasets as text."""
    return [path_of(item) for item in items]


def named(paths: list[str]) -> str:
    """The first of some paths, and how many more there are."""
    more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


def counted(count: int, noun: str) -> str:
    """`1 dataset`, `2,200 datasets`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def cost_text(costs: Costs) -> str:
    """What a walk costs, in words."""
    text = f"{counted(costs.requests, 'request')}, {counted(costs.rounds, 'round')}"
    return f"{text}, {binary_text(costs.bytes)}: {costs.seconds[RTT]:.2f} s at {RTT}"
