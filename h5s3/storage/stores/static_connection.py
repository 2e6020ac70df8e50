"""Endpoint, region and keys where they simply stand in options, environment or AWS files.

What boto3's chain would find, found without boto3, whose import takes longer than a walk through a small
file. Anything that is not plainly this (roles, SSO, other processes, settings of S3 in the config file,
variables that are not listed here) is left to the chain.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from h5s3.settings import Settings
from h5s3.storage.responses import ANONYMOUS
from h5s3.storage.stores.presign import Keys, presign

if TYPE_CHECKING:
    import configparser

READ = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE",
}  # fmt: skip
WITHOUT_EFFECT = {  # on reading from S3 with static keys
    "AWS_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_PAGER", "AWS_DEFAULT_OUTPUT", "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE", "AWS_SDK_LOAD_CONFIG", "AWS_EXECUTION_ENV",
}  # fmt: skip
IN_CONFIG = {"region", "output", "cli_pager", "cli_auto_prompt", "cli_timestamp_format"}
IN_CREDENTIALS = {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
ENDPOINT = re.compile(r"https?://[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?/?")
BUCKET = re.compile(r"[a-zA-Z0-9._-]{3,63}")
CONFIG, CREDENTIALS = "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"  # name AWS's files, else:
USUAL = {CONFIG: "~/.aws/config", CREDENTIALS: "~/.aws/credentials"}
IN_A_HOST = re.compile("(?!.*--|sthree-|.*-s3alias$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
LABEL = re.compile("[A-Za-z0-9-]{1,63}")
REGION = re.compile("(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]{4,12}-[0-9]")
AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True)
class StaticConnection:
    """Where requests go and with what they are signed. `named`: the endpoint was, so it is not AWS's own."""

    endpoint: str  # of all buckets
    region: str
    keys: Keys | None
    who: str  # signs the requests, in words that give nothing away
    ca_bundle: str | None
    named: bool

    def presign(self, operation: str, names: Mapping[str, str], seconds: int) -> str | None:
        """The URL of an operation; None for a bucket whose name makes its address another, or no text."""
        try:
            return self._presigned(operation, names, seconds)
        except UnicodeEncodeError:  # bytes of the command line or the environment that are not UTF-8
            return None

    def _presigned(self, operation: str, names: Mapping[str, str], seconds: int) -> str | None:
        bucket = names["Bucket"]
        if not BUCKET.fullmatch(bucket) or not names.get("Key", "-"):
            return None
        if self.named:
            return presign(self.endpoint, self.region, self.keys, operation, names, seconds)
        if not IN_A_HOST.fullmatch(bucket):
            return None
        host = f"https://{bucket}.s3.{self.region}.amazonaws.com"
        inside = {"Key": "", **{name: value for name, value in names.items() if name != "Bucket"}}
        return presign(host, self.region, self.keys, operation, inside, seconds)

    def moved(self, region: str) -> StaticConnection | None:
        """The same in another region."""
        if self.named:
            return replace(self, region=region)
        return replace(self, region=region, endpoint=_of_aws(region)) if REGION.fullmatch(region) else None


def static_connection(settings: Settings) -> StaticConnection | None:
    """What the settings, the environment and AWS's files say; None where they say more than this reads."""
    environ = os.environ
    unknown = {name for name in environ if name.startswith("AWS_")} - READ - WITHOUT_EFFECT
    if unknown:
        return None
    try:
        profile, config, stored = _profile(settings.profile, environ)
    except ValueError:
        return None
    keys, method = _keys(settings, environ, stored)
    if keys is None and not settings.anon:
        return None
    region = _first(settings.region, environ.get("AWS_DEFAULT_REGION"), config.get("region")) or "us-east-1"
    named = settings.endpoint_url or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    if not _plain(named) or not (LABEL if named else REGION).fullmatch(region):
        return None
    trusted = environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE")
    who = ANONYMOUS if settings.anon else method
    if not settings.anon and not settings.access_key and profile != "default":
        who = f"signed as profile {profile}"
    endpoint = named or _of_aws(region)
    return StaticConnection(endpoint, region, keys, who, trusted or None, bool(named))


def _plain(endpoint: str | None) -> bool:
    if not endpoint:
        return True
    return bool(ENDPOINT.fullmatch(endpoint)) and not (urlsplit(endpoint).hostname or "").endswith(AWS)


def _of_aws(region: str) -> str:
    """As boto3 names it: the cache keeps what was read by either under it."""
    return "https://s3.amazonaws.com" if region == "us-east-1" else f"https://s3.{region}.amazonaws.com"


def _keys(
    settings: Settings, environ: Mapping[str, str], stored: Mapping[str, str]
) -> tuple[Keys | None, str]:
    """The pair of keys that the chain would take first, and where it is from."""
    if settings.anon:
        return None, ""
    if settings.access_key and settings.secret_key:
        return Keys(settings.access_key, settings.secret_key), "signed with the key of the env file"
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if settings.access_key or settings.secret_key or bool(access) != bool(secret):
        return None, ""
    if access and secret and not settings.profile:
        token = environ.get("AWS_SESSION_TOKEN") or None
        return Keys(access, secret, token), "signed with credentials from env"
    access, secret = stored.get("aws_access_key_id"), stored.get("aws_secret_access_key")
    if not (access and secret):
        return None, ""
    token = stored.get("aws_session_token") or None
    return Keys(access, secret, token), "signed with credentials from shared-credentials-file"


def _profile(
    chosen: str | None, environ: Mapping[str, str]
) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """The profile's name and what the config and the credentials file say of it.

    Raises `ValueError` where they say more than this reads, or do not know a profile that was named.
    """
    asked = _first(chosen, environ.get("AWS_DEFAULT_PROFILE"), environ.get("AWS_PROFILE"))
    name = "default" if asked is None else asked
    sections = []
    for variable, known in ((CONFIG, IN_CONFIG), (CREDENTIALS, IN_CREDENTIALS)):
        path = _file(variable, environ)
        found = _section(path, name, PROFILES[variable])
        if set(found or ()) - known:
            raise ValueError(f"{path} says more than this reads")
        sections.append(found)
    if asked is not None and sections == [None, None]:
        raise ValueError("no such profile")
    return name, sections[0] or {}, sections[1] or {}


def _first(*values: str | None) -> str | None:
    """The first that is set, if only to nothing, as boto3 sees it."""
    return next((value for value in values if value is not None), None)


def profiles() -> list[str]:
    """The names of all profiles, without those in a file that cannot be read."""
    found: set[str] = set()
    for variable, of in PROFILES.items():
        with suppress(ValueError):
            parser = _parser(_file(variable, os.environ))
            found |= {name for section in (parser.sections() if parser else ()) if (name := of(section))}
    return sorted(found)


def _file(variable: str, environ: Mapping[str, str]) -> Path:
    return Path(os.path.expanduser(os.path.expandvars(environ.get(variable, USUAL[variable]))))


def _section(path: Path, profile: str, of: Callable[[str], str | None]) -> dict[str, str] | None:
    """What one of AWS's files says of a profile; None where there is no such file or section.

    `of`: the profile that a section is about, by its name. Of several the last one counts.
    """
    parser = _parser(path)
    sections = [name for name in parser.sections() if of(name) == profile] if parser else []
    return dict(parser.items(sections[-1])) if parser and sections else None


def _parser(path: Path) -> configparser.RawConfigParser | None:
    """One of AWS's files; None where there is none. Raises `ValueError` for what cannot be read."""
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, configparser.Error) as error:
        raise ValueError("it cannot be read") from error
    return parser


def _profile_of(section: str) -> str | None:
    """In the config file: `default`, or a word behind `profile`, which may stand in quotes."""
    if section == "default" or not section.startswith("profile"):
        return section if section == "default" else None
    import shlex

    with suppress(ValueError):
        words = shlex.split(section)
        return words[1] if len(words) == 2 else None
    return None


def _is_stored_as(section: str) -> str:
    """In the credentials file, the names of the sections are those of the profiles."""
    return section


PROFILES: dict[str, Callable[[str], str | None]] = {CONFIG: _profile_of, CREDENTIALS: _is_stored_as}
