"""What libhdf5 says, shown whole."""

from __future__ import annotations

import pytest

from h5s3.formats.hdf5.objects.file import plain_reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Unable to synchronously open object (bad symbol table)", "bad symbol table"),
        (
            "Can't get space (internal error (unknown dataspace class))",
            "internal error (unknown dataspace class)",
        ),
        ("no words in parentheses", "no words in parentheses"),
        ("", "RuntimeError"),
    ],
)
def test_the_reason_of_an_error(text: str, reason: str) -> None:
    assert plain_reason(RuntimeError(text)) == reason
