"""A diagnosis of an S3 endpoint from the credentials to the first byte, each step for what it rests on."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from h5s3.errors import H5s3Error, UsageError
from h5s3.settings import Settings
from h5s3.storage.doctor import s3_answers as s3
from h5s3.storage.doctor import setup
from h5s3.storage.doctor.connection import reach, tls_context
from h5s3.storage.doctor.credentials import Keys, examine_credentials
from h5s3.storage.doctor.findings import Verdict, failed_with, failure, ok, origin_of, unknown, within
from h5s3.storage.doctor.identity import identity
from h5s3.storage.doctor.request import LISTED, Answer, Asker
from h5s3.storage.location import Location
from h5s3.storage.stores.s3_client import make_client, make_session
from h5s3.storage.trace import Trace

Tell = Callable[[str], None]


def examine_s3(
    settings: Settings, trace: Trace, location: Location | None, origins: Mapping[str, str], tell: Tell
) -> tuple[list[Verdict], str | None]:
    """Findings about a location, or about the account where there is none; and the endpoint.

    Nothing is raised: what goes wrong is a finding, and what rests on it is not asked.
    """
    run = _Run(settings, trace, location, origins, tell)
    try:
        run.configuration()
        if run.to_be_asked:
            run.connection()
    except H5s3Error as error:  # the time is up, between two questions
        run.found.add(failed_with("time", error))
    return run.found.verdicts, run.endpoint


class _Run:
    def __init__(
        self,
        settings: Settings,
        trace: Trace,
        location: Location | None,
        origins: Mapping[str, str],
        tell: Tell,
    ) -> None:
        self.settings = settings
        self.trace = trace
        self.location = location
        self.origins = origins
        self.tell = tell
        self.found = s3.Findings()
        self.endpoint: str | None = None
        self.to_be_asked = False
        self.keys: Keys | None = None
        self.session: Any = None
        self.client: Any = None
        self.trusted: str | None = None

    @property
    def bucket(self) -> str:
        """The bucket that is looked at, if any."""
        if self.location is not None:
            return self.location.bucket
        return self.settings.bucket or ""

    @property
    def key(self) -> str:
        """The key or prefix that is looked at."""
        return self.location.key if self.location is not None else ""

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
            return self.found.add(setup.no_profile(settings))
        except H5s3Error as error:
            return self.found.add(failed_with("credentials", error))
        self.found.add(setup.profile(self.session, settings))
        found, self.keys = examine_credentials(self.session, self.settings, needed=self.location is not None)
        self.found.add(*found)
        try:
            self.client = make_client(self.session, self._as_signed(), self.trace)
        except H5s3Error as error:
            return self.found.add(failed_with("endpoint", error))
        self._described()

    def _described(self) -> None:
        session, client, settings = self.session, self.client, self.settings
        self.endpoint = origin_of(client.meta.endpoint_url)
        self.trusted = setup.trusted_file(session)
        self.found.add(setup.region(session, settings, client, self.origins))
        self.found.add(*setup.endpoint(session, settings, client, self.origins, self.bucket))
        self.found.add(*setup.styles(session, client, self.bucket))
        if settings.request_payer:
            self.found.add(
                ok("request payer", "the requests are paid for by this identity (--request-payer)")
            )
        self.found.add(*setup.way_out(client.meta.endpoint_url, self.trusted))
        named = setup.endpoint_origin(session, settings, self.origins) != "the default"
        self.to_be_asked = self.location is not None or self.keys is not None or named or settings.anon
        if not self.to_be_asked:
            self.found.add(
                unknown("reachable", "not asked: there are neither usable credentials nor an endpoint")
            )
        if self.tls is None:
            self.to_be_asked = False

    def _as_signed(self) -> Settings:
        """Settings for URLs: unsigned where nothing can be signed."""
        from dataclasses import replace

        return within(self.settings if self.keys else replace(self.settings, anon=True))

    def connection(self) -> None:
        """Reach the server, then ask it as far as it answers."""
        self.tell("reaching the server")
        url = self._url()
        reached = reach(url, within(self.settings, 20.0), self.tls)
        self.found.add(reached)
        if reached.failed:
            return
        self.tell("asking the server")
        asker = Asker(self.client, self.keys, self.settings, self.trace, self.tls)
        answer = self._first(asker)
        if answer is None:
            return
        before = len(self.found.verdicts)
        answer, asker = self._settled(answer, asker)
        if self.keys is None and not self.settings.anon:
            return self.found.add(*self._without_credentials(answer))
        if any(one.failed and one.finding.name != "clock" for one in self.found.verdicts[before:]):
            return
        self.found.add(*identity(self.session, self.settings, self.client.meta.endpoint_url, self.keys))
        if self.bucket:
            self._look_into(answer, asker)
        else:
            self.found.add(s3.buckets(answer, self.settings))

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
            self.found.add(failed_with("server", error))
        except Exception as error:  # noqa: BLE001 - botocore refuses names and endpoints in its own ways
            detail = f"the request cannot be made ({type(error).__name__})"
            self.found.add(failure("bucket", detail, "check the bucket's name", 2))
        return None

    def _settled(self, answer: Answer, asker: Asker) -> tuple[Answer, Asker]:
        """The answer of the region that the bucket is in; tells what the first one said."""
        welcome = s3.welcome(answer, asker, answer.url)
        region = answer.region
        wrong = answer.status in s3.MOVED or answer.code.startswith("Authorization")
        if not (wrong and region and region != self.client.meta.region_name):
            self.found.add(*welcome)
            return answer, asker
        self.found.add(welcome[0], s3.moved_region(answer, region))
        self.client = make_client(self.session, self._as_signed(), self.trace, region)
        asker = Asker(self.client, self.keys, self.settings, self.trace, self.tls)
        again = self._first(asker)
        if again is None:
            return answer, asker
        self.found.add(*s3.welcome(again, asker, again.url)[1:])
        return again, asker

    def _without_credentials(self, answer: Answer) -> list[Verdict]:
        if not self.bucket:
            return []
        if answer.good:
            return [ok("bucket", "is public: it answers without credentials", "give --anon")]
        return [unknown("bucket", f"without credentials the server answers {answer.called}")]

    def _look_into(self, answer: Answer, asker: Asker) -> None:
        prefix = self.key if self.key.endswith("/") else ""
        found = s3.listing(answer, self.bucket, self.settings, prefix)
        named = bool(self.key) and not prefix
        if named and found[-1].failed and found[-1].finding.name == "list":
            found[-1] = s3.softened(found[-1])  # an object can be read without it
        self.found.add(*found)
        if any(one.finding.name == "bucket" and one.failed for one in found):
            return
        key = self.key if named else next((name for name, size in answer.objects() if size), "")
        if not key:
            self.found.add(unknown("read", "no object to try it on", "name one: h5s3 doctor s3://bucket/key"))
            return
        self.tell("reading a byte")
        read = s3.reading(asker, self.settings, self.bucket, key, listed=answer.good)
        if read[0].finding.status == "ok":
            self.found.verdicts = [s3.there(one) for one in self.found.verdicts]
        self.found.add(*read)
