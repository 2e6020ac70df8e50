"""`h5s3 cache`, `h5s3 schema` and the help of every command."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.main import get_command

from h5s3 import __version__
from h5s3.cli.app import application
from tests.support.cli import file, run, sample
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

DOCUMENTS = ["ls", "tree", "meta", "preview", "bench", "cache", "cache-verify", "cache-clear", "cache-path"]
COMMANDS = [
    "ls",
    "tree",
    "meta",
    "preview",
    "bench",
    "demo",
    "schema",
    "cache info",
    "cache verify",
    "cache clear",
    "cache path",
]
STORAGE = ["--profile", "--endpoint-url", "--region", "--anon", "--request-payer", "--env-file"]
RUN = ["--json", "--no-cache", "--refresh", "--offline", "--stats", "--timeout", "--max-bytes", "--debug"]


def directory() -> str:
    return os.environ["H5S3_CACHE_DIR"]


def test_path(tmp_path: Path) -> None:
    assert run("cache", "path").lines == [directory()]
    assert run("cache", "path", H5S3_CACHE_DIR="", XDG_CACHE_HOME=str(tmp_path)).lines == [
        str(tmp_path / "h5s3")
    ]
    assert not Path(directory()).exists()


def test_info_of_nothing() -> None:
    assert run("cache", "info", "--json").json == {
        "schema": "h5s3/cache/1",
        "path": directory(),
        "exists": False,
        "entries": 0,
        "bytes": 0,
        "limit": 2 << 30,
        "blocks": 0,
        "answers": 0,
        "problem": None,
    }
    assert run("cache", "info").lines == [
        f"path     {directory()}",
        "entries  0 (0 blocks, 0 answers)",
        "size     0 B of at most 2.1 GB",
    ]


def test_info_and_clear(server: S3Server) -> None:
    where = sample(server, "nexus")
    for path in ("/", "/entry"):
        assert run("tree", where, path, on=server).code == 0
    found = run("cache", "info", "--json", H5S3_CACHE_SIZE="1M").json
    assert (found["exists"], found["answers"], found["limit"]) == (True, 2, 1 << 20)
    assert found["blocks"] > 0 and found["bytes"] > file("nexus").stat().st_size
    assert found["entries"] >= found["blocks"] + found["answers"] + 1
    counts = f"entries  {found['entries']} ({found['blocks']} blocks, 2 answers)"
    assert run("cache", "info").lines[1] == counts
    assert run("cache", "clear").lines == [f"forgot {found['entries']} entries"]
    assert run("cache", "info", "--json").json["entries"] == 0
    assert run("cache", "clear").lines == ["forgot 0 entries"]
    assert not run("tree", where, "--json", on=server).json["cached"]


def test_nobody_else_may_look_into_the_cache(server: S3Server) -> None:
    run("tree", sample(server, "nexus"), on=server)
    assert stat.S_IMODE(os.stat(directory()).st_mode) == 0o700


def test_local_files_are_not_cached() -> None:
    for _ in range(2):
        assert not run("tree", file("nexus"), "--json").json["cached"]
    assert run("cache", "info", "--json").json["entries"] == 0


def test_no_cache_leaves_nothing(server: S3Server) -> None:
    run("tree", sample(server, "nexus"), "--no-cache", on=server)
    assert not Path(directory()).exists()


def test_a_cache_that_cannot_be_used_costs_no_command(server: S3Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    broken = {"H5S3_CACHE_DIR": str(tmp_path / "file")}
    result = run("tree", sample(server, "nexus"), "--stats", on=server, **broken)
    assert result.code == 0 and "entry/" in result.out
    assert result.err.endswith(" · the cache cannot be used (FileExistsError)\n")
    assert run("cache", "info", **broken).lines[-1] == "problem  cannot be used (FileExistsError)"
    assert run("cache", "info", "--json", **broken).json["problem"] == "cannot be used (FileExistsError)"
    line = run("cache", "clear", **broken).failed(1)
    assert line == f"{tmp_path / 'file'}: the cache cannot be used (FileExistsError)"


def test_a_changed_object_is_never_answered_from_before(server: S3Server) -> None:
    for name, count in (("contiguous", 3), ("nexus", 1)):
        server.put_file("cli", "replaced.h5", file(name))
        found = run("tree", "s3://cli/replaced.h5", "--refresh", "--json", on=server).json
        assert (found["num_children"], found["cached"]) == (count, False)


def test_blocks_are_shared_between_commands(server: S3Server) -> None:
    where = sample(server, "netcdf4")
    with Proxy(server) as proxy:
        there = server.at(proxy.url)
        run("tree", where, on=there)
        proxy.reset()
        for command in (("meta", "/sst"), ("meta", "/"), ("tree", "-r", "--attrs")):
            assert run(command[0], where, *command[1:], on=there).code == 0
        assert proxy.count() == 0


@pytest.mark.parametrize("command", DOCUMENTS)
def test_schemas(command: str) -> None:
    result = run("schema", command)
    schema = json.loads("\n".join(result.lines))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    name = schema["$ref"].rpartition("/")[2]
    assert schema["$defs"][name]["properties"]["schema"]["enum"] == [f"h5s3/{command}/1"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": f"h5s3/{command}/1"}, schema)


def test_the_version() -> None:
    assert run("--version").lines == [f"h5s3 {__version__}"]


def test_the_help_names_commands_and_exit_codes() -> None:
    for option in ("--help", "-h"):
        text = " ".join(run(option).out.split())
        assert all(f" {name.split()[0]} " in text for name in COMMANDS)
        assert "Exit codes: 0 done, 2 usage, 3 not found, 4 access denied, 5 network" in text
        assert "6 not HDF5 or damaged, 7 changed while read, 8 refused, 9 diff or check" in text


@pytest.mark.parametrize("command", ["", "cache"])
def test_without_a_command_the_help_is_shown(command: str) -> None:
    result = run(*command.split())
    assert (
        result.code == 2
        and "Usage: h5s3" in result.out + result.err
        and "Commands:" in result.out + result.err
    )


def options_of(command: str) -> dict[str, str]:
    """The options of a command, in all their forms, and what is said of each."""
    found: Any = get_command(application())
    for word in command.split():
        found = found.commands[word]
    forms = {form: param for param in found.params for form in (*param.opts, *param.secondary_opts)}
    return {form: param.help or "" for form, param in forms.items() if form.startswith("-")}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_worked_example(command: str) -> None:
    text = run(*command.split(), "--help").out
    examples = re.findall(rf"^    .*\bh5s3 ({command}\b.*)$", text, re.M)
    assert re.search(r"^  Examples?:$", text, re.M) and examples
    known = options_of(command)
    for example in examples:
        words = shlex.split(re.split(r"[|>)]", example)[0].rstrip('"'))
        assert {word for word in words if word.startswith("-")} <= set(known), example


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    text = " ".join(run(*command.split(), "--help").out.split())
    for form, explained in options_of(command).items():
        assert form in text and explained.endswith((".", "]", ")")), form
        assert explained.split()[0] in text


@pytest.mark.parametrize("command", ["ls", "tree", "meta", "preview", "bench"])
def test_the_common_options_are_everywhere(command: str) -> None:
    assert {*STORAGE, *RUN} <= set(options_of(command))
