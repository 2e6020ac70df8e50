"""How soon keys are answered in `browse` while a slow server delivers: `python -m tests.benchmarks.browse`.

Keys are sent to the screen of the demo's files behind a proxy that answers after a delay. Measured is how
long the loop that draws is kept from going on, and how long a key takes until what it does is drawn.

`--children 1000000`: the same for groups of so many children, in new-style and old-style HDF5, and a tenth of
that in a Zarr store, a hundredth below a prefix: opened, gone through to the end and back, filtered.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from textual.pilot import Pilot

from h5s3.browse.app import Browse
from h5s3.browse.places.items import starting
from h5s3.cell.host import Cell
from h5s3.cli.screen.browse import be_prompt
from h5s3.demo.samples import make_samples
from h5s3.explore.session import Session
from h5s3.settings import Settings
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import rclone_server

KEYS = (
    "down",
    "right",
    "down",
    "3",
    "down",
    "4",
    "down",
    "right",
    "1",
    "down",
    "2",
    "down",
    "up",
    "up",
    "6",
    "down",
)
PAUSE = 0.15  # seconds between keys


MANY = (("pagedown", 30), ("end", 1), ("pageup", 200), ("down", 200), ("p", 100))


async def measure(app: Browse, keys: int, size: tuple[int, int]) -> tuple[list[float], list[float]]:
    """Seconds that each key took, and by which the loop was late."""
    late: list[float] = []
    taken: list[float] = []

    async def watch() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.002)
            late.append(time.perf_counter() - begun - 0.002)

    async with app.run_test(size=size) as pilot:
        watching = asyncio.create_task(watch())
        for number in range(keys):
            begun = time.perf_counter()
            app.post_message(_key(KEYS[number % len(KEYS)]))
            await pilot.pause(0)
            taken.append(time.perf_counter() - begun)
            await asyncio.sleep(PAUSE)
        watching.cancel()
    return taken, late


async def measure_many(app: Browse, what: str) -> None:
    """Print how a large group, the first one below the place, is opened and moved through."""
    late: list[float] = [0.0]

    async def watch() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.002)
            late.append(time.perf_counter() - begun - 0.002)

    async with app.run_test(size=(200, 60)) as pilot:

        async def settled() -> float:
            begun, quiet = time.perf_counter(), 0
            await pilot.pause()
            while quiet < 5:
                await pilot.pause(0.01)
                quiet = 0 if app.busy or any(app.tree_view.unknown()) else quiet + 1
            return time.perf_counter() - begun

        def told(name: str, seconds: list[float]) -> None:
            slowest, waited = max(late), 1000 * max(seconds)
            late[:] = [0.0]
            middle = f"median {1000 * median(seconds):.1f} ms, " if len(seconds) > 1 else ""
            used = (_resident() - before) / 2**20
            words = f"{middle}longest {waited:.0f} ms, loop late by at most {1000 * slowest:.0f} ms"
            print(f"  {len(seconds)} × {name}: {words}; {used:.0f} MB", flush=True)

        await settled()
        before, watching = _resident(), asyncio.create_task(watch())
        await pilot.press("down")
        await settled()
        await pilot.press("right")
        print(f"{what}: first page after {await settled():.1f} s")
        for name, times in MANY:
            told(name, [await _pressed(app, pilot, name) for _ in range(times)])
            rest, count = await settled(), len(app.outline.shown)
            print(f"    all there after {rest:.1f} s: {count:,} rows, at {app.tree_view.cursor:,}")
            late[:] = [0.0]
        await pilot.press("slash")
        told("keys of a filter", [await _pressed(app, pilot, key) for key in "9988"])
        watching.cancel()


async def _pressed(app: Browse, pilot: Pilot[int], name: str) -> float:
    begun = time.perf_counter()
    app.post_message(_key(name))
    await pilot.pause(0)
    return time.perf_counter() - begun


def _resident() -> int:
    """Bytes of memory that this process has now; the cells are not in it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def many(folder: Path, children: int) -> None:
    """Make large groups, and measure them."""
    import h5py
    import zarr

    places: list[tuple[str, str]] = []
    for style in ("latest", "earliest"):
        path = folder / f"{style}.h5"
        with h5py.File(path, "w", libver=style) as file:
            group = file.create_group("many")
            target = h5py.h5d.create(file.id, b"x", h5py.h5t.STD_I16LE, h5py.h5s.create(h5py.h5s.SCALAR))
            for number in range(children):
                h5py.h5o.link(target, group.id, b"name_%07d" % number)
        places.append((f"{children:,} links, libver={style}", str(path)))
    store = folder / "store.zarr"
    root = zarr.open_group(store, mode="w", zarr_format=2)
    root.create_array("many/name", shape=(3,), chunks=(3,), dtype="i2")
    document = json.loads((store / "many/name/.zarray").read_text())
    held = {f"many/name_{number:07}/.zarray": document for number in range(children // 10)}
    held |= {".zgroup": {"zarr_format": 2}, "many/.zgroup": {"zarr_format": 2}}
    (store / ".zmetadata").write_text(json.dumps({"zarr_consolidated_format": 1, "metadata": held}))
    places.append((f"{children // 10:,} arrays, consolidated", str(store)))
    (folder / "bucket/many").mkdir(parents=True)
    for number in range(children // 100):
        (folder / f"bucket/many/name_{number:07}").touch()
    with rclone_server(folder) as server:
        os.environ.update(server.env())
        for what, place in [*places, (f"{children // 100:,} keys", "s3://bucket/")]:
            with Session(Settings(no_cache=True), cell=Cell()) as session:
                app = Browse(session, starting(session, session.location(place)))
                gc.freeze()  # what made the files is not in the command
                asyncio.run(measure_many(app, what))
                app.lanes.close()


def _key(name: str) -> object:
    from textual.events import Key

    return Key(name, name if len(name) == 1 else None)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.5, help="seconds before each answer of the server")
    parser.add_argument("--keys", type=int, default=160)
    parser.add_argument("--children", type=int, default=0, help="measure groups of so many instead")
    given = parser.parse_args()
    threading.Thread(target=be_prompt, daemon=True).start()
    with tempfile.TemporaryDirectory() as made:
        if given.children:
            return many(Path(made), given.children)
        make_samples(Path(made) / "demo")
        with rclone_server(Path(made)) as server, Proxy(server) as proxy:
            os.environ.update(server.at(proxy.url).env())
            for size in ((80, 24), (200, 60)):
                with Session(Settings(no_cache=True), cell=Cell()) as session:
                    app = Browse(session, starting(session, session.location("s3://demo/")))
                    proxy.delay = given.delay
                    taken, late = asyncio.run(measure(app, given.keys, size))
                    app.lanes.close()
                    proxy.delay = 0.0
                _show(size, given.delay, taken, late)


def _show(size: tuple[int, int], delay: float, taken: list[float], late: list[float]) -> None:
    ordered = sorted(taken)
    figures = {
        "median": median(ordered),
        "95 %": ordered[int(0.95 * (len(ordered) - 1))],
        "longest": ordered[-1],
        "loop late by at most": max(late),
    }
    words = ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in figures.items())
    print(f"{size[0]} × {size[1]}, {delay * 1000:.0f} ms a request, {len(taken)} keys: {words}")


if __name__ == "__main__":
    main()
