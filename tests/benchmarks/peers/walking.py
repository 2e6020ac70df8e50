"""Walks over everything in a file: h5s3 and its peers, each a whole process on the same server.

An rclone server on this machine stands behind a proxy that delays each answer by `--rtt` milliseconds (on
average: 8/9 and 10/9 of it in turn, so that the proxy can tell the rounds) and gives all connections
together `--bandwidth` Mbit/s. Everybody walks everything and reads name, kind, shape and dtype of each
object. The contenders take turns, `--repeat` times; what stands in the table is the median. Who takes more
than three times as long as h5s3 runs once; so do all of a family but the fastest, which is what the table
shows. Seconds are of the wall, from the start of the process to its end; requests, rounds (groups of
requests that overlap in time) and MB (10^6 bytes of bodies) are the proxy's counts.

What it does not tell: connecting is free here, and takes two to three round trips more on a real line (once
for who asks one request after another, once for all of h5s3's connections together). Server, proxy and
contender share the processors of one machine. kerchunk lists the chunks of each dataset as well, h5ls also
shows attributes.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.benchmarks import processes
from tests.benchmarks.files import DESCRIBED, make
from tests.benchmarks.peers.contenders import CONTENDERS, H5LS, OURS, PLAIN, Contender, Place
from tests.benchmarks.tables import below, markdown, marks, wrapped
from tests.benchmarks.turns import again, spread, tell, turns_told
from tests.benchmarks.versions import beside
from tests.support.doctor import certificate
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server
from tests.support.shapes import SCANS

BUCKET = "bench"
JITTER = 0.25
MOST_SECONDS = 60.0  # that one process may take
COLUMNS = ("contender", "seconds", "min–max", "CPU s", "requests", "rounds", "MB", "× h5s3 cold", "datasets")
NO_ROS3 = "cannot read URLs: built without the ros3 driver"


@dataclass(frozen=True)
class Sample:
    """One process: seconds, what the proxy counted, the datasets it found; None: stopped before its end."""

    seconds: float
    requests: int
    rounds: int
    bytes: int
    datasets: int | None
    cpu: float = 0.0


@dataclass
class Row:
    """All samples of a contender, or words that say why there are none; with its family and a remark."""

    name: str
    samples: list[Sample] = field(default_factory=list)
    words: str = ""
    family: str = ""
    remark: str = ""

    @property
    def finished(self) -> list[Sample]:
        """The samples of processes that came to their end."""
        return [sample for sample in self.samples if sample.datasets is not None]

    @property
    def stopped(self) -> bool:
        """Whether it took too long at least once."""
        return len(self.finished) < len(self.samples)

    @property
    def unfinished(self) -> bool:
        """Whether it took too long so often that the medians are bounds, not values."""
        return 2 * len(self.finished) <= len(self.samples)

    @property
    def datasets(self) -> set[int]:
        """How many it found: one number, if all is well."""
        return {sample.datasets for sample in self.samples if sample.datasets is not None}

    @property
    def seconds(self) -> float:
        """The median, or what it exceeds where the row is unfinished."""
        return median(sample.seconds for sample in self.samples)


@dataclass(frozen=True)
class Track:
    """What all contenders share."""

    proxy: Proxy
    server: S3Server
    key: str
    home: Path
    most_seconds: float = MOST_SECONDS
    certificate: Path | None = None  # of the server, where it speaks TLS

    @property
    def place(self) -> Place:
        """Where the file is."""
        path = Path(self.server.root or "", BUCKET, self.key)
        return Place(self.proxy.url, BUCKET, self.key, str(path))

    def environment(self, cache: Path) -> dict[str, str]:
        """Of a contender's process: the server behind the proxy, and nothing of the user's configuration."""
        ours = {"HOME": str(self.home), "TMPDIR": str(self.home), "H5S3_CACHE_DIR": str(cache)}
        trusted = {"AWS_CA_BUNDLE": str(self.certificate)} if self.certificate else {}
        return {**processes.clean_environment(), **self.server.at(self.proxy.url).env(), **ours, **trusted}


@contextmanager
def track_of(
    shape: str,
    rtt: float,
    bandwidth: float,
    scans: int = SCANS,
    most_seconds: float = MOST_SECONDS,
    tls: bool = False,
) -> Iterator[Track]:
    """A file of a shape behind a line with so many milliseconds and Mbit/s; with TLS, connecting takes two
    round trips more.

    The server asks for no signature, since h5ls' driver cannot be given keys of every release; all others
    sign as always.
    """
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        home, served = Path(folder, "home"), Path(folder, "served")
        (served / BUCKET).mkdir(parents=True)
        home.mkdir()
        key = make(shape, served / BUCKET, scans).name
        with rclone_server(served, auth=False) as server, Proxy(server) as proxy:
            server.client().head_object(Bucket=BUCKET, Key=key)  # the server hashes the file once
            proxy.delay = rtt / 1000 / (1 + JITTER / 2)
            proxy.jitter = JITTER
            proxy.partial = True
            proxy.bandwidth = bandwidth * 1e6 / 8
            paper = certificate(home) if tls else None
            if paper is not None:
                proxy.secure(paper)
                proxy.handshake = 2 * rtt / 1000
            yield Track(proxy, server, key, home, most_seconds, paper)


def measure(track: Track, contenders: Sequence[Contender], repeat: int) -> list[Row]:
    """Let the contenders take turns; who fails or takes too long does not run again."""
    rows = {
        one.name: Row(one.name, words=one.missing(), family=one.family, remark=one.remark())
        for one in contenders
    }
    for turn in range(repeat):
        cache = track.home
        for number, contender in enumerate(contenders):
            row = rows[contender.name]
            if contender.cache == "empty":
                cache = track.home / f"cache-{turn}-{number}"
            if _runs(row, rows):
                run(track, contender, cache, row)
                told = row.words or f"{row.samples[-1].seconds:.1f} s, {row.samples[-1].requests} requests"
                tell(f"walks, turn {turn + 1}: {row.name}: {told}")
    return list(rows.values())


def _runs(row: Row, rows: Mapping[str, Row]) -> bool:
    """Whether a contender runs (again): it can, it is the fastest of its family, and not slow."""
    if row.words or row.stopped:
        return False
    if not row.samples:
        return True
    if row is not _fastest(row, rows.values()):
        return False
    ours = rows.get(OURS)
    return not (ours and ours.samples) or again(row.samples[0].seconds, ours.samples[0].seconds)


def _fastest(row: Row, rows: Iterable[Row]) -> Row:
    """Of the family of a row, the fastest in its first run; the row itself where it has no family."""
    family = [other for other in rows if other.family == row.family and other.finished]
    if not row.family or not family:
        return row
    return min(family, key=lambda other: other.samples[0].seconds)


def run(track: Track, contender: Contender, cache: Path, row: Row) -> None:
    """One process, noted in the row."""
    track.proxy.reset()
    began = time.perf_counter()
    ended = processes.run(contender.command(track.place), track.environment(cache), track.most_seconds)
    seconds = time.perf_counter() - began
    proxy = track.proxy
    if ended.code:
        row.words, row.samples = _failure(contender, proxy, ended.error), []
        return
    datasets = None if ended.code is None else contender.count(ended.output)
    seconds = seconds if ended.code is not None else track.most_seconds
    row.samples.append(Sample(seconds, proxy.count(), proxy.rounds(), proxy.bytes(), datasets, ended.cpu))


def _failure(contender: Contender, proxy: Proxy, error: str) -> str:
    if contender.name == H5LS and not proxy.count():
        return NO_ROS3
    return f"failed: {(error.strip().splitlines() or ['without a word'])[-1]}"


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, of each family the fastest; under it what is to be said of some."""
    cold = next((row for row in rows if row.name == OURS and row.finished and not row.unfinished), None)
    shown = [row for row in rows if row is _shown(row, rows)]
    notes = {row.name: told for row in shown if (told := _note(row, rows))}
    mark = marks(notes)
    body = [[beside(row.name) + mark.get(row.name, ""), *_cells(row, cold)] for row in shown]
    return markdown(COLUMNS, body) + below(notes)


def _shown(row: Row, rows: Sequence[Row]) -> Row:
    """The one of its family that stands in the table."""
    fastest = _fastest(row, rows)
    if fastest.finished or not row.family:
        return fastest
    return next(other for other in rows if other.family == row.family)


def _note(row: Row, rows: Sequence[Row]) -> str:
    """Why there are no figures, who else of its family ran, what else is to be said."""
    others = [
        f"{other.name} ({other.samples[0].seconds:.2f} s)"
        for other in rows
        if other.family == row.family and other is not row and other.samples
    ]
    faster = f"the fastest of {len(others) + 1}, before {', '.join(others)}" if row.family and others else ""
    stopped = f"stopped after {row.samples[-1].seconds:g} s" if row.unfinished and row.samples else ""
    return "; ".join(filter(None, (row.words, stopped, faster, row.remark)))


def _cells(row: Row, cold: Row | None) -> list[str]:
    """The figures of a row."""
    if not row.samples:
        return ["–"] * (len(COLUMNS) - 1)
    more = "> " if row.unfinished else ""
    counted = row.samples if row.unfinished else row.finished
    figures = [
        f"{median(sample.cpu for sample in counted):.2f}",
        f"{median(sample.requests for sample in counted):.0f}",
        f"{median(sample.rounds for sample in counted):.0f}",
        f"{median(sample.bytes for sample in counted) / 1e6:.1f}",
        _ratio(row.seconds / cold.seconds) if cold else "–",
    ]
    figures.insert(0, f"{row.seconds:g}" if more else f"{row.seconds:.2f}")
    told = [more + figure if figure != "–" else figure for figure in figures]
    found = "/".join(map(str, sorted(row.datasets))) or "–"
    return [told[0], _spread(row), *told[1:], found]


def _ratio(value: float) -> str:
    return f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def _spread(row: Row) -> str:
    if not row.finished:
        return "–"
    seconds = [sample.seconds for sample in row.samples]
    return f"{min(seconds):.2f}–> {max(seconds):g}" if row.stopped else spread(seconds)


def limit(track: Track, rows: Sequence[Row], rtt: float, bandwidth: float) -> str:
    """What no walk over this line can be faster than, in words, and how near ours comes.

    That is the plain walk of the local file, the longest chain of requests that each need the answer before,
    and the bytes of our walk over the line.
    """
    by_name = {row.name: row for row in rows if row.finished}
    if not {OURS, PLAIN} <= by_name.keys():
        return ""
    ours, plain = by_name[OURS], by_name[PLAIN]
    settings = Settings(
        endpoint_url=track.proxy.url, anon=True, no_cache=True, insecure=bool(track.certificate)
    )
    with Session(settings) as session:
        tree(session, Location("s3", track.key, bucket=BUCKET), TreeRequest(depth=0, limit=0))
    chain = session.trace.trips
    carried = median(sample.bytes for sample in ours.finished) * 8e-6 / bandwidth
    least = plain.seconds + chain * rtt / 1000 + carried
    cpu, plain_cpu = (median(sample.cpu for sample in row.finished) for row in (ours, plain))
    text = (
        f"The limit is {least:.2f} s: {plain.seconds:.2f} s for plain h5py on the local file, {chain} "
        f"requests one after another ({chain * rtt / 1000:.2f} s), {carried:.2f} s for the bytes. h5s3 takes "
        f"{ours.seconds / least:.2f} times the limit, and {cpu / plain_cpu:.2f} times the processor time of "
        "plain h5py."
    )
    return wrapped(text)


def disagreement(rows: Sequence[Row]) -> str:
    """Who found another number of datasets than others, in words; empty where all agree."""
    if len(set().union(*(row.datasets for row in rows))) <= 1:
        return ""
    told = "; ".join(f"{row.name}: {sorted(row.datasets)}" for row in rows if row.datasets)
    return f"Not all found the same datasets: {told}"


def caption(options: argparse.Namespace, size: int, datasets: str) -> str:
    """What was measured."""
    import h5py

    tls = ", over TLS (two round trips to connect)" if options.tls else ""
    text = (
        f"A walk over everything in `{options.shape}` ({DESCRIBED[options.shape]}, {size / 1e6:.1f} MB, "
        f"{datasets} datasets): {options.rtt:g} ms for each answer, {options.bandwidth:g} Mbit/s{tls}, whole "
        f"processes, {turns_told(options.repeat)}; HDF5 {h5py.version.hdf5_version} in h5py, "
        f"Python {platform.python_version()}."
    )
    return wrapped(text)


def report(options: argparse.Namespace) -> tuple[str, str]:
    """Measure; the text for the README, and what is wrong with it if anything is."""
    line = options.rtt, options.bandwidth
    with track_of(options.shape, *line, options.scans, options.timeout, options.tls) as track:
        size = (track.server.root or Path()).joinpath(BUCKET, track.key).stat().st_size
        rows = measure(track, _chosen(options), options.repeat)
        bound = limit(track, rows, options.rtt, options.bandwidth)
    datasets = "/".join(map(str, sorted(set().union(*(row.datasets for row in rows)))))
    return f"{caption(options, size, datasets)}\n\n{table(rows)}\n\n{bound}", disagreement(rows)


def _chosen(options: argparse.Namespace) -> list[Contender]:
    """Over TLS h5s3 alone is asked: not every peer can be told whom to trust."""
    alone = options.tls or options.alone
    return [c for c in CONTENDERS if not alone or c.name == PLAIN or c.name.startswith("h5s3")]
