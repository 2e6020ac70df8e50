"""Tables as formats: which places hold one, and how it is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib import import_module

from h5s3.formats.base import Contents, Seen, Source

PARTITION = re.compile(r"[^/=]+=[^/]*/")  # Hive's names of folders: `day=2024-05-01/`


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
            yield TableContents(source, PrefixPlace(source, objects), module.open_table)


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
