"""Values of Avro that stand outside of its files, as log files have them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.tables.avro import read_schema
from h5s3.sizes import MIB

MOST_SCHEMA = 4 * MIB


def require_fastavro() -> Any:
    """The package. Raises `H5s3Error` with the way to get it."""
    try:
        import fastavro
    except ImportError:
        raise H5s3Error(
            "tables of Hudi need the package fastavro", hint="pip install 'h5s3[tables]'"
        ) from None
    return fastavro


class Decoder:
    """Reads values of one schema, in the types of Python that its logical types mean.

    Raises `DamagedError` for a schema that is none, or not safe to follow.
    """

    def __init__(self, schema: str, what: str) -> None:
        if len(schema) > MOST_SCHEMA:
            raise RefusedError(
                f"a schema of Avro in {what} is of {len(schema)} bytes, more than {MOST_SCHEMA}"
            )
        found, _ = read_schema(schema.encode("utf-8", "replace"), what)
        fastavro = require_fastavro()
        try:
            self._parsed = fastavro.parse_schema(found)
        except (fastavro.schema.SchemaParseException, ValueError, TypeError, KeyError) as error:
            raise DamagedError(f"the Avro schema of {what} cannot be read: {error}") from None

    def __call__(self, file: BytesIO) -> Any:
        """The next value."""
        return read_datum(file, self._parsed)


def read_datum(file: BytesIO, schema: Any) -> Any:
    """One value of a schema that is known."""
    fastavro = require_fastavro()
    try:
        return fastavro.schemaless_reader(file, schema)
    except (ValueError, KeyError, TypeError, IndexError, EOFError, OverflowError, ArithmeticError) as error:
        raise DamagedError(f"Avro that cannot be read: {_first(error)}") from None


def _first(error: Exception) -> str:
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:200]
