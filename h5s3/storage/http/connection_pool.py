"""Connections that are kept, straight to the server or through the proxy that the environment names."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, create_urllib3_context, parse_url

from h5s3.errors import NetworkError
from h5s3.storage.http.parallel import IN_FLIGHT
from h5s3.storage.http.response_limits import POOLS
from h5s3.storage.http.tls import warn_unverified

CONNECT_SECONDS = 10.0
MOST_ROUTES = 1000  # URLs that are remembered


class Pools:
    """Sends requests. Whom to trust is up to `ca_bundle` (a file of certificates), or to the system.

    `insecure` is to trust whoever answers, and to say so of each host.
    """

    def __init__(self, ca_bundle: str | None = None, insecure: bool = False) -> None:
        self._options: dict[str, Any] = {"num_pools": 8, "maxsize": IN_FLIGHT, "retries": False}
        self._unproven: set[str] | None = set() if insecure else None
        self._trusted = ca_bundle
        self._context: ssl.SSLContext | None = None  # of all connections
        if insecure:
            self._options |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
        elif ca_bundle:
            self._options |= {"ca_certs": ca_bundle, "cert_reqs": "CERT_REQUIRED"}
        self._managers: dict[str, urllib3.PoolManager] = {}
        self._routes: dict[str, tuple[Any, str]] = {}  # by URL
        self._proxies = getproxies()
        self._lock = threading.Lock()

    def request(self, method: str, url: str, headers: Mapping[str, str], seconds: float) -> Any:
        """The answer, its body unread. Raises urllib3's `HTTPError`, and `NetworkError` for a bad URL.

        The pool itself sends: `PoolManager.urlopen` would normalise `..` in keys away.
        """
        pool, target = self._route(url)
        return pool.urlopen(
            method,
            target,
            headers=dict(headers),
            preload_content=False,
            decode_content=False,
            redirect=False,
            retries=False,
            assert_same_host=False,
            timeout=Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
        )

    def _route(self, url: str) -> tuple[Any, str]:
        """The pool of connections that leads to a URL, and what is asked of it. Most are asked for often."""
        if url in self._routes:
            return self._routes[url]
        try:
            parts = parse_url(url)
            via = proxy_for(self._proxies, parts.scheme or "", parts.host or "")
            if parts.scheme == "https" or via:
                self._share_context()
            pool = self._manager(via).connection_from_host(parts.host, parts.port, parts.scheme)
        except (HTTPError, ValueError):
            raise NetworkError("the URL cannot be understood") from None
        self._warn(url)
        path = request_target(url)
        target = f"{parts.scheme}://{parts.netloc}{path}" if via and parts.scheme == "http" else path
        if len(self._routes) >= MOST_ROUTES:
            self._routes.clear()
        self._routes[url] = pool, target
        return pool, target

    def close(self) -> None:
        """Give back all connections."""
        for manager in self._managers.values():
            manager.clear()

    def _share_context(self) -> None:
        """Have all connections share what they trust: to load the system's certificates takes 10 ms and more.

        Of a file that cannot be used urllib3 tells when it connects.
        """
        with self._lock:
            if self._context is not None or self._unproven is not None:
                return
            made = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
            try:
                if self._trusted:
                    made.load_verify_locations(self._trusted)
                else:
                    made.load_default_certs()
            except OSError:
                return
            self._context = made
            self._options = {name: v for name, v in self._options.items() if name != "ca_certs"}
            self._options["ssl_context"] = made

    def _warn(self, url: str) -> None:
        """Tell of a host that is not verified, once."""
        if self._unproven is None:
            return
        origin = "/".join(url.split("/", 3)[:3])
        with self._lock:
            known = origin in self._unproven
            self._unproven.add(origin)
        if not known:
            warn_unverified(origin)

    def _manager(self, via: str) -> urllib3.PoolManager:
        with self._lock:
            if via not in self._managers:
                made = _through(via, self._options) if via else urllib3.PoolManager(**self._options)
                made.pool_classes_by_scheme = POOLS
                self._managers[via] = made
            return self._managers[via]


def proxy_for(proxies: Mapping[str, str], scheme: str, host: str) -> str:
    """The URL of the proxy that leads to a host, of those that `getproxies` names; empty for none."""
    found = proxies.get(scheme) or ""  # as boto3 does: no ALL_PROXY
    if not found or proxy_bypass(host):
        return ""
    return found if "://" in found else f"http://{found}"


def request_target(url: str) -> str:
    """Path and query exactly as the URL has them: no normalising of `..` and `//` in keys."""
    rest = url.partition("://")[2].partition("#")[0]
    start = min(at for at in (rest.find("/"), rest.find("?"), len(rest)) if at >= 0)
    return rest[start:] if rest[start : start + 1] == "/" else "/" + rest[start:]


def _through(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    auth = parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
