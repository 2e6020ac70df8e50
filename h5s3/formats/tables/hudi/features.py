"""What a reader of a table has to know, and whether rows are read right here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from h5s3.formats.tables.hudi.logs.merging import Rule
from h5s3.formats.tables.hudi.opening import Opened
from h5s3.formats.tables.hudi.partitions import PATH
from h5s3.formats.tables.hudi.properties import flag, number
from h5s3.formats.tables.hudi.slices import Slice
from h5s3.formats.tables.table import DataFile
from h5s3.records import Feature

VERSIONS = range(2, 10)  # of tables
DROPPED = "hoodie.datasource.write.drop.partition.columns"


def features_of(
    opened: Opened, slices: Sequence[Slice], files: Sequence[DataFile], rule: Rule | str
) -> list[Feature]:
    """Those that the table has, the ones that are not known first. `rule`: how logs are merged."""
    found = [*_of_table(opened), *_of_files(slices, files)]
    if any(one.logs for one in slices):
        known = isinstance(rule, Rule)
        found.append(Feature(name="merge-on-read log files" if known else str(rule), known=known))
    if flag(opened.properties, DROPPED):
        told = not any(PATH in one.partition for one in files)
        name = "partition columns that are not in the files"
        found.append(Feature(name=name if told else f"{name}, and that paths do not tell", known=told))
    return sorted(found, key=lambda one: one.known)


def _of_table(opened: Opened) -> Iterator[Feature]:
    properties = opened.properties
    version = number(properties, "hoodie.table.version") or 0
    yield Feature(name=f"table version {version}", known=version in VERSIONS)
    if not flag(properties, "hoodie.populate.meta.fields", True):
        yield Feature(name="rows without Hudi's own columns", known=True)
    if properties.get("hoodie.bootstrap.base.path"):
        yield Feature(name="bootstrapped files, which lie elsewhere", known=False)
    if (form := properties.get("hoodie.table.format", "native").lower()) != "native":
        yield Feature(name=f"files of the table format {form}", known=False)
    commits = opened.commits.values()
    if any(stat.path.endswith("_hudiext") for one in commits for stat in one.stats):
        yield Feature(name="files that others wrote", known=False)
    if any(one.extra.get("latest_schema") for one in commits):
        yield Feature(name="schema on read", known=False)


def _of_files(slices: Sequence[Slice], files: Sequence[DataFile]) -> Iterator[Feature]:
    for form in sorted({one.format for one in files} - {"parquet", "log"}):
        yield Feature(name=f"base files of the format {form}", known=False)
    if any(one.doubtful for one in slices):
        yield Feature(name="several base files of one instant", known=False)
