"""Properties of tables as attributes."""

from __future__ import annotations

from collections.abc import Mapping

from h5s3.records import Attribute


def attributes_of(properties: Mapping[str, str]) -> list[Attribute]:
    """Each as a text."""
    return [Attribute(name=name, value=value, dtype="str", shape=[]) for name, value in properties.items()]
