"""Objects, questions about them, and what h5py says of both: for runs that are hard on the cache."""

from __future__ import annotations

import io
import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import h5s3
from h5s3.explore.tree import tree
from h5s3.records import to_json
from tests.support.cli import Result, spawn
from tests.support.scattered import scattered
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session
from tests.support.servers.s3 import S3Server

BUCKET = "stress"


@dataclass(frozen=True)
class Question:
    """What a command is asked: its name, what it is asked about, and its options, as Python takes them."""

    command: str
    seed: int
    path: str = "/"

    @property
    def location(self) -> str:
        """Of the object."""
        return f"s3://{BUCKET}/{self.seed}.h5"

    @property
    def words(self) -> list[str]:
        """The command line."""
        more = {
            "tree": ["-r", "--limit", "0", "--attrs"],
            "meta": [self.path],
            "preview": [self.path, "--only", "table", "--slice", "3:7,0:5"],
            "ls": [],
        }
        where = f"s3://{BUCKET}/" if self.command == "ls" else self.location
        return [self.command, where, *more[self.command], "--json"]

    def ask(self, **settings: Any) -> Any:
        """The answer, found in this process."""
        if self.command == "tree":
            found: Any = h5s3.tree(self.location, depth=0, limit=0, attributes=True, **settings)
        elif self.command == "meta":
            found = h5s3.meta(self.location, self.path, **settings)
        elif self.command == "preview":
            found = h5s3.preview(self.location, self.path, selection="3:7,0:5", **settings)
        else:
            found = h5s3.ls(f"s3://{BUCKET}/", **settings)
        return json.loads(to_json(found))

    def wrong(self, answer: Any) -> str | None:
        """How an answer differs from what plain h5py says, if it does."""
        told, true = comparable(self, answer), expected(self)
        return None if told == true else f"{self}: {told!r:.500} is not {true!r:.500}"


def content(seed: int) -> bytes:
    """A file, every number and name in it its own."""
    return _made(seed)[0]


@cache
def _made(seed: int) -> tuple[bytes, dict[str, Any]]:
    chance = np.random.default_rng(seed)
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver=["earliest", "latest"][seed % 2]) as file:
        for number in range(6 + seed % 5):
            group = file.create_group(f"group {seed}.{number}")
            group.attrs["number"] = seed * 1000 + number
            values = chance.integers(0, 1 << 30, (40, 30 + seed), dtype="<i4")
            chunks = (20, 10) if number % 2 else None
            group.create_dataset("data", data=values, chunks=chunks).attrs["seed"] = seed
    return stream.getvalue(), read(stream)


def read(stream: io.BytesIO) -> dict[str, Any]:
    """All of a file as plain h5py reads it: by path the attributes, and of datasets the type and values."""
    found: dict[str, Any] = {}
    with h5py.File(stream, "r") as file:
        file.visititems(lambda name, item: found.update({f"/{name}": _item(item)}))
    return found


def _item(item: Any) -> dict[str, Any]:
    attributes = {name: int(value) for name, value in item.attrs.items()}
    if isinstance(item, h5py.Group):
        return {"attributes": attributes}
    values = item[()]
    return {"attributes": attributes, "shape": list(item.shape), "dtype": item.dtype.str, "values": values}


def expected(question: Question) -> Any:
    """What plain h5py says."""
    if question.command == "ls":
        return None
    found = _made(question.seed)[1]
    if question.command == "preview":
        return found[question.path]["values"][3:7, 0:5].tolist()
    plain = {path: {k: v for k, v in item.items() if k != "values"} for path, item in found.items()}
    return plain if question.command == "tree" else plain[question.path]


def comparable(question: Question, answer: Any) -> Any:
    """The part of an answer that can be compared with what h5py says."""
    if question.command == "ls":
        sizes = {entry["key"]: entry["size"] for entry in answer["entries"]}
        return None if sizes == {f"{seed}.h5": len(content(seed)) for seed in SEEDS} else sizes
    if question.command == "preview":
        return answer["table"]["rows"]
    if question.command == "meta":
        return _node(answer)
    found: dict[str, Any] = {}
    _flatten(answer, found)
    return found


def _flatten(node: Any, found: dict[str, Any]) -> None:
    for child in node.get("children", []):
        found[child["path"]] = _node(child)
        _flatten(child, found)


def _node(node: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"attributes": {item["name"]: item["value"] for item in node["attributes"]}}
    if "shape" in node:
        told |= {"shape": node["shape"], "dtype": np.dtype(node["dtype"]).str}
    return told


SEEDS = range(4)


def put(server: S3Server) -> None:
    """Have a server hold the objects, put there once."""
    if server.url not in _served:
        for seed in SEEDS:
            server.put(BUCKET, f"{seed}.h5", content(seed))
        _served.add(server.url)


_served: set[str] = set()


def question(chance: random.Random) -> Question:
    """Any question about any of the objects."""
    seed = chance.choice(SEEDS)
    command = chance.choice(["tree", "tree", "meta", "preview", "ls"])
    path = "/"
    if command in ("meta", "preview"):
        path = f"/group {seed}.{chance.randrange(6)}/data"
    return Question(command, seed, path)


def questions(chance: random.Random) -> list[Question]:
    """One of each kind about each of the objects."""
    data = [f"/group {seed}.{chance.randrange(6)}/data" for seed in SEEDS]
    trees = [Question("tree", seed) for seed in SEEDS]
    return trees + [Question(kind, s, data[s]) for s in SEEDS for kind in ("meta", "preview")]


def told(asked: Question, *more: str, on: S3Server) -> Result:
    """A question asked by a process of the tool; a right answer, or an assertion fails."""
    result = spawn(*asked.words, "--stats", *more, on=on)
    assert result.code == 0, result
    wrong = asked.wrong(json.loads(result.out))
    assert wrong is None, wrong
    return result


def problem_of_a_tree(directory: Path | None = None) -> str | None:
    """The problem with the cache that a command notes; its answer is right, whatever became of the cache."""
    with memory_session(MemoryStore(scattered()), no_cache=False) as session:
        session.cache.directory = directory or session.cache.directory
        assert tree(session, LOCATION).num_children == 60
        return session.cache.problem
