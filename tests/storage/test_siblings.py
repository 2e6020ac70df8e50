"""Which files a file may name: those below one prefix of its own storage, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from h5s3.errors import H5s3Error, NetworkError, NotFoundError, RefusedError, UsageError
from h5s3.storage import siblings
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location, parse_location
from h5s3.storage.siblings import Siblings
from h5s3.storage.trace import Trace

MASTER = parse_location("s3://bucket/raw//run/master.h5")
WEB = parse_location("https://host/run/master.h5")


def found(place: Location, length: int) -> tuple[ObjectInfo, bytes]:
    if "gone" in place.key:
        raise NotFoundError("no such object")
    if "broken" in place.key:
        raise NetworkError("the wire")
    return ObjectInfo(place, "nowhere", length, "etag"), b"start"


def beside(first: Location, prefix: str | None = None) -> Siblings:
    return Siblings(first, None if prefix is None else parse_location(prefix), found, Trace())


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("data.h5", "raw//run/data.h5"),
        ("./a/./b//data.h5", "raw//run/a/b/data.h5"),
        ("a/../data.h5", "raw//run/data.h5"),
        ("a b+%2e?#ü.h5", "raw//run/a b+%2e?#ü.h5"),
        ("..data..h5", "raw//run/..data..h5"),
    ],
)
def test_names_below_the_folder(name: str, key: str) -> None:
    place = beside(MASTER).locate(name.encode(), MASTER)
    assert place == Location("s3", key, "bucket")


HOSTILE = [
    "../other.h5", "../../other.h5", "a/../../other.h5", "/etc/passwd", "\\\\host\\share",
    "C:\\x.h5", "c:/x.h5", "s3://other/x.h5", "https://host/x.h5", "file:///etc/passwd", "x://y", "x::y",
    "", ".", "..", "a/..", "a\0b.h5", "a\nb.h5", "a\x1b[2Jb.h5", "\x9b.h5", "a\u2028b", "x" * 1025,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("first", [MASTER, WEB, Location("local", "/data/run/master.h5")])
def test_names_that_lead_elsewhere(name: str, first: Location) -> None:
    here = beside(first)
    with pytest.raises(RefusedError):
        here.locate(name.encode(), first)
    (outcome,) = here.look([name.encode()], first)
    assert isinstance(outcome, RefusedError) and not here.found


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(RefusedError, match="UTF-8"):
        beside(MASTER).locate(b"\xff.h5", MASTER)


def test_a_version_is_of_the_first_file_alone() -> None:
    first = Location("s3", "run/master.h5", "bucket", version_id="v1")
    assert beside(first).locate(b"x.h5", first).version_id is None


def test_a_prefix_that_was_given() -> None:
    above = beside(MASTER, "s3://bucket/raw")
    assert above.locate(b"../x.h5", MASTER).key == "raw//x.h5"
    with pytest.raises(RefusedError, match="not below s3://bucket/raw/"):
        above.locate(b"../../../x.h5", MASTER)
    other = beside(MASTER, "s3://other/place/")
    place = other.locate(b"a/x.h5", MASTER)
    assert (place.bucket, place.key) == ("other", "place/a/x.h5")
    assert other.locate(b"../y.h5", place).key == "place/y.h5"
    with pytest.raises(RefusedError) as refused:
        other.locate(b"../x.h5", MASTER)
    assert refused.value.hint == "allow another place with --follow-prefix s3://other/"
    with pytest.raises(RefusedError) as refused:
        beside(MASTER, "s3://other/").locate(b"../x.h5", MASTER)
    assert not refused.value.hint  # nothing is above a bucket


@pytest.mark.parametrize(
    ("first", "prefix"),
    [
        (MASTER, "/etc/"),
        (MASTER, "https://host/x/"),
        (Location("local", "/data/master.h5"), "s3://bucket/x/"),
        (WEB, "https://other/run/"),
        (WEB, "http://host/run/"),
        (WEB, "https://host/run/?token=1"),
    ],
)
def test_a_prefix_of_another_storage(first: Location, prefix: str) -> None:
    with pytest.raises(UsageError, match="--follow-prefix"):
        beside(first, prefix)


def test_urls() -> None:
    assert beside(WEB).locate(b"a b/100%.h5", WEB).key == "https://host/run/a%20b/100%25.h5"
    signed = parse_location("https://host/run/master.h5?X-Amz-Signature=1")
    with pytest.raises(RefusedError, match="query"):
        beside(signed)


def test_symbolic_links_out_of_the_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "outside").mkdir()
    (run / "out.h5").symlink_to(tmp_path / "outside" / "x.h5")
    (run / "folder").symlink_to(tmp_path / "outside")
    (run / "inside.h5").symlink_to(run / "x.h5")
    first = Location("local", str(run / "master.h5"))
    for name in (b"out.h5", b"folder/x.h5"):
        with pytest.raises(RefusedError, match="symbolic link"):
            beside(first).locate(name, first)
    assert beside(first).locate(b"inside.h5", first).key == str(run / "inside.h5")


def test_each_is_looked_for_once_and_few_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "MOST_FILES", 3)
    here = beside(MASTER)
    outcomes = here.look([b"a", b"gone", b"./a", b"b", b"c", b"../x"], MASTER)
    kinds = [type(one) if isinstance(one, H5s3Error) else one[0].location.name for one in outcomes]
    assert kinds == ["a", NotFoundError, "a", "b", RefusedError, RefusedError]
    assert "more than 3 files" in str(outcomes[4])
    with pytest.raises(NetworkError):
        beside(MASTER).look([b"a", b"broken"], MASTER)
