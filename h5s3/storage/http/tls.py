"""Whom to trust over TLS, what to say where there is no trust, and a warning where none is asked for."""

from __future__ import annotations

import logging
import ssl
import warnings
from urllib.parse import urlsplit

from urllib3.exceptions import InsecureRequestWarning

from h5s3.errors import NetworkError

LOG = logging.getLogger("h5s3")  # storage prints nothing: the command line shows what is logged here
PLAIN = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
TRUST_FILE = "name the file of certificates to trust in AWS_CA_BUNDLE"
TRUST = f"{TRUST_FILE}; --insecure goes on without verification"


def context(trusted: str | None, insecure: bool = False) -> ssl.SSLContext:
    """Settings of TLS: the certificates of a file, or the system's. Raises `OSError` for a bad file."""
    if not insecure:
        return ssl.create_default_context(cafile=trusted)
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def warn_unverified(url: str) -> None:
    """Log that whoever answers at this URL is believed without proof. Nothing for plain HTTP."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "https":
        return
    warnings.filterwarnings("ignore", category=InsecureRequestWarning)  # this one says it, and once
    LOG.warning("the certificate of %s is not verified (--insecure)", host_of(url))


def fatal(error: BaseException) -> bool:
    """Whether a failure of TLS would be the same if tried again; a connection that broke off may be not."""
    cause = _cause(error)
    reason = getattr(cause, "reason", None) or ""
    return _refused(cause) or _unreadable(cause) or reason in PLAIN or "UNSUPPORTED" in reason


def untrusted(error: BaseException, url: str) -> NetworkError:
    """The error for a connection that TLS does not vouch for."""
    cause = _cause(error)
    said, hint = f"no trusted TLS connection to {host_of(url)}", "check the certificate, or AWS_CA_BUNDLE"
    if _refused(cause):
        why = getattr(cause, "verify_message", "") or "it was issued for another host"
        said, hint = f"{said}: the certificate cannot be verified ({why.rstrip('.')})", TRUST
    elif _unreadable(cause):
        said, hint = "the file of trusted certificates cannot be read", "check AWS_CA_BUNDLE"
    elif getattr(cause, "reason", None) in PLAIN:
        said, hint = f"{said}: no TLS is spoken there", "check the port, or write http://"
    return NetworkError(said, hint=hint)


def _refused(cause: BaseException) -> bool:
    """Whether it is the certificate; urllib3 has an error of its own for that of another host."""
    return isinstance(cause, ssl.SSLCertVerificationError) or type(cause).__name__ == "CertificateError"


def _unreadable(cause: BaseException) -> bool:
    """Whether it is the file of certificates to trust."""
    if isinstance(cause, ssl.SSLError):
        return cause.library in ("X509", "PEM", "ASN1") and not isinstance(
            cause, ssl.SSLCertVerificationError
        )
    return isinstance(cause, FileNotFoundError | PermissionError | IsADirectoryError)


def host_of(url: str) -> str:
    """Host and port of a URL, without user and password, in printable characters."""
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    return "".join(char if char.isprintable() else "?" for char in host[:300]) or "the server"


def _cause(error: BaseException) -> BaseException:
    """The innermost error of the operating system, which libraries wrap, each in its own way."""
    found = error
    for _ in range(8):
        inner = [getattr(found, "kwargs", {}).get("error"), getattr(found, "reason", None), *found.args]
        inner += [found.__cause__, found.__context__]
        onward = next((one for one in inner if isinstance(one, BaseException) and one is not found), None)
        own = type(found).__module__.partition(".")[0] not in ("urllib3", "botocore")
        if onward is None or (own and isinstance(found, OSError)):
            break
        found = onward
    return found
