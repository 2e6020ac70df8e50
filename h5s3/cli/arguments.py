"""Arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Location = Annotated[
    str,
    typer.Argument(
        metavar="LOCATION", help="s3://bucket/key, https://…, a path, or a key of the default bucket."
    ),
]
ObjectPath = Annotated[str, typer.Argument(metavar="PATH", help="Path inside the file.")]
