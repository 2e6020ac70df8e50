"""Heads of answers, read quickly where they are usual, mean what `http.client` makes of them."""

from __future__ import annotations

import io
from http.client import HTTPException, HTTPResponse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from h5s3.storage.http.response_limits import BoundedResponse

FIELDS = [
    b"Content-Length: 3",
    b"content-length:3",
    b"Content-Length: 4",
    b"Content-Length: -3",
    b"Content-Length: x",
    b"Content-Range: bytes 0-2/9",
    b'ETag:  "a:b"  ',
    b"X-Empty:",
    b"X-Latin: \xe9t\xe9",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Transfer-Encoding: chunked",
    b" folded",
    b"no colon",
    b"X-Odd : 1",
    b"X-Tab:\ta\tb",
    b"X-Lone: a\nX-Smuggled: b",
    b"X-Return: a\rb",
    b"X-Null: \0",
    b": nameless",
]
LINES = [
    b"HTTP/1.1 206 Partial Content",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200 ",
    b"HTTP/1.1 200",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
    b"HTTP/2 200 OK",
]


class Sent:
    """A socket on which bytes have come."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str, buffering: int = -1) -> Any:
        return io.BytesIO(self._data)


def said(kind: type[HTTPResponse], data: bytes, method: str) -> Any:
    response = kind(Sent(data), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
    except HTTPException as error:
        return type(error)
    facts = (response.status, response.reason, response.version, response.length, response.chunked)
    headers = sorted((name, response.headers.get_all(name)) for name in set(response.headers.keys()))
    body: Any
    try:
        body = response.read()
    except HTTPException as error:
        body = type(error)
    return facts, response.will_close, headers, response.headers.items(), body


@given(
    some.sampled_from(LINES),
    some.lists(some.sampled_from(FIELDS), max_size=5),
    some.sampled_from(["GET", "HEAD"]),
    some.sampled_from([b"\r\n\r\n", b"\n\n", b"\r\n"]),
)
def test_any_head_means_what_http_client_makes_of_it(
    line: bytes, fields: list[bytes], method: str, end: bytes
) -> None:
    data = b"\r\n".join([line, *fields]) + end + b"abc"
    assert said(BoundedResponse, data, method) == said(HTTPResponse, data, method)


def test_a_usual_head_is_read_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(HTTPResponse, "begin")
    usual = b'HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\nETag: "x"\r\n\r\nabc'
    response = BoundedResponse(Sent(usual), method="GET")
    response.begin()
    assert (response.status, response.getheader("etag"), response.read()) == (206, '"x"', b"abc")
