"""What S3's error codes mean, as a cause in plain words and what to do about it."""

from __future__ import annotations

from typing import NamedTuple


class Cause(NamedTuple):
    """Why a request was refused, and what helps."""

    words: str
    remedy: str


LOG_IN = "log in again (aws sso login) or renew the session token"
REGION = "give the bucket's region with --region or AWS_DEFAULT_REGION"
SUSPENDED = "ask the owner of the account or the provider"
# The credentials themselves are refused, before anybody asks what the identity may do.
AUTHENTICATION = {
    "InvalidAccessKeyId": Cause(
        "the server does not know this access key id",
        "check the access key, and that it belongs to this endpoint (--profile, --endpoint-url)",
    ),
    "InvalidClientTokenId": Cause(
        "AWS does not know this access key id, or it has been switched off",
        "check the access key (--profile, AWS_ACCESS_KEY_ID)",
    ),
    "SignatureDoesNotMatch": Cause(
        "the secret key is wrong: the server computes another signature with the one it knows",
        "set the secret key that belongs to this access key id, without blanks or quotes around it; "
        "if it is right, a proxy changes requests on the way",
    ),
    "ExpiredToken": Cause("the session token has expired", LOG_IN),
    "ExpiredTokenException": Cause("the session token has expired", LOG_IN),
    "TokenRefreshRequired": Cause("the session token must be renewed", LOG_IN),
    "InvalidToken": Cause(
        "the session token is malformed or does not belong to this access key",
        "renew it, or unset AWS_SESSION_TOKEN where the key is a permanent one",
    ),
    "RequestTimeTooSkewed": Cause(
        "the clocks of this machine and of the server differ too much for a signature to be accepted",
        "set this machine's clock (timedatectl set-ntp true)",
    ),
    "RequestExpired": Cause(
        "the signature had expired when it arrived, as it does where a clock is off",
        "set this machine's clock",
    ),
    "AuthorizationHeaderMalformed": Cause("the requests are signed for another region", REGION),
    "AuthorizationQueryParametersError": Cause("the requests are signed for another region", REGION),
    "UnsupportedAlgorithm": Cause(
        "the server does not take requests that are signed this way, or not signed at all",
        "give credentials, without --anon",
    ),
    "InvalidSecurity": Cause("the server cannot use these credentials", "check --profile and the keys"),
    "MissingSecurityHeader": Cause("the server wants signed requests", "give credentials instead of --anon"),
    "UserSuspended": Cause("the user has been suspended", SUSPENDED),
    "AccountProblem": Cause("there is a problem with the account", SUSPENDED),
    "NotSignedUp": Cause("the account is not signed up for S3", SUSPENDED),
    "SignatureVersionNotSupported": Cause(
        "the server does not take signatures of version 4", "ask for the provider's S3 v4 endpoint"
    ),
}
# Known, and not allowed.
AUTHORIZATION = {
    "AllAccessDisabled": Cause(
        "all access to this bucket or object has been switched off by its provider", SUSPENDED
    ),
    "AccountSuspended": Cause("the account that owns the bucket has been suspended", SUSPENDED),
    "InvalidObjectState": Cause(
        "the object is archived (GLACIER) and must be restored before it can be read",
        "restore it (aws s3api restore-object), or read a copy",
    ),
    "InvalidPayer": Cause("all access to this bucket has been switched off by its owner", SUSPENDED),
}


def denied(code: str, message: str, action: str, anonymous: bool, payer: bool) -> Cause:
    """The cause of a 403 to an identity that the server knows, or to nobody; `action` as S3 calls it."""
    if code in AUTHORIZATION:
        return AUTHORIZATION[code]
    if anonymous:
        remedy = "give credentials (--profile) instead of --anon"
        return Cause("it is not public, and was asked for anonymously", remedy)
    if "kms:" in message.lower():
        words = "the object is encrypted, and this identity may not use the key"
        return Cause(words, "ask the owner for kms:Decrypt on the key")
    remedy = f"ask the owner of the bucket for {action}"
    if not payer:
        remedy += "; if it is a requester-pays bucket, give --request-payer"
    return Cause(f"this identity has no {action} permission", remedy)
