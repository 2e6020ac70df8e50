"""`h5s3 serve`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from h5s3.cli.options import Common
from h5s3.cli.process.signals import ended_by_signals, until_interrupted
from h5s3.errors import AccessError, UsageError

if TYPE_CHECKING:
    from h5s3.explore.serve.server import Server
    from h5s3.explore.session import Session
    from h5s3.storage.location import Location


def serve(
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="A folder, or s3://bucket/prefix.")],
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0 takes a free one.")
    ] = 8000,
    host: Annotated[
        str,
        typer.Option("--host", metavar="HOST", help="Address to listen on; 0.0.0.0 for other machines, too."),
    ] = "127.0.0.1",
    cors: Annotated[
        list[str] | None,
        typer.Option(
            "--cors",
            metavar="ORIGIN",
            help="Let pages of this origin read, such as https://viewer.example.org; may be repeated.",
        ),
    ] = None,
    *,
    common: Common,
) -> None:
    """Serve a folder or a prefix read-only over HTTP, for viewers.

    GET and HEAD with byte ranges and ETags, for viewers in a browser and for programs that read URLs: private
    objects are read with your credentials, and nobody else needs them. Only this machine can connect unless
    --host says otherwise: there is no password. Pages in a browser may read nothing but with --cors.

    Names are those below LOCATION. Nothing above it is served, no symbolic link out of it, nothing that
    begins with a dot but the documents of Zarr stores (.zarray, .zattrs, .zgroup, .zmetadata), and no
    listings. Ctrl-C ends it.

    \b
    Examples:
      h5s3 serve ./data
      h5s3 serve s3://bucket/stores/ --port 9000 --cors https://viewer.example.org
    """
    with ended_by_signals(), common.session() as opened:
        if opened.settings.offline:
            raise UsageError("--offline asks no storage: nothing could be served")
        _serve(opened, opened.location(location), host, port, cors or [], common)


def _serve(
    session: Session, place: Location, host: str, port: int, origins: list[str], common: Common
) -> None:
    from h5s3.explore.serve.served import Served
    from h5s3.explore.serve.server import Server, running
    from h5s3.records import Serve
    from h5s3.render.diagnostics import announce

    served = Served(session, place)
    try:
        served.require()
    except AccessError as error:  # whoever may not list may still read
        announce(f"{place.display} cannot be listed ({error.cause}); objects are asked for all the same")
    server = Server(served, host, port, origins)
    with running(server):
        if not common.shown_as_json(
            Serve(location=place.display, url=server.url, origins=sorted(server.origins))
        ):
            _tell(server, place)
        until_interrupted()
    if not common.json:
        typer.echo("# ended")


def _tell(server: Server, place: Location) -> None:
    from h5s3.render.text import safe

    lines = [
        f"{safe(place.display, 1000)} is served at {server.url}",
        f'# zarr.open("{server.url}NAME.zarr", mode="r")',
        f'# xarray.open_dataset("{server.url}NAME.nc", engine="h5s3")',
    ]
    if not server.local:
        lines.append("# Whoever reaches this machine can read it.")
    if server.origins:
        lines.append(f"# Pages of {', '.join(sorted(server.origins))} may read it.")
    for line in [*lines, "# Ctrl-C ends it."]:
        typer.echo(line)
    sys.stdout.flush()
