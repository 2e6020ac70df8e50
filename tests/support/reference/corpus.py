"""Files that others wrote, looked at in processes of their own: HDF5 may crash on them, or never return.

As a program, a worker: each line in names a file, each line out says in JSON how it went.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from tests.support import ROOT

MEMORY = 4 << 30  # bytes that a worker may take
MOST_OBJECTS = 300  # of one file that are described
MOST_PREVIEWS = 20

Result = dict[str, Any]


def look_at_all(
    paths: list[Path], seconds: float, workers: int = 2, *, agree: bool = False
) -> dict[Path, Result]:
    """How each file went: the worker's answer, or `outcome` crash or hang.

    `agree`: all that `tree` and `meta` say of it is held against h5py, too.
    """
    todo: SimpleQueue[Path] = SimpleQueue()
    for path in sorted(paths, key=lambda path: -path.stat().st_size):
        todo.put(path)
    results: dict[Path, Result] = {}
    threads = [Thread(target=_work_off, args=(todo, results, seconds, agree)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _work_off(todo: SimpleQueue[Path], results: dict[Path, Result], seconds: float, agree: bool) -> None:
    worker = _start(agree)
    try:
        while True:
            path = todo.get_nowait()
            results[path] = _ask(worker, path, seconds)
            if results[path]["outcome"] in ("crash", "hang"):
                _stop(worker)
                worker = _start(agree)
    except Empty:
        pass
    finally:
        _stop(worker)


def _start(agree: bool) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.support.reference.corpus", *["agree"] * agree]
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

    from h5s3.formats.hdf5.fetch import blocks

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    blocks.BLOCK, blocks.WHOLE, blocks.FEW, blocks.CARRIED = 512, 0, 0, 0  # so that much is missed
    answers = os.fdopen(os.dup(1), "w")  # what h5py prints is no answer
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        print(json.dumps(_look(os.fsdecode(line[:-1]), "agree" in sys.argv)), file=answers, flush=True)


def _look(path: str, agree: bool) -> Result:
    """What `tree` counts, and what went wrong when every object was described and some were previewed."""
    from h5s3.explore.session import Session
    from h5s3.settings import Settings
    from h5s3.storage.location import Location

    with Session(Settings(no_cache=True)) as session:
        looks = _Looks(session, Location("local", path))
        looks.run()
    if agree:
        from tests.support.reference.compare_files import disagreements

        looks.result["agreed"], differ = disagreements(Path(path))
        looks.result["wrong"] += differ
    return {"outcome": "error" if looks.exit_code else "record"} | looks.result


class _Looks:
    """All questions about one file, each asked as a command would."""

    def __init__(self, session: Any, location: Any) -> None:
        self.session, self.location = session, location
        self.exit_code: int | None = None
        self.result: Result = {"wrong": []}

    def run(self) -> None:
        from h5s3.explore.du import du
        from h5s3.explore.meta import meta
        from h5s3.explore.preview.preview import preview
        from h5s3.explore.preview.request import PreviewRequest
        from h5s3.explore.tree import tree
        from h5s3.formats.requests import MetaRequest, TreeRequest, UsageRequest

        document = self._ask(tree, TreeRequest(depth=0, limit=0, attributes=True))
        if document is None:
            return
        self._ask(du, UsageRequest(depth=0, limit=0))
        nodes = list(_nodes(document, b""))
        counted = Counter(node["type"] for _, node in nodes if "alias_of" not in node)
        self.result |= {kind: counted[kind] for kind in ("group", "dataset", "datatype", "unresolved")}
        self.result["group"] += 1
        for path in [b"/", *(path for path, _ in nodes)][:MOST_OBJECTS]:
            self._ask(meta, MetaRequest(os.fsdecode(path)))
        datasets = [path for path, node in nodes if node["type"] == "dataset"]
        for path in datasets[:MOST_PREVIEWS]:
            self._ask(preview, PreviewRequest(os.fsdecode(path)))
            self._compare(path, self._ask(preview, PreviewRequest(os.fsdecode(path), raw=True)))

    def _compare(self, path: bytes, found: dict[str, Any] | None) -> None:
        """Statistics of a whole dataset against those of what h5py reads of it."""
        import h5py
        import numpy as np

        stats = found["stats"] if found else None
        if not stats or stats["coverage"] != 1 or "of" in stats or stats.get("missing_count"):
            return
        with h5py.File(self.location.key, "r") as file:
            try:
                values = np.asarray(file[path][()]).reshape(-1)
            except (TypeError, OSError):  # a bitfield, for which h5py finds no conversion
                return
        finite = values[np.isfinite(values)]
        wanted = [values.size, *([finite.min().item(), finite.max().item()] if finite.size else [None, None])]
        self.result["compared"] = self.result.get("compared", 0) + 1
        if [stats["sample_size"], stats["min"], stats["max"]] != wanted:
            self.result["wrong"].append(["stats", os.fsdecode(path), wanted])

    def _ask(self, question: Any, asked: Any) -> Any:
        """The answer as JSON, or None: an error that the user can understand, which is noted, or another."""
        from h5s3.errors import H5s3Error
        from h5s3.records import to_json

        try:
            return json.loads(to_json(question(self.session, self.location, asked)))
        except H5s3Error as error:
            self._failed(question.__name__, error.exit_code)
        except Exception as error:  # noqa: BLE001 - the test tells which file it was
            self.result["wrong"].append([question.__name__, asked.path, repr(error)[:300]])
        return None

    def _failed(self, question: str, exit_code: int) -> None:
        """Damage (6) and refusals (8) are to be expected of single objects; all else is not."""
        if question == "tree":
            self.result["exit_code"] = self.exit_code = exit_code
        else:
            codes = self.result.setdefault(f"{question}_errors", {})
            codes[exit_code] = codes.get(exit_code, 0) + 1


def _nodes(node: dict[str, Any], parent: bytes) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """All nodes below one, with their paths in the file's bytes."""
    for child in node.get("children", ()):
        raw = base64.b64decode(child["name_b64"]) if "name_b64" in child else child["name"].encode()
        path = parent + b"/" + raw
        yield path, child
        yield from _nodes(child, path)


if __name__ == "__main__":
    _serve()
