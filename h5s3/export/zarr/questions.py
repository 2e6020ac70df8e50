"""The questions of a conversion, to the open file or to the store. What answers them needs libhdf5 or zarr,
and is loaded where they are asked: that is another process than the one that writes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from h5s3.export.zarr.asked import ToCompare, ToDecode, ToDigest, Version
from h5s3.export.zarr.layout.wishes import Wishes
from h5s3.formats.base import Contents
from h5s3.records import ConversionPlan


@dataclass(frozen=True)
class Planning:
    """What of a file becomes what. `path`: of a group or a dataset, which becomes the store itself."""

    path: str
    version: Version = 3
    wishes: Wishes = field(default_factory=Wishes)

    def __call__(self, contents: Contents) -> ConversionPlan:
        """The plan. Raises `UsageError` for what is not HDF5, and what opening objects raises."""
        from h5s3.export.zarr.plan import plan_of

        return plan_of(contents, self.path, self.version, self.wishes)


class Decoding(ToDecode):
    """Chunks that are not copied, and overviews."""

    def __call__(self, contents: Contents) -> int:
        """How many arrays were read. Raises what reading values raises."""
        from h5s3.export.zarr.decoded import decode

        return decode(self, contents)


class OfFile(ToDigest):
    """Digests of the file's values."""

    def __call__(self, contents: Contents) -> int:
        """How many boxes there were. Raises what reading values raises."""
        from h5s3.export.zarr.digests import of_file

        return of_file(self, contents)


class OfStore(ToCompare):
    """Whether the store's values have the same digests."""

    def __call__(self, contents: Contents) -> list[int]:
        """The numbers of those that differ. Raises what reading values raises."""
        from h5s3.export.zarr.digests import others_in_store

        return others_in_store(self, contents)
