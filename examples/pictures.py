"""Draw the README's pictures: what two commands show on a terminal, as SVG files.

usage: python examples/pictures.py [FOLDER]    (needs rclone: pip install 'h5s3[demo]')
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from h5s3.demo.samples import make_samples
from h5s3.demo.server import serve

COLUMNS, LINES = 80, 24
COMMANDS = {
    "tree.svg": "h5s3 tree s3://demo/scan_0042.nxs /entry -d 2",
    "preview.svg": "h5s3 preview s3://demo/climate_2024.nc /t2m --slice 6,:,: --only plot",
}


def picture(command: str, environment: dict[str, str]) -> str:
    """The SVG of a command and what it prints in colour."""
    terminal = {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "LINES": str(LINES), "COLORTERM": "truecolor"}
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        env={**os.environ, **environment, **terminal, "TERM": "xterm-256color"},
        stdout=subprocess.PIPE,
        check=True,
    )
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text(f"$ {command}", style="bold"))
        console.print(Text.from_ansi(done.stdout.decode()))
        return console.export_svg(title="h5s3", theme=MONOKAI)


def main(folder: Path) -> None:
    """Write every picture."""
    with tempfile.TemporaryDirectory() as made:
        make_samples(Path(made) / "demo")
        with serve(Path(made)) as server:
            environment = {**server.env(), "H5S3_CACHE_DIR": f"{made}/cache"}
            for name, command in COMMANDS.items():
                (folder / name).write_text(picture(command, environment))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
