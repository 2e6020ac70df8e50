"""Listings of many objects: printed as they arrive, in little memory, the same in every form."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.cli import Result, environment, on_terminal_here, run, without_colour
from tests.support.servers.listing import BUCKET, SHAPES, ListServer, serving
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

COUNT = 120_000
MEGABYTES = 100
HERE = f"s3://{BUCKET}/"
PLACE = f"{HERE}data/"
PEAK = """
import sys
from h5s3.cli import command
code = command()
sys.stdout.flush()
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0], file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def large() -> Iterator[ListServer]:
    with serving(COUNT, "numbered") as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("form", [[], ["--jsonl"], ["--json"]], ids=" ".join)
def test_memory_does_not_grow_with_the_listing(large: ListServer, form: list[str]) -> None:
    arguments = ["ls", "-r", HERE, "--no-cache", *form]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments], env=environment(**large.environment()), capture_output=True
    )
    assert done.returncode == 0 and int(done.stderr) < MEGABYTES * 1000
    names = [SHAPES["numbered"](number, COUNT) for number in range(COUNT)]
    if form == ["--json"]:
        document = json.loads(done.stdout)
        assert [entry["key"] for entry in document["entries"]] == names
        assert list(document) == ["schema", "location", "entries", "truncated", "cached"]
    elif form:
        assert [json.loads(line)["key"] for line in done.stdout.splitlines()] == names
    else:
        *lines, total = done.stdout.decode().splitlines()
        assert [line.split("  ")[-1] for line in lines] == names
        assert total.startswith(f"{COUNT:,} objects, ")
    assert large.counts().requests == COUNT / 1000


@pytest.fixture(scope="module")
def many() -> Iterator[S3Server]:
    """A bucket of more objects than are held back."""
    with serving(6002, "numbered") as server:
        yield S3Server(server.url, "listed-access", "listed-secret", "us-east-1", "listing")


def broken(many: S3Server, page: int, *form: str) -> Result:
    """A listing that is refused from a page on."""
    with Proxy(many) as proxy:
        seen: list[str] = []

        def late(request: object) -> bool:
            query = request.query  # type: ignore[attr-defined]
            token = [part for part in query.split("&") if part.startswith("continuation-token")]
            if "list-type" in query and token not in seen:
                seen.append(token)  # type: ignore[arg-type]
            return len(seen) >= page

        proxy.fault("status", status=403, when=late)
        return run("ls", PLACE, *form, on=many.at(proxy.url))


def test_what_was_printed_stays_where_a_page_fails(many: S3Server) -> None:
    text, lines = broken(many, 3), broken(many, 3, "--jsonl")
    assert text.code == lines.code == 4
    assert text.out.count("\n") == lines.out.count("\n") == 2000
    assert text.err.count("\n") == 1 and "access denied" in text.err


def test_a_document_is_whole_or_shows_that_it_is_not(many: S3Server) -> None:
    assert "access denied" in broken(many, 3, "--json").failed(4)  # so short a one is held back
    cut = broken(many, 7, "--json")
    assert cut.code == 4 and cut.err.count("\n") == 1
    assert cut.out.count('"key"') == 6000
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut.out)


@pytest.mark.slow
def test_long_documents_are_those_of_short_ones(many: S3Server) -> None:
    document = run("ls", PLACE, "--json", on=many).json
    assert [entry["key"] for entry in document["entries"]] == [
        SHAPES["numbered"](number, 6002) for number in range(6002)
    ]
    cut = run("ls", PLACE, "--json", "--limit", "5500", on=many).json
    assert cut["entries"] == document["entries"][:5500] and cut["truncated"]


def test_a_limit_asks_for_no_page_too_many(many: S3Server) -> None:
    with Proxy(many) as proxy:
        for limit, form, pages in (
            (1000, "--jsonl", 1),
            (999, "--json", 1),
            (1000, "--json", 2),
            (2500, "--json", 3),
        ):
            proxy.reset()
            run("ls", PLACE, "--limit", limit, form, "--no-cache", on=many.at(proxy.url))
            assert proxy.count() == pages, (limit, form)


@pytest.mark.slow
def test_long_listings_are_not_remembered_and_short_ones_are(many: S3Server) -> None:
    with Proxy(many) as proxy:
        for place, requests in ((PLACE, 7), (f"{PLACE}00000400", 1)):
            for again in (False, True):
                proxy.reset()
                cached = run("ls", place, "--json", on=many.at(proxy.url)).json["cached"]
                remembered = again and requests < 5
                assert (cached, proxy.count()) == (remembered, 0 if remembered else requests), place


@pytest.mark.slow
def test_a_terminal_shows_the_same_lines(many: S3Server) -> None:
    code, out = on_terminal_here("ls", PLACE, columns=80, on=many)
    assert code == 0
    assert without_colour(out).splitlines() == run("ls", PLACE, on=many).lines
