"""Files that others wrote, looked at in processes of their own: HDF5 may crash on them, or never return.

As a program, a worker: a line of JSON in names a file and what to do with it, a line of JSON out says how it went.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

ROOT = Path(__file__).parents[2]
MEMORY = 4 << 30  # bytes that a worker may take
MOST_OBJECTS = 300  # of one file that are described
MOST_PREVIEWS = 20

Result = dict[str, Any]


def look_at_all(paths: list[Path], seconds: float, workers: int = 2) -> dict[Path, Result]:
    """How each file went: the worker's answer, or `outcome` crash or hang."""
    todo: SimpleQueue[Path] = SimpleQueue()
    for path in sorted(paths, key=lambda path: -path.stat().st_size):
        todo.put(path)
    results: dict[Path, Result] = {}
    threads = [Thread(target=_work_off, args=(todo, results, seconds)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _work_off(todo: SimpleQueue[Path], results: dict[Path, Result], seconds: float) -> None:
    worker = _start()
    try:
        while True:
            path = todo.get_nowait()
            results[path] = _ask(worker, path, seconds)
            if results[path]["outcome"] in ("crash", "hang"):
                _stop(worker)
                worker = _start()
    except Empty:
        pass
    finally:
        _stop(worker)


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.support.corpus"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, **pipes)


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.communicate()


def _ask(worker: subprocess.Popen[bytes], path: Path, seconds: float) -> Result:
    assert worker.stdin and worker.stdout
    worker.stdin.write(os.fsencode(path) + b"\n")
    worker.stdin.flush()
    if not select.select([worker.stdout], [], [], seconds)[0]:
        return {"outcome": "hang", "seconds": seconds}
    line = worker.stdout.readline()
    return json.loads(line) if line else {"outcome": "crash", "code": worker.wait()}


# -------------------------------------------------------------------------------------- in the worker


def _serve() -> None:
    import resource

    from h5s3.reader import blocks

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    blocks.BLOCK = 512
    answers = os.fdopen(os.dup(1), "w")  # what h5py prints is no answer
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        print(json.dumps(_look(os.fsdecode(line[:-1]))), file=answers, flush=True)


def _look(path: str) -> Result:
    """What `tree` counts, after every object was described and some datasets were previewed."""
    from h5s3.errors import H5s3Error
    from h5s3.storage.location import Location

    location = Location("local", path)
    try:
        return _walk(location)
    except H5s3Error as error:
        return {"outcome": "error", "exit_code": error.exit_code, "cause": str(error)}
    except Exception as error:  # noqa: BLE001 - the test tells which file it was
        import traceback

        where = " < ".join(
            f"{f.name}:{f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__))
        )
        return {"outcome": "exception", "cause": repr(error)[:300], "where": where[:300]}


def _walk(location: Any) -> Result:
    from h5s3.explore.meta import meta
    from h5s3.explore.tree import tree
    from h5s3.records import to_json

    from .memory import one_file_session

    counts = {"group": 1, "dataset": 0, "datatype": 0, "unresolved": 0}
    with one_file_session(location) as session:
        document = tree(session, location, depth=0, limit=0)
        nodes = list(_nodes(json.loads(to_json(document)), b""))
        for _, node in nodes:
            if "alias_of" not in node and node["type"] in counts:
                counts[node["type"]] += 1
        previews = 0
        for path, node in [(b"/", {"type": "group"}), *nodes][:MOST_OBJECTS]:
            try:
                to_json(meta(session, location, os.fsdecode(path)))
            except Exception as e:
                counts.setdefault("bad", []).append((path.decode(errors="replace"), repr(e)))
            if node["type"] == "dataset" and previews < MOST_PREVIEWS:
                previews += 1
                _preview(session, location, path, counts)
    return {"outcome": "record"} | counts


def _preview(session: Any, location: Any, path: bytes, counts) -> None:
    from h5s3.errors import H5s3Error
    from h5s3.explore.preview import preview
    from h5s3.records import to_json

    try:
        to_json(preview(session, location, os.fsdecode(path)))
    except H5s3Error as error:
        if error.exit_code not in (6, 8):
            raise
    except Exception as e:
        counts.setdefault("pbad", []).append((path.decode(errors="replace"), repr(e)))


def _nodes(node: dict[str, Any], parent: bytes) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """All nodes below one, with their paths in the file's bytes."""
    for child in node.get("children", ()):
        raw = base64.b64decode(child["name_b64"]) if "name_b64" in child else child["name"].encode()
        path = parent + b"/" + raw
        yield path, child
        yield from _nodes(child, path)


if __name__ == "__main__":
    _serve()
