"""External links that a walk meets: the files are looked for all together, then gone into one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from h5s3.errors import H5s3Error
from h5s3.formats.hdf5.fetch.waves import OF_THE_FILE
from h5s3.formats.hdf5.follow.places import Place, target
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Link
from h5s3.records import ExternalLinkNode, TreeNode

Grow: TypeAlias = Callable[[bytes, Place], TreeNode]


class Branches:
    """The links of one file that were met. Where nothing is followed, none are kept."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._met: list[tuple[ExternalLinkNode, bytes, Link]] = []

    def note(self, node: ExternalLinkNode, path: bytes, link: Link) -> None:
        """A link of this path."""
        if self._file.files is not None:
            self._met.append((node, path, link))

    def follow(self, grow: Grow) -> None:
        """Give each node what its link leads to, which `grow` makes, or why it cannot be followed."""
        met, self._met = self._met, []
        if not met:
            return
        self._file.files.look(self._file, [link.target_file for _, _, link in met])
        for node, path, link in met:
            try:
                self._one(node, path, link, grow)
            except OF_THE_FILE as error:
                node.error = error.cause if isinstance(error, H5s3Error) else str(error)
            self._file.files.trim()

    def _one(self, node: ExternalLinkNode, path: bytes, link: Link, grow: Grow) -> None:
        files = self._file.files
        other = files.sibling(self._file, link.target_file)
        with files.using(self._file), files.using(other):
            place = target(self._file, link)
            with files.using(place.file), place.file.asked():
                node.followed = place.followed
                node.node = grow(path, place)
