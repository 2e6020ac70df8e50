"""An S3 endpoint examined step by step, from the credentials to the first byte of an object."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from h5s3.errors import H5s3Error, UsageError
from h5s3.records import Finding
from h5s3.settings import Settings
from h5s3.storage.doctor import s3_answers as s3
from h5s3.storage.doctor import setup
from h5s3.storage.doctor.connection import clock, reach, tls_context
from h5s3.storage.doctor.credentials import Keys, examine_credentials, identity
from h5s3.storage.doctor.findings import Findings, failed_with, failure, ok, origin_of, unknown, within
from h5s3.storage.doctor.request import LISTED, Answer, Asker, unanswered
from h5s3.storage.http.client import MOVED
from h5s3.storage.location import Location
from h5s3.storage.stores.s3_client import ca_bundle, make_client, make_session
from h5s3.storage.trace import Trace

Tell = Callable[[str], None]


def examine_s3(
    settings: Settings, trace: Trace, location: Location | None, origins: Mapping[str, str], tell: Tell
) -> tuple[Findings, str | None]:
    """Findings about a location, or about the account where there is none; and the endpoint.

    Nothing is raised: what goes wrong is a finding, and what rests on it is not asked.
    """
    run = _Run(settings, trace, location, origins, tell)
    try:
        run.configuration()
        if run.to_be_asked:
            run.connection()
    except H5s3Error as error:  # the time is up, between two questions
        run.found.add("connection", failed_with("time", error))
    return run.found, run.endpoint


@dataclass
class _Run:
    settings: Settings
    trace: Trace
    location: Location | None
    origins: Mapping[str, str]
    tell: Tell
    found: Findings = field(default_factory=Findings)
    endpoint: str | None = None
    to_be_asked: bool = False
    keys: Keys | None = None
    session: Any = None
    client: Any = None
    trusted: str | None = None

    def __post_init__(self) -> None:
        self.bucket = self.location.bucket if self.location else self.settings.bucket or ""
        self.key = self.location.key if self.location else ""  # or a prefix

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        return tls_context(self.trusted, self.settings.insecure)

    def configuration(self) -> None:
        """What is set, and by whom. Sends nothing but what getting the credentials takes."""
        self.tell("looking at the configuration")
        settings = within(self.settings)
        try:
            self.session = make_session(settings)
        except UsageError:
            return self._configured(setup.no_profile(settings))
        except H5s3Error as error:
            return self._configured(failed_with("credentials", error))
        self._configured(setup.profile(self.session, settings))
        found, self.keys = examine_credentials(self.session, self.settings, needed=self.location is not None)
        self._configured(*found)
        try:
            self.client = make_client(self.session, self._as_signed(), self.trace)
        except H5s3Error as error:
            return self._configured(failed_with("endpoint", error))
        self._describe()

    def _configured(self, *found: Finding) -> None:
        self.found.add("configuration", *found)

    def _describe(self) -> None:
        session, client, settings = self.session, self.client, self.settings
        self.endpoint = origin_of(client.meta.endpoint_url)
        self.trusted = ca_bundle(session)
        self._configured(
            setup.region(session, settings, client, self.origins),
            *setup.endpoint(session, settings, client, self.origins, self.bucket),
            *setup.styles(session, client, self.bucket),
        )
        if settings.request_payer:
            payer = "the requests are paid for by this identity (--request-payer)"
            self._configured(ok("request payer", payer))
        self._configured(*setup.way_out(client.meta.endpoint_url, self.trusted))
        named = setup.endpoint_origin(session, settings, self.origins) != "the default"
        self.to_be_asked = self.location is not None or self.keys is not None or named or settings.anon
        if not self.to_be_asked:
            why = "not asked: there are neither usable credentials nor an endpoint"
            self.found.add("connection", unknown("reachable", why))
        if self.tls is None:
            self.to_be_asked = False

    def _as_signed(self) -> Settings:
        """Settings for URLs: unsigned where nothing can be signed."""
        return within(self.settings if self.keys else replace(self.settings, anon=True))

    def connection(self) -> None:
        """Reach the server, then ask it as far as it answers."""
        self.tell("reaching the server")
        reached = reach(self._url(), within(self.settings, 20.0), self.tls)
        self.found.add("connection", reached)
        if reached.status == "failure":
            return
        self.tell("asking the server")
        asker = Asker(self.client, self.keys, self.settings, self.trace, self.tls)
        answer = self._first(asker)
        if answer is None:
            return
        self.found.add("connection", clock(answer.headers, answer.at, asker.signed))
        settled = self._in_its_region(answer, asker)
        if settled is None:
            return
        answer, asker, welcome = settled
        self.found.add("connection", *welcome)
        if self.keys is None and not self.settings.anon:
            return self._without_credentials(answer)
        if any(one.status == "failure" for one in welcome):
            return
        endpoint = self.client.meta.endpoint_url
        self.found.add("connection", *identity(self.session, self.settings, endpoint, self.keys))
        if self.bucket:
            self._look_into(answer, asker)
        else:
            self.found.add("bucket", s3.buckets(answer))

    def _url(self) -> str:
        """Where the requests go: of virtual-host style to the bucket's own name."""
        if not self.bucket:
            return str(self.client.meta.endpoint_url)
        try:
            url: str = self.client.generate_presigned_url("head_bucket", Params={"Bucket": self.bucket})
        except Exception:  # noqa: BLE001 - a name that botocore refuses is told of when it is asked for
            return str(self.client.meta.endpoint_url)
        return url

    def _first(self, asker: Asker) -> Answer | None:
        """The answer to the first question, which everything begins with: a LIST."""
        try:
            if not self.bucket:
                return asker.ask("list_buckets")
            prefix = self.key[: self.key.rfind("/") + 1] if not self.key.endswith("/") else self.key
            return asker.ask(
                "list_objects_v2", Bucket=self.bucket, Prefix=prefix, MaxKeys=LISTED, EncodingType="url"
            )
        except H5s3Error as error:
            self.found.add("connection", unanswered(error))
        except Exception as error:  # noqa: BLE001 - botocore refuses names and endpoints in its own ways
            detail = f"the request cannot be made ({type(error).__name__})"
            self.found.add("bucket", failure("bucket", detail, "check the bucket's name", 2))
        return None

    def _in_its_region(self, answer: Answer, asker: Asker) -> tuple[Answer, Asker, list[Finding]] | None:
        """The answer of the region that the bucket is in, who is asked there, and what the answer means."""
        region = answer.region
        wrong = answer.status in MOVED or answer.code.startswith("Authorization")
        if not (wrong and region and region != self.client.meta.region_name):
            return answer, asker, s3.welcome(answer, asker)
        self.found.add("connection", s3.moved_region(answer, region))
        self.client = make_client(self.session, self._as_signed(), self.trace, region)
        there = Asker(self.client, self.keys, self.settings, self.trace, self.tls)
        again = self._first(there)
        return (again, there, s3.welcome(again, there)) if again is not None else None

    def _without_credentials(self, answer: Answer) -> None:
        found = unknown("bucket", f"without credentials the server answers {answer.called}")
        if answer.good:
            found = ok("bucket", "is public: it answers without credentials", "give --anon")
        if self.bucket:
            self.found.add("bucket", found)

    def _look_into(self, answer: Answer, asker: Asker) -> None:
        prefix = self.key if self.key.endswith("/") else ""
        named = bool(self.key) and not prefix
        if answer.code == "NoSuchBucket" or answer.status == 404:
            return self.found.add("bucket", s3.no_bucket(answer, self.bucket))
        bucket, listed = s3.listing(answer, self.settings, prefix, needed=not named)
        key = self.key if named else next((name for name, size in answer.objects() if size), "")
        if key:
            self.tell("reading a byte")
            read = s3.reading(asker, self.settings, self.bucket, key, listed=answer.good)
        else:
            read = [unknown("read", "no object to try it on", "name one: h5s3 doctor s3://bucket/key")]
        if read[0].status == "ok" and bucket is not None:
            bucket = ok("bucket", "is there")
        self.found.add("bucket", *([bucket] if bucket else []), listed, *read)
