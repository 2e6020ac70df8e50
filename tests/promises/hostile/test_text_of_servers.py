"""Of listings, headers, errors and names only printable text is shown, whatever a server sends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.promises.hostile.test_text_safety import COLUMNS, document
from tests.support.cli import file, run
from tests.support.hostile.server import Liar, Says, buckets, failing, listing, serving, versions
from tests.support.hostile.text import (
    decoded,
    on_screen,
    raw_texts,
    some,
    spread,
    spread_texts,
    texts,
    visible,
    without_moves,
)

KEYS = st.lists(texts(3), min_size=2, max_size=2, unique=True)
HEADERS = ("ETag", "Last-Modified", "x-amz-version-id", "Server", "x-amz-request-id")
HEADERS += ("x-amz-bucket-region", "Location")


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    with Liar().running() as running:
        yield running


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def headers(values: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Values that fit a header: neither a line's end nor a NUL."""
    clean = [value.translate(None, b"\r\n\0")[:500] for value in values]
    return [(name.encode(), value) for name, value in zip(HEADERS, clean, strict=True)]


@some(4)
@given(KEYS, texts(2), COLUMNS)
@example(spread_texts(3)[:2], spread_texts(3)[2], 24)
@example(spread_texts(3, 1)[:2], spread_texts(3, 1)[2], 137)
def test_listings(liar: Liar, keys: list[str], note: str, columns: int) -> None:
    def answer(asked: object) -> Says:
        target = asked.target  # type: ignore[attr-defined]
        if "list-type=2" in target:
            return Says(200, listing(keys, [keys[0]], note))
        return Says(200, versions(keys, note) if "versions" in target else buckets([note, "b"]))

    liar.answer = answer
    for args in (("ls", "s3://b/", "-l"), ("ls", "s3://b/", "--versions"), ("ls",)):
        piped = run(*args, "--refresh", on=liar.server())
        shown = on_screen(*args, "--refresh", columns=columns, on=liar.server())
        assert piped.code == shown.code == 0 and visible(piped) and visible(shown, colour=True), piped
        assert piped.out.count("\n") == (4 if args[-1] == "-l" else 3)  # a line each, and the sum
        entries = document(run(*args, "--json", on=liar.server()))["entries"]
        lines = [document(one) for one in each_line(run(*args, "--jsonl", on=liar.server()))]
        assert sorted(e["key"] for e in entries) == sorted(e["key"] for e in lines)
        if len(args) > 1:
            assert sorted(e["key"] for e in entries if e["type"] == "object") == sorted(keys)


def each_line(result):  # type: ignore[no-untyped-def]
    """Every line as if it were all there is."""
    assert result.code == 0 and result.out.endswith("\n")
    return [type(result)(0, line + "\n", "") for line in result.out[:-1].split("\n")]


@some(2)
@given(st.lists(raw_texts(2), min_size=7, max_size=7), texts(2), COLUMNS)
@example(spread(7), spread_texts(5)[0], 80)
def test_headers(liar: Liar, values: list[bytes], key: str, columns: int) -> None:
    liar.answer = serving(file("contiguous").read_bytes(), headers(values))
    for where, on in ((f"s3://b/{key}", liar.server()), (f"{liar.url}/{quote(key)}", None)):
        for args in (("meta", where), ("tree", where), ("doctor", where), ("du", where)):
            piped = run(*args, "--stats", "--debug", on=on)
            shown = on_screen(*args, "--stats", columns=columns, on=on)
            assert visible(piped) and visible(without_moves(shown), colour=True)
            assert piped.code in (0, 2, 3, 5, 7) and piped.code != 1, piped
            told = run(*args, "--json", on=on)
            assert told.code == 0 or args[0] == "doctor" or not told.out
            if told.out:
                document(told)


@some(3)
@given(
    st.sampled_from([301, 307, 400, 401, 403, 404, 412, 416, 418, 500, 503]),
    st.lists(raw_texts(2), min_size=7, max_size=7),
    st.lists(texts(2), min_size=3, max_size=3),
    COLUMNS,
)
@example(301, spread(7), spread_texts(3), 40)
@example(403, spread(7, 2), spread_texts(3, 1), 80)
@example(503, spread(7, 4), spread_texts(3, 2), 200)
def test_errors(liar: Liar, status: int, values: list[bytes], words: list[str], columns: int) -> None:
    code, message, key = words
    liar.answer = lambda asked: failing(status, code, message, headers(values))
    on = liar.server()
    for args in (("tree", f"s3://b/{key}"), ("ls", f"s3://b/{key}"), ("tree", f"{liar.url}/{quote(key)}")):
        for result in (run(*args, "--debug", on=on), on_screen(*args, columns=columns, on=on)):
            assert result.code in (2, 3, 4, 5, 6, 7) and visible(result, colour=True), result
        assert run(*args, on=on).err.count("\n") == 1
    for args in (("doctor", f"s3://b/{key}"), ("bench", f"s3://b/{key}", "--count", "3", "--sizes", "1K")):
        piped, shown = run(*args, on=on), on_screen(*args, columns=columns, on=on)
        assert visible(piped) and visible(without_moves(shown), colour=True)


@some(2)
@given(texts(2), texts(2), COLUMNS)
@example(spread_texts(4)[1], spread_texts(2)[0], 80)
def test_bench(liar: Liar, key: str, note: str, columns: int) -> None:
    tag = note.encode("latin-1", "replace").translate(None, b'\r\n\0"')[:50] or b"x"
    liar.answer = serving(file("contiguous").read_bytes(), [(b"ETag", b'"%s"' % tag), (b"Server", tag)])
    args = ("bench", f"s3://b/{key}", "--count", "3", "--sizes", "1K", "--concurrency", "1")
    piped, shown = run(*args, on=liar.server()), on_screen(*args, columns=columns, on=liar.server())
    assert visible(piped) and visible(without_moves(shown), colour=True)
    told = run(*args, "--json", on=liar.server())
    assert told.code == 0 and document(told)["location"]


@some(3)
@given(raw_texts(3), COLUMNS)
@example(spread(5)[0], 24)
@example(spread(5)[1], 137)
def test_files_of_this_machine(tmp_path_factory: pytest.TempPathFactory, name: bytes, columns: int) -> None:
    folder = tmp_path_factory.mktemp("names")
    short = name.replace(b"/", b"|")[:200]
    path = os.fsdecode(os.fsencode(folder) + b"/" + short + b".h5")
    Path(path).write_bytes(file("contiguous").read_bytes())
    for args in (
        ("ls", folder),
        ("ls", folder, "-l"),
        ("tree", path),
        ("meta", path),
        ("du", path),
        ("preview", path, "/vector"),
        ("preview", path, "/vector", "--plot-out", f"{path}.svg"),
        ("doctor", path),
        ("get", path, "/vector", "-o", f"{path}.csv", "--overwrite"),
        ("get", path, "/vector", "-o", f"{path}.no/x.npy"),
        ("tree", f"{path}.no"),
    ):
        for result in (run(*args, "--debug"), on_screen(*args, columns=columns)):
            assert result.code in (0, 1, 2, 3) and visible(without_moves(result), colour=True), result
            assert "internal error" not in result.err
        told = run(*args, "--json")
        assert told.code or document(told)
    keys = [entry["key"] for entry in run("ls", folder, "--json").json["entries"]]
    assert decoded(short + b".h5") in keys
