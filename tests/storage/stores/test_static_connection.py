"""Keys, region and endpoint found without boto3: what its chain finds, or nothing; and the URLs it signs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import botocore.auth
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h5s3.errors import UsageError
from h5s3.settings import Settings
from h5s3.storage.stores.boto_connection import BotoConnection
from h5s3.storage.stores.presign import Keys, presign
from h5s3.storage.stores.static_connection import StaticConnection, static_connection
from h5s3.storage.trace import Trace
from tests.support import examples

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
PAIR = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalr/+=XUt"}
STORED = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file/+secret\n"
LAB = STORED.replace("default", "lab")
NAMED = Settings(endpoint_url="http://localhost:9000")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Files that are not there, and no keys."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return monkeypatch


def put(environment: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        environment.setenv(name, value)


def parts(url: str) -> tuple[str, set[str]]:
    place, _, query = url.partition("?")
    return place, set(query.split("&")) - {""}


@settings(max_examples=examples(25))
@given(TEXTS, st.none() | TEXTS, st.none() | TEXTS, st.booleans(), st.booleans())
def test_urls_are_those_of_boto3(
    key: str, version: str | None, token: str | None, payer: bool, anonymous: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))
        put(patch, PAIR | ({"AWS_SESSION_TOKEN": token.encode("unicode_escape").decode()} if token else {}))
        chosen = Settings(endpoint_url="http://localhost:9000", region="eu-central-1", anon=anonymous)
        found = static_connection(chosen)
        boto = BotoConnection(chosen, Trace())
    assert found is not None and (found.endpoint, found.region, found.who) == (
        boto.endpoint, boto.region, boto.who
    )  # fmt: skip
    names = {"Bucket": "bucket.a_b", "Key": key}
    names |= {"VersionId": version} if version else {}
    names |= {"RequestPayer": "requester"} if payer else {}
    for operation in ("get_object", "head_object"):
        ours = presign(found.endpoint, found.region, found.keys, operation, names, 900, NOW)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))
            assert parts(ours) == parts(boto.presign(operation, names, 900))


def test_a_listing_is_signed_as_boto3_signs_it(environment: pytest.MonkeyPatch) -> None:
    put(environment, PAIR)
    environment.setattr(botocore.auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))
    names = {"Bucket": "bucket", "Prefix": "a b/&?", "Delimiter": "/", "EncodingType": "url"}
    names |= {"StartAfter": "ü", "ContinuationToken": "1/+="}
    ours = presign(
        "http://localhost:9000", "us-east-1", Keys(*PAIR.values()), "list_objects_v2", names, 900, NOW
    )
    assert parts(ours) == parts(BotoConnection(NAMED, Trace()).presign("list_objects_v2", names, 900))


def test_buckets_of_aws_have_a_host_of_their_own(environment: pytest.MonkeyPatch) -> None:
    put(environment, PAIR)
    found = static_connection(Settings())
    assert found is not None and found.endpoint == BotoConnection(Settings(), Trace()).endpoint
    url = found.presign("get_object", {"Bucket": "my-bucket", "Key": "a/b"}, 900)
    assert url and url.startswith("https://my-bucket.s3.us-east-1.amazonaws.com/a/b?")
    for odd in ("with.dots", "express--use1-az4--x-s3", "alias-s3alias", "arn:aws:s3:::x", "", "a/b"):
        assert found.presign("get_object", {"Bucket": odd, "Key": "a"}, 900) is None
    moved = found.moved("eu-west-1")
    assert moved and moved.endpoint == "https://s3.eu-west-1.amazonaws.com"
    assert found.moved("cn-north-1") is None


FOUND: dict[str, tuple[dict[str, str], Settings, str]] = {
    "environment": (PAIR, NAMED, "env"),
    "anonymous": ({}, Settings(anon=True, endpoint_url="http://localhost:9000"), "anonymously"),
    "env file": ({}, Settings(access_key="a", secret_key="b"), "env file"),
    "what has no effect": (PAIR | {"AWS_EC2_METADATA_DISABLED": "true"}, NAMED, "env"),
}
LEFT: dict[str, tuple[dict[str, str], Settings]] = {
    "no keys": ({}, NAMED),
    "half a pair": ({"AWS_ACCESS_KEY_ID": "a"}, NAMED),
    "half a pair of an env file": ({}, Settings(access_key="a")),
    "a role": (PAIR | {"AWS_ROLE_ARN": "arn:aws:iam::1:role/x"}, NAMED),
    "dual stack": (PAIR | {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, Settings()),
    "an unknown profile": (PAIR | {"AWS_PROFILE": "nobody"}, NAMED),
    "a profile without a name": (PAIR | {"AWS_PROFILE": ""}, NAMED),
    "a file without a name": (PAIR | {"AWS_SHARED_CREDENTIALS_FILE": ""}, NAMED),
    "an endpoint of AWS": (PAIR, Settings(endpoint_url="https://s3.eu-west-1.amazonaws.com")),
    "an endpoint with a path": (PAIR, Settings(endpoint_url="http://localhost/s3")),
    "an endpoint with a login": (PAIR, Settings(endpoint_url="http://me:it@localhost")),
    "China": (PAIR, Settings(region="cn-north-1")),
    "no region": (PAIR, Settings(region="../x")),
}


@pytest.mark.parametrize("name", FOUND)
def test_plain_settings_are_enough(environment: pytest.MonkeyPatch, name: str) -> None:
    values, chosen, who = FOUND[name]
    put(environment, values)
    found = static_connection(chosen)
    assert found is not None and who in found.who
    assert (found.keys is None) == chosen.anon
    assert found.who == BotoConnection(chosen, Trace()).who


@pytest.mark.parametrize("name", LEFT)
def test_all_else_is_left_to_boto3(environment: pytest.MonkeyPatch, name: str) -> None:
    values, chosen = LEFT[name]
    put(environment, values)
    assert static_connection(chosen) is None


FILES: dict[str, tuple[str, str, dict[str, str], str | None]] = {  # config, credentials, environment, key
    "credentials": ("", STORED, {}, "AKIDFILE"),
    "region of the config": ("[default]\nregion = eu-west-2\n", STORED, {}, "AKIDFILE"),
    "keys of the environment first": ("", STORED, PAIR, "AKIDEXAMPLE"),
    "a profile": ("[profile lab]\nregion = eu-west-2\n", LAB, {"AWS_PROFILE": "lab"}, "AKIDFILE"),
    "quotes": ('[profile "lab"]\nregion = eu-west-2\n', LAB, {"AWS_PROFILE": "lab"}, "AKIDFILE"),
    "two spaces": ("[profile  lab]\nregion = eu-west-2\n", LAB, {"AWS_PROFILE": "lab"}, "AKIDFILE"),
    "a role in quotes": ('[profile "lab"]\nrole_arn = arn:x\n', LAB, {"AWS_PROFILE": "lab"}, None),
    "one quote": ("[profile 'lab]\nregion = eu-west-2\n", LAB, {"AWS_PROFILE": "lab"}, "AKIDFILE"),
    "profile default": ("[profile default]\nregion = eu-west-2\n", STORED, {}, "AKIDFILE"),
    "the last one counts": (
        "[default]\nregion = eu-west-1\n[profile default]\nregion = eu-west-2\n", STORED, {}, "AKIDFILE"
    ),
    "of all sections": ("[DEFAULT]\nregion = eu-west-2\n[default]\n", STORED, {}, "AKIDFILE"),
    "no region": ("[default]\nregion = eu-west-2\n", STORED, {"AWS_DEFAULT_REGION": ""}, "AKIDFILE"),
    "nobody's home": ("", STORED, {"AWS_CONFIG_FILE": "~nobody-here/config"}, "AKIDFILE"),
    "a variable in a name": (
        "[default]\nregion = eu-west-2\n", STORED, {"AWS_CONFIG_FILE": "${HERE}/config"}, "AKIDFILE"
    ),
    "an endpoint in the config": ("[default]\nendpoint_url = http://x\n", STORED, {}, None),
    "settings of S3": ("[default]\ns3 =\n  addressing_style = path\n", STORED, {}, None),
    "single sign-on": ("[default]\nsso_session = x\n", STORED, {}, None),
    "a role of the file": ("", STORED + "role_arn = arn:x\n", {}, None),
    "a file that is none": ("", "aws_access_key_id", {}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_the_files_of_aws(environment: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    config, credentials, values, key = FILES[name]
    (tmp_path / "config").write_text(config)
    (tmp_path / "credentials").write_text(credentials)
    put(environment, values | {"HERE": str(tmp_path)})
    found = static_connection(NAMED)
    if key is None:
        assert found is None
        return
    boto = BotoConnection(NAMED, Trace())
    assert isinstance(found, StaticConnection) and found.keys and found.keys.access == key
    assert (found.region, found.who) == (boto.region, boto.who)


def test_a_key_that_is_no_text_is_refused(environment: pytest.MonkeyPatch) -> None:
    put(environment, PAIR)
    found = static_connection(NAMED)
    assert found is not None
    names = {"Bucket": "bucket", "Key": "\udcff"}
    assert found.presign("get_object", names, 900) is None
    with pytest.raises(UsageError, match="not a valid bucket or key name"):
        BotoConnection(NAMED, Trace()).presign("get_object", names, 900)
