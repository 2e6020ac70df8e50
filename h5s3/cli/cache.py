"""`h5s3 cache`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from h5s3.cli.process.errors import guarded
from h5s3.errors import DamagedError

cache = typer.Typer(help="Show, verify or clear the persistent cache.")
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only check; change nothing.")]


@cache.command()
def info(as_json: Json = False) -> None:
    """Show where the cache is and what it holds.

    \b
    Example:
      h5s3 cache info --json
    """
    guarded(lambda: _info(as_json), debug=False)


def _info(as_json: bool) -> None:
    from h5s3.explore.cache import cache_info
    from h5s3.render.json import show_json

    found = cache_info()
    if as_json:
        show_json(found)
    else:
        from h5s3.render.cache import show_cache

        show_cache(found)


@cache.command()
def verify(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Check every entry, and repair what is damaged.

    Checks the owner and the mode of the directory, the database, and the form and the checksum of every
    entry. Bad entries are removed, the mode of the cache's folder is set right, and a database that cannot be
    repaired is removed: the next command makes a new one. Other commands may run at the same time.

    Exit codes: 0 nothing is wrong, or all of it is repaired; 6 something is still wrong (with --dry-run:
    anything is wrong); 1 the cache cannot be read at the moment.

    \b
    Examples:
      h5s3 cache verify
      h5s3 cache verify --dry-run --json
    """
    guarded(lambda: _verify(dry_run, as_json), debug=False)


def _verify(dry_run: bool, as_json: bool) -> None:
    from h5s3.explore.cache import verify_cache
    from h5s3.render.json import show_json

    found = verify_cache(mend=not dry_run)
    if as_json:
        show_json(found)
    else:
        from h5s3.render.cache import show_verified

        show_verified(found)
    if found.status == "damaged":
        raise typer.Exit(DamagedError.exit_code)


@cache.command()
def clear(as_json: Json = False) -> None:
    """Remove everything from the cache.

    \b
    Example:
      h5s3 cache clear
    """

    def work() -> None:
        from h5s3.explore.cache import clear_cache
        from h5s3.render.json import show_json
        from h5s3.render.text import plural

        found = clear_cache()
        if as_json:
            show_json(found)
        else:
            typer.echo(f"forgot {plural(found.entries, 'entry', 'entries')}")

    guarded(work, debug=False)


@cache.command()
def path(as_json: Json = False) -> None:
    """Print the directory of the cache.

    \b
    Example:
      du -sh "$(h5s3 cache path)"
    """

    def work() -> None:
        if as_json:
            from h5s3.explore.cache import cache_path
            from h5s3.render.json import show_json

            show_json(cache_path())
        else:
            from h5s3.settings import cache_directory

            found = cache_directory()
            if sys.stdout.isatty():
                from h5s3.render.text import safe

                typer.echo(safe(str(found), 4096))
            else:  # for scripts, exactly
                sys.stdout.buffer.write(os.fsencode(found) + b"\n")

    guarded(work, debug=False)
