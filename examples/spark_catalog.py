"""All objects in the HDF5 files below a prefix as a table of Spark, read by its workers.

usage: spark-submit spark_catalog.py s3://bucket/scans/ OUT.parquet [files of one task]
It needs h5s3 on all nodes, whose workers find credentials as h5s3 does there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator

from pyspark.sql import Row, SparkSession

import h5s3


def objects(locations: Iterable[str]) -> Iterator[Row]:
    """A row for each object of these files; of a file that cannot be read one with the error."""
    found = h5s3.find(list(locations), jobs=2)
    for one in found.matches:
        facts = one.to_dict()
        yield Row(
            file=facts.pop("location"),
            path=facts.pop("path"),
            type=facts.pop("type"),
            dtype=facts.pop("dtype", None),
            shape=facts.pop("shape", None),
            more=json.dumps(facts),
            error=None,
        )
    for failure in found.failures:
        yield Row(
            file=failure.location,
            path=None,
            type=None,
            dtype=None,
            shape=None,
            more=None,
            error=failure.error,
        )


def main(prefix: str, output: str, each: int = 200) -> None:
    """List the files here, and have them read there."""
    files = [one.uri for one in h5s3.ls(prefix, recursive=True, h5=True, uris=True).entries]
    spark = SparkSession.builder.appName("h5s3").getOrCreate()
    shared = spark.sparkContext.parallelize(files, max(1, len(files) // each))
    columns = (
        "file string, path string, type string, dtype string, shape array<long>, more string, error string"
    )
    spark.createDataFrame(shared.mapPartitions(objects), columns).write.parquet(output)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:4]))
