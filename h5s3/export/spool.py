"""Values put in order on the disk: chunks taller than memory would be fetched again and again."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedRandom

import numpy as np

from h5s3.export.base import Array, Job
from h5s3.export.npy import NpyWriter
from h5s3.formats.boxes import Box, Cut
from h5s3.formats.grid import run_shape
from h5s3.formats.selection import whole


class Spool:
    """A file without a name that takes boxes in any order and gives them back in C order."""

    def __init__(self, job: Job, file: BufferedRandom, limit: int) -> None:
        """`file`: a new one, closed in the end; `limit`: bytes of the boxes that it gives back."""
        self._file = file
        self._counts = tuple(axis.count for axis in job.selection)
        self._inner = job.stored.shape[len(job.kept) :]
        self._size, self._limit = job.facts.itemsize, limit
        self._writer = NpyWriter(job.stored, self._file, "spool")
        self._writer.begin()

    def write(self, box: Box, values: Array) -> None:
        self._writer.write(box, values)

    def boxes(self) -> Iterator[tuple[Box, Array]]:
        """All that was taken, in C order."""
        self._writer.finish()
        kind, offset = self._writer.layout
        self._file.seek(offset)
        cell = run_shape(self._counts, self._size)
        for box in Cut(whole(self._counts), cell, self._size, 1, self._limit).boxes(True):
            values = np.empty(box.counts + self._inner, dtype=kind)  # boxes in order follow each other
            self._file.readinto(values.reshape(-1).view("u1").data)
            yield box, values

    def close(self) -> None:
        self._writer.abandon()
        self._file.close()
