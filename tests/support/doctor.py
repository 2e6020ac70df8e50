"""Reports of `doctor` as the tests take them: as JSON and as text, and no secret in either."""

from __future__ import annotations

import datetime
import io
import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from h5s3.records import Doctor, from_json
from h5s3.render.doctor.doctor import doctor_lines
from tests.support.cli import run, validator
from tests.support.servers.s3 import S3Server

SECRETS = ("X-Amz-Signature", "X-Amz-Credential", "AWS4-HMAC")


@dataclass(frozen=True)
class Seen:
    """One report."""

    code: int
    document: dict[str, Any]
    text: str

    def __getitem__(self, name: str) -> dict[str, Any]:
        """The finding of this name."""
        found = [one for one in self.document["connection"] if one["name"] == name]
        assert len(found) == 1, (name, self.text)
        return found[0]

    @property
    def names(self) -> list[str]:
        """Of the findings about the connection."""
        return [one["name"] for one in self.document["connection"]]

    @property
    def failed(self) -> list[str]:
        """Names of the failures, the first one first."""
        return [one["name"] for one in self.document["connection"] if one["status"] == "failure"]

    @property
    def plain(self) -> str:
        """The text as one line."""
        return " ".join(self.text.split())


def examine(*args: object, on: S3Server | None = None, hidden: tuple[str, ...] = (), **environ: str) -> Seen:
    """`h5s3 doctor`: its JSON, and the text of that in 80 columns; both hide what is secret."""
    result = run("doctor", *args, "--json", "--debug", on=on, **environ)
    assert result.err == "", result.err
    document = json.loads(result.out)
    assert result.out.count("\n") == 1
    validator("doctor").validate(document)
    seen = Seen(result.code, document, _drawn(result.out))
    secrets = {*SECRETS, *hidden, environ.get("AWS_SECRET_ACCESS_KEY"), environ.get("AWS_SESSION_TOKEN")}
    for text in (result.out, seen.text):
        assert not [secret for secret in secrets if secret and secret in text], text
    assert max(map(len, seen.text.splitlines())) <= 80, seen.text
    for one in document["connection"]:
        assert one["detail"] and "\n" not in one["detail"]
        assert one["status"] in ("ok", "unknown") or one["remedy"], one
        assert f" {one['name']} " in seen.plain
        assert one["group"] in seen.text and (one["status"] == "failure") == ("exit_code" in one)
    assert (document["status"] == "failure") == (seen.code != 0), seen.text
    return seen


def _drawn(document: str) -> str:
    console = Console(file=io.StringIO(), width=80)
    for line in doctor_lines(from_json(document.encode(), Doctor), 80, True):
        console.print(line)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def certificate(folder: Path, days: int = 1, host: str = "127.0.0.1") -> Path:
    """A key and a certificate for an address and localhost, signed by nobody; expired for negative days."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(ends - datetime.timedelta(days=2)).not_valid_after(ends)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(host))]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / f"certificate{days}{host}.pem"
    signed = builder.sign(key, hashes.SHA256())
    path.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
    return path
