"""Who is asking, in the words of the security token service, where there is one."""

from __future__ import annotations

import os
from typing import Any

from botocore.config import Config

from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.doctor.credentials import Keys
from h5s3.storage.doctor.error_codes import authentication
from h5s3.storage.doctor.findings import failure, ok, origin_of, unknown
from h5s3.storage.doctor.setup import services_endpoint
from h5s3.storage.stores.s3_client import BOTO_ERRORS, error_code, is_aws, translate_error


def identity(session: Any, settings: Settings, endpoint: str, keys: Keys | None) -> list[Finding]:
    """What `sts get-caller-identity` says: asked at AWS, or where an STS endpoint is configured.

    Nobody else is asked: keys of one provider are no business of another.
    """
    if keys is None:
        return []
    named = os.environ.get("AWS_ENDPOINT_URL_STS") or services_endpoint(session, "sts")
    if not named and not is_aws(endpoint):
        return [
            unknown("identity", "not asked: this endpoint is not AWS's, and no STS endpoint is configured")
        ]
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
    cause = authentication(code)
    if cause is not None:
        return failure("identity", f"{cause.words} ({code})", cause.remedy, 4)
    where = origin_of(named) if named else "AWS STS"
    plain = translate_error(error, "").cause
    return unknown("identity", f"{where} does not tell: {code or plain}")
