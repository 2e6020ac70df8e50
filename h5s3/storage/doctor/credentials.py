"""Which credentials there are, who gave them, what can be told from looking at them, and whose they are."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore import exceptions as boto
from botocore.config import Config

from h5s3.errors import H5s3Error
from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.doctor.error_codes import AUTHENTICATION
from h5s3.storage.doctor.findings import (
    bounded,
    failed_with,
    failure,
    ok,
    origin_of,
    shown_path,
    span,
    unknown,
    warning,
)
from h5s3.storage.doctor.setup import services_endpoint
from h5s3.storage.stores.s3_client import BOTO_ERRORS, NO_CREDENTIALS, error_code, is_aws, translate_error

SECONDS = 12.0  # for a login service, an instance's metadata, or a helper program
ENV_FILE = "the env file (--env-file)"
EXPIRY_NAMES = ("aws_expiration", "expiration", "x_security_token_expires", "aws_credential_expiration")
METHODS = {
    "env": "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)",
    "shared-credentials-file": "profile {profile} in {credentials_file}",
    "config-file": "profile {profile} in {config_file}",
    "assume-role": "the role that profile {profile} in {config_file} assumes",
    "assume-role-with-web-identity": "a web identity (AWS_WEB_IDENTITY_TOKEN_FILE or profile {profile})",
    "sso": "AWS SSO, profile {profile} in {config_file}",
    "login": "aws login, profile {profile}",
    "custom-process": "the credential_process of profile {profile} in {config_file}",
    "container-role": "the container's role",
    "iam-role": "the instance's role",
    "explicit": ENV_FILE,
}
SSO_ERRORS = ("SSO", "Token", "Login")


@dataclass(frozen=True)
class Keys:
    """What requests are signed with. Nothing of it is ever shown but the masked `access_key`."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)
    method: str
    expires: datetime | None = None


def examine_credentials(session: Any, settings: Settings, needed: bool) -> tuple[list[Finding], Keys | None]:
    """The credentials that boto3's own chain finds. Nothing raised: what goes wrong is a finding.

    `needed`: something is to be asked that cannot be done without, so that none is a failure.
    """
    if settings.anon:
        return [ok("credentials", "none: asked anonymously, as --anon says")], None
    try:
        seconds = min(SECONDS, settings.request_seconds)
    except H5s3Error:  # the time is up: what needs none is still found
        seconds = 0.1
    try:
        keys = bounded(lambda: _resolve(session), seconds, "getting credentials")
    except H5s3Error as error:
        return [failed_with("credentials", error)], None
    except Exception as error:  # noqa: BLE001 - a provider may raise anything; none of its text is shown
        return [_unusable(error, session)], None
    if keys is None:
        return [_none(needed)], None
    return [_described(keys, session), *_conspicuous(keys, session)], keys


def _resolve(session: Any) -> Keys | None:
    found = session.get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    expires = getattr(found, "_expiry_time", None) or _written_expiry(session, found.method)
    return Keys(frozen.access_key or "", frozen.secret_key or "", frozen.token, str(found.method), expires)


def _written_expiry(session: Any, method: str) -> datetime | None:
    """When keys of a file expire, where whoever wrote them there says so beside them."""
    if method not in ("shared-credentials-file", "config-file"):
        return None
    scoped = session.core.get_scoped_config()
    for name in EXPIRY_NAMES:
        try:
            found = datetime.fromisoformat(str(scoped.get(name) or ""))
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def source(method: str, session: Any) -> str:
    """Who gave the credentials, in words."""
    names = {name: session.core.get_config_variable(name) for name in ("config_file", "credentials_file")}
    paths = {name: shown_path(value or "?") for name, value in names.items()}
    return METHODS.get(method, method).format(profile=session.profile_name, **paths)


def _masked(key: str) -> str:
    """An access key id that can be recognised and not be used: `AKIA…WXYZ`."""
    return f"{key[:4]}…{key[-4:]}" if len(key) >= 16 else f"{key[:2]}…"


def _described(keys: Keys, session: Any) -> Finding:
    token = " with a session token" if keys.token else ""
    detail = f"from {source(keys.method, session)}: access key id {_masked(keys.access_key)}{token}"
    if keys.expires is None:
        return ok("credentials", detail)
    left = (keys.expires - datetime.now(UTC)).total_seconds()
    when = keys.expires.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if left <= 0:
        return failure("credentials", f"{detail}; expired {span(left)} ago ({when})", _renewal(session), 4)
    return ok("credentials", f"{detail}; valid for another {span(left)} ({when})")


def _conspicuous(keys: Keys, session: Any) -> list[Finding]:
    """What is wrong with keys that can be seen without asking anybody."""
    found = []
    texts = (keys.access_key, keys.secret_key, keys.token or "")
    if any(text != text.strip().strip("'\"") or not text.isprintable() for text in texts):
        detail = "a key or the token begins or ends with a blank or a quote, or holds a line break"
        found.append(warning("keys", detail, "write the values without them"))
    if keys.access_key.startswith("ASIA") and not keys.token:
        detail = "a temporary key (ASIA…) without its session token"
        found.append(warning("keys", detail, "set AWS_SESSION_TOKEN, too"))
    if keys.access_key.startswith("AKIA") and keys.token:
        detail = "a permanent key (AKIA…) with a session token, which belongs to another key"
        found.append(warning("keys", detail, "unset AWS_SESSION_TOKEN"))
    profile = os.environ.get("AWS_DEFAULT_PROFILE") or os.environ.get("AWS_PROFILE")
    if keys.method == "env" and profile:
        detail = f"profile {profile} is named, too, and the keys in the environment win over it"
        found.append(warning("keys", detail, f"unset AWS_ACCESS_KEY_ID, or give --profile {profile}"))
    return found


def _none(needed: bool) -> Finding:
    remedy = NO_CREDENTIALS
    if Path(".env").is_file():
        remedy += "; there is a .env in this directory, which is read when asked for: --env-file .env"
    detail = "none found: not in the environment, the AWS files, SSO, a container or an instance"
    if os.environ.get("AWS_SECRET_ACCESS_KEY") and not os.environ.get("AWS_ACCESS_KEY_ID"):
        detail += "; AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not"
    return failure("credentials", detail, remedy, 4) if needed else warning("credentials", detail, remedy)


def _unusable(error: Exception, session: Any) -> Finding:
    """Of the error only its kind and what it names are told: its text may quote a helper's output."""
    name = type(error).__name__
    facts = getattr(error, "kwargs", {})
    if isinstance(error, boto.PartialCredentialsError):
        detail = f"incomplete: {facts.get('cred_var')} is missing ({facts.get('provider')})"
        return failure("credentials", detail, "set both the access key id and the secret key", 4)
    if isinstance(error, RuntimeError) and "expired" in str(error):
        return failure("credentials", "the credentials have expired", _renewal(session), 4)
    if any(part in name for part in SSO_ERRORS):
        detail = f"the login of profile {session.profile_name} has expired or was never made"
        return failure("credentials", detail, _renewal(session), 4)
    if isinstance(error, boto.CredentialRetrievalError):
        detail = f"{facts.get('provider') or 'a provider'} gives no credentials"
        return failure("credentials", detail, "run what the profile names by itself and see what it says", 4)
    if isinstance(error, boto.ClientError):
        code = error.response.get("Error", {}).get("Code", "no code")
        detail = f"the role of profile {session.profile_name} cannot be assumed ({code})"
        return failure("credentials", detail, "check role_arn and source_profile in the AWS config", 4)
    return failure("credentials", f"they cannot be got ({name})", "check the AWS config files", 4)


def _renewal(session: Any) -> str:
    profile = session.profile_name
    name = "" if profile == "default" else f" --profile {profile}"
    return f"log in again (aws sso login{name}), or renew the keys and the session token"


def identity(session: Any, settings: Settings, endpoint: str, keys: Keys | None) -> list[Finding]:
    """What `sts get-caller-identity` says: asked at AWS, or where an STS endpoint is configured.

    Nobody else is asked: keys of one provider are no business of another.
    """
    if keys is None:
        return []
    named = os.environ.get("AWS_ENDPOINT_URL_STS") or services_endpoint(session, "sts")
    if not named and not is_aws(endpoint):
        why = "not asked: this endpoint is not AWS's, and no STS endpoint is configured"
        return [unknown("identity", why)]
    try:
        seconds = min(5.0, settings.request_seconds)
        config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1})
        region = settings.region or session.region_name or "us-east-1"
        client = session.client("sts", endpoint_url=named, region_name=region, config=config)
        answer = client.get_caller_identity()
    except (*BOTO_ERRORS, ValueError) as error:
        return [_refused(error, named)]
    who = str(answer.get("Arn", "somebody"))[:200]
    return [ok("identity", f"{who}, account {str(answer.get('Account', '?'))[:20]}")]


def _refused(error: Exception, named: str | None) -> Finding:
    code = error_code(error)
    cause = AUTHENTICATION.get(code)
    if cause is not None:
        return failure("identity", f"{cause.words} ({code})", cause.remedy, 4)
    where = origin_of(named) if named else "AWS STS"
    plain = translate_error(error, "").cause
    return unknown("identity", f"{where} does not tell: {code or plain}")
