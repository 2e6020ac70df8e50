"""What a reader has to know, and whether it is known here.

Source: Delta Transaction Log Protocol, "Protocol Evolution", "Reader Version Requirements", "Valid Feature
Names in Table Features".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from h5s3.errors import DamagedError
from h5s3.records import Feature

NEWEST = 3  # version that readers have
MAPPED = 2  # in which columns may have other names in the files
KNOWN = {
    "columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck",
    "typeWidening", "typeWidening-preview", "variantType", "variantType-preview",
}  # fmt: skip
CATALOG = {"catalogManaged", "catalogOwned-preview"}
COORDINATED = {
    "coordinatedCommits-preview",
    "managedCommits-preview",
}  # of writers: commits may not be in the log yet


@dataclass(frozen=True)
class Protocol:
    """What a table asks of those who read and write it."""

    reader: int
    writer: int
    reading: list[str] = field(default_factory=list)  # features
    writing: list[str] = field(default_factory=list)

    @property
    def maps(self) -> bool:
        """Whether columns may have other names in the files."""
        return self.reader == MAPPED or "columnMapping" in self.reading

    def features(self) -> list[Feature]:
        """All features, those first that a reader has to know."""
        named = [Feature(name=name, known=name in KNOWN) for name in self.reading]
        if self.reader == MAPPED:
            named.append(Feature(name="columnMapping", known=True))
        if self.reader > NEWEST:
            named.append(Feature(name=f"reader version {self.reader}", known=False))
        return named + [Feature(name=name, known=True) for name in self.writing if name not in self.reading]

    def refused(self, staged: bool) -> str | None:
        """Why rows cannot be read right. `staged`: whether commits are there that are not part of the log."""
        if catalog := sorted(CATALOG & set(self.reading)):
            return f"its newest commits are known to a catalog alone ({catalog[0]})"
        if staged and (coordinated := sorted(COORDINATED & set(self.writing))):
            return f"its newest commits are not in its log yet ({coordinated[0]})"
        unknown = [name for name in self.reading if name not in KNOWN]
        if unknown:
            return f"it has features that are not known here: {', '.join(unknown)}"
        if self.reader > NEWEST:
            return f"it is of reader version {self.reader}, {NEWEST} is the newest that is known here"
        return None


def protocol_of(action: Mapping[str, Any]) -> Protocol:
    """What the log tells. Raises `DamagedError`."""
    versions: list[Any] = [action.get("minReaderVersion"), action.get("minWriterVersion")]
    if not all(isinstance(one, int) and 0 < one < 1 << 31 for one in versions):
        raise DamagedError("the protocol in its log has no versions")
    reader, writer = versions
    reading, writing = _names(action, "readerFeatures"), _names(action, "writerFeatures")
    return Protocol(reader, writer, reading if reader >= NEWEST else [], writing)


def _names(action: Mapping[str, Any], name: str) -> list[str]:
    found = action.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise DamagedError(f"the protocol in its log has {name} that are no names")
    return list(dict.fromkeys(found))
