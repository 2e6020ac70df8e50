"""JSON of records, also of what nobody wrote by them."""

from __future__ import annotations

import pytest

from h5s3.records import Tree, from_json

DEEP = 5000


@pytest.mark.parametrize(
    "data",
    [
        b'{"key":"k","children":['
        + b'{"type":"group","name":"a","path":"/a","children":[' * DEEP
        + b"]}" * DEEP,
        b'{"key":' + b"[" * DEEP,
        b"{",
    ],
)
def test_what_is_no_record_is_an_error_of_values(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a Tree"):
        from_json(data, Tree)
