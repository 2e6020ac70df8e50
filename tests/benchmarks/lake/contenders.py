"""h5s3 and a library, each a whole process, in turns: seconds, and that both tell the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from tests.benchmarks import processes
from tests.benchmarks.turns import spread, tell

OURS, MOST_SECONDS = "h5s3 meta", 600.0


@dataclass(frozen=True)
class Sample:
    """Seconds, processor seconds, and what was told: numbers of files and rows."""

    seconds: float
    cpu: float
    told: tuple[int, int]


def run(name: str, command: list[str], address: dict[str, str]) -> Sample:
    """One run."""
    begun = perf_counter()
    ended = processes.run(command, {**processes.clean_environment(), **address}, MOST_SECONDS)
    seconds = perf_counter() - begun
    if ended.code != 0:
        raise RuntimeError(f"{name}: {ended.error[-2000:]}")
    if name == OURS:
        facts = json.loads(ended.output)["table"]
        return Sample(seconds, ended.cpu, (facts["num_files"], facts["rows"]))
    files, rows = map(int, ended.output.split())
    return Sample(seconds, ended.cpu, (files, rows))


def measure(
    contenders: dict[str, list[str]],
    addresses: dict[str, dict[str, str]],
    repeat: int,
    expected: tuple[int, int],
) -> list[list[str]]:
    """A row for each contender at each distance, `OURS` among them; they take turns."""
    found: dict[tuple[str, str], list[Sample]] = {}
    for _ in range(repeat):
        for where, address in addresses.items():
            for name, command in contenders.items():
                sample = run(name, command, address)
                assert sample.told == expected, (name, sample.told)
                found.setdefault((where, name), []).append(sample)
                tell(f"{where}: {name}: {sample.seconds:.2f} s")
    return [_row(where, name, samples, found[where, OURS]) for (where, name), samples in found.items()]


def _row(where: str, name: str, samples: Sequence[Sample], ours: Sequence[Sample]) -> list[str]:
    seconds, base = (median(one.seconds for one in listed) for listed in (samples, ours))
    shown = [f"{seconds:.2f}", spread(one.seconds for one in samples)]
    return [where, name, *shown, f"{median(one.cpu for one in samples):.2f}", f"{seconds / base:.1f}"]
