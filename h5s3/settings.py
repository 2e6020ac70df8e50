"""Everything a command may be told, in one value that travels from `cli` down to `storage`."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from h5s3.errors import NetworkError, UsageError
from h5s3.sizes import GIB, MIB, parse_size
from h5s3.wanted import ASKED

LEAST_MEMORY = 128 * MIB  # what Python and its libraries take, and some
ENV_FILE_NAMES = {
    "S3_ENDPOINT": "endpoint_url",
    "S3_ACCESS_KEY": "access_key",
    "S3_SECRET_KEY": "secret_key",
    "S3_BUCKET": "bucket",
    "S3_REGION": "region",
}
SCOPE_NAMES = ("AWS_", "AZURE_", "FSSPEC_", "GCSFS_", "GOOGLE_", "HF_")  # say who asks, and whom


@dataclass(frozen=True)
class Settings:
    """Options and environment of one command. What is None is left to boto3's own chain."""

    profile: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    bucket: str | None = None
    version_id: str | None = None  # of the object that is read
    version: str | int | None = None  # of a table: its number, the id of a snapshot, or a time
    anon: bool = False
    request_payer: bool = False
    no_cache: bool = False
    refresh: bool = False
    offline: bool = False
    insecure: bool = False  # TLS without verification; nothing got that way is kept
    plugins: bool = False  # HDF5_PLUGIN_PATH counts for remote files too
    follow: bool = False  # files that a file names are looked for below its own folder
    follow_prefix: str | None = None  # or below this location
    follow_external: bool = False  # of tables: what their metadata names elsewhere is read
    timeout: float | None = None
    max_bytes: int | None = None
    deadline: float | None = None  # of time.monotonic()

    def __post_init__(self) -> None:
        if self.insecure:
            object.__setattr__(self, "no_cache", True)  # what nobody vouches for is not shown as proven later

    @property
    def follows(self) -> bool:
        """Whether an answer may depend on more objects than the one that is asked about."""
        return self.follow or self.follow_prefix is not None

    @property
    def request_seconds(self) -> float:
        """How long one read of the wire may take, in seconds; `NetworkError` once the time is used up."""
        return min(60.0, self.check_deadline())

    def check_deadline(self) -> float:
        """Seconds that are left of `--timeout`. Raises `NetworkError` once they are used up.

        Of a question that has a time of its own, likewise; `StoppedError` where nobody waits for it.
        """
        left = float("inf") if self.deadline is None else self.deadline - time.monotonic()
        if left <= 0:
            raise NetworkError(f"not done within {self.timeout:g} s", hint="raise --timeout")
        asked = ASKED.get()
        return left if asked is None else min(left, asked.check())

    def clock(self) -> Callable[[], float] | None:
        """What tells the seconds that are left, where they are bounded; a question that was stopped, too."""
        asked = ASKED.get()
        if asked is not None and asked.seconds is not None:
            return asked.left
        return None if self.deadline is None else self.check_deadline

    @property
    def connection_seconds(self) -> float:
        """The same as `request_seconds` for a connection that questions to come will use, too."""
        return min(60.0, self.timeout or 60.0) if self.deadline is None else self.request_seconds

    @property
    def scope(self) -> str:
        """A hash of all that decides which server answers, and to whom: what was seen under one identity
        is not shown to another."""
        own = [self.profile, self.endpoint_url, self.region, self.access_key, self.secret_key, self.anon]
        own += [self.session_token] if self.session_token else []
        names = sorted(name for name in os.environ if name.startswith(SCOPE_NAMES))
        parts = (own, [(name, os.environ.get(name)) for name in names])
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]

    def started(self) -> Settings:
        """The same settings with the clock of `--timeout` running."""
        if self.timeout is None:
            return self
        return replace(self, deadline=time.monotonic() + self.timeout)


def from_environment(
    env_file: Path | None = None, environ: MutableMapping[str, str] | None = None
) -> Settings:
    """Settings from the environment and, where named, an env file with `S3_*` names.

    A file that is named on the command line is as strong as an option. `AWS_*` names in it are put
    into the environment where they are not set, so that boto3's chain finds them.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, str] = {}
    for name, value in (_read_env_file(env_file) if env_file else {}).items():
        if name in ENV_FILE_NAMES:
            values[ENV_FILE_NAMES[name]] = value
        elif name.startswith("AWS_"):
            environ.setdefault(name, value)
    bucket = values.get("bucket") or environ.get("H5S3_BUCKET") or environ.get("S3_BUCKET")
    return replace(Settings(**values), bucket=bucket or None)  # type: ignore[arg-type]


def _read_env_file(path: Path) -> dict[str, str]:
    import logging

    from dotenv import dotenv_values

    logging.getLogger("dotenv").setLevel(logging.CRITICAL)  # it would complain of every line it cannot read

    try:
        with path.open(encoding="utf-8") as stream:
            found = dotenv_values(stream=stream, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the env file ({type(error).__name__})", location=str(path)) from None
    return {name: value for name, value in found.items() if value}


def cache_directory() -> Path:
    """Where the persistent cache lives: `H5S3_CACHE_DIR`, or the user's cache directory."""
    named = os.environ.get("H5S3_CACHE_DIR")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("h5s3", appauthor=False)


def cache_limit() -> int:
    """Bytes the persistent cache may take: `H5S3_CACHE_SIZE` (such as 500M), or 2 GiB."""
    return parse_size(os.environ.get("H5S3_CACHE_SIZE") or "2G")


def memory_limit(installed: int) -> int | None:
    """Bytes a command may allocate: `H5S3_MEMORY` (0: no limit), or 4 GiB, or 3/4 of a small machine's."""
    named = os.environ.get("H5S3_MEMORY")
    if not named:
        return min(4 * GIB, installed // 4 * 3)
    try:
        most = parse_size(named)
    except UsageError as error:
        raise error.at("H5S3_MEMORY") from None
    if 0 < most < LEAST_MEMORY:
        raise UsageError(
            f"{named!r} is too little to start", location="H5S3_MEMORY", hint="give 128M or more"
        )
    return most or None


def cpu_limit() -> int | None:
    """Seconds of processor time until a command must show progress: `H5S3_CPU_SECONDS` (0: no limit), or 600.

    Raises `UsageError` for what is not a whole number.
    """
    named = os.environ.get("H5S3_CPU_SECONDS") or "600"
    if not re.fullmatch(r"[0-9]{1,9}", named):
        raise UsageError(f"{named!r} is not a number of seconds", location="H5S3_CPU_SECONDS")
    return int(named) or None
