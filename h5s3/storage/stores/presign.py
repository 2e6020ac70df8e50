"""Presigned URLs of S3 without a client: Signature Version 4 in the query of a URL.

The formula is AWS's: "Authenticating Requests: Using Query Parameters" in the API reference of S3. boto3
makes the same URLs (a test compares them), and its import takes longer than a walk through a small file.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

METHODS = {"get_object": "GET", "head_object": "HEAD", "head_bucket": "HEAD", "list_objects_v2": "GET"}
PARAMETERS = {  # of an operation, by their names in a query
    "VersionId": "versionId",
    "Prefix": "prefix",
    "Delimiter": "delimiter",
    "StartAfter": "start-after",
    "ContinuationToken": "continuation-token",
    "MaxKeys": "max-keys",
    "EncodingType": "encoding-type",
}
PAYER = "x-amz-request-payer"


@dataclass(frozen=True)
class Keys:
    """A pair of keys, with the token of a session where they are temporary."""

    access: str
    secret: str
    token: str | None = None


def presign(
    endpoint: str,
    region: str,
    keys: Keys | None,
    operation: str,
    names: Mapping[str, str],
    seconds: int,
    now: datetime | None = None,
) -> str:
    """The URL of an operation in `METHODS`; without keys, one that is not signed.

    `endpoint`: of the bucket (its host names it) or of all buckets, whose names the path then begins with:
    `names` holds a `Bucket` only then. `names`: `Key`, and what is in `PARAMETERS`; `RequestPayer` is a
    header that is to be sent.
    """
    scheme, _, host = endpoint.rstrip("/").partition("://")
    path = "/" + "/".join(names[part] for part in ("Bucket", "Key") if part in names)
    query = {PARAMETERS[name]: str(value) for name, value in names.items() if name in PARAMETERS}
    if operation == "list_objects_v2":
        query["list-type"] = "2"
    headers = {"host": _without_default_port(scheme, host)}
    if "RequestPayer" in names:
        headers[PAYER] = names["RequestPayer"]
    if keys is not None:
        stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{region}/s3/aws4_request"
        query |= {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{keys.access}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": ";".join(sorted(headers)),
        }
        if keys.token:
            query["X-Amz-Security-Token"] = keys.token
    target = f"{quote(path, safe='/~')}?{_encoded(query)}".rstrip("?")
    if keys is None:
        return f"{scheme}://{host}{target}"
    request = [METHODS[operation], *target.split("?", 1)]
    request += [*(f"{name}:{headers[name]}" for name in sorted(headers)), "", ";".join(sorted(headers))]
    digest = hashlib.sha256("\n".join([*request, "UNSIGNED-PAYLOAD"]).encode()).hexdigest()
    signature = _signature(keys.secret, stamp, scope, digest)
    return f"{scheme}://{host}{target}&X-Amz-Signature={signature}"


def _signature(secret: str, stamp: str, scope: str, digest: str) -> str:
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, digest])
    return hmac.digest(key, text.encode(), "sha256").hex()


def _encoded(query: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def _without_default_port(scheme: str, host: str) -> str:
    """As it is sent in the header Host."""
    return host.removesuffix({"http": ":80", "https": ":443"}.get(scheme, ""))
