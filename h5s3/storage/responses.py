"""Is this answer the range that was asked for, of the object that was pinned?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from h5s3.errors import (
    AccessError,
    ChangedError,
    H5s3Error,
    NetworkError,
    NoBucketError,
    NotFoundError,
    TransientError,
)
from h5s3.storage.base import ObjectInfo, Range, strong_etag

CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
REGION = re.compile("[a-z0-9-]{1,40}")
TRANSIENT = frozenset({429, 500, 502, 503, 504})
DENIED = frozenset({  # codes of denials, whatever the status: some servers say 400
    "AccessDenied", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "ExpiredToken",
    "InvalidAccessKeyId", "InvalidSecurity", "InvalidToken", "RequestExpired", "RequestTimeTooSkewed",
    "SignatureDoesNotMatch", "TokenRefreshRequired", "UnsupportedAlgorithm",
})  # fmt: skip
ANONYMOUS = "asked anonymously"
UNSIGNED_URL = "a URL without a signature"
SIGNED_URL = "the URL's signature is wrong or has expired"
HINTS = {
    ANONYMOUS: "give credentials instead of --anon",
    UNSIGNED_URL: "give a presigned URL, or s3://bucket/key with credentials",
    SIGNED_URL: "ask for a new URL",
    "ExpiredToken": "log in again (aws sso login) or renew the session token",
    "InvalidAccessKeyId": "the endpoint does not know the access key: check --profile, --endpoint-url",
    "SignatureDoesNotMatch": "the secret key is wrong, or a proxy changes requests",
    "RequestTimeTooSkewed": "this machine's clock is off: set it",
    "AuthorizationHeaderMalformed": "check --region",
    "AuthorizationQueryParametersError": "check --region",
}
SKIPPABLE = 16 << 20  # bytes of a whole object that may be read past to reach a range


@dataclass(frozen=True)
class Head:
    """What the headers of an answer vouch for."""

    size: int  # of the whole object
    start: int  # of the body, in the object
    stop: int
    etag: str | None
    last_modified: str | None
    version_id: str | None


def read_head(status: int, headers: Mapping[str, str]) -> Head:
    """Status and headers of a successful answer, as facts. Raises `NetworkError` where they contradict.

    Servers differ: 206 with Content-Range, 200 with Content-Range (rclone), 200 with the whole object.
    """
    length = _length(headers.get("Content-Length"))
    text = headers.get("Content-Range")
    if text is not None:
        match = CONTENT_RANGE.fullmatch(text.strip())
        if match is None:
            raise NetworkError("the server answers with a malformed Content-Range")
        start, last, size = map(int, match.groups())
        stop = last + 1
        if not start < stop <= size or (length is not None and length != stop - start):
            raise NetworkError("the server answers with a Content-Range that contradicts its length")
    elif status == 200 and length is not None:
        start, stop, size = 0, length, length
    else:
        raise NetworkError("the server's answer does not say which bytes it holds")
    return Head(
        size=size,
        start=start,
        stop=stop,
        etag=strong_etag(headers.get("ETag")),
        last_modified=headers.get("Last-Modified"),
        version_id=headers.get("x-amz-version-id"),
    )


def check_pin(head: Head, wanted: Range, pinned: ObjectInfo) -> None:
    """Hold an answer against the object that was pinned.

    Raises `ChangedError` where it is another object, `NetworkError` where nothing proves which it is or
    where it does not hold the range.
    """
    start, stop = wanted
    if head.size != pinned.size:
        raise changed()
    if pinned.listed:  # from now on it is known by what the answer says
        pinned = replace(pinned, etag=head.etag, last_modified=head.last_modified)
    ours, theirs = (pinned.etag, head.etag) if pinned.etag else (pinned.last_modified, head.last_modified)
    if ours is None or theirs is None:
        raise unproven()
    if ours != theirs:
        raise changed()
    if head.start > start or head.stop < stop or start - head.start > SKIPPABLE:
        raise NetworkError(
            "the server ignores Range requests", hint="download the object, or use another endpoint"
        )


def changed() -> ChangedError:
    """The error for an object that is no longer what it was."""
    return ChangedError("the object changed while it was being read", hint="run the command again")


def unproven() -> NetworkError:
    """The error for bytes that nothing ties to the object."""
    return NetworkError("the server's answer has neither ETag nor Last-Modified to tell the object by")


class UnservedError(NetworkError):
    """The server does not serve such a request: S3's answer to a version that is none, or a delete marker."""


def failure(status: int, body: bytes, who: str, pinned: bool) -> H5s3Error:
    """The error that an unsuccessful answer stands for."""
    code = _xml_code(body)
    named = f" ({code})" if code else ""
    if status == 412 or (status in (404, 410, 416) and pinned):
        return changed()
    if status in (404, 410):
        return NoBucketError("no such bucket") if code == "NoSuchBucket" else NotFoundError("no such object")
    if status in (401, 403) or code in DENIED:
        return AccessError(f"access denied{named}, {who}", hint=access_hint(code, who))
    if status in TRANSIENT:
        return TransientError(f"the server failed with status {status}{named}", hint="try again later")
    if 300 <= status < 400 and status != 304:
        return NetworkError(
            f"the server redirects, with status {status}{named}", hint="check --endpoint-url and --region"
        )
    if status == 501:
        return NetworkError(f"the server does not support this request: status {status}{named}")
    kind = UnservedError if status in (400, 405) else NetworkError
    return kind(f"the server answered with status {status}{named}")


def access_hint(code: str, who: str) -> str:
    """What to try when access was denied to `who`, for the reason that S3 calls `code`."""
    return HINTS.get(who) or HINTS.get(code) or "check --profile, or try --anon for a public bucket"


def named_region(headers: Mapping[str, str], body: bytes) -> str | None:
    """The region that an error answer says the bucket is in: in a header, or in its XML."""
    match = re.search(rb"<Region>([a-z0-9-]{1,40})</Region>", body)
    text = headers.get("x-amz-bucket-region") or (match.group(1).decode() if match else "")
    return text if REGION.fullmatch(text) else None


def _xml_code(body: bytes) -> str:
    match = re.search(rb"<Code>([A-Za-z][A-Za-z0-9.]{0,63})</Code>", body)
    return match.group(1).decode() if match else ""


def _length(text: str | None) -> int | None:
    """Content-Length, which may be there more than once if it says the same (RFC 9110, 8.6)."""
    if text is None:
        return None
    values = {value.strip() for value in text.split(",")}
    if len(values) != 1 or not re.fullmatch("[0-9]{1,19}", value := values.pop()):
        raise NetworkError("the server answers with a malformed Content-Length")
    return int(value)
