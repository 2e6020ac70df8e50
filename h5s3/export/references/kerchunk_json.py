"""References as kerchunk writes them in JSON (its specification, version 1), with `.zmetadata`.

What the objects were when they were read stands beside the references, under `h5s3`: kerchunk and fsspec do
not look at it. There are no templates: names in files could be taken for some.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from h5s3 import __version__
from h5s3.errors import DamagedError
from h5s3.export.references.hierarchy import Hierarchy, consolidated
from h5s3.records import LeftOut, RefsSource, from_json_value, to_json_value

AT_ONCE = 10_000  # lines that are written together


def write_json(target: BinaryIO, made: Hierarchy, left_out: Sequence[LeftOut]) -> None:
    """Write the references of a hierarchy."""
    about = about_references(made, left_out)
    target.write(f'{{"version": 1,\n"h5s3": {json.dumps(about)},\n"refs": {{\n'.encode())
    lines: list[str] = []
    first = True
    for line in _lines(made):
        lines.append(line)
        if len(lines) >= AT_ONCE:
            target.write(("" if first else ",\n").encode() + ",\n".join(lines).encode())
            lines, first = [], False
    target.write(("" if first else ",\n").encode() * bool(lines) + ",\n".join(lines).encode() + b"\n}}\n")


def about_references(made: Hierarchy, left_out: Sequence[LeftOut]) -> Mapping[str, Any]:
    """What stands beside references: the objects as they were, and what could not be referred to."""
    return {
        "version": __version__,
        "sources": to_json_value(made.sources),
        "left_out": to_json_value(list(left_out)),
    }


def _lines(made: Hierarchy) -> Iterator[str]:
    found = made.documents()
    yield f'".zmetadata": {json.dumps(json.dumps(consolidated(found)))}'
    for key, document in found.items():
        yield f"{json.dumps(key)}: {json.dumps(json.dumps(document))}"
    urls = {source.url: json.dumps(source.url) for source in made.sources}
    for array in made.arrays:
        path = json.dumps(array.path)[:-1]
        for key, data in array.inlined.items():
            yield f'{path}/{key}": "base64:{base64.b64encode(data).decode()}"'
        for key, url, start, size in array.chunks():
            yield f'{path}/{key}": [{urls[url]}, {start}, {size}]'


def read_sources(data: bytes) -> list[RefsSource]:
    """The objects that references point into, as they were.

    Raises `DamagedError` for what h5s3 did not write.
    """
    try:
        found: Any = json.loads(data)
        return from_json_value(found["h5s3"]["sources"], list[RefsSource])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DamagedError("not references that h5s3 wrote: nothing says what their objects were") from None
