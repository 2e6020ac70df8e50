"""boto3's part: credentials, region, endpoint, and its errors in plain words."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore import exceptions as boto
from botocore.config import Config
from botocore.parsers import ResponseParserError

from h5s3.errors import AccessError, H5s3Error, NetworkError, NotFoundError, UsageError
from h5s3.settings import Settings
from h5s3.storage.answers import ANONYMOUS, access_hint, failure
from h5s3.storage.trace import Trace

NO_CREDENTIALS = "set AWS_PROFILE or AWS_ACCESS_KEY_ID, give --profile, or --anon for a public bucket"
METHODS = {
    "HeadObject": "HEAD",
    "HeadBucket": "HEAD",
    "ListBuckets": "LIST",
    "ListObjectsV2": "LIST",
    "ListObjectVersions": "LIST",
}
BOTO_ERRORS = (boto.ClientError, boto.BotoCoreError, ResponseParserError)


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
        client = _client(session, settings, region, _likely_style(session, settings))
        if not is_aws(client.meta.endpoint_url) and "addressing_style" not in (client.meta.config.s3 or {}):
            client = _client(session, settings, region, {"addressing_style": "path"})
    except (boto.BotoCoreError, ValueError) as error:
        raise plain_error(error, "") from None
    _watch(client, settings, trace)
    return client


def _likely_style(session: Any, settings: Settings) -> dict[str, str]:
    """Path style where an option or the environment names an endpoint: spares making a second client."""
    environ = os.environ
    endpoint = settings.endpoint_url or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    chosen = "addressing_style" in (session._session.get_scoped_config().get("s3") or {})
    return {"addressing_style": "path"} if endpoint and not is_aws(endpoint) and not chosen else {}


def _watch(client: Any, settings: Settings, trace: Trace) -> None:
    """Count what the client sends and receives, and let it begin nothing once the time is used up."""

    def sending(request: Any, operation_name: str, **rest: Any) -> None:
        _ = settings.request_seconds
        trace.request(METHODS.get(operation_name, "GET"))
        if request.context.get("retries", {}).get("attempt", 1) > 1:
            trace.retry()

    def answered(response_dict: dict[str, Any] | None, **rest: Any) -> None:
        body = (response_dict or {}).get("body")
        trace.request("", len(body) if isinstance(body, bytes) else 0)

    def asking_for_region(params: dict[str, Any], **rest: Any) -> None:
        # A redirected HeadBucket would ask by HeadBucket for the region, and so on until the stack is full.
        params["context"].setdefault("s3_redirect", {})["redirected"] = True

    client.meta.events.register("before-call.s3.HeadBucket", asking_for_region)
    client.meta.events.register("request-created.s3", sending)
    client.meta.events.register("response-received.s3", answered)


def ca_bundle(session: Any) -> str | None:
    """The file of certificates to trust, where boto3's chain or the environment names one."""
    found = session._session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    return str(found) if found else None


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


def is_aws(endpoint: str) -> bool:
    """Whether an endpoint is one of AWS's own."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def signer(session: Any, settings: Settings) -> str:
    """Who signs the requests, in words that give nothing away."""
    if settings.anon:
        return ANONYMOUS
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
    if isinstance(error, ResponseParserError):
        return NetworkError("the server does not answer like S3", hint="check --endpoint-url")
    return NetworkError(f"the storage client failed ({name})")


def error_code(error: Exception) -> str:
    """What S3 calls an error: a word, or the status where the answer had no body; empty for other errors."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, boto.ClientError) else ""


def _client_error(error: Any, who: str) -> H5s3Error:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = error_code(error)
    if code == "NoSuchBucket":
        return NotFoundError("no such bucket")
    if code in ("NoSuchKey", "NoSuchVersion", "404"):
        return NotFoundError("no such object")
    if code in ("ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"):
        return AccessError(f"access denied ({code}), {who}", hint=access_hint(code, who))
    return failure(status, f"<Code>{code}</Code>".encode(), who, pinned=False)
