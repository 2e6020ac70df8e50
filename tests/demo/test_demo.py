"""The parts of the demo: what the samples hold, and that its server serves them and goes away."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import h5py
import hdf5plugin  # noqa: F401  (its filters, for reading)
import numpy as np
import pytest
from botocore.config import Config

from h5s3.demo import server as demo_server
from h5s3.demo.samples import Sample, make_samples
from h5s3.demo.server import DemoServer, serve
from h5s3.errors import NetworkError, UsageError

NAMES = ["scan_0042.nxs", "climate_2024.nc", "archive_10k.h5", "types_and_links.h5", "paged_run.h5"]


@pytest.fixture(scope="module")
def made(samples: Path) -> tuple[Path, list[Sample]]:
    told = json.loads((samples / "titles.json").read_text())
    return samples / "demo", [Sample(name, title) for name, title in told]


@pytest.fixture
def sample(made: tuple[Path, list[Sample]]) -> Iterator[Callable[[str], Any]]:
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(h5py.File(made[0] / name, "r"))


def test_every_sample_is_made_and_titled_and_small(made: tuple[Path, list[Sample]]) -> None:
    folder, samples = made
    assert [one.name for one in samples] == NAMES
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    assert all(one.title and "\n" not in one.title for one in samples)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 60e6


@pytest.mark.slow
def test_the_samples_are_the_same_each_time(made: tuple[Path, list[Sample]], tmp_path: Path) -> None:
    make_samples(tmp_path)
    for name in set(NAMES) - {"types_and_links.h5"}:  # h5py stamps the time on its virtual dataset
        assert (tmp_path / name).read_bytes() == (made[0] / name).read_bytes(), name


def test_nexus_scan(sample: Callable[[str], Any]) -> None:
    file = sample("scan_0042.nxs")
    entry = file[file.attrs["default"]]
    plot = entry[entry.attrs["default"]]
    stack = plot[plot.attrs["signal"]]
    assert [file.attrs["NX_class"], entry.attrs["NX_class"], plot.attrs["NX_class"]] == [
        "NXroot",
        "NXentry",
        "NXdata",
    ]
    assert (stack.shape, stack.dtype, stack.chunks) == ((60, 256, 256), np.uint16, (1, 256, 256))
    assert (stack.compression, stack.shuffle, stack.attrs["units"]) == ("gzip", True, "counts")
    assert stack == entry["instrument/detector/data"]  # the same object
    assert isinstance(plot.get("omega", getlink=True), h5py.SoftLink)
    assert plot["omega"].shape == (60,) and plot["omega"].attrs["units"] == "deg"
    external = entry["instrument/detector"].get("flatfield", getlink=True)
    assert isinstance(external, h5py.ExternalLink) and external.filename.startswith("calibration/")
    assert entry["monitor/data"].shape == (60,) and entry["start_time"].asstr()[()].startswith("2024-03-14T")
    first, last = stack[0].astype(int), stack[-1].astype(int)
    assert 100 < first.max() < 1000 and np.argmax(first) != np.argmax(last)  # the spots move


def test_climate(sample: Callable[[str], Any]) -> None:
    file = sample("climate_2024.nc")
    t2m, precip = file["t2m"], file["precip"]
    assert (t2m.shape, t2m.dtype, t2m.maxshape[0]) == ((36, 181, 360), np.int16, None)
    assert file.attrs["Conventions"] == b"CF-1.10" and "_NCProperties" in file.attrs
    assert [t2m.dims[axis].keys() for axis in range(3)] == [["time"], ["lat"], ["lon"]]
    assert [int(file[name].attrs["_Netcdf4Dimid"]) for name in ("time", "lat", "lon")] == [0, 1, 2]
    assert t2m.attrs["_FillValue"].dtype == t2m.dtype and precip.attrs["_FillValue"].dtype == precip.dtype
    there = t2m[...] != t2m.attrs["_FillValue"][0]
    assert 0.2 < there.mean() < 0.5  # land, Antarctica widened by the grid
    kelvin = np.where(there, t2m[...] * t2m.attrs["scale_factor"] + t2m.attrs["add_offset"], np.nan)
    assert 200 < np.nanmin(kelvin) < 240 and 300 < np.nanmax(kelvin) < 325
    assert np.nanmean(kelvin[18, 20:60]) > np.nanmean(kelvin[0, 20:60]) + 10  # northern summer
    assert precip[0, 0, 0] > 1e36 and 0 <= precip[0, 90].max() < 200


def test_archive(sample: Callable[[str], Any]) -> None:
    file = sample("archive_10k.h5")
    assert file.id.get_create_plist().get_version()[0] == 0  # the oldest superblock, so symbol tables
    assert len(file["events"]) == 10_000 and file["events"].attrs["count"] == 10_000
    assert file["events/ev_09999"].shape == (64,) and np.isfinite(file["events/ev_00000"][...]).all()
    assert file["catalog/events"].dtype.names == ("magnitude", "onset", "latitude", "longitude")


def test_every_datatype_class_is_there(sample: Callable[[str], Any]) -> None:
    seen, dtypes = set(), set()

    def visit(_: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            seen.add(found.id.get_type().get_class())
            dtypes.add(found.dtype.str)

    file = sample("types_and_links.h5")
    file.visititems(visit)
    h5t = h5py.h5t
    assert seen >= {h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.BITFIELD, h5t.OPAQUE, h5t.COMPOUND}
    assert seen >= {h5t.REFERENCE, h5t.ENUM, h5t.VLEN, h5t.ARRAY, h5t.COMPLEX}
    assert dtypes >= {f"{order}{code}" for order in "<>" for code in ("i2", "u8", "f2", "f8", "c16")}
    assert file["numbers/bool"].dtype == bool and file["numbers/long_double"].dtype == np.longdouble
    assert file["compound/committed"].id.get_type().committed()
    assert file["compound/nested"][0]["label"] == b"seven"
    assert file["strings/variable_utf8"].asstr()[1] == "日本"
    reference = file["other/region_reference"][0]
    assert file[reference].name == "/numbers/big_endian/i4"
    assert len(file.attrs) == 30


def test_every_layout_filter_and_link_is_there(sample: Callable[[str], Any]) -> None:
    file = sample("types_and_links.h5")
    image = file["storage/layout/contiguous"][...]
    layouts = {name: one.id.get_create_plist().get_layout() for name, one in file["storage/layout"].items()}
    assert layouts == {"compact": 0, "contiguous": 1, "chunked": 2, "virtual": 3}
    assert set(file["storage/filters"]) >= {"gzip", "lzf", "fletcher32", "blosc", "zstd", "lz4", "bshuf"}
    for name, one in file["storage/filters"].items():
        assert one.id.get_create_plist().get_nfilters() and np.array_equal(one[...], image), name
    space = file["storage/dataspace"]
    assert space["null"].shape is None and space["scalar"].shape == () and space["empty"].size == 0
    assert space["never_written"].id.get_storage_size() == 0 and space["unlimited"].maxshape == (None, 64)
    links = file["links"]
    assert links["hard"] == file["strings/variable_utf8"] and links["cycle"] == file["/"]
    kinds = {name: type(links.get(name, getlink=True)) for name in links}
    assert kinds["soft"] is kinds["dangling"] is h5py.SoftLink and kinds["external"] is h5py.ExternalLink
    assert "soft" in links and links.get("dangling") is None


def test_paged_run(sample: Callable[[str], Any], made: tuple[Path, list[Sample]]) -> None:
    file = sample("paged_run.h5")
    created = file.id.get_create_plist()
    assert created.get_file_space_strategy()[0] == h5py.h5f.FSPACE_STRATEGY_PAGE
    assert created.get_file_space_page_size() == 1 << 20
    assert (made[0] / "paged_run.h5").stat().st_size % (1 << 20) == 0
    assert len(file) == 51 and set(file["snapshot_049"]) == {"vorticity", "stream_function", "spectrum"}
    assert file["snapshot_049/vorticity"].shape == (128, 128)
    assert (np.diff(file["history/energy"]) < 0).all() and (np.diff(file["history/enstrophy"]) < 0).all()


@pytest.fixture
def buckets(tmp_path: Path) -> Path:
    (tmp_path / "buckets/lab/runs").mkdir(parents=True)
    (tmp_path / "buckets/lab/runs/one.h5").write_bytes(b"0123456789")
    (tmp_path / "buckets/other").mkdir()
    return tmp_path / "buckets"


def client(env: dict[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_DEFAULT_REGION"],
        config=Config(retries={"total_max_attempts": 1}, proxies={}, s3={"addressing_style": "path"}),
    )


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stops_listening(port: int) -> bool:
    deadline = time.monotonic() + 10
    while listening(port) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not listening(port)


def assert_gone(server: DemoServer) -> None:
    assert server.process.returncode is not None and not listening(server.port)
    with pytest.raises(ProcessLookupError):
        os.killpg(server.process.pid, 0)


def test_subfolders_are_buckets(buckets: Path) -> None:
    with serve(buckets) as server:
        s3 = client(server.env())
        assert {one["Name"] for one in s3.list_buckets()["Buckets"]} == {"lab", "other"}
        assert [one["Key"] for one in s3.list_objects_v2(Bucket="lab")["Contents"]] == ["runs/one.h5"]
        assert s3.get_object(Bucket="lab", Key="runs/one.h5", Range="bytes=2-4")["Body"].read() == b"234"
    assert_gone(server)


def test_only_the_key_of_this_run_opens_it_and_only_for_reading(buckets: Path) -> None:
    with serve(buckets) as server, serve(buckets) as second:
        assert server.endpoint_url != second.endpoint_url
        assert server.secret_key != second.secret_key and server.secret_key not in repr(server)
        with pytest.raises(botocore.exceptions.ClientError) as failure:
            client(second.env() | {"AWS_ENDPOINT_URL": server.endpoint_url}).list_objects_v2(Bucket="lab")
        assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        with pytest.raises(botocore.exceptions.ClientError):
            client(server.env()).put_object(Bucket="lab", Key="new", Body=b"x")
    assert not (buckets / "lab/new").exists()


def test_exports_are_the_environment(buckets: Path) -> None:
    with serve(buckets) as server:
        lines = [f"export {name}={value}" for name, value in server.env().items()]
    assert server.exports() == lines
    assert lines[0].startswith("export AWS_ENDPOINT_URL=http://127.0.0.1:")
    assert lines[3] == "export AWS_DEFAULT_REGION=us-east-1"


def test_rclone_settings_of_the_user_do_not_reach_it(buckets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCLONE_CONFIG", "/not/there/rclone.conf")
    monkeypatch.setenv("RCLONE_BASEURL", "elsewhere")
    monkeypatch.setenv("RCLONE_LOG_FILE", str(buckets / "rclone.log"))
    with serve(buckets) as server:
        assert client(server.env()).list_objects_v2(Bucket="lab")["KeyCount"] == 1
    assert not (buckets / "rclone.log").exists()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_it_ends_with_the_block_however_that_ends(buckets: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), serve(buckets) as server:
        raise error
    assert_gone(server)
    server.close()  # a second time does nothing


def test_it_ends_when_we_are_killed(buckets: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from h5s3.demo.server import serve\n"
        "with serve(Path(sys.argv[1])) as server: print(server.port, flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code, str(buckets)]
    aside = {**os.environ, "TMPDIR": str(tmp_path)}  # who is killed removes no folder
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=aside) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        assert listening(port)
        process.send_signal(signal.SIGKILL)
    assert stops_listening(port)


def test_ctrl_c_in_the_terminal_does_not_reach_it(buckets: Path) -> None:
    with serve(buckets) as server:
        assert os.getpgid(server.process.pid) != os.getpgid(0)
        assert os.getsid(server.process.pid) != os.getsid(0)


def test_without_rclone_it_says_what_to_install(
    buckets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError) as failure, serve(buckets):
        pass
    assert failure.value.hint == "pip install 'h5s3[demo]'" and "rclone" in failure.value.cause


def fake_rclone(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "rclone"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(demo_server, "find_rclone", lambda: str(program))


def test_a_server_that_fails_is_reported_with_its_log(
    buckets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_rclone(tmp_path, "import sys; sys.exit('no such command: serve s3')", monkeypatch)
    with pytest.raises(NetworkError, match="status 1: no such command: serve s3"), serve(buckets):
        pass


def test_a_server_that_never_listens_is_given_up(
    buckets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "port"
    script = f"""import pathlib, signal, socket, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
held = socket.create_server(("127.0.0.1", 0))
pathlib.Path({str(told)!r}).write_text(str(held.getsockname()[1]))
time.sleep(60)"""
    fake_rclone(tmp_path, script, monkeypatch)
    wait = DemoServer.wait_ready

    def wait_ready(self: DemoServer, seconds: float) -> None:
        until = time.monotonic() + 20
        while not (told.exists() and told.read_text()) and time.monotonic() < until:
            time.sleep(0.01)  # until it is deaf to SIGTERM
        wait(self, seconds)

    monkeypatch.setattr(DemoServer, "wait_ready", wait_ready)
    monkeypatch.setattr(demo_server, "START_SECONDS", 0.2)
    monkeypatch.setattr(demo_server, "STOP_SECONDS", 0.2)
    with pytest.raises(NetworkError, match=r"not ready within 0\.2 s"), serve(buckets):
        pass
    assert stops_listening(int(told.read_text()))
