"""Two threads may be the first that decode a record."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import h5s3

AT_ONCE = """
import sys, threading, time
import msgspec
from h5s3 import decoders

began = threading.Event()

def slow():
    began.set()
    time.sleep(0.5)  # what is known of the outer record is with its class, and not complete
    return int

class Inner(msgspec.Struct):
    number: "slow()"

class Outer(msgspec.Struct):
    inner: Inner

def decode():
    found = decoders.{how}
    sys.stdout.write(f"{found}\\n")

threads = [threading.Thread(target=decode) for _ in range(2)]
threads[0].start()
began.wait(20)
threads[1].start()
for thread in threads:
    thread.join()
"""
WAYS = [
    """json_decoder(Outer).decode(b'{"inner":{"number":1}}')""",
    """msgpack_decoder(Outer).decode(msgspec.msgpack.encode({"inner": {"number": 1}}))""",
    """converted({"inner": {"number": 1}}, Outer)""",
]


@pytest.mark.parametrize("how", WAYS)
def test_a_record_is_known_whole_before_it_is_decoded(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE.replace("{how}", how)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "Outer(inner=Inner(number=1))\n" * 2), done.stderr


def test_records_are_decoded_in_no_other_way() -> None:
    """Plain types are: of them nothing is kept."""
    plain = {"list", "tuple", "str", "int"}
    for path in Path(h5s3.__file__).parent.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            if not name.startswith("msgspec.") or path.name == "decoders.py":
                continue
            assert not name.endswith((".Decoder", ".convert")), path
            if name.endswith(".decode"):
                kinds = [word for given in [*call.args[1:], *call.keywords] for word in ast.walk(given)]
                assert {word.id for word in kinds if isinstance(word, ast.Name)} <= plain, path
