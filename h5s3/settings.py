"""Everything a command may be told, in one value that travels from `cli` down to `storage`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from h5s3.errors import NetworkError, UsageError

MIB = 1 << 20
ENV_FILE_NAMES = {
    "S3_ENDPOINT": "endpoint_url",
    "S3_ACCESS_KEY": "access_key",
    "S3_SECRET_KEY": "secret_key",
    "S3_BUCKET": "bucket",
    "S3_REGION": "region",
}


@dataclass(frozen=True)
class Settings:
    """Options and environment of one command. What is None is left to boto3's own chain."""

    profile: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    bucket: str | None = None
    anon: bool = False
    request_payer: bool = False
    no_cache: bool = False
    refresh: bool = False
    offline: bool = False
    timeout: float | None = None
    max_bytes: int | None = None
    deadline: float | None = None  # of time.monotonic()

    @property
    def request_seconds(self) -> float:
        """How long one read of the wire may take, in seconds; `NetworkError` once the time is used up."""
        if self.deadline is None:
            return 60.0
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise NetworkError(f"not done within {self.timeout:g} s", hint="raise --timeout")
        return min(60.0, left)

    def started(self) -> Settings:
        """The same settings with the clock of `--timeout` running."""
        if self.timeout is None:
            return self
        return replace(self, deadline=time.monotonic() + self.timeout)


def from_environment(env_file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and, where named, an env file (`S3_*` names, `NAME=value` lines).

    The process environment is stronger than the file, `H5S3_BUCKET` than `S3_BUCKET`. `AWS_*` names
    in the file are refused nothing and read nothing: they belong in the environment.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, str] = {}
    if env_file is not None:
        values = {ENV_FILE_NAMES[k]: v for k, v in _read_env_file(env_file).items() if k in ENV_FILE_NAMES}
    bucket = environ.get("H5S3_BUCKET") or environ.get("S3_BUCKET") or values.get("bucket")
    return replace(Settings(**values), bucket=bucket or None)  # type: ignore[arg-type]


def _read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines; `export `, comments, blank lines and matching quotes are allowed for."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the env file ({error.__class__.__name__})", location=str(path)) from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"line {number} is not NAME=value", location=str(path))
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip()] = value
    return found
