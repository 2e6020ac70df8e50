"""`h5s3 completion`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Shell(StrEnum):
    """Shells that have a script."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def script(shell: Shell) -> str:
    """What a shell has to read once."""
    return (Path(__file__).parent / f"h5s3.{shell.value}").read_text(encoding="utf-8")


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
    install: Annotated[
        bool, typer.Option("--install", help="Put the script where the shell finds it when it starts.")
    ] = False,
) -> None:
    """Print the script that has a shell complete what you type, or install it.

    On TAB commands and options are completed, buckets, prefixes and keys, paths inside files, names of
    attributes and profiles. Names come from the cache, else from one LIST or one look into the file; where
    they cannot be had in a second and a half, nothing happens.

    --install writes ~/.bash_completions/h5s3.sh and a line into ~/.bashrc, ~/.zfunc/_h5s3 and a line into
    ~/.zshrc, or ~/.config/fish/completions/h5s3.fish.

    \b
    Examples:
      h5s3 completion bash --install
      source <(h5s3 completion bash)
      h5s3 completion fish > ~/.config/fish/completions/h5s3.fish
    """
    if not install:
        typer.echo(script(shell), nl=False)
        return
    from typer import completion as typer_completion

    _, path = typer_completion.install(  # type: ignore[attr-defined]
        shell=shell.value, prog_name="h5s3"
    )
    path.write_text(script(shell), encoding="utf-8")
    typer.echo(f"wrote {path}: it takes effect in the next {shell.value} that is started")
