"""Write references to the chunks of HDF5 files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from h5s3.errors import NotFoundError, RefusedError, UsageError
from h5s3.explore.globs import glob_of
from h5s3.explore.many.files import File, listed_file
from h5s3.explore.questions import Question
from h5s3.explore.refs.places import check_place, place_of
from h5s3.explore.refs.question import file_references
from h5s3.explore.session import Session
from h5s3.formats.base import Contents
from h5s3.formats.requests import ReferencesRequest
from h5s3.records import FileReferences, Refs
from h5s3.storage.base import unsigned
from h5s3.storage.location import Location

Format = Literal["json", "parquet", "icechunk"]
FIELDS = re.compile(r"\{(bucket|key|name)\}")
MOST_FILES = 100_000
SUFFIXES: dict[str, Format] = {
    ".json": "json",
    ".parq": "parquet",
    ".parquet": "parquet",
    ".icechunk": "icechunk",
}
INLINE = 500  # stored bytes of datasets that are written into the references, as kerchunk does


@dataclass(frozen=True, kw_only=True)
class RefsRequest:
    """What to write where. `url`: the form of the URLs that references have (default: the location's own).

    `concat`: the dimension along which files are joined; None: each is a group.
    """

    output: str
    format: Format | None = None
    url: str | None = None
    concat: str | None = None
    inline: int = INLINE
    overwrite: bool = False
    progress: Callable[[str, float], None] = lambda text, done: None


def refs(session: Session, locations: Sequence[Location], asked: RefsRequest) -> Refs:
    """Write references to all arrays of HDF5 files; what they cannot hold is named in the answer.

    One walk over a file and the rounds of its chunk indexes; of its data only what must be inlined is read.
    Several files are groups side by side, named after them, or are joined along `concat`. A location may be a
    prefix or a glob. Raises `UsageError` for what cannot be written so, and what opening a file raises.
    """
    kind = _format(asked)
    target = place_of(asked.output)
    check_place(session, target, kind != "json", asked.overwrite)
    meant = [one for location in locations for one in files_of(session, location)]
    places = [one.location for one in meant]
    several = len(places) > 1
    if several and asked.url is not None and not FIELDS.search(asked.url):
        raise UsageError("--url is to hold {key} or {name}: there are several files")
    if len({url_of(place, asked.url) for place in places}) < len(places):
        raise UsageError("two of the files would have the same URL")
    found = _read_all(session, meant, asked) if several else [_read(session, places[0], asked)]
    files = [(_place(one), url_of(one, asked.url), what) for one, what in zip(places, found, strict=True)]
    asked.progress(f"writing {asked.output}", 1.0)
    from h5s3.explore.refs.writing import write

    names = [place.key for place in places]
    receipt = write(session, files, names, target, kind, asked.concat, asked.overwrite)
    receipt.output = asked.output
    return receipt


def files_of(session: Session, location: Location) -> list[File]:
    """The files that a location means: itself, or what is below a prefix or a folder, or matches a glob.

    Raises `NotFoundError` where nothing does.
    """
    many = location.key.endswith("/") or glob_of(location) is not None
    if location.version_id is not None or not many:
        return [File(location)]
    from h5s3.explore.ls import ls

    question = Question(recursive=location.key.endswith("/"), h5=location.key.endswith("/"), uris=True)
    listing = ls(session, location, question)
    entries = sorted((one for one in listing.entries if one.type == "object"), key=lambda one: one.key)
    if not entries:
        raise NotFoundError("no HDF5 file is below it", location=location.display)
    if len(entries) > MOST_FILES:
        raise RefusedError(f"more than {MOST_FILES:,} files", location=location.display)
    return [listed_file(session, one) for one in entries]


def _read(session: Session, place: Location, asked: RefsRequest) -> FileReferences:
    asked.progress(f"reading {place.display}", 0.0)
    return session.read(place, _question(session, asked), FileReferences)


def _read_all(session: Session, files: Sequence[File], asked: RefsRequest) -> list[FileReferences]:
    """Several files, some at a time. Raises what the first that fails raises."""
    from h5s3.explore.many.reading import Asking, Tell, Work, each

    question = _question(session, asked)

    def ask(asking: Asking, _: Tell[None]) -> FileReferences:
        return asking.read(question, FileReferences)

    found = []
    for number, outcome in enumerate(each(session, files, Work[FileReferences, None](lambda _: None, ask))):
        asked.progress(f"reading {outcome.file.location.display}", number / len(files))
        for _ in outcome.parts():
            pass
        if outcome.answer is None:
            assert outcome.error is not None
            raise outcome.error
        found.append(outcome.answer)
    return found


def _question(session: Session, asked: RefsRequest) -> Callable[[Contents], FileReferences]:
    wanted = ReferencesRequest(inline=asked.inline, max_bytes=session.settings.max_bytes, concat=asked.concat)
    return partial(file_references, asked=wanted)


def url_of(location: Location, form: str | None) -> str:
    """The URL that references have for a location. Raises `UsageError` for one that holds a secret."""
    if form is not None:
        fields = {"bucket": location.bucket, "key": location.key.lstrip("/"), "name": location.name}
        return FIELDS.sub(lambda match: fields[match[1]], form)
    if location.kind == "s3":
        version = f"?versionId={location.version_id}" if location.version_id else ""
        return _in_utf8(f"s3://{location.bucket}/{location.key}{version}", location)
    if location.kind == "local":
        return _in_utf8("file://" + os.path.abspath(location.key), location)
    if unsigned(location.key) != location.key or location.display.partition("?")[0] not in location.key:
        raise UsageError(
            "its URL holds a signature or a password, which references would give away",
            location=location.display,
            hint="name the object as its readers do, with --url",
        )
    return location.key


def _in_utf8(url: str, location: Location) -> str:
    try:
        url.encode()
    except UnicodeEncodeError:
        raise UsageError(
            "its name is not UTF-8: no reference can have it", location=location.display
        ) from None
    return url


def _place(location: Location) -> str:
    """A location as it can be asked again, without what signs it."""
    if location.kind == "s3":
        return f"s3://{location.bucket}/{location.key}"
    return os.path.abspath(location.key) if location.kind == "local" else unsigned(location.key)


def _format(asked: RefsRequest) -> Format:
    if not asked.output:
        raise UsageError("-o names no file")
    if asked.format is not None:
        return asked.format
    for suffix, kind in SUFFIXES.items():
        if asked.output.rstrip("/").endswith(suffix):
            return kind
    raise UsageError(
        "the name of the references tells no format",
        location=asked.output,
        hint="end it in .json, .parq or .icechunk",
    )
