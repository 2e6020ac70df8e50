"""Tables as formats: which places hold one, and how it is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from h5s3.formats.base import Contents, Seen, Source

FOLDER, HINT = "metadata/", "version-hint.text"  # of Iceberg
METADATA = re.compile(  # documents, lists of manifests, manifests
    r"metadata/([^/]+\.metadata\.json(\.gz)?|snap-\d+-[^/]+\.avro|[0-9a-f-]{36}-m\d+\.avro|version-hint\.text)"
)
PARTITION = re.compile(r"[^/=]+=[^/]*/")  # Hive's names of folders: `day=2024-05-01/`
DOCUMENT = re.compile(r"[^/]+\.metadata\.json(\.gz)?|metadata/[^/]+\.metadata\.json(\.gz)?")


def is_hidden(name: str) -> bool:
    """Whether a name in a folder of Parquet files is passed over; those of partitions may begin with `_`."""
    return name.startswith((".", "_")) and "=" not in name


class _Table:
    """What the formats of tables share."""

    name = ""

    @contextmanager
    def open(self, source: Source) -> Iterator[Contents]:
        """The table."""
        from h5s3.formats.tables.contents import TableContents
        from h5s3.formats.tables.place import ObjectPlace, PrefixPlace

        module = import_module(f"h5s3.formats.tables.{self.name}.table")
        if not source.names:
            yield TableContents(source, ObjectPlace(source), module.open_table)
            return
        with closing(source.objects()) as objects:
            open_table = partial(module.open_table, **self.known(source))
            yield TableContents(source, PrefixPlace(source, objects), open_table)

    def known(self, source: Source) -> dict[str, Any]:
        """What is known of the table already, for who opens it."""
        return {}


class Parquet(_Table):
    """Parquet files, and prefixes with nothing else but such files, or with folders of partitions."""

    name = "parquet"

    def knows(self, seen: Seen) -> bool:
        """By the first bytes, or by the names of files."""
        if not seen.names:
            return seen.start[:4] in (b"PAR1", b"PARE")
        shown = [name for name in seen.names if not is_hidden(name)]
        files = [name for name in shown if not name.endswith("/")]
        folders = [name for name in shown if name.endswith("/")]
        return (
            bool(files)
            and all(name.lower().endswith((".parquet", ".parq", ".pq")) for name in files)
            and all(PARTITION.fullmatch(name) for name in folders)
        )

    def folder(self, names: Sequence[str]) -> str | None:
        """The folder in which a file has to be found, where there are folders of partitions alone."""
        shown = [name for name in names if not is_hidden(name)]
        return shown[0] if shown and all(PARTITION.fullmatch(name) for name in shown) else None


class Delta(_Table):
    """Prefixes with a log of Delta Lake."""

    name = "delta"
    folders: Mapping[str, tuple[str, ...]] = {"_delta_log/": ()}

    def knows(self, seen: Seen) -> bool:
        """By the folder of the log."""
        return "_delta_log/" in seen.names


class Iceberg(_Table):
    """Prefixes with metadata of Iceberg. A document of it stands for its table, and is the only name then."""

    name = "iceberg"
    folders = {FOLDER: (HINT,)}

    def knows(self, seen: Seen) -> bool:
        """By the names of metadata."""
        only = len(seen.names) == 1 and DOCUMENT.fullmatch(seen.names[0]) is not None
        return only or any(METADATA.fullmatch(name) for name in seen.names)

    def known(self, source: Source) -> dict[str, Any]:
        """The document that was named, or the names of metadata."""
        if len(source.names) == 1:
            return {"document": source.names[0]}
        return {
            "listed": [
                name[len(FOLDER) :] for name in source.names if name.startswith(FOLDER) and name != FOLDER
            ]
        }


class Hudi(_Table):
    """Prefixes with a timeline of Hudi."""

    name = "hudi"
    folders: Mapping[str, tuple[str, ...]] = {".hoodie/": ()}

    def knows(self, seen: Seen) -> bool:
        """By the folder of the timeline."""
        return ".hoodie/" in seen.names
