"""Where a file is. Parsed once, from the text the user gave."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from h5s3.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

Kind = Literal["s3", "web", "local", "foreign", "fsspec"]  # foreign: of a package that brings a store
STORES = "h5s3.stores"  # the group of entry points, named by the scheme: callables as in `storage.open`
S3_SCHEMES = ("s3", "s3a", "s3n")
CHAIN = re.compile(r"::[\w+.-]+(://|::)")  # each protocol of a chain may have a password
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*")  # with a colon: protocols that fsspec chains


@dataclass(frozen=True)
class Location:
    """One place: an S3 bucket and key, a URL, or a local path.

    For S3, `key` is all that follows `s3://bucket/`, verbatim. For the others `key` is the URL or path.
    """

    kind: Kind
    key: str
    bucket: str = ""
    version_id: str | None = None
    table_version: str | None = None  # of a table that lies there: its number, id or time

    @property
    def display(self) -> str:
        """The location as it may be shown: without user names, passwords and queries, which can sign."""
        if self.kind == "s3":
            return f"s3://{self.bucket}/{_text(self.key)}" if self.bucket else "s3://"
        if self.kind == "local":
            return _text(self.key)
        chained = CHAIN.search(self.key) if self.kind != "web" else None
        return _shown(self.key[: chained.start()]) + "::…" if chained else _shown(self.key)

    @property
    def unsigned(self) -> Location:
        """The same without what could sign a request or log in: it tells where, and opens nothing."""
        return self if self.kind in ("s3", "local") else replace(self, key=self.display)

    @property
    def scheme(self) -> str:
        """The protocol of a URL, in lower case; empty for a key of S3 and a local path."""
        return "" if self.kind in ("s3", "local") else self.key.partition("://")[0].lower()

    @property
    def store(self) -> str:
        """Names the store that serves this location: S3, the web and local files have one each."""
        if self.kind not in ("foreign", "fsspec"):
            return self.kind
        return f"{self.scheme}://{self.key.partition('://')[2].partition('/')[0]}"

    @property
    def below(self) -> Location:
        """What stands below this one as a prefix, or as a directory."""
        return replace(self, key=self.key.rstrip("/") + "/" if self.key else "")

    def child(self, path: str) -> Location:
        """What stands at a relative path below this one. Of a URL its query stays where it is."""
        if self.kind != "web":
            return replace(self, key=self.below.key + path)
        from urllib.parse import quote

        place, mark, query = self.key.partition("#")[0].partition("?")
        return replace(self, key=f"{place.rstrip('/')}/{quote(path)}{mark}{query}")

    @property
    def name_of_store(self) -> bool:
        """Whether it is called as prefixes are that hold one store, or a part of one: `name.zarr` or
        `name.zarr/group`, or with a `/` at its end."""
        path = self.key.partition("#")[0].partition("?")[0] if self.kind == "web" else self.key
        return path.endswith("/") or any(part.endswith(".zarr") for part in path.lower().split("/"))

    @property
    def shown_key(self) -> str:
        """The `key` field of a document: the S3 key, or the location without what could sign a request."""
        return self.key if self.kind == "s3" else self.display

    @property
    def name(self) -> str:
        """The last part of the key, for titles."""
        path = _shown(self.key).partition("?")[0] if self.scheme else self.key
        return path.rstrip("/").rpartition("/")[2] or path


def parse_location(text: str, default_bucket: str | None = None) -> Location:
    """Read a LOCATION argument.

    `s3://bucket/key` (no URL parsing: `?`, `#`, `%`, `//` belong to the key; Hadoop's `s3a://` and
    `s3n://` are other words for it), `https://…`, `file://…`, any other `protocol://` that an installed
    store or fsspec knows, an absolute path or one that starts with `./` or `../`; a bare name is a key
    of the default bucket where there is one, else a local path.
    Raises `UsageError`.
    """
    if not text:
        raise UsageError("an empty LOCATION", hint="give s3://bucket/key, a URL or a path")
    scheme, separator, rest = text.partition("://")
    if re.match(r"(?i)https?:/(?!/)", text):
        raise _hostless(text)
    if not separator or not SCHEME.fullmatch(scheme):
        if text.startswith(("/", "./", "../")) or text in (".", "..") or not default_bucket:
            return Location("local", text)
        return Location("s3", text, bucket=default_bucket)
    return _with_scheme(scheme.lower(), text, rest)


def _with_scheme(scheme: str, text: str, rest: str) -> Location:
    if scheme in S3_SCHEMES:
        bucket, _, key = rest.partition("/")
        if key and not bucket:
            raise UsageError(f"no bucket in {text}", hint="write s3://bucket/key")
        return Location("s3", key, bucket=bucket)
    if scheme in ("http", "https"):
        if not _has_host(text):
            raise _hostless(text)
        return Location("web", text)
    if scheme == "file":
        from urllib.request import url2pathname

        host, slash, path = rest.partition("/")
        if host not in ("", "localhost") or not slash:
            raise UsageError("file:// takes an absolute path of this machine", location=text)
        return Location("local", url2pathname("/" + path))
    return Location("foreign" if foreign_stores(scheme) else "fsspec", text)


def foreign_stores(scheme: str) -> EntryPoints:
    """The stores that installed packages bring for a scheme, in the order of `sys.path`."""
    from importlib.metadata import entry_points

    return entry_points(group=STORES, name=scheme)


def _hostless(url: str) -> UsageError:
    """The error for what is no URL; all up to the last @ may be a password with characters of its own."""
    scheme, _, rest = url.partition(":")
    shown = _shown(f"{scheme}://{rest.lstrip('/').rpartition('@')[2]}")
    return UsageError("a URL without a valid host", location=shown)


def _has_host(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bad port, or brackets without an address in them
        return False


def _shown(url: str) -> str:
    """A URL without user name, password, query and fragment."""
    scheme, separator, rest = url.partition("://")
    place, query, _ = rest.partition("#")[0].partition("?")
    host, slash, path = place.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}{'?…' if query else ''}"


def _text(key: str) -> str:
    """A key or path whose bytes are not UTF-8 with those bytes escaped."""
    return key.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
