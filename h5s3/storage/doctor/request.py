"""One request of a diagnosis: signed the way h5s3 signs it, sent once, its answer kept as it came."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from urllib3.exceptions import HTTPError, SSLError
from urllib3.util import Timeout, parse_url

from h5s3 import __version__
from h5s3.errors import NetworkError
from h5s3.settings import Settings
from h5s3.storage.doctor.credentials import Keys
from h5s3.storage.doctor.findings import LONGEST, bounded, origin_of, within
from h5s3.storage.http.client import Operation, Target
from h5s3.storage.http.connection_pool import CONNECT_SECONDS, proxy_for, request_target
from h5s3.storage.http.tls import fatal, untrusted
from h5s3.storage.responses import named_region
from h5s3.storage.trace import Trace

BODY = 64 * 1024  # bytes of an answer that are looked at
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

    @property
    def good(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status in (200, 206)

    @property
    def code(self) -> str:
        """What S3 calls the error; empty where the body does not say, as in the answer to a HEAD."""
        return self._element("Code")[:64]

    @property
    def message(self) -> str:
        """The server's own words for the error."""
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
        """The server's own words, bounded and without what it was sent to sign with."""
        return self._element(name)[:LONGEST]

    def texts(self, name: str) -> list[str]:
        """The texts of all XML elements of this name."""
        found = re.findall(rf"<{name}>([^<]*)</{name}>", self.body.decode("utf-8", "replace"))
        return [unescape(text) for text in found]

    def objects(self) -> list[tuple[str, int]]:
        """Keys and sizes of a page of a listing."""
        quoted = self.texts("EncodingType") == ["url"]
        found = []
        for entry in self.body.decode("utf-8", "replace").split("<Contents>")[1:]:
            key, size = re.search(r"<Key>([^<]*)</Key>", entry), re.search(r"<Size>(\d{1,18})</Size>", entry)
            if key:
                name = unescape(key[1])
                found.append(
                    (unquote(name.replace("+", " ")) if quoted else name, int(size[1]) if size else 0)
                )
        return found

    def _element(self, name: str) -> str:
        text = " ".join((self.texts(name) or [""])[0].split())
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text


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
    seconds = settings.request_seconds
    sent = {
        "Accept-Encoding": "identity",
        "User-Agent": f"h5s3/{__version__}",
        **target.headers,
        **(headers or {}),
    }
    trace.request(operation)
    before = time.time()
    with trace.round(), _manager(target.url, tls) as manager:
        try:
            method = "HEAD" if operation == "HEAD" else "GET"
            what = f"the answer of {origin_of(target.url)}"  # which may come drop by drop
            response, at, body = bounded(
                lambda: _exchange(manager, target.url, method, sent, settings), seconds + 0.5, what
            )
        except (HTTPError, ValueError, OSError) as error:
            raise _broken(error, target.url) from None
        trace.request("", len(body))
        middle = (before + at) / 2
        return Answer(response.status, response.headers, body, middle, target.url, _signs(target.url))


def _exchange(
    manager: urllib3.PoolManager, url: str, method: str, headers: Mapping[str, str], settings: Settings
) -> tuple[Any, float, bytes]:
    """The answer, when it began to arrive, and the beginning of its body."""
    response = _open(manager, url, method, headers, settings)
    at = time.time()
    return response, at, _beginning(response, settings)


def _manager(url: str, tls: ssl.SSLContext | None) -> urllib3.PoolManager:
    """Connections straight to a server, or through the proxy that the environment names."""
    parts = urlsplit(url)
    options: dict[str, Any] = {"retries": False, "num_pools": 1, "ssl_context": tls}
    via = proxy_for(getproxies(), parts.scheme, parts.hostname or "")
    if not via:
        return urllib3.PoolManager(**options)
    auth = parse_url(via).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
    return urllib3.ProxyManager(via, proxy_headers=headers, **options)


def _open(
    manager: urllib3.PoolManager, url: str, method: str, headers: Mapping[str, str], settings: Settings
) -> Any:
    """The answer, its body unread. The pool itself sends: a manager would tidy the path."""
    parts = parse_url(url)
    pool = manager.connection_from_host(parts.host, parts.port, parts.scheme)
    seconds = settings.request_seconds
    path = request_target(url)
    plain_proxy = isinstance(manager, urllib3.ProxyManager) and parts.scheme == "http"
    return pool.urlopen(
        method,
        f"{parts.scheme}://{parts.netloc}{path}" if plain_proxy else path,
        headers=dict(headers),
        preload_content=False,
        decode_content=False,
        redirect=False,
        retries=False,
        assert_same_host=False,
        timeout=Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
    )


def _beginning(response: Any, settings: Settings) -> bytes:
    """The beginning of whatever is answered: S3 explains itself there. The connection is not used again."""
    body = b""
    while len(body) < BODY and (piece := response.read1(BODY - len(body), decode_content=False)):
        body += piece
        settings.check_deadline()
    response.close()
    return body


def _broken(error: Exception, url: str) -> NetworkError:
    """What happened to a request, in plain words."""
    host = origin_of(url)
    name = type(error).__name__
    if name in ("ReadTimeoutError", "TimeoutError"):
        hint = "the server is overloaded, or something else listens there; raise --timeout if you set it"
        return NetworkError(f"{host} takes the request and does not answer in time", hint=hint)
    if isinstance(error, SSLError) and fatal(error):
        return untrusted(error, url)
    if name == "ProxyError":
        hint = "check HTTPS_PROXY and its login; NO_PROXY names hosts to be reached directly"
        return NetworkError(f"the proxy gives no way to {host}", hint=hint)
    if name in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError"):
        return NetworkError(f"cannot connect to {host}", hint="check --endpoint-url and the network")
    hint = "check the port and the endpoint: a server of another kind, or a firewall, may do that"
    return NetworkError(f"{host} takes the request and breaks off without an answer of HTTP", hint=hint)


class Asker:
    """Questions to one S3 endpoint under one identity, or none. No answer is followed or repeated."""

    def __init__(
        self, client: Any, keys: Keys | None, settings: Settings, trace: Trace, tls: ssl.SSLContext | None
    ) -> None:
        self._client = client
        self._keys = keys
        self._settings = settings
        self._trace = trace
        self._tls = tls

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
            url = _without_signature(url)
            payer = self._signed_headers("HEAD" if METHODS[question] == "HEAD" else "GET", url, payer)
        target = Target(url, payer, "")
        found = send(target, METHODS[question], self._settings, self._trace, self._tls, headers)
        return Answer(found.status, found.headers, found.body, found.at, found.url, self._secrets(url, payer))

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


def _without_signature(url: str) -> str:
    place, _, query = url.partition("?")
    kept = [part for part in query.split("&") if part and not part.lower().startswith("x-amz-")]
    return f"{place}{'?' if kept else ''}{'&'.join(kept)}"
