"""Objects of a file on their way into references."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.references.attributes import Attributes
from h5s3.formats.hdf5.references.kinds import Kind
from h5s3.formats.hdf5.references.places import Places
from h5s3.records import Json


@dataclass
class FoundArray:
    """A dataset on its way."""

    path: bytes
    address: int
    id: Any  # h5d.DatasetID, until its index is read
    facts: Facts
    attributes: Attributes
    kind: Kind | None = None
    places: Places | None = None
    inlined: dict[str, bytes] = field(default_factory=dict)
    decoded: list[Json] | None = None  # filters, where it was decoded whole
    never: np.ndarray[Any, Any] | None = None  # the value of what was never written, where it is not 0
    fill: Json = None
    masked: bool = False  # `fill` is `_FillValue`
    reason: str = ""  # why it is left out


@dataclass
class FoundGroup:
    """A group. `links`: how many it has."""

    path: bytes
    id: Any  # h5g.GroupID
    attributes: Attributes
    links: int
