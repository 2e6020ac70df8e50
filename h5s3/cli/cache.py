"""`h5s3 cache`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.lean import LeanCommand, LeanGroup
from h5s3.cli.run import guarded

app = typer.Typer(cls=LeanGroup, help="The persistent cache: info, clear, path.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command(cls=LeanCommand)
def info(as_json: Json = False) -> None:
    """Show where the cache is and what it holds.

    \b
    Example:
      h5s3 cache info --json
    """
    guarded(lambda: _info(as_json), debug=False)


def _info(as_json: bool) -> None:
    from h5s3.explore.cached import cache_info
    from h5s3.render.console import show_json

    found = cache_info()
    if as_json:
        show_json(found)
    else:
        from h5s3.render.cache import show_cache

        show_cache(found)


@app.command(cls=LeanCommand)
def clear() -> None:
    """Forget everything.

    \b
    Example:
      h5s3 cache clear
    """

    def work() -> None:
        from h5s3.explore.cached import clear_cache
        from h5s3.render.text import plural

        typer.echo(f"forgot {plural(clear_cache(), 'entry', 'entries')}")

    guarded(work, debug=False)


@app.command(cls=LeanCommand)
def path() -> None:
    """Print the directory of the cache.

    \b
    Example:
      du -sh "$(h5s3 cache path)"
    """

    def work() -> None:
        from h5s3.settings import cache_directory

        typer.echo(str(cache_directory()))

    guarded(work, debug=False)
