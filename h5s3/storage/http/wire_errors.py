"""What can happen on the wire, in the same words whichever library sent the request."""

from __future__ import annotations

import ssl
from socket import gaierror

from urllib3 import exceptions as urllib3

from h5s3.errors import NetworkError, TransientError
from h5s3.storage.http.tls import fatal, host_of, untrusted


class NoAnswerError(TransientError):
    """Nothing came in time."""


def wire_error(error: BaseException, url: str, connecting: bool = False) -> NetworkError:
    """The error for what urllib3, botocore or `http.client` raised while a URL was asked for.

    `connecting`: it was raised before the connection was open. All but TLS without trust is transient.
    """
    inner = getattr(error, "kwargs", {}).get("error") or error  # botocore wraps what urllib3 raised
    host = host_of(url)
    if isinstance(inner, ssl.SSLError | urllib3.SSLError) and fatal(inner):
        return untrusted(inner, url)
    if isinstance(inner, gaierror | urllib3.NameResolutionError):
        return TransientError(f"cannot find {host}", hint="check --endpoint-url and the network")
    if connecting or isinstance(inner, urllib3.ConnectTimeoutError | urllib3.ProxyError):
        return TransientError(f"cannot connect to {host}", hint="check --endpoint-url and the network")
    if isinstance(inner, TimeoutError | urllib3.ReadTimeoutError):
        return NoAnswerError(f"{host} does not answer in time", hint="try again, or raise --timeout")
    return TransientError(f"the connection to {host} breaks off", hint="try again later")
