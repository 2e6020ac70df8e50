"""h5s3 and its peers, in one command: walks over a file, listings of a bucket, values of a dataset.

python -m tests.benchmarks.peers [--only walks listing data] [--repeat 3] [--write-readme]

Each section is a module of its own that says what it measures and how: `peers.walking`, `listing`, `data`.
With the defaults all of it takes less than ten minutes on two processors; standard error tells what runs,
with the seconds since the start. Peers come from `uv sync --group bench`, h5ls from Debian's hdf5-tools, the
AWS CLI from wherever it is installed; who is not there has a row that says so. Nothing else should run on
the machine. `--write-readme` puts each section whose contenders agree between its two comments in README.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks import data, listing
from tests.benchmarks.files import MAKERS
from tests.benchmarks.peers import walking
from tests.benchmarks.tables import parts_around, replace_between
from tests.benchmarks.turns import tell
from tests.support import ROOT
from tests.support.shapes import SCANS


@dataclass(frozen=True)
class Section:
    """The comments in the README that it stands between; what measures it; the options that matter to it."""

    comment: str
    report: Callable[[argparse.Namespace], tuple[str, str]]
    options: tuple[str, ...]


SECTIONS = {
    "walks": Section(
        "peers", walking.report, ("rtt", "bandwidth", "repeat", "shape", "scans", "alone", "tls")
    ),
    "listing": Section("peers: listing", listing.report, ("keys", "repeat")),
    "data": Section("peers: data", data.report, ("planes", "rtt", "repeat")),
}
UNSAID = {"scans": SCANS}  # options that are left out of the command where they have these values


def command(name: str, options: argparse.Namespace) -> str:
    """What measures the same section again."""
    words = ["python -m tests.benchmarks.peers --only", name]
    for option in SECTIONS[name].options:
        value = getattr(options, option)
        if isinstance(value, bool):
            words += [f"--{option}"] * value
        elif value != UNSAID.get(option):
            words.append(f"--{option} {value:g}" if isinstance(value, float) else f"--{option} {value}")
    return " ".join(words)


def compile_all() -> None:
    """Compile what is imported, or the first process of each contender would."""
    places = [sysconfig.get_path("purelib"), str(ROOT / "h5s3"), str(ROOT / "tests")]
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-q", "-j", "0", *places], check=False)


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """The options; ends with a message where they do not fit."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections [all]")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each contender [3]")
    parser.add_argument("--rtt", type=float, default=50, help="milliseconds before each answer [50]")
    parser.add_argument("--bandwidth", type=float, default=200, help="walks: Mbit/s of all together [200]")
    parser.add_argument("--shape", choices=MAKERS, default="v1", help="walks: the file [v1]")
    parser.add_argument("--scans", type=int, default=SCANS, help=f"walks: its size [{SCANS}]")
    most = walking.MOST_SECONDS
    parser.add_argument("--timeout", type=float, default=most, help=f"walks: seconds of a process [{most:g}]")
    parser.add_argument(
        "--alone", action="store_true", help="walks: h5s3 and the limit alone; no other section"
    )
    parser.add_argument("--tls", action="store_true", help="walks: over TLS, h5s3 alone; no other section")
    parser.add_argument("--keys", type=int, default=200_000, help="listing: how many [200000]")
    parser.add_argument("--planes", type=int, default=30, help="data: of 17 MB each, 8 at least [30]")
    parser.add_argument("--write-readme", action="store_true", help="put the tables into README.md")
    options = parser.parse_args(words)
    if options.alone or options.tls:
        options.only = ["walks"]
    if options.write_readme:
        try:
            for name in options.only:
                parts_around(ROOT / "README.md", SECTIONS[name].comment)
        except ValueError as error:  # better now than after all the measuring
            parser.error(str(error))
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; with `--write-readme`, put it into the README."""
    options = parsed(words)
    compile_all()
    took, all_agree = [], True
    for name in options.only:
        began = time.perf_counter()
        try:
            text, wrong = SECTIONS[name].report(options)
        except RuntimeError as error:
            text, wrong = f"{name}: no table", str(error)
        text = f"{text}\n\nMeasured by `{command(name, options)}`."
        print(f"{text}\n{wrong}".rstrip(), end="\n\n", flush=True)
        if options.write_readme and not wrong:
            replace_between(ROOT / "README.md", SECTIONS[name].comment, text)
        all_agree = all_agree and not wrong
        took.append(f"{name} {time.perf_counter() - began:.0f} s")
    tell(f"the end: {', '.join(took)}")
    return 0 if all_agree else 1


if __name__ == "__main__":
    sys.exit(main())
