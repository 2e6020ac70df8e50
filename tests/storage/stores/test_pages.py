"""Pages of a listing: read as boto3 reads them, however they are written, and refused where they are none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import botocore.handlers
import botocore.parsers
import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h5s3.errors import NetworkError
from h5s3.storage.stores import s3_pages
from h5s3.storage.stores.s3_list import objects_page, one_by_one
from h5s3.storage.stores.s3_pages import Ask, Page, UnreadableError, page_of, read_page
from h5s3.storage.trace import Trace
from tests.support import examples

SHAPE = botocore.session.get_session().get_service_model("s3").operation_model("ListObjectsV2").output_shape
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def by_boto(body: bytes) -> Page:
    """The page as boto3 reads it."""
    answer = {"body": body, "headers": {}, "status_code": 200}
    parsed: dict[str, Any] = botocore.parsers.create_parser("rest-xml").parse(answer, SHAPE)
    botocore.handlers.decode_list_object_v2(parsed, {"encoding_type_auto_set": True})
    return objects_page(SimpleNamespace(list_objects_v2=lambda: parsed), {})


def page(*contents: str, head: str = "<Name>b</Name><IsTruncated>false</IsTruncated>") -> bytes:
    return f'<ListBucketResult xmlns="{NAMESPACE}">{head}{"".join(contents)}</ListBucketResult>'.encode()


def item(key: str, more: str = "") -> str:
    return f"<Contents><Key>{key}</Key>{more}<Size>5</Size></Contents>"


XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
    min_size=1,
)
KEYS = st.one_of(XML_TEXT, st.text("ab/%+&<>\"' ü\U0001f600", min_size=1), st.text("a/", min_size=1))
FIELDS = {
    "LastModified": ["2026-03-01T12:34:56.000Z", "2024-02-29T00:00:00Z", "1999-12-31T23:59:59.123456Z"],
    "ETag": ["&quot;abc&quot;", '"d-2"', "&#34;e&#34;", "W/&quot;weak&quot;", "", "&quot;a b&quot;"],
    "Size": ["0", "5", "12345678901234567"],
    "StorageClass": ["STANDARD", "GLACIER_IR", ""],
    "ChecksumAlgorithm": ["CRC32"],
    "Owner": ["<ID>me</ID>\n<DisplayName>I &amp; me</DisplayName>"],
}
WRITTEN = [
    escape,
    lambda text: f"<![CDATA[{text}]]>" if "]]>" not in text else escape(text),
    lambda text: "".join(f"&#{ord(char)};" for char in text),
    lambda text: "".join(
        {'"': "&quot;", "'": "&apos;", "a": "&#x61;"}.get(char, escape(char)) for char in text
    ),
]


@st.composite
def pages(draw: st.DrawFn) -> bytes:
    """Pages as no two servers write them."""
    url, alike, spaced = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    gap = "\n  " if spaced else ""
    names = draw(st.permutations(["Key", *draw(st.sets(st.sampled_from(sorted(FIELDS))))]))
    write = draw(st.sampled_from(WRITTEN))
    parts = []
    keys = draw(st.lists(KEYS, max_size=9, unique=True))  # in no order, which is made
    for key in keys[:6]:
        if not alike:
            names = draw(st.permutations(names))
            write = draw(st.sampled_from(WRITTEN))
        texts = {name: draw(st.sampled_from(FIELDS[name])) for name in names if name != "Key"}
        texts["Key"] = write(quote_plus(key, safe="/") if url else key)
        inner = gap.join(f"<{name}>{texts[name]}</{name}>" for name in names)
        parts.append(f"<Contents>{gap}{inner}{gap}</Contents>")
    for key in keys[6:]:
        common = write(quote_plus(key) if url else key)
        parts.append(f"<CommonPrefixes><Prefix>{common}</Prefix></CommonPrefixes>")
    if draw(st.booleans()):
        parts.append("<!-- <Contents><Key>no</Key></Contents> -->")
    head = ["<Name>b</Name>", "<KeyCount>3</KeyCount>", "<Prefix/>"]
    head += ["<EncodingType>url</EncodingType>"] * url
    head += draw(st.sampled_from([[], ["<IsTruncated>false</IsTruncated>"]]))
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b=</NextContinuationToken>"
    head += [] if "<IsTruncated>false</IsTruncated>" in head else draw(st.sampled_from([[], [more]]))
    text = "".join(draw(st.permutations(head)) + parts if alike else draw(st.permutations(head + parts)))
    prefix = draw(st.sampled_from(["", "", "s3"]))
    body = f'<ListBucketResult xmlns="{NAMESPACE}">{text}</ListBucketResult>'
    if prefix:
        body = body.replace("xmlns=", "xmlns:s3=").replace("</", "</\0").replace("<", "<s3:")
        body = body.replace("<s3:/\0", "</s3:").replace("<s3:!", "<!")
    return draw(st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>\n'])).encode() + body.encode()


@settings(max_examples=examples(400), deadline=None)
@given(pages())
def test_pages_are_read_as_boto3_reads_them(body: bytes) -> None:
    ours, theirs = read_page(body), by_boto(body)
    assert ours == theirs


def test_what_looks_alike_is_not_left_to_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = "<LastModified>2026-03-01T12:34:56.000Z</LastModified><ETag>&quot;abc&quot;</ETag>"
    keys = [f"a%2Fb&amp;{number:04d}" for number in range(1000)]
    body = page(*(item(key, fields) for key in keys), head="<Name>b</Name><EncodingType>url</EncodingType>")
    parsed: list[bytes] = []
    read = s3_pages._read
    monkeypatch.setattr(s3_pages, "_read", lambda body: parsed.append(body) or read(body))
    found = read_page(body)
    assert [entry.key for entry in found.entries] == [f"a/b&{number:04d}" for number in range(1000)]
    assert found.orderly and sum(map(len, parsed)) < 500
    stored = "<StorageClass>STANDARD</StorageClass>"
    mixed = [item(f"{n:04d}", fields * (n % 3 > 0) + stored * (n % 2)) for n in range(1000)]
    parsed.clear()
    found = read_page(page(*mixed))
    assert [entry.key for entry in found.entries] == [f"{number:04d}" for number in range(1000)]
    assert found.orderly and sum(map(len, parsed)) < 15_000
    assert not read_page(page(*mixed[:500], *mixed[499:])).orderly
    mixed[500], mixed[501] = mixed[501], mixed[500]
    assert not read_page(page(*mixed)).orderly


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>welcome</html>",
        b"<Error><Code>SlowDown</Code></Error>",
        b"<ListBucketResult/>",
        page(item("a"))[:-5],
        page(item("a")) + b"<more/>",
        page("<Contents><Size>5</Size></Contents>"),
        page(item("a"), "<Contents><Key>b</Key><Size>5e9</Size></Contents>"),
        page(item("a&unknown;")),
        page(item("a&#0;")),
        page(item("a&#xd800;")),
        page(item("a & b")),
        page(item("a\x01")),
        page(item("a", "<LastModified>2026-02-30T00:00:00Z</LastModified>")),
        page(item("a", "<LastModified>yesterday</LastModified>")),
        page(item("a", "<Key>b</Key>")),
        page(item("a"), head="<KeyCount>" + "9" * 5000 + "</KeyCount>"),
        page("<a>" * 5000 + "</a>" * 5000),
        page(item("a")).replace(b"<Key>a", b"<Key>\xff"),
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + page(item("&a;")),
        ("<?xml version='1.0' encoding='utf-16'?><!DOCTYPE x>" + page(item("a")).decode()).encode("utf-16"),
        page(item("a"))[:-19] + b"<h5s3-cut></ListBucketResult>",
    ],
    ids=lambda body: ascii(body)[:60],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_page(body)


@pytest.mark.parametrize(
    "body",
    [
        page(f"<Owner>{item('hidden')}</Owner>", item("a")),
        page("<h5s3-cut/>", item("a")),
        page(item("a"), "<h5s3-cut/>", item("b")),
        page(f"<x>{item('hidden')}</x>", "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"),
        page(item("\n a\tb ")),
        page(item("line\r\nend")),
        b"<?xml version='1.0' encoding='iso-8859-1'?>" + page(item("ü")),
        b"\xef\xbb\xbf" + page(item("ü")),
    ],
    ids=lambda body: ascii(body)[:60],
)
def test_what_is_odd_is_read_as_boto3_reads_it(body: bytes) -> None:
    assert read_page(body) == by_boto(body)


def test_order_is_looked_at() -> None:
    assert [entry.key for entry in read_page(page(item("b"), item("a"))).entries] == ["a", "b"]
    assert not read_page(page(item("b"), item("a"))).orderly
    assert not read_page(page(item("a"), item("a"))).orderly
    assert not read_page(page(item("a%FF"), head="<Name>b</Name><EncodingType>url</EncodingType>")).orderly
    assert read_page(page(item("a"), item("a0"), item("b"))).orderly


# What never ends


def entries(*keys: str) -> Any:
    return read_page(page(*map(item, keys))).entries


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (lambda at: None, "not how to ask"),
        (lambda at: "again", "in circles"),
        (lambda at: "abc"[at % 3], "in circles"),
        (lambda at: f"new {at}", "in circles"),
    ],
)
def test_a_listing_that_does_not_advance_ends_in_an_error(tokens: Any, words: str) -> None:
    asked = 0

    def fetch(ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        return page_of(entries("a"), tokens(asked), True)

    with pytest.raises(NetworkError, match=words):
        list(one_by_one(fetch, Trace()))
    assert asked <= s3_pages.MOST_IDLE + 3


def test_the_order_of_keys_with_attributes_counts() -> None:
    mixed = page(
        item("a"), "<Contents><Key kind='x'>c</Key></Contents>", "<Contents><Key kind='x'>b</Key></Contents>"
    )
    assert not read_page(mixed).orderly
