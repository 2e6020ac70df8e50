"""The benchmarks run (on very small files), count correctly, and print correct tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from h5s3.explore import session
from h5s3.formats.hdf5.fetch import blocks as reader_blocks
from tests.benchmarks import blocks, cpu, data, listing, many, search
from tests.benchmarks.blocks import CHOSEN, Choice, Line, Walk
from tests.benchmarks.catalog import __main__ as catalog
from tests.benchmarks.counting import LOCATION, CountingStore
from tests.benchmarks.fetches import spread
from tests.benchmarks.lake import contenders as lake
from tests.benchmarks.lake import iceberg
from tests.benchmarks.peers import __main__ as peers
from tests.benchmarks.peers import walking
from tests.benchmarks.peers.contenders import CONTENDERS, H5LS, OURS, Contender
from tests.benchmarks.peers.reads import index_of
from tests.benchmarks.peers.walking import Row, Sample, Track
from tests.benchmarks.tables import below, markdown, parts_around, replace_between
from tests.benchmarks.turns import SLOW
from tests.benchmarks.versions import beside, version
from tests.benchmarks.zarr import convert as converting
from tests.benchmarks.zarr import references
from tests.explore.catalog.test_build import all_rows
from tests.support.servers.files import serving

SCANS = 5
DATASETS = 7 * SCANS
NAMES = [contender.name for contender in CONTENDERS]


def cells(table: str) -> list[list[str]]:
    """The cells of a Markdown table, without the rule below its head."""
    lines = table.partition("\n\n")[0].splitlines()
    del lines[1]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="module")
def track() -> Iterator[Track]:
    with walking.track_of("v1", rtt=5, bandwidth=200, scans=SCANS, most_seconds=60) as made:
        yield made


@pytest.fixture(scope="module")
def rows(track: Track) -> dict[str, Row]:
    return {row.name: row for row in walking.measure(track, CONTENDERS, repeat=1)}


@pytest.mark.slow
@pytest.mark.parametrize("contender", CONTENDERS, ids=NAMES)
def test_every_contender_finds_all_datasets(contender: Contender, rows: dict[str, Row]) -> None:
    row = rows[contender.name]
    if contender.missing() or row.words == walking.NO_ROS3:
        pytest.skip(row.words)
    assert not row.words
    assert row.datasets == {DATASETS}


@pytest.mark.slow
def test_the_counts_are_those_of_each_contender(rows: dict[str, Row], track: Track) -> None:
    assert track.server.root is not None
    size = (track.server.root / walking.BUCKET / track.key).stat().st_size
    found = {name: row.samples[0] for name, row in rows.items() if row.samples}
    downloaded, cold = found["whole download by boto3, h5py"], found[OURS]
    assert (downloaded.bytes, downloaded.requests, downloaded.rounds) == (size, 2, 2)  # a HEAD and a GET
    assert 0 < cold.bytes < size and 1 <= cold.rounds <= cold.requests
    assert found["h5s3, again within 30 s"].requests == 0
    later = found["h5s3, after 30 s (--refresh)"]
    assert (later.requests, later.bytes) == (1, 0)  # a HEAD


@pytest.mark.slow
def test_the_table_has_a_row_for_each(rows: dict[str, Row]) -> None:
    head, *body = cells(walking.table(list(rows.values())))
    assert tuple(head) == walking.COLUMNS
    shown = [row[0].rstrip(" ¹²³⁴⁵⁶⁷⁸⁹") for row in body]
    alone = [beside(one.name) for one in CONTENDERS if not one.family]
    family = [beside(one.name) for one in CONTENDERS if one.family]
    assert [name for name in shown if name not in family] == alone
    assert sum(name in family for name in shown) == 1
    ratios = {row[0]: row[head.index("× h5s3 cold")] for row in body}
    assert ratios[OURS] == "1.0"
    assert walking.disagreement(list(rows.values())) == ""


def test_slow_ones_run_once_and_of_a_family_the_fastest_again(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {OURS: 1.0, "slow": SLOW + 0.1, "other": SLOW - 0.1, "small": 3.0, "large": 2.5, "none": 1.5}

    def run(track: Track, contender: Contender, cache: Path, row: Row) -> None:
        row.samples.append(Sample(seconds[row.name], 1, 1, 1, 7))

    monkeypatch.setattr(walking, "run", run)
    families = {"small": "blocks", "large": "blocks"}
    contenders = [
        Contender(name, lambda place: [], int, family=families.get(name, ""), remark=lambda: "a remark")
        for name in seconds
    ]
    rows = walking.measure(track, contenders, repeat=3)
    runs = {row.name: len(row.samples) for row in rows}
    assert runs == {OURS: 3, "slow": 1, "other": 3, "small": 1, "large": 3, "none": 3}
    table = walking.table(rows)
    shown = [row[0].split(" ")[0] for row in cells(table)[1:]]
    assert shown == [name.split(" ")[0] for name in seconds if name != "small"]
    assert "the fastest of 2, before small (3.00 s); a remark." in table
    assert [row[2] for row in cells(table)[1:3]] == ["1.00–1.00", "one run"]


def test_who_takes_too_long_is_stopped_and_not_asked_again(track: Track) -> None:
    slow = Contender("slow", lambda place: [sys.executable, "-c", "import time; time.sleep(60)"], int)
    row = walking.measure(replace(track, most_seconds=0.2), [slow], repeat=3)[0]
    assert row.stopped and len(row.samples) == 1
    assert cells(walking.table([row]))[1] == [
        "slow ¹",
        "> 0.2",
        "–",
        "> 0.00",
        "> 0",
        "> 0",
        "> 0.0",
        "–",
        "–",
    ]


def test_a_median_is_a_value_while_most_runs_came_to_their_end() -> None:
    sample = Sample(seconds=200.0, requests=90, rounds=80, bytes=10**6, datasets=7)
    longer, stopped = (
        replace(sample, seconds=280.0),
        replace(sample, seconds=300.0, requests=70, datasets=None),
    )
    ours = Row(OURS, [replace(sample, seconds=2.0)])
    one, two = Row("peer", [sample, longer, stopped]), Row("later", [sample, stopped])
    row, later, _ = cells(walking.table([one, two, ours]))[1:]
    assert row == ["peer", "280.00", "200.00–> 300", "0.00", "90", "80", "1.0", "140.0", "7"]
    assert later == ["later ¹", "> 250", "200.00–> 300", "> 0.00", "> 80", "> 80", "> 1.0", "> 125.0", "7"]


def test_a_failure_is_told_in_words(track: Track) -> None:
    fails = Contender("broken", lambda place: [sys.executable, "-c", "raise SystemExit('no, sorry')"], int)
    other = replace(fails, name="other", missing=lambda: "not installed: other")
    without = replace(fails, name=H5LS)
    rows = walking.measure(track, [fails, other, without], repeat=2)
    assert [row.words for row in rows] == ["failed: no, sorry", "not installed: other", walking.NO_ROS3]
    table = walking.table(rows)
    first, *rest = cells(table)[1]
    assert first == "broken ¹"
    assert set(rest) == {"–"}
    assert "\n\n¹ failed: no, sorry.\n\n² not installed: other.\n\n³ cannot read URLs" in table


def test_another_number_of_datasets_is_told() -> None:
    sample = Sample(seconds=1.0, requests=1, rounds=1, bytes=1, datasets=7)
    rows = [Row("one", [sample]), Row("other", [replace(sample, datasets=8)]), Row("absent", words="no")]
    assert walking.disagreement(rows) == "Not all found the same datasets: one: [7]; other: [8]"


def test_the_readme_is_written_only_where_asked_and_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    before = "a\n<!-- peers -->\nold\n<!-- /peers -->\nz\n"
    readme.write_text(before)
    monkeypatch.setattr(peers, "ROOT", tmp_path)
    monkeypatch.setattr(peers, "compile_all", lambda: None)
    sections = {
        name: replace(section, report=lambda options: ("new", "")) for name, section in peers.SECTIONS.items()
    }
    monkeypatch.setattr(peers, "SECTIONS", sections)
    assert peers.main([]) == 0
    assert capsys.readouterr().out.count("new\n") == 3
    assert readme.read_text() == before
    walks = ["--write-readme", "--only", "walks"]
    assert peers.main([*walks, "--rtt", "20", "--shape", "wide"]) == 0
    words = "--only walks --rtt 20 --bandwidth 200 --repeat 3 --shape wide"
    told = f"new\n\nMeasured by `python -m tests.benchmarks.peers {words}`."
    assert capsys.readouterr().out.strip() == told
    assert readme.read_text() == f"a\n<!-- peers -->\n{told}\n<!-- /peers -->\nz\n"
    sections["walks"] = replace(sections["walks"], report=lambda options: ("newer", "they disagree"))
    assert peers.main(walks) == 1
    assert told in readme.read_text()
    with pytest.raises(SystemExit):
        peers.main(["--write-readme"])
    assert "README.md has no <!-- peers: listing -->" in capsys.readouterr().err


def test_a_section_that_fails_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(options: object) -> tuple[str, str]:
        raise RuntimeError("aws ended with 1")

    monkeypatch.setattr(peers, "compile_all", lambda: None)
    monkeypatch.setitem(peers.SECTIONS, "listing", replace(peers.SECTIONS["listing"], report=fails))
    other = replace(peers.SECTIONS["data"], report=lambda options: ("values", ""))
    monkeypatch.setitem(peers.SECTIONS, "data", other)
    assert peers.main(["--only", "listing", "data"]) == 1
    out = capsys.readouterr().out
    assert "aws ended with 1" in out and "values" in out


def test_the_readme_has_a_place_for_each_section() -> None:
    for section in peers.SECTIONS.values():
        parts_around(peers.ROOT / "README.md", section.comment)


def test_a_readme_without_the_place_is_refused(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    for text in ("", "<!-- peers -->", "<!-- /peers --> <!-- peers -->"):
        readme.write_text(text)
        with pytest.raises(ValueError, match="has no"):
            parts_around(readme, "peers")
        with pytest.raises(ValueError, match="has no"):
            replace_between(readme, "peers", "new")
        assert readme.read_text() == text


def test_versions_stand_beside_names() -> None:
    assert version("h5py") and version("s3fs") and version("nothing") == ""
    name = "H5py over s3fs, 1 MiB --h5py"
    assert beside(name) == f"H5py {version('h5py')} over s3fs {version('s3fs')}, 1 MiB --h5py"
    assert below({"one": "said", "other": "told"}) == "\n\n¹ said.\n\n² told."


def test_numbers_stand_on_the_right() -> None:
    lines = ["| a    |   n |", "| ---- | --: |", "| long | 1.5 |"]
    assert markdown(["a", "n"], [["long", "1.5"]]).splitlines() == lines


# ------------------------------------------------------------------------------------------------- blocks


@pytest.mark.parametrize("shape", ["v1", "latest", "paged", "wide", "deep"])
def test_blocks_find_the_same_with_every_choice(shape: str) -> None:
    choices = [Choice(4096, 0, 65_536), Choice(65_536, 262_144, 1 << 20), CHOSEN]
    walks = blocks.measure([shape], choices, scans=SCANS)
    datasets = {"wide": 50 * SCANS, "deep": 2}.get(shape, DATASETS)
    assert {walk.datasets for walk in walks[shape]} == {datasets}
    assert all(walk.rounds <= max(walk.at_depth) <= walk.requests for walk in walks[shape])
    assert (reader_blocks.BLOCK, reader_blocks.GAP) == (CHOSEN.block, CHOSEN.gap)
    assert session.FIRST_BYTES == CHOSEN.first
    head, *body = cells(blocks.shape_table(walks[shape], choices, Line()))
    assert head[:8] == ["block", "gap", "first", "rounds", "depth", "requests", "MB", "s at 5 ms"]
    assert [row[-1] for row in body] == ["", "", "<"]
    head, *body = cells(blocks.summary_table(walks, choices, Line()))
    assert head[3:] == ["mean at 5 ms", "mean at 50 ms", "mean at 150 ms", "worst", ""]
    for column in list(zip(*body, strict=True))[3:-1]:
        best = min(column, key=lambda cell: float(cell.rstrip("*")))
        assert any(cell.endswith("*") for cell in column) and float(best.rstrip("*")) >= 1.0


def test_smaller_blocks_move_fewer_bytes_in_more_requests() -> None:
    small, large = blocks.measure(["v1"], [Choice(4096, 0, 65_536), Choice(65_536, 0, 65_536)], 20)["v1"]
    assert small.received < large.received
    assert small.requests > large.requests


def test_projected_seconds_are_as_documented() -> None:
    walk = Walk({1: 1, 2: 64, 3: 65}, rounds=3, received=25_000_000, datasets=0)
    assert walk.seconds(0.05, Line(bandwidth=200e6, get_cpu=0.0)) == pytest.approx(4 * 0.05 + 1.0)
    assert walk.seconds(0.05, Line(bandwidth=200e6, get_cpu=0.1)) == pytest.approx(4 * 0.05 + 13.0)


def test_the_store_knows_the_longest_chain() -> None:
    store = CountingStore(bytes(100))
    info, data = store.first(LOCATION, 10)
    assert len(data) == 10

    def arrived(wanted: tuple[int, int], data: bytes) -> list[tuple[int, int]]:
        return {(10, 20): [(30, 40), (40, 50)], (30, 40): [(50, 60)]}.get(wanted, [])

    found = store.get_ranges(info, [(10, 20), (20, 30)], arrived)
    assert found == {(start, start + 10): bytes(10) for start in range(10, 60, 10)}
    assert dict(store.at_depth) == {1: 1, 2: 2, 3: 2, 4: 1}
    store.get_ranges(info, [(60, 61)])
    assert (store.depth, store.requests, store.received) == (5, 7, 61)
    assert store.rounds == 3


def test_a_range_outside_the_object_is_a_mistake() -> None:
    store = CountingStore(bytes(100))
    with pytest.raises(AssertionError, match="no range of 100 bytes"):
        store.get_ranges(store.head(LOCATION), [(90, 101)])


# ---------------------------------------------------------------------------------------------------- cpu


@pytest.mark.slow
def test_all_clients_fetch_all_ranges() -> None:
    samples = cpu.measure(count=8, length=1000, repeat=1, scans=1)
    head, *body = cells(cpu.table(samples, 8))
    assert tuple(head) == cpu.COLUMNS
    assert [row[0] for row in body] == list(cpu.NAMES.values())
    assert body[-1][-1] == "1.0"
    assert all(sample.cpu > 0 and sample.wall > 0 for found in samples.values() for sample in found)


def test_ranges_are_spread_over_the_object() -> None:
    assert spread(100, 3, 10) == [(0, 10), (45, 55), (90, 100)]
    assert spread(100, 1, 10) == [(0, 10)]


# ------------------------------------------------------------------------------------------------ listing


@pytest.mark.slow
def test_all_listings_are_measured_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert listing.main(["--keys", "2500", "--repeat", "1", "--only", "h5s3"]) == 0
    head, *body = cells(capsys.readouterr().out.partition("\n\n")[2])
    assert tuple(head) == listing.COLUMNS
    assert [row[0] for row in body] == ["h5s3 ls -r", "h5s3 ls -r --jsonl", "h5s3 ls -r --json"]
    assert [row[-2:] for row in body] == [["3", "2501"], ["3", "2500"], ["3", "1"]]


def test_the_report_of_listings_has_all_contenders() -> None:
    sample = listing.Sample(1.0, 0.1, 30.0, 3, 2500)
    ours = {name: [replace(sample, lines=lines)] for name, lines in ((listing.OURS, 2501), (listing.JSON, 1))}
    head, *body = cells(listing.report_table(ours, ours))
    assert tuple(head) == listing.REPORTED
    assert body[0][1:] == ["1.00", "one run", "1.0", "1.00", "one run", "1.0", "30", "3"]
    assert len(body) == len(listing.contenders(""))
    assert listing.disagreement(ours, 2500) == ""
    told = listing.disagreement({**ours, "other": [replace(sample, lines=2400)]}, 2500)
    assert told == "Not all listed 2500 keys: other: [2400] lines"


# --------------------------------------------------------------------------------------------------- many


@pytest.mark.slow
def test_walks_over_many_objects_are_measured_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert many.main(["--groups", "3", "--each", "40", "--folder", str(tmp_path)]) == 0
    head, ours, plain = cells(capsys.readouterr().out.partition("\n\n")[2])
    assert tuple(head) == many.COLUMNS
    assert (ours[0], ours[-1], plain[0], plain[3]) == (many.OURS, "124", many.PLAIN, "1.00")
    assert all(float(cell) > 0 for row in (ours, plain) for cell in row[1:])
    assert [path.name for path in tmp_path.rglob("*.h5")] == ["many-3-40.h5"]


# --------------------------------------------------------------------------------------------------- data


@pytest.fixture(scope="module")
def values() -> list[data.Row]:
    """A column, read by all that are installed."""
    with data.track_of(planes=8, rtt=1, side=256) as track:
        return data.measure(track, ["column"], repeat=1)


@pytest.mark.slow
def test_all_read_the_same_values(values: list[data.Row]) -> None:
    assert data.disagreement(values) == ""
    assert [row.name for row in values] == list(data.CONTENDERS)
    for row in values:
        assert row.words == data.missing(row.name)
        assert len(row.samples) == (not row.words)
        requests = [sample.requests for sample in row.samples]
        assert all(count == 0 if data.LOCAL in row.name else count > 0 for count in requests)


@pytest.mark.slow
def test_the_table_of_values_has_a_row_for_each(values: list[data.Row]) -> None:
    head, *body = cells(data.table(values))
    assert tuple(head) == data.COLUMNS
    assert [row[0] for row in body] == [row.task for row in values]
    ratios = {row[1]: row[head.index("× h5s3")] for row in body}
    assert (ratios[data.OURS], ratios[data.OURS_LOCAL]) == ("1.0", "1.0")


@pytest.mark.slow
def test_other_values_and_failures_are_told(values: list[data.Row]) -> None:
    first, other, *_ = values
    wrong = replace(other, samples=[replace(other.samples[0], checksum=1)])
    assert (
        data.disagreement([first, wrong]) == f"Not all read the values that h5s3 read: column: {other.name}"
    )
    with data.track_of(planes=8, rtt=1, side=256) as track:
        fails = data.Row("column", "peer")
        data.run(track, fails, [sys.executable, "-c", "raise SystemExit('no, sorry')"], data.ROOT)
        assert (fails.words, fails.samples) == ("failed: no, sorry", [])
        with pytest.raises(RuntimeError, match="no, sorry"):
            data.run(
                track, replace(first), [sys.executable, "-c", "raise SystemExit('no, sorry')"], data.ROOT
            )


def test_a_slice_is_read_as_an_index() -> None:
    indexes = [index_of(text.format(middle=128)) for text, _ in data.TASKS.values()]
    rest = slice(None)
    assert indexes == [(rest, rest, rest), (7, rest, rest), (rest, 128, 128)]


@pytest.mark.slow
def test_references_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--only", "cube", "--planes", "8", "--rtt", "1", "--repeat", "1"]
    assert references.main(words) == 0
    found = cells(capsys.readouterr().out)
    assert found[0] == list(references.COLUMNS)
    assert found[1][1].startswith("h5s3")
    assert found[1][-1] == "1.0" and len(found) == 1 + len(references.CONTENDERS)


@pytest.mark.slow
def test_conversions_are_measured(tmp_path: Path) -> None:
    rows = converting.measure(tmp_path, planes=3, repeat=1, tasks=["copied", "blosc"])
    assert {(row[0], row[1]) for row in rows} >= {(task, "h5s3") for task in ("copied", "blosc")}
    head, *body = cells(converting.text_of(rows, 3, 1).partition("\n\n")[2])
    assert head[:3] == ["task", "contender", "seconds"] and len(body) == len(rows)


@pytest.mark.slow
def test_a_cache_that_was_filled_gives_the_catalog_that_reading_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "BODIES", 3)
    assert catalog.warm(tmp_path, files=8).requests == 1  # the LIST
    with serving(tmp_path / "warm") as address:
        built = catalog.run(
            address, tmp_path / "cold", "build", f"s3://{catalog.BUCKET}/scans/", "-o", tmp_path / "read"
        )
    assert built.found["cached"] == 0 and built.requests == 1 + 8
    assert all_rows(tmp_path / "read") == all_rows(tmp_path / "warm.catalog")


@pytest.mark.slow
def test_searches_are_measured(tmp_path: Path) -> None:
    search.make_files(tmp_path, small=0, large=2, warm=0)
    with serving(tmp_path, delay=0.001, bandwidth=1000) as address:
        rows = search.measure([search.Task("two", "scattered/", address)], repeat=1, slow=1)
    names = ["h5s3 find", "h5s3 find, again", "s3fs and h5py", "s3fs and h5py, 16 threads"]
    assert [row[:2] for row in rows] == [["two", name] for name in names]


@pytest.mark.slow
def test_both_tell_the_same_of_an_iceberg_table(tmp_path: Path) -> None:
    iceberg.make_table(tmp_path, manifests=3, files=2)
    with serving(tmp_path) as address:
        address_of = {"loopback": address}
        rows = lake.measure(iceberg.commands(), address_of, repeat=1, expected=(6, 6 * iceberg.ROWS))
    head, ours, theirs = cells(iceberg.text_of(rows, 3, 2, 1).partition("\n\n")[2])
    assert head[:3] == ["distance", "contender", "seconds"]
    assert (ours[1], ours[-1], theirs[1]) == (lake.OURS, "1.0", iceberg.THEIRS)
