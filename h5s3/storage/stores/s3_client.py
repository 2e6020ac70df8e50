"""boto3's part: credentials, region, endpoint, and its errors in plain words."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore import exceptions as boto
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from botocore.config import Config
from botocore.parsers import ResponseParserError

from h5s3.errors import AccessError, H5s3Error, NetworkError, NoBucketError, NotFoundError, UsageError
from h5s3.settings import Settings
from h5s3.storage.http.client import LARGEST_PAGE
from h5s3.storage.http.response_limits import bounded_pools
from h5s3.storage.http.tls import fatal, warn_unverified
from h5s3.storage.http.wire_errors import wire_error
from h5s3.storage.responses import ANONYMOUS, REGION, access_hint, failure
from h5s3.storage.trace import Trace

NO_CREDENTIALS = "set AWS_PROFILE or AWS_ACCESS_KEY_ID, give --profile, or --anon for a public bucket"
MOST_WORDS = 200  # characters of what a command says that gives no credentials
METHODS = {
    "HeadObject": "HEAD",
    "HeadBucket": "HEAD",
    "ListBuckets": "LIST",
    "ListObjectsV2": "LIST",
    "ListObjectVersions": "LIST",
    "PutObject": "PUT",
    "DeleteObjects": "DELETE",
}
PAGE_POOLS = bounded_pools(AWSHTTPConnectionPool, AWSHTTPSConnectionPool, LARGEST_PAGE)
# What botocore lets through where an answer holds no number, no date or no XML in its place.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
BOTO_ERRORS = (boto.ClientError, boto.BotoCoreError, ResponseParserError, *UNREADABLE)


class Session(boto3.Session):  # type: ignore[misc]
    """A session of boto3 whose botocore session, which holds all of the configuration, is public."""

    def __init__(self, core: botocore.session.Session, **options: Any) -> None:
        super().__init__(botocore_session=core, **options)
        self.core = core


def make_session(settings: Settings) -> Session:
    """A boto3 session on its own chain of credentials. Raises `UsageError` for an unknown profile."""
    try:
        return Session(
            botocore.session.get_session(),
            profile_name=settings.profile,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            aws_session_token=settings.session_token,
            region_name=settings.region,
        )
    except boto.ProfileNotFound as error:
        name = error.kwargs.get("profile")
        raise UsageError(f"no profile {name!r} in the AWS config files", hint=_profiles()) from None
    except (boto.BotoCoreError, ValueError) as error:
        raise translate_error(error, "") from None


def with_credentials(found: Settings, told: Settings) -> Settings:
    """Settings (`told`) with the credentials that boto3's chain leads to here, and with endpoint and region,
    for another machine. Raises `AccessError` where there are none."""
    session = make_session(found)
    client = make_client(session, found, Trace())
    try:
        given = session.get_credentials()
        frozen = None if given is None else given.get_frozen_credentials()
    except (boto.BotoCoreError, json.JSONDecodeError) as error:
        raise _no_credentials(error, session) from None
    if frozen is None or frozen.access_key is None:
        raise AccessError("there are no credentials to send")
    endpoint = str(client.meta.endpoint_url)
    return replace(
        told,
        profile=None,
        endpoint_url=None if is_aws(endpoint) else endpoint,
        region=client.meta.region_name,
        access_key=frozen.access_key,
        secret_key=frozen.secret_key,
        session_token=frozen.token,
    )


def make_client(session: Session, settings: Settings, trace: Trace, region: str | None = None) -> Any:
    """An S3 client; path style and no extra checksums where the endpoint is not AWS's own."""
    try:
        client = _client(session, settings, region, _likely_style(session, settings))
        if not is_aws(client.meta.endpoint_url) and "addressing_style" not in (client.meta.config.s3 or {}):
            client = _client(session, settings, region, {"addressing_style": "path"})
    except (boto.CredentialRetrievalError, json.JSONDecodeError) as error:
        raise _no_credentials(error, session) from None
    except ValueError as error:
        raise _no_endpoint(settings) or translate_error(error, "") from None
    except boto.BotoCoreError as error:
        raise translate_error(error, "") from None
    if settings.insecure:
        warn_unverified(client.meta.endpoint_url)
    _bound(client)
    _watch(client, settings, trace)
    return client


def _profiles() -> str:
    """The profiles that there are, in words."""
    names = botocore.session.get_session().available_profiles
    return f"there are: {', '.join(names[:10])}" if names else "there are none"


def _no_credentials(error: Exception, session: Session) -> AccessError:
    """Why a profile's own way to credentials failed: mostly, a command that it names."""
    command = session.core.get_scoped_config().get("credential_process")
    what = f"profile {session.profile_name}" + (f": {command!r}" if command else "")
    if isinstance(error, boto.CredentialRetrievalError):
        words = " ".join(str(error.kwargs.get("error_msg", "")).split())[:MOST_WORDS] or "no reason given"
        return AccessError(f"{what} gave no credentials: {words}")
    return AccessError(f"{what} printed something that is not JSON")


def _no_endpoint(settings: Settings) -> UsageError | None:
    """The error for an endpoint that is no URL, as it was given; None where one is, or none was named."""
    for name, value in (
        ("--endpoint-url or S3_ENDPOINT", settings.endpoint_url),
        ("AWS_ENDPOINT_URL_S3", os.environ.get("AWS_ENDPOINT_URL_S3")),
        ("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT_URL")),
    ):
        if value and not re.match("https?://", value):
            shown = value.rpartition("@")[2].partition("?")[0]
            hint = f"write http://{shown} or https://{shown}"
            return UsageError(f"the endpoint {shown!r} ({name}) is not a URL", hint=hint)
        if value:
            return None
    return None


def _bound(client: Any) -> None:
    """Let no answer be longer than a page of a listing: botocore reads whatever comes into memory."""
    sender = client._endpoint.http_session
    sender._pool_classes_by_scheme = sender._manager.pool_classes_by_scheme = PAGE_POOLS


def _harmless(body: Any) -> Any:
    """The body of an answer, empty where it declares entities, which can make megabytes of gigabytes.

    S3 declares none. XML in UTF-16, where the declaration would look otherwise, it does not send either.
    """
    return b"" if isinstance(body, bytes) and (b"<!DOCTYPE" in body or b"\0" in body) else body


def _likely_style(session: Session, settings: Settings) -> dict[str, str]:
    """Path style where an option or the environment names an endpoint: spares making a second client."""
    environ = os.environ
    endpoint = settings.endpoint_url or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    chosen = "addressing_style" in (session.core.get_scoped_config().get("s3") or {})
    return {"addressing_style": "path"} if endpoint and not is_aws(endpoint) and not chosen else {}


def _watch(client: Any, settings: Settings, trace: Trace) -> None:
    """Count what the client sends and receives, and let it begin nothing once the time is used up."""

    def sending(request: Any, operation_name: str, **rest: Any) -> None:
        settings.check_deadline()
        trace.request(METHODS.get(operation_name, "GET"))
        if request.context.get("retries", {}).get("attempt", 1) > 1:
            trace.retry()

    def answered(response_dict: dict[str, Any] | None, **rest: Any) -> None:
        body = (response_dict or {}).get("body")
        trace.request("", len(body) if isinstance(body, bytes) else 0)

    def asking_for_region(params: dict[str, Any], **rest: Any) -> None:
        # A redirected HeadBucket would ask by HeadBucket for the region, and so on until the stack is full.
        params["context"].setdefault("s3_redirect", {})["redirected"] = True

    def failing(caught_exception: Exception | None, response: Any = None, **rest: Any) -> None:
        if caught_exception is not None and (given_up(caught_exception) or _untrusted(caught_exception)):
            raise caught_exception  # asking again would end the same way
        if response is not None:
            _forget_odd_region(response[1])

    def parsing(response_dict: dict[str, Any], **rest: Any) -> None:
        response_dict["body"] = _harmless(response_dict.get("body"))

    client.meta.events.register_first("before-parse.s3.*", parsing)
    client.meta.events.register_first("needs-retry.s3", failing)
    client.meta.events.register("before-call.s3.HeadBucket", asking_for_region)
    client.meta.events.register("request-created.s3", sending)
    client.meta.events.register("response-received.s3", answered)


def _forget_odd_region(parsed: dict[str, Any]) -> None:
    """Take out of an answer the region that none can be called: botocore would ask there."""
    for place, name in (
        (parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {}), "x-amz-bucket-region"),
        (parsed.get("Error", {}), "Region"),
    ):
        if name in place and not REGION.fullmatch(str(place[name])):
            del place[name]


def ca_bundle(session: Session) -> str | None:
    """The file of certificates to trust, where boto3's chain or the environment names one."""
    found = session.core.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    return str(found) if found else None


def _client(session: Session, settings: Settings, region: str | None, s3: dict[str, str]) -> Any:
    timeout = settings.connection_seconds
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
    verify = False if settings.insecure else None  # None: as the chain says
    return session.client(
        "s3", endpoint_url=settings.endpoint_url, region_name=name, config=config, verify=verify
    )


def is_aws(endpoint: str) -> bool:
    """Whether an endpoint is one of AWS's own."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def signer(session: Session, settings: Settings) -> str:
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


def translate_error(error: Exception, who: str) -> H5s3Error:
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
    if isinstance(error, boto.ParamValidationError | UnicodeEncodeError):
        return UsageError("not a valid bucket or key name")
    if isinstance(error, ValueError | boto.InvalidRegionError):
        return UsageError("not a valid endpoint or region", hint="check --endpoint-url and --region")
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        return given_up(error) or wire_error(error, str(error.kwargs.get("endpoint_url", "")))
    if isinstance(error, ResponseParserError):
        return NetworkError("the server does not answer like S3", hint="check --endpoint-url")
    return NetworkError(f"the storage client failed ({name})")


def unreadable(error: Exception) -> bool:
    """Whether an answer came that botocore could make nothing of, in a way it did not foresee."""
    return isinstance(error, UNREADABLE) and not isinstance(error, boto.BotoCoreError)


def given_up(error: Exception) -> H5s3Error | None:
    """The error of ours that botocore wrapped, where it was not the wire that failed."""
    inner = getattr(error, "kwargs", {}).get("error")
    return inner if isinstance(inner, H5s3Error) else None


def _untrusted(error: Exception) -> bool:
    return isinstance(error, boto.SSLError) and fatal(error)


def error_code(error: Exception) -> str:
    """What S3 calls an error: a word, or the status where the answer had no body; empty for other errors."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, boto.ClientError) else ""


def _client_error(error: Any, who: str) -> H5s3Error:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = error_code(error)
    if code == "NoSuchBucket":
        return NoBucketError("no such bucket")
    if code in ("NoSuchKey", "NoSuchVersion", "404"):
        return NotFoundError("no such object")
    if code in ("ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"):
        return AccessError(f"access denied ({code}), {who}", hint=access_hint(code, who))
    return failure(status, f"<Code>{code}</Code>".encode(), who, pinned=False)
