"""What an S3 endpoint says to this identity: its clock, its redirects, what may be listed and read."""

from __future__ import annotations

from typing import Any

from h5s3.errors import H5s3Error
from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.base import strong_etag
from h5s3.storage.doctor.error_codes import AUTHENTICATION, denied
from h5s3.storage.doctor.findings import failed_with, failure, ok, origin_of, unknown, warning
from h5s3.storage.doctor.request import LISTED, Answer, Asker
from h5s3.storage.http.client import MOVED
from h5s3.storage.responses import read_head


def welcome(answer: Answer, asker: Asker) -> list[Finding]:
    """What the first answer means whatever was asked: a redirect, a refusal, or that the signature counts."""
    if answer.status in MOVED:
        return [moved(answer, asker.region)]
    if answer.status == 400 and not answer.code and b"HTTPS" in answer.body:  # most servers answer that much
        remedy = f"--endpoint-url {origin_of(answer.url).replace('http://', 'https://', 1)}"
        return [failure("server", "plain HTTP was sent to a port that speaks TLS (400)", remedy, 5)]
    cause = AUTHENTICATION.get(answer.code)
    if cause is not None:
        detail = f"{cause.words} ({answer.called})"
        return [failure("authentication", detail, cause.remedy, 4)] if asker.willing else []
    if answer.code == "AccessDenied" and "expired" in answer.message.lower():
        detail = f"the signature had expired when it arrived ({answer.called}: {answer.message})"
        return [failure("authentication", detail, "set this machine's clock", 4)]
    if answer.status == 407:
        remedy = "put user and password into HTTP_PROXY, or name the host in NO_PROXY"
        return [failure("server", "the proxy on the way wants a login (407)", remedy, 5)]
    if answer.status >= 500:
        detail = f"the server fails with {answer.called}"
        return [failure("server", detail, "try again later, or ask who runs it", 5)]
    if not _speaks_s3(answer):
        detail = f"the answer ({answer.status}) is not what S3 answers"
        remedy = "check the endpoint: it is the S3 API's address that is needed, not a web console's"
        return [failure("server", detail, remedy, 5)]
    return [ok("authentication", "the server accepts the signature")] if asker.signed else []


def _speaks_s3(answer: Answer) -> bool:
    body = answer.body.lstrip()[:2000]
    if answer.status == 200:
        return b"<ListBucketResult" in body or b"<ListAllMyBucketsResult" in body
    return bool(answer.code) or not body


def moved(answer: Answer, asked_region: str) -> Finding:
    """A redirect, which h5s3 does not follow with a signature to anywhere but another region of S3."""
    where = answer.headers.get("Location") or ""
    if answer.region and answer.region != asked_region:
        return moved_region(answer, answer.region)
    if not where:
        hint = answer.said("Endpoint")
        there = f"; the server names {hint[:100]}" if hint else ""
        remedy = "give the bucket's own endpoint and region (--endpoint-url, --region)"
        detail = f"the server redirects without saying where to ({answer.called}){there}"
        return failure("redirect", detail, remedy, 5)
    origin, asked = origin_of(where), origin_of(answer.url)
    if not where.startswith(("http://", "https://")):
        origin, detail = asked, "to another path of the same server: it is not S3 that answers there"
        remedy = "check the endpoint: it is the S3 API's address that is needed"
    elif origin.partition("://")[2] == asked.partition("://")[2] and origin.startswith("https"):
        detail, remedy = f"plain HTTP to {origin}", f"give --endpoint-url {origin}"
    else:
        plain = "plain HTTP " if asked.startswith("http:") and origin.startswith("https:") else ""
        detail, remedy = f"{plain}to {origin}", f"if you trust that address, give --endpoint-url {origin}"
    detail = f"{asked} redirects {detail} ({answer.status}); nothing signed is sent on"
    return failure("redirect", detail, remedy, 5)


def moved_region(answer: Answer, region: str) -> Finding:
    """A bucket of another region than was asked, where h5s3 goes by itself, at the price of a request."""
    detail = f"the bucket is in region {region} ({answer.called}); h5s3 goes on there"
    return warning("redirect", detail, f"give --region {region}, or set it in the AWS config")


def no_bucket(answer: Answer, bucket: str) -> Finding:
    """There is no bucket of this name."""
    remedy = "check the name (h5s3 ls s3://), the endpoint and the account"
    return failure("bucket", f"no bucket {bucket} at this endpoint ({answer.called})", remedy, 3)


def listing(answer: Answer, settings: Settings, prefix: str, needed: bool) -> tuple[Finding | None, Finding]:
    """Whether the bucket is there, where the answer to a LIST says so, and whether it may be listed.

    `needed`: what was asked for cannot be had without a listing, so that a refusal is a failure.
    """
    if answer.good:
        objects, there = answer.objects(), ok("bucket", "is there")
        if prefix and not objects and not answer.listed.get("CommonPrefixes"):
            remedy = "check the prefix: h5s3 ls of the bucket shows what there is"
            return there, warning("list", f"allowed, and nothing begins with {prefix}", remedy)
        several = "object" if len(objects) == 1 else "objects"
        count = f"{LISTED} objects and more" if len(objects) >= LISTED else f"{len(objects)} {several}"
        return there, ok("list", f"allowed: {count} seen" if objects else "allowed: empty")
    if answer.status in (401, 403):
        cause = denied(answer.code, answer.message, "s3:ListBucket", settings.anon, settings.request_payer)
        found = failure("list", _evidence(cause.words, answer), cause.remedy, 4)
        bucket = unknown("bucket", "the server does not say whether it is there")
    else:
        found = failure("list", f"the server answers {answer.called}", "check the endpoint", 5)
        bucket = None
    return bucket, found if needed else warning("list", found.detail, found.remedy or "")


def reading(asker: Asker, settings: Settings, bucket: str, key: str, listed: bool) -> list[Finding]:
    """Whether an object may be read: HEAD, and a ranged GET of its first byte."""
    names: dict[str, Any] = {"Bucket": bucket, "Key": key}
    if settings.version_id:
        names["VersionId"] = settings.version_id
    try:
        head = asker.ask("head_object", **names)
        got = asker.ask("get_object", {"Range": "bytes=0-0"}, **names)
    except H5s3Error as error:
        return [failed_with("read", error)]
    if got.good or (got.status == 416 and head.good):
        detail = f"allowed: the first byte of {key}" + ("" if head.good else f"; HEAD answers {head.status}")
        return [ok("read", detail), *(ranges(got) if got.status != 416 else [])]
    if settings.version_id and got.status in (400, 404, 405):
        remedy = f"try: h5s3 ls s3://{bucket}/{key} --versions"
        return [failure("read", f"no such version of {key}, or a delete marker ({got.called})", remedy, 3)]
    if got.status == 404:
        remedy = f"try: h5s3 ls s3://{bucket}/"
        return [failure("read", f"no object {key} ({got.called})", remedy, 3)]
    cause = AUTHENTICATION.get(got.code)
    if cause is not None:
        return [failure("read", f"{cause.words} ({got.called})", cause.remedy, 4)]
    if got.status in (401, 403):
        return [_refused(got, settings, key, listed)]
    return [failure("read", f"the server answers {got.called}", "try again later", 5)]


def _refused(got: Answer, settings: Settings, key: str, listed: bool) -> Finding:
    cause = denied(got.code, got.message, "s3:GetObject", settings.anon, settings.request_payer)
    words = f"{cause.words}, for {key}"
    if listed:
        words = f"the bucket may be listed, but not read: {words}"
    elif got.code == "AccessDenied":
        words += "; or there is no such object: without s3:ListBucket S3 does not tell which"
    return failure("read", _evidence(words, got), cause.remedy, 4)


def _evidence(words: str, answer: Answer) -> str:
    """The cause with what the server said, where it said more than that access is denied."""
    said = answer.message.rstrip(".")
    more = f": {said}" if said.lower().replace(" ", "") not in ("", "accessdenied") else ""
    return f"{words} ({answer.called}{more})"


def ranges(got: Answer) -> list[Finding]:
    """What the answer to a GET of one byte says about reading by ranges."""
    try:
        head = read_head(got.status, got.headers)
    except H5s3Error as error:
        return [failure("ranges", error.cause, "a proxy may change answers; ask who runs the server", 5)]
    if (head.start, head.stop) != (0, 1) and head.size > 1:
        detail = "the server ignores Range and sends whole objects: h5s3 refuses those beyond 16 MiB"
        found = [warning("ranges", detail, "download the file, or ask who runs the server")]
    else:
        found = [ok("ranges", f"one byte asked for, one byte sent ({got.status}) of {head.size:,}")]
    if strong_etag(got.headers.get("ETag")) is None:
        detail = "none, or a weak one: h5s3 goes by date and size, and keeps nothing between commands"
        found.append(warning("ETag", detail, "nothing needs to be done"))
    return found


def buckets(answer: Answer) -> Finding:
    """What ListBuckets says."""
    if answer.good:
        names = [str(bucket.get("Name", "")) for bucket in answer.listed.get("Buckets", [])]
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        return ok("buckets", f"{len(names)} can be seen: {shown}" if names else "none can be seen")
    if answer.status in (401, 403):
        detail = f"this identity may not list buckets ({answer.called}), as most may not"
        return unknown("buckets", detail, "name one: h5s3 doctor s3://bucket/")
    return unknown("buckets", f"the server answers {answer.called}", "name one: h5s3 doctor s3://bucket/")
