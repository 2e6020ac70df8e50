"""One page of a listing of objects, from XML to records: exactly, and fast.

Nearly all of a page is a run of `Contents` elements that look alike. They are cut out by a regular expression
made from the first of them, one column for each field; what is left is read by expat, and so is whatever the
expression does not fit to the letter: comments, CDATA, attributes, prefixes of namespaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import attrgetter, lt
from typing import Any
from urllib.parse import unquote_plus
from xml.parsers import expat

from h5s3.errors import NetworkError
from h5s3.records import UNSET, Entry
from h5s3.storage.base import strong_etag

DEEPEST = 16  # elements within each other; a page has four
CONTROLS = bytes(set(range(32)) - {9, 10})  # a carriage return is one: XML has it read as a newline
MOST_SHAPES = 8  # of elements of a page; those of an object differ with its age, its size, who put it there
CUT = "h5s3-cut"  # stands where elements were cut out
TAG = re.compile(rb"(<[^>]*>)")
SIMPLE = re.compile(rb"<(/?)([A-Za-z][A-Za-z0-9]*)>")
FIELDS = {
    b"Key": rb"([^<]*)",
    b"LastModified": rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z",
    b"ETag": rb"(?:&quot;|&#34;)?([^<&]*)(?:&quot;|&#34;)?",
    b"Size": rb"(\d{1,18})",
    b"StorageClass": rb"([A-Z0-9_]*)",
}
KEY = re.compile(rb"<Key>([^<]*)</Key>")
PREFIXES = re.compile(rb"<CommonPrefixes>\s*<Prefix>([^<]*)</Prefix>\s*</CommonPrefixes>")
ENTITY = re.compile("&([^;&]*);|&")
NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
BY_KEY = attrgetter("key")
MOST_IDLE = 1000  # pages in a row that bring no new key: S3 answers with such where many keys were deleted


class UnreadableError(Exception):
    """This is no page of a listing, or not one that can be read here."""


@dataclass
class Page:
    """Objects and common prefixes in the order of their keys, and what asks for those that follow.

    `orderly`: the keys came in order and are exactly those of the server, so that they can be compared.
    """

    entries: list[Entry]
    token: str | None = None
    truncated: bool = False
    orderly: bool = False


@dataclass(frozen=True)
class Ask:
    """Which page: the one that a token stands for, the one behind a key, or the first."""

    token: str | None = None
    after: str | None = None


Fetch = Callable[[Ask], Page]


class Advance:
    """Holds the pages of a listing to their word that more follows. Its memory does not grow with them."""

    def __init__(self) -> None:
        self._token: str | None = None  # met before: of the first, second, fourth, eighth … page
        self._count, self._next = 0, 1
        self._last = ""
        self._idle = 0

    def note(self, page: Page) -> None:
        """Take the next page into account. Raises `NetworkError` where this would never end."""
        if not page.truncated:
            return
        if not page.token:
            raise NetworkError("the server says that more keys follow, and not how to ask for them")
        if page.token == self._token or self._idle > MOST_IDLE:
            raise NetworkError("the server's listing goes round in circles", hint="check --endpoint-url")
        self._count += 1
        if self._count == self._next:
            self._token, self._next = page.token, 2 * self._next
        last = page.entries[-1].key if page.entries else ""
        self._idle = 0 if last > self._last else self._idle + 1
        self._last = max(last, self._last)


def page_of(entries: list[Entry], token: str | None, truncated: bool) -> Page:
    """A page of entries, which are put in order: S3 tells objects and prefixes apart, each in order."""
    prefixes = [entry.key for entry in entries if entry.type == "prefix"]
    objects = [entry.key for entry in entries if entry.type != "prefix"]
    orderly = _orderly(prefixes) and _orderly(objects)
    mixed = bool(prefixes and objects)
    return Page(sorted(entries, key=BY_KEY) if mixed or not orderly else entries, token, truncated, orderly)


def _orderly(keys: list[str]) -> bool:
    """Whether keys rise, and none holds the character that stands for bytes that are no text."""
    return all(map(lt, keys, keys[1:])) and "\ufffd" not in "".join(keys)


def read_page(body: bytes) -> Page:
    """A page of ListObjectsV2. Raises `UnreadableError`; declared entities are refused."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise UnreadableError
    try:
        return _fast(body) or _page(_read(body), [])
    except (expat.ExpatError, ValueError, OverflowError):
        raise UnreadableError from None


# ------------------------------------------------------------------------------------------ columns


def _fast(body: bytes) -> Page | None:
    """The page, where its elements can be cut out; None where it takes a parser to tell what they say."""
    if b"<!" in body or b"]]>" in body or len(body.translate(None, CONTROLS)) != len(body):
        return None
    if not body.isascii():
        body.decode()
    prefixes, rest, marks = _cut(PREFIXES, body)
    cuts: list[dict[bytes, list[bytes]]] = []
    while len(cuts) < MOST_SHAPES and (start := rest.find(b"<Contents>")) >= 0:
        found = expression(rest[start : rest.find(b"</Contents>", start) + len(b"</Contents>")])
        columns, rest, more = _cut(found[0], rest) if found else ([], rest, 0)
        if not found or not columns:
            break
        cuts.append(dict(zip(found[1], columns, strict=True)))
        marks += more
    read = _read(rest)
    if read.marks != marks:
        return None  # what was cut out stood elsewhere than in the page itself
    url = read.texts.get("EncodingType") == "url"
    entries = _prefixes(_keys(prefixes[0], url)) if prefixes else []
    for cut in cuts:
        entries += _objects(cut, url)
    page = _page(read, entries)
    if len(cuts) + bool(read.objects) > 1:  # their order was lost
        keys = _keys(KEY.findall(body), url)
        count = sum(entry.type == "object" for entry in page.entries)
        prefixes_in_order = _orderly([entry.key for entry in page.entries if entry.type == "prefix"])
        page.orderly = prefixes_in_order and len(keys) == count and _orderly(keys)
    return page


def expression(element: bytes) -> tuple[re.Pattern[bytes], tuple[bytes, ...]] | None:
    """What matches elements like this one, and the fields it captures; None for what is not plain."""
    parts = TAG.split(element)
    shape = [part if at % 2 else b"x" * bool(part.strip()) for at, part in enumerate(parts)]
    return _expression(tuple(shape))


@lru_cache(maxsize=64)
def _expression(shape: tuple[bytes, ...]) -> tuple[re.Pattern[bytes], tuple[bytes, ...]] | None:
    """The same for tags with what stands between them: nothing, or `x` for text."""
    pattern, names = b"", []
    path: list[bytes] = []
    opened = b""  # by the tag before, if that opened an element
    for text, tag in zip(shape[::2], shape[1::2], strict=False):
        plain = SIMPLE.fullmatch(tag)
        if plain is None or len(path) > DEEPEST:
            return None
        closing, name = plain.groups()
        if closing and name == opened:
            wanted = len(path) == 2 and name in FIELDS
            pattern += FIELDS[name] if wanted else rb"[^<&]*"
            names += [name] * wanted
        elif text:
            return None  # beside elements
        elif path:
            pattern += rb"\s*"
        pattern += tag
        opened = b"" if closing else name
        if not closing:
            path.append(name)
        elif not path or path.pop() != name:
            return None
    known = not path and b"Key" in names and len(set(names)) == len(names)
    return (re.compile(pattern), tuple(names)) if known else None


def _cut(pattern: re.Pattern[bytes], body: bytes) -> tuple[list[list[bytes]], bytes, int]:
    """The columns that a pattern captures, the rest, and how many marks stand in it for what was cut."""
    parts = pattern.split(body)
    step = pattern.groups + 1
    if len(parts) == 1:
        return [], body, 0
    between = b"".join(parts[step:-1:step])
    kept = parts[::step] if between and not between.isspace() else [parts[0], parts[-1]]
    columns = [parts[at::step] for at in range(1, step)]
    return columns, f"<{CUT}/>".encode().join(kept), len(kept) - 1


def _objects(columns: dict[bytes, list[bytes]], url: bool) -> list[Entry]:
    keys = _keys(columns[b"Key"], url)
    nothing: list[Any] = [None] * len(keys)
    sizes = map(int, columns[b"Size"]) if b"Size" in columns else nothing
    texts = {name: _texts(columns[name]) for name in columns if name not in (b"Key", b"Size")}
    dates = texts.get(b"LastModified", nothing)
    shown = {text: _date(text + "Z") if text else None for text in set(dates)}
    etags = map(strong_etag, texts.get(b"ETag", nothing))
    classes = {text: text or UNSET for text in set(texts.get(b"StorageClass", ()))}
    stored = map(classes.__getitem__, texts[b"StorageClass"]) if classes else [UNSET] * len(keys)
    return [
        Entry(key=key, type="object", size=size, last_modified=shown[date], etag=etag, storage_class=kind)
        for key, size, date, etag, kind in zip(keys, sizes, dates, etags, stored, strict=True)
    ]


def _texts(column: Sequence[bytes]) -> list[str]:
    return b"\0".join(column).decode().split("\0")  # at once: no field of a page that comes here holds a NUL


def _keys(column: Sequence[bytes], url: bool) -> list[str]:
    """Keys as they are: references to characters resolved, the encoding that was asked for undone."""
    keys = _texts(column)
    if any("&" in key for key in keys):
        keys = [ENTITY.sub(_character, key) for key in keys]
    return _decoded(keys) if url else keys


def _decoded(keys: Iterable[str]) -> list[str]:
    """Keys that are percent-encoded as in a form, decoded. Slashes, which some encode, are many."""
    plain = (key.replace("%2F", "/").replace("%2f", "/") if "%2" in key else key for key in keys)
    return [unquote_plus(key) if "%" in key or "+" in key else key for key in plain]


def _character(found: re.Match[str]) -> str:
    name = found[1] or ""
    if name in NAMED:
        return NAMED[name]
    if not re.fullmatch(r"#(?:[0-9]{1,7}|x[0-9a-fA-F]{1,6})", name):
        raise UnreadableError
    char = chr(int(name[2:], 16) if name[1] == "x" else int(name[1:]))
    if (char < " " and char not in "\t\n\r") or "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff":
        raise UnreadableError  # XML has no such character
    return char


def _date(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _prefixes(keys: Iterable[str]) -> list[Entry]:
    return [Entry(key=key, type="prefix") for key in keys]


# ------------------------------------------------------------------------------------------ expat


@dataclass
class _Read:
    """What expat found: texts of the page, and those of its elements."""

    root: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    objects: list[dict[str, str]] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    marks: int = 0


def _read(body: bytes) -> _Read:
    read = _Read()
    parser = expat.ParserCreate("utf-8")  # whatever the page says, as boto3 does
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    path: list[str] = []
    texts: list[list[str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(path) > DEEPEST:
            raise UnreadableError
        path.append(name.rpartition(":")[2])
        texts.append([])
        if len(path) == 1:
            read.root = path[0]
        elif len(path) == 2 and path[1] == "Contents":
            read.objects.append({})

    def end(name: str) -> None:
        text = "".join(texts.pop())
        _place(read, path, text)
        path.pop()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = lambda data: texts[-1].append(data)
    parser.Parse(body, True)
    return read


def _place(read: _Read, path: list[str], text: str) -> None:
    """Note the text of the element that ends here."""
    if len(path) == 2 and path[1] == CUT:
        read.marks += 1
    elif len(path) == 2:
        if path[1] in ("IsTruncated", "NextContinuationToken", "EncodingType") and path[1] in read.texts:
            raise UnreadableError
        read.texts[path[1]] = text
    elif len(path) == 3 and path[1] == "Contents":
        if read.objects[-1].setdefault(path[2], text) != text:
            raise UnreadableError
    elif len(path) == 3 and path[1:] == ["CommonPrefixes", "Prefix"]:
        read.prefixes.append(text)


def _refuse(*_: object) -> None:
    raise UnreadableError


def _page(read: _Read, entries: list[Entry]) -> Page:
    """The page that was read, with what was cut out of it."""
    signs = {"Name", "IsTruncated", "KeyCount", "Contents"}
    if not read.root.startswith("ListBucket") or not (signs & read.texts.keys() or entries):
        raise UnreadableError
    if not re.fullmatch(r"\s*[0-9]{1,18}\s*", read.texts.get("KeyCount", "0")):
        raise UnreadableError
    url = read.texts.get("EncodingType") == "url"
    prefixes = _decoded(read.prefixes) if url else read.prefixes
    others = _prefixes(prefixes) + [_object(item, url) for item in read.objects]
    truncated = read.texts.get("IsTruncated") == "true"
    return page_of(entries + others, read.texts.get("NextContinuationToken") or None, truncated)


def _object(item: dict[str, str], url: bool) -> Entry:
    if "Key" not in item or not re.fullmatch("[0-9]{1,18}", item.get("Size", "0")):
        raise UnreadableError
    (key,) = _decoded([item["Key"]]) if url else [item["Key"]]
    moment = item.get("LastModified")
    if moment and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", moment):
        raise UnreadableError  # other ways to write a date are boto3's business
    return Entry(
        key=key,
        type="object",
        size=int(item["Size"]) if "Size" in item else None,
        last_modified=_date(moment[:19] + "Z") if moment else None,
        etag=strong_etag(item.get("ETag")),
        storage_class=item.get("StorageClass") or UNSET,
    )
