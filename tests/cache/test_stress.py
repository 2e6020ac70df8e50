"""The cache under stress: many processes, kills at any moment, any kind of damage; every answer is true."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from h5s3.cache import Cache
from h5s3.cache.directory import DATABASE_FILES
from h5s3.explore.cache import verify_cache
from tests.support import ROOT, stress
from tests.support.cli import Result, environment, spawn
from tests.support.servers.s3 import S3Server

AT_ONCE = 8


@pytest.fixture
def there(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """A server with the objects; this process has its credentials too."""
    stress.put(rclone)
    for name, value in rclone.env().items():
        monkeypatch.setenv(name, value)
    return rclone


def ours() -> Path:
    return Path(os.environ["H5S3_CACHE_DIR"]) / "v1"


def right(questions: list[stress.Question], **settings: bool) -> None:
    """All of these have the right answer."""
    for asked in questions:
        wrong = asked.wrong(asked.ask(**settings))
        assert wrong is None, wrong


def usable() -> None:
    """The cache stores and gives back; nothing but the database is in its folder."""
    cache = Cache()
    cache.set_many({"a": b"1"}, "block")
    assert (cache.get("a"), cache.problem) == (b"1", None)
    cache.close()
    assert {path.name for path in ours().iterdir()} <= set(DATABASE_FILES)


# Processes at once


def told(words: list[str], on: S3Server) -> Result:
    """What a process of the tool says, which has found nothing wrong with the cache."""
    result = spawn("cache", *words, "--json", on=on)
    assert result.code == 0, result
    return result


def round_of(chance: random.Random, there: S3Server) -> list[Result]:
    """Eight questions at once, the half of them one and the same, and now and then a clear or a verify."""
    one = stress.question(chance)
    asked = [one if number % 2 else stress.question(chance) for number in range(AT_ONCE)]
    options = [chance.choice([(), ("--refresh",)]) for _ in asked]
    others = [chance.choice([["clear"], ["verify"], ["verify", "--dry-run"], ["info"]]) for _ in range(2)]
    with ThreadPoolExecutor(AT_ONCE + len(others)) as pool:
        answers = [
            pool.submit(stress.told, item, *more, on=there) for item, more in zip(asked, options, strict=True)
        ]
        looks = [pool.submit(told, words, there) for words in others]
        for look in looks:
            look.result()
        return [answer.result() for answer in answers]


@pytest.mark.slow
def test_eight_processes_at_once(there: S3Server) -> None:
    chance = random.Random(6)
    for result in round_of(chance, there):
        assert result.err.startswith("stats: ") and "the cache" not in result.err
    found = verify_cache()
    assert (found.status, found.findings) == ("sound", [])
    usable()


def spoil_beneath(chance: random.Random, rows: bool) -> None:
    """Damage the database while others use it: its rows, or bytes of its files."""
    if rows:
        with suppress(sqlite3.Error, IndexError), closing(sqlite3.connect(ours() / "cache.db")) as base:
            spoil_rows(chance, base)
            base.commit()
        return
    name = chance.choice(["cache.db", "cache.db", "cache.db-wal", "cache.db-shm"])
    with suppress(FileNotFoundError), open(ours() / name, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        for _ in range(chance.randrange(1, 20) if size else 0):
            file.seek(chance.randrange(size))
            file.write(chance.randbytes(chance.randrange(1, 9)))


def round_beneath(chance: random.Random, there: S3Server, rows: bool) -> Counter[str]:
    """Eight questions at once, and a verify, while the database is damaged beneath them; the outcome."""
    asked = [stress.question(chance) for _ in range(AT_ONCE)]
    right(asked[:3])
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        answers = [pool.submit(stress.told, item, on=there) for item in asked]
        verifying = pool.submit(spawn, "cache", "verify", on=there)
        while not all(answer.done() for answer in answers):
            spoil_beneath(chance, rows)
            time.sleep(0.1)
        said = [answer.result().err for answer in answers]
        verified = verifying.result()
    assert verified.code in (0, 1, 6) and "internal" not in verified.err, verified
    assert verify_cache().status in ("sound", "mended")
    assert verify_cache().status == "sound"
    usable()
    right(asked[:3])
    return Counter(answers=len(said), without_cache=sum("the cache" in line for line in said))


@pytest.mark.slow
def test_damage_beneath_eight_processes(there: S3Server) -> None:
    round_beneath(random.Random(6), there, rows=True)


# Kills

NURSERY = """
import functools, os, random, sys
import botocore.loaders, botocore.session
import h5s3, h5s3.formats.hdf5.objects.file, h5s3.cache.verify, h5s3.storage.stores.s3
from h5s3.cache import Cache
from h5s3.explore.cache import verify_cache
from tests.support import stress

def work(chance):
    while True:
        what = chance.random()
        if what < 0.2:
            cache = Cache()
            cache.clear()
            cache.close()
        elif what < 0.3:
            verify_cache()
        elif what < 0.4:
            cache = Cache()
            cache.set_many({f"{n}": os.urandom(n * 1000) for n in range(300)}, "block")
            cache.close()
        else:
            asked = stress.question(chance)
            wrong = asked.wrong(asked.ask(refresh=chance.random() < 0.5))
            if wrong:
                with open(sys.argv[1], "a") as file:
                    file.write(wrong)

botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)  # once, in the parent
stress.Question("tree", 0).ask(no_cache=True)
for seed in range(4):
    stress.content(seed)
for line in sys.stdin:
    pids = []
    for seed in line.split():
        pid = os.fork()
        if not pid:
            try:
                work(random.Random(int(seed)))
            except BaseException as error:
                with open(sys.argv[1], "a") as file:
                    file.write(repr(error))
            os._exit(1)
        pids.append(pid)
    print(*pids, flush=True)
    for pid in pids:
        os.waitpid(pid, 0)
    print("gone", flush=True)
"""


@contextmanager
def nursery(there: S3Server, wrong: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that forks others, which ask and store and clear until they are killed."""
    command = [sys.executable, "-c", NURSERY, str(wrong)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    (temporary := wrong.with_name("temporary")).mkdir()
    variables = environment(there, TMPDIR=str(temporary))
    with subprocess.Popen(command, cwd=ROOT, env=variables, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def kill_some(parent: subprocess.Popen[str], seeds: list[int], seconds: float) -> None:
    """Have processes start at their work, and kill them all after some time."""
    assert parent.stdin and parent.stdout
    parent.stdin.write(" ".join(map(str, seeds)) + "\n")
    parent.stdin.flush()
    pids = [int(word) for word in parent.stdout.readline().split()]
    try:
        time.sleep(seconds)
    finally:
        for pid in pids:  # none of them is waited for before the next line is read: the numbers are theirs
            os.kill(pid, signal.SIGKILL)
    assert parent.stdout.readline() == "gone\n"


def killed(there: S3Server, wrong: Path, seed: int, seconds: float, rounds: int) -> Counter[str]:
    """Kill until the time is over; what became of it. No temporary file stays."""
    chance, until, done = random.Random(seed), time.monotonic() + seconds, Counter[str]()
    with nursery(there, wrong) as parent:
        while time.monotonic() < until and done["rounds"] < rounds:
            several = [chance.randrange(1 << 30) for _ in range(chance.choice([1, 1, 2, 4]))]
            kill_some(parent, several, chance.uniform(0.0, 0.3))
            done.update(rounds=1, kills=len(several))
            asked = stress.question(chance)
            right([asked], refresh=chance.random() < 0.5)
            usable()
            if done["rounds"] % 5 == 0:
                found = verify_cache()
                assert found.status == "sound", found
                done.update(verified=1)
    assert not wrong.exists(), wrong.read_text()
    left = [path.name for path in wrong.with_name("temporary").iterdir()]
    assert all(name.startswith("h5s3-cli-") for name in left), left  # that of the tests' own support
    return done


@pytest.mark.slow
def test_kills_at_any_moment(there: S3Server, tmp_path: Path) -> None:
    done = killed(there, tmp_path / "wrong", seed=6, seconds=30, rounds=12)
    assert done["kills"] > 12


# Damage


def spoil_rows(chance: random.Random, base: sqlite3.Connection) -> str:
    """Damage of entries, as a tool that knows SQLite would do it."""
    query = "SELECT key FROM Cache WHERE typeof(key) = 'text' ORDER BY rowid"
    keys = [key for (key,) in base.execute(query)]
    kind = chance.choice(["swap", "swap alike", "cut", "flip", "copy", "kind", "key", "settings", "delete"])
    for _ in range(chance.randrange(1, 20)):
        one = chance.choice(keys)
        alike = [key for key in keys if key.partition(":")[0] == one.partition(":")[0]]
        other = chance.choice(alike if kind == "swap alike" else keys)
        value = base.execute("SELECT value FROM Cache WHERE key = ?", (one,)).fetchone()
        value = value[0] if value and isinstance(value[0], bytes) else b""
        where = chance.randrange(len(value)) if value else 0
        with suppress(sqlite3.IntegrityError):  # a key that is there already
            _spoil(base, kind, one, other, value, where)
    return kind


def _spoil(base: sqlite3.Connection, kind: str, one: str, other: str, value: bytes, where: int) -> None:
    change = "UPDATE Cache SET value = ? WHERE key = ?"
    if kind.startswith("swap"):
        (theirs,) = base.execute("SELECT value FROM Cache WHERE key = ?", (other,)).fetchone() or (b"",)
        base.execute(change, (theirs, one))
        base.execute(change, (value, other))
    elif kind == "cut":
        base.execute(change, (value[:where], one))
    elif kind == "flip":
        flipped = value[:where] + bytes([(value[where : where + 1] or b"\0")[0] ^ 0x10]) + value[where + 1 :]
        base.execute(change, (flipped, one))
    elif kind == "copy":
        base.execute(change, (value, other))
    elif kind == "kind":
        base.execute("UPDATE Cache SET mode = ?, raw = ? WHERE key = ?", (where % 6, where % 2, one))
    elif kind == "key":
        base.execute("UPDATE Cache SET key = ? WHERE key = ?", (one + "x" if where % 2 else None, one))
    elif kind == "settings":
        base.execute("UPDATE Settings SET value = ? WHERE rowid = ?", (value[:9], where % 16 + 1))
        base.execute("INSERT OR REPLACE INTO Settings VALUES (?, ?)", (f"disk_{one}", where))
    else:
        base.execute("DELETE FROM Cache WHERE key = ?", (one,))


def spoil_bytes(chance: random.Random, path: Path) -> str:
    """Damage of the file, as a disk would do it."""
    data = bytearray(path.read_bytes())
    kind = chance.choice(["flip", "flip", "cut", "zero", "swap pages", "noise"])
    pages = len(data) // 4096
    for _ in range(chance.randrange(1, 30)):
        page = chance.randrange(pages) * 4096
        if kind == "flip":
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif kind == "zero":
            data[page : page + 4096] = bytes(4096)
        elif kind == "noise":
            data[page : page + 512] = chance.randbytes(512)
        elif kind == "swap pages":
            other = chance.randrange(pages) * 4096
            data[page : page + 4096], data[other : other + 4096] = (
                data[other : other + 4096],
                data[page : page + 4096],
            )
    if kind == "cut":
        del data[chance.randrange(len(data)) :]
    path.write_bytes(data)
    return kind


def damaged(chance: random.Random, asked: list[stress.Question]) -> str:
    """Fill the cache, damage it, and hold answers and repair against the truth; what the damage was."""
    right(asked)
    path = ours() / "cache.db"
    if chance.random() < 0.5:
        base = sqlite3.connect(path)
        kind = f"rows: {spoil_rows(chance, base)}"
        base.commit()
        base.close()
    else:
        with sqlite3.connect(path) as base:
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        base.close()
        kind = f"bytes: {spoil_bytes(chance, path)}"
    right(asked)
    found = verify_cache()
    assert found.status in ("sound", "mended"), found
    again = verify_cache()
    assert again.status == "sound", again
    usable()
    right(asked)
    return f"{kind}: {found.status}"


def damages(seed: int, seconds: float, cases: int) -> Counter[str]:
    """Damage until the time is over; how often of what kind."""
    chance, until, done = random.Random(seed), time.monotonic() + seconds, Counter[str]()
    while time.monotonic() < until and done.total() < cases:
        done[damaged(chance, chance.sample(stress.questions(chance), 3))] += 1
    return done


def test_damage_of_any_kind(there: S3Server) -> None:
    done = damages(6, seconds=30, cases=3)
    assert any("mended" in kind for kind in done), done


# Long


@pytest.mark.slow
def test_a_long_time_of_it(there: S3Server, tmp_path: Path) -> None:
    seed = int(os.environ.get("STRESS_SEED") or time.time_ns() % 1_000_000)
    print(f"\nseed {seed}")
    chance, done, begun = random.Random(seed), Counter[str](), time.monotonic()
    while time.monotonic() - begun < 30:
        for result in round_of(chance, there):
            done.update(answers=1, without_cache="the cache" in result.err)
        verify_cache()
        done.update(rounds=1)
    print(f"eight at once: {dict(done)}, {time.monotonic() - begun:.0f} s")
    begun, beneath = time.monotonic(), Counter[str]()
    while time.monotonic() - begun < 30:
        beneath += round_beneath(chance, there, chance.random() < 0.6)
    print(f"damage beneath eight: {dict(beneath)}")
    print(f"kills: {dict(killed(there, tmp_path / 'wrong', seed, 30, 10_000))}")
    kinds = damages(seed, 30, 10_000)
    print(f"damages: {kinds.total()}: {json.dumps(kinds)}")
    assert verify_cache().status == "sound"
    usable()
