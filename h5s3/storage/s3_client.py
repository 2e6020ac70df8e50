"""boto3's part: credentials, region, endpoint, and its errors in plain words."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore import exceptions as boto
from botocore.config import Config

from h5s3.errors import AccessError, H5s3Error, NetworkError, NotFoundError, UsageError
from h5s3.settings import Settings
from h5s3.storage.answers import access_hint, failure
from h5s3.storage.trace import Trace

NO_CREDENTIALS = "set AWS_PROFILE or AWS_ACCESS_KEY_ID, give --profile, or --anon for a public bucket"
METHODS = {"HeadObject": "HEAD", "HeadBucket": "HEAD", "ListObjectsV2": "LIST", "ListObjectVersions": "LIST"}


def make_session(settings: Settings) -> Any:
    """A boto3 session on its own chain of credentials. Raises `UsageError` for an unknown profile."""
    try:
        return boto3.Session(
            profile_name=settings.profile,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            region_name=settings.region,
        )
    except boto.ProfileNotFound:
        raise UsageError(f"no profile {settings.profile!r} in the AWS config files") from None
    except (boto.BotoCoreError, ValueError) as error:
        raise plain_error(error, "") from None


def make_client(session: Any, settings: Settings, trace: Trace, region: str | None = None) -> Any:
    """An S3 client; path style and no extra checksums where the endpoint is not AWS's own."""
    try:
        client = _client(session, settings, region, {})
        if not is_aws(client.meta.endpoint_url) and "addressing_style" not in (client.meta.config.s3 or {}):
            client = _client(session, settings, region, {"addressing_style": "path"})
    except (boto.BotoCoreError, ValueError) as error:
        raise plain_error(error, "") from None
    events = client.meta.events
    events.register("request-created.s3", lambda operation_name, **_: trace.request(_method(operation_name)))
    events.register("after-call.s3", lambda http_response, **_: trace.request("", len(http_response.content)))
    return client


def _client(session: Any, settings: Settings, region: str | None, s3: dict[str, str]) -> Any:
    timeout = settings.request_seconds
    config = Config(
        signature_version=UNSIGNED if settings.anon else "s3v4",
        connect_timeout=min(10.0, timeout),
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": 4},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="h5s3",
        s3=s3 or None,
    )
    name = region or settings.region or session.region_name or "us-east-1"
    return session.client("s3", endpoint_url=settings.endpoint_url, region_name=name, config=config)


def _method(operation: str) -> str:
    return METHODS.get(operation, "GET")


def is_aws(endpoint: str) -> bool:
    """Whether an endpoint is one of AWS's own."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def signer(session: Any, settings: Settings) -> str:
    """Who signs the requests, in words that give nothing away."""
    if settings.anon:
        return "asked anonymously"
    if settings.access_key:
        return "signed with the key of the env file"
    try:
        credentials = session.get_credentials()
    except boto.BotoCoreError:
        credentials = None
    if credentials is None:
        return "without credentials"
    if session.profile_name != "default":
        return f"signed as profile {session.profile_name}"
    return f"signed with credentials from {credentials.method}"


def plain_error(error: Exception, who: str) -> H5s3Error:
    """A botocore error as one of ours."""
    if isinstance(error, boto.ClientError):
        return _client_error(error, who)
    name = type(error).__name__
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return AccessError("no credentials found", hint=NO_CREDENTIALS)
    if "Token" in name or "SSO" in name or "Credential" in name or "Login" in name:
        return AccessError(
            "the credentials cannot be used or have expired", hint="log in again (aws sso login)"
        )
    if isinstance(error, boto.ParamValidationError):
        return UsageError("not a valid bucket or key name")
    if isinstance(error, ValueError | boto.InvalidRegionError):
        return UsageError("not a valid endpoint or region", hint="check --endpoint-url and --region")
    if isinstance(error, boto.ReadTimeoutError):
        return NetworkError("the server does not answer in time", hint="try again, or raise --timeout")
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        host = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url", ""))).netloc or "the server"
        return NetworkError(f"cannot connect to {host}", hint="check --endpoint-url and the network")
    return NetworkError(f"the storage client failed ({name})")


def _client_error(error: Any, who: str) -> H5s3Error:
    answer = error.response
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(answer.get("Error", {}).get("Code", ""))
    if code == "NoSuchBucket":
        return NotFoundError("no such bucket")
    if code in ("NoSuchKey", "NoSuchVersion", "404"):
        return NotFoundError("no such object")
    if code in ("ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"):
        return AccessError(f"access denied ({code}), {who}", hint=access_hint(code))
    return failure(status, f"<Code>{code}</Code>".encode(), who, pinned=False)
