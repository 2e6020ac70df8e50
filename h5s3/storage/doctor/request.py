"""One request of `doctor`: signed the way h5s3 signs it, sent once, its answer kept as it came."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from html import unescape
from typing import Any, Literal
from urllib.parse import unquote, unquote_plus, urlsplit
from urllib.request import getproxies

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.parsers import create_parser

from h5s3.errors import H5s3Error, NetworkError, TransientError
from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.doctor.credentials import Keys
from h5s3.storage.doctor.findings import LONGEST, bounded, failed_with, origin_of, unknown, within
from h5s3.storage.http.client import Operation, Target
from h5s3.storage.http.connection_pool import proxy_for
from h5s3.storage.http.timed_connection import TimedConnection, UnsupportedProxyError
from h5s3.storage.http.wire_errors import NoAnswerError
from h5s3.storage.responses import named_region
from h5s3.storage.stores.s3_client import BOTO_ERRORS
from h5s3.storage.trace import Trace

BODY = 1 << 20  # bytes of an answer that are looked at; longer ones are not
LISTED = 20  # objects that are asked for
Question = Literal["list_buckets", "list_objects_v2", "head_object", "get_object"]
METHODS: dict[Question, Operation] = {
    "list_buckets": "LIST",
    "list_objects_v2": "LIST",
    "head_object": "HEAD",
    "get_object": "GET",
}


@dataclass(frozen=True)
class Answer:
    """What came back, successful or not."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: float  # time.time() half way between question and answer
    url: str  # that was asked; it may be signed
    secrets: tuple[str, ...] = ()
    listed: Mapping[str, Any] = field(default_factory=dict)  # of a listing, as botocore reads it

    @property
    def good(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status in (200, 206)

    @property
    def code(self) -> str:
        """What S3 calls the error; empty where the body does not say, as in the answer to a HEAD."""
        return self.said("Code")[:64]

    @property
    def message(self) -> str:
        return self.said("Message")

    @property
    def called(self) -> str:
        """Status and code, for evidence."""
        return f"{self.status} {self.code}".strip()

    @property
    def region(self) -> str | None:
        """The region that the answer says the bucket is in."""
        return named_region(self.headers, self.body)

    def said(self, name: str) -> str:
        """The server's own words in an element of its error, bounded and without what it was sent to sign
        with. What a sick server sends need not be XML that a parser takes.
        """
        found = re.search(rf"<{name}>([^<]*)</{name}>", self.body.decode("utf-8", "replace"))
        text = " ".join(unescape(found[1]).split()) if found else ""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text[:LONGEST]

    def objects(self) -> list[tuple[str, int]]:
        """Keys and sizes of a page of a listing."""
        plain = unquote_plus if self.listed.get("EncodingType") == "url" else str
        return [(plain(one.get("Key", "")), one.get("Size", 0)) for one in self.listed.get("Contents", [])]


def send(
    target: Target,
    operation: Operation,
    settings: Settings,
    trace: Trace,
    tls: ssl.SSLContext | None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own, tried once. Raises `NetworkError`."""
    settings = within(settings)
    connection = TimedConnection(settings, trace, tls)
    what = f"the answer of {origin_of(target.url)}"  # which may come drop by drop
    ask = partial(connection.ask, target, operation, headers or {}, BODY, keep=True)
    before = time.time()
    try:
        with trace.round():
            reply = bounded(ask, settings.request_seconds + 0.5, what)
    except TransientError as error:
        raise _explained(error, target.url, connected=connection.opened > 0) from None
    finally:
        connection.close()
    at = before + reply.timing.first_byte / 2
    return Answer(reply.status, reply.headers, reply.body, at, target.url, _signs(target.url))


def unanswered(error: H5s3Error) -> Finding:
    """The finding that a request without an answer stands for."""
    if isinstance(error, UnsupportedProxyError):
        return unknown("server", f"not asked: {error.cause}")
    return failed_with("server", error)


def _explained(error: TransientError, url: str, connected: bool) -> NetworkError:
    """What happened to a request on a way that was open a moment ago, and what may be the cause."""
    host = origin_of(url)
    if isinstance(error, NoAnswerError) and connected:
        hint = "the server is overloaded, or something else listens there; raise --timeout if you set it"
        return NetworkError(f"{host} takes the request and does not answer in time", hint=hint)
    if connected:
        hint = "check the port and the endpoint: a server of another kind, or a firewall, may do that"
        return NetworkError(f"{host} ends the connection without an answer", hint=hint)
    if proxy_for(getproxies(), urlsplit(url).scheme, urlsplit(url).hostname or ""):
        hint = "check HTTPS_PROXY and its login; NO_PROXY names hosts to be reached directly"
        return NetworkError(f"the proxy does not connect to {host}", hint=hint)
    return NetworkError(f"cannot connect to {host}", hint="check --endpoint-url and the network")


@dataclass(frozen=True)
class Asker:
    """Questions to one S3 endpoint under one identity, or none. No answer is followed or repeated."""

    _client: Any
    _keys: Keys | None
    _settings: Settings
    _trace: Trace
    _tls: ssl.SSLContext | None

    @property
    def signed(self) -> bool:
        """Whether the questions are signed."""
        return self._keys is not None

    @property
    def region(self) -> str:
        """The region that the questions are signed for."""
        return str(self._client.meta.region_name)

    @property
    def willing(self) -> bool:
        """Whether it was the user's wish to be asked for like this: with a signature, or as nobody."""
        return self.signed or self._settings.anon

    def ask(self, question: Question, headers: Mapping[str, str] | None = None, **names: Any) -> Answer:
        """Ask once: a read by a presigned URL, all else by signed headers, as h5s3 does.

        Raises `NetworkError`.
        """
        if self._settings.request_payer and question != "list_buckets":
            names["RequestPayer"] = "requester"
        url: str = self._client.generate_presigned_url(question, Params=names, ExpiresIn=900)
        payer = {"x-amz-request-payer": "requester"} if self._settings.request_payer else {}
        if question != "get_object":
            place, _, query = url.partition("?")
            plain = [part for part in query.split("&") if part and not part.lower().startswith("x-amz-")]
            url = f"{place}{'?' if plain else ''}{'&'.join(plain)}"
            payer = self._signed_headers("HEAD" if METHODS[question] == "HEAD" else "GET", url, payer)
        target = Target(url, payer, "")
        found = send(target, METHODS[question], self._settings, self._trace, self._tls, headers)
        return replace(found, secrets=self._secrets(url, payer), listed=self._listed(question, found))

    def _listed(self, question: Question, answer: Answer) -> dict[str, Any]:
        """A listing as botocore reads it; nothing where it cannot, or where there is none."""
        if METHODS[question] != "LIST" or not answer.good or b"<!DOCTYPE" in answer.body:
            return {}
        operation = self._client.meta.method_to_api_mapping[question]
        shape = self._client.meta.service_model.operation_model(operation).output_shape
        response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
        try:
            found: dict[str, Any] = create_parser("rest-xml").parse(response, shape)
        except BOTO_ERRORS:
            return {}
        return found

    def _signed_headers(self, method: str, url: str, headers: dict[str, str]) -> dict[str, str]:
        if self._keys is None:
            return headers
        request = AWSRequest(method, url, headers=dict(headers))
        keys = Credentials(self._keys.access_key, self._keys.secret_key, self._keys.token)
        S3SigV4Auth(keys, "s3", self._client.meta.region_name).add_auth(request)
        return {name: str(value) for name, value in request.headers.items()}

    def _secrets(self, url: str, headers: Mapping[str, str]) -> tuple[str, ...]:
        """Texts that a server could send back to us, and that must not be shown."""
        keys = self._keys
        own = [keys.secret_key, keys.token or "", keys.access_key] if keys else []
        return _signs(url, *own, headers.get("Authorization", "").rpartition("Signature=")[2])


def _signs(url: str, *more: str) -> tuple[str, ...]:
    """The values in a URL's query, their parts, the user in it, and more; the longest first."""
    place, _, query = url.partition("?")
    values = [part.partition("=")[2] for part in query.split("&")]
    values += [part for value in values for part in unquote(value).split("/")]
    user = place.partition("://")[2].partition("/")[0].rpartition("@")[0].split(":")
    found = {form for text in (*values, *user, *more) for form in (text, unquote(text)) if len(form) > 5}
    return tuple(sorted(found, key=len, reverse=True))
