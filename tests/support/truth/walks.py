"""Walks over files on a server, as the tool makes them, with what each ought to say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.cli import Result, run
from tests.support.scattered import scattered
from tests.support.servers.s3 import S3Server
from tests.support.truth.walks_truth import told

BUCKET = "walks"
LAST = "/group 59/data"  # in `scattered`: its bytes are far from the first ones
QUESTIONS: dict[str, tuple[str, ...]] = {
    "tree": ("-r", "--attrs"),
    "meta": (LAST,),
    "preview": (LAST, "--slice", "0:4,0:5"),
}


_truth: dict[str, Any] = {}


@dataclass
class Walks:
    """One file behind one server: as an S3 object and as a presigned URL."""

    server: S3Server  # where the tool goes
    key: str
    data: bytes
    truth: dict[str, Any] = field(default_factory=dict)

    @property
    def locations(self) -> dict[str, str]:
        """Both ways to name it."""
        names = {"Bucket": BUCKET, "Key": self.key}
        url: str = self.server.client().generate_presigned_url("get_object", Params=names)
        return {"s3": f"s3://{BUCKET}/{self.key}", "web": url}

    def ask(self, command: str, place: str, *options: str) -> Result:
        """One walk, as JSON."""
        return run(command, self.locations[place], *QUESTIONS[command], "--json", *options, on=self.server)

    def right(self, command: str, result: Result) -> bool:
        """Whether a walk that succeeded says the truth."""
        return bool(told(result) == self.truth[command])


def scattered_walks(behind: S3Server, url: str) -> Walks:
    """Walks over a file of 1.5 MB whose metadata lie all over it; their truth was found without a proxy."""
    data = scattered()
    behind.put(BUCKET, "scattered.h5", data)
    if not _truth:
        plain = Walks(behind, "scattered.h5", data)
        _truth.update({command: told(plain.ask(command, "s3", "--no-cache")) for command in QUESTIONS})
    return Walks(behind.at(url), "scattered.h5", data, _truth)
