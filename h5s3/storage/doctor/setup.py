"""What is configured, and from where: profile, region, endpoint, styles, proxies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.doctor.findings import failure, ok, origin_of, shown_path, warning
from h5s3.storage.http.connection_pool import proxy_for
from h5s3.storage.stores.s3_client import is_aws

# Read by other tools; whoever sets them expects them to be heard.
UNHEARD = "S3_ENDPOINT S3_ENDPOINT_URL AWS_S3_ENDPOINT AWS_S3_ENDPOINT_URL AWS_ENDPOINT S3_ACCESS_KEY".split()
ENDPOINT_NAMES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def no_profile(settings: Settings) -> Finding:
    """A profile that is in no file."""
    import botocore.session

    wanted, origin = settings.profile, "--profile"
    for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"):
        if wanted is None and name in os.environ:
            wanted, origin = os.environ[name], name
    try:
        there = botocore.session.Session().available_profiles
    except Exception:  # noqa: BLE001 - files that cannot be read are no help
        there = []
    listed = ", ".join(sorted(there)[:10]) or "none"
    if not wanted:
        detail = f"{origin} is set, and empty: boto3 takes that for the name of a profile"
        return failure("profile", detail, f"unset {origin}, or name a profile", 2)
    detail = f"{wanted} ({origin}) is in none of the AWS config files"
    return failure("profile", detail, f"name one that is there: {listed}", 2)


def profile(session: Any, settings: Settings) -> Finding:
    """Which profile, who named it, and the files that profiles come from."""
    origin = "nothing names another"
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):  # the second is the stronger
        origin = name if os.environ.get(name) else origin
    origin = "--profile" if settings.profile else origin
    files = []
    for kind in ("config_file", "credentials_file"):
        path = session.core.get_config_variable(kind)
        there = path and Path(path).expanduser().is_file()
        files.append(f"{shown_path(path or '?')}{'' if there else ' (not there)'}")
    return ok("profile", f"{session.profile_name} ({origin}); files: {', '.join(files)}")


def region(session: Any, settings: Settings, client: Any, origins: Mapping[str, str]) -> Finding:
    """Which region requests are signed for, and who says so."""
    name = client.meta.region_name
    unheard = os.environ.get("AWS_REGION")
    if settings.region:
        return ok("region", f"{name} ({origins.get('region', 'an option')})")
    if os.environ.get("AWS_DEFAULT_REGION"):
        return ok("region", f"{name} (AWS_DEFAULT_REGION)")
    if session.core.get_scoped_config().get("region"):
        return ok("region", f"{name} (profile {session.profile_name} in the AWS config)")
    if unheard and unheard != name:
        detail = f"{name}, the default: AWS_REGION={unheard} is set, and boto3 does not read it"
        return warning("region", detail, f"set AWS_DEFAULT_REGION={unheard}, or give --region {unheard}")
    return ok("region", f"{name}, the default: nothing names another")


def endpoint(
    session: Any, settings: Settings, client: Any, origins: Mapping[str, str], bucket: str
) -> list[Finding]:
    """Which server, and who says so; and names that nobody here listens to."""
    url = client.meta.endpoint_url
    kind = "AWS" if is_aws(url) else "not AWS's own"
    origin = endpoint_origin(session, settings, origins)
    path = urlsplit(url).path.strip("/") if "://" in origin_of(url) else ""  # else it may be of a password
    detail = f"{origin_of(url)}{'/' if path else ''}{path} ({origin}; {kind})"
    found = [ok("endpoint", detail)]
    if bucket and path.rpartition("/")[2] == bucket:
        remedy = "leave the bucket out of the endpoint"
        found = [warning("endpoint", f"{detail}: it ends in the bucket", remedy)]
    unheard = [name for name in UNHEARD if os.environ.get(name)]
    if unheard and origin == "the default":
        detail = f"{', '.join(unheard)}: set in the environment, where neither boto3 nor h5s3 reads it"
        remedy = "set AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID, or use --env-file"
        found.append(warning("unread names", detail, remedy))
    return found


def endpoint_origin(session: Any, settings: Settings, origins: Mapping[str, str]) -> str:
    """Who named the endpoint."""
    if settings.endpoint_url:
        return origins.get("endpoint_url", "an option")
    if session.core.get_config_variable("ignore_configured_endpoint_urls"):
        return "the default"
    named = [name for name in ENDPOINT_NAMES if os.environ.get(name)]
    if named:
        return named[0]
    scoped = session.core.get_scoped_config()
    if scoped.get("endpoint_url") or services_endpoint(session, "s3"):
        return f"profile {session.profile_name} in the AWS config"
    return "the default"


def services_endpoint(session: Any, service: str) -> str | None:
    """The endpoint of one service that the profile's `services` section names."""
    name = session.core.get_scoped_config().get("services")
    sections = session.core.full_config.get("services") or {}
    section = (sections.get(name) or {}).get(service) if name else None
    found = section.get("endpoint_url") if isinstance(section, dict) else None
    return str(found) if found else None


def styles(session: Any, client: Any, bucket: str) -> list[Finding]:
    """How buckets are addressed, and which checksums are sent and asked for."""
    url = client.meta.endpoint_url
    chosen = (client.meta.config.s3 or {}).get("addressing_style") or "auto"
    host = origin_of(url).partition("://")[2] or "the endpoint"
    shown = bucket or "bucket"
    if chosen == "path" or (chosen == "auto" and "." in bucket):
        why = "" if chosen == "path" else ": the bucket's name has a dot, which TLS would not take"
        addressing = ok("addressing", f"path style: {host}/{shown}{why}")
    elif not is_aws(url):
        detail = f"virtual-host style: {shown}.{host}; the server needs a DNS name for each bucket"
        remedy = "set addressing_style = path in the AWS config if it fails"
        addressing = warning("addressing", detail, remedy)
    else:
        addressing = ok("addressing", f"virtual-host style: {shown}.{host}")
    asked = session.core.get_config_variable("request_checksum_calculation") or "when_supported"
    others = "" if asked.lower() == "when_required" else f"; other tools here use {asked}"
    if others and not is_aws(url):
        others += ", which some servers refuse (AWS_REQUEST_CHECKSUM_CALCULATION)"
    return [addressing, ok("checksums", f"when_required{others}")]


def way_out(url: str, trusted: str | None) -> list[Finding]:
    """The proxy and the certificates that the environment names; nothing where it names none."""
    found = []
    parts = urlsplit(url)
    proxies = {name: value for name, value in getproxies().items() if name in ("http", "https")}
    if proxies:
        named = ", ".join(
            f"{name.upper()}_PROXY={origin_of(value if '://' in value else f'http://{value}')}"
            for name, value in sorted(proxies.items())
        )
        used = proxy_for(proxies, parts.scheme, parts.hostname or "")
        found.append(ok("proxy", f"{named}; {'used' if used else 'not used'} for this endpoint"))
    if trusted and Path(trusted).is_file():
        detail = f"{shown_path(trusted)} is trusted instead of the system's certificates"
        found.append(ok("CA bundle", detail))
    elif trusted:
        remedy = "set AWS_CA_BUNDLE (or ca_bundle, REQUESTS_CA_BUNDLE) to a file that is there"
        found.append(failure("CA bundle", f"{shown_path(trusted)} is not there", remedy, 5))
    return found
