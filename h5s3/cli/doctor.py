"""`h5s3 doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from h5s3.cli.options import Reading


def doctor(
    location: Annotated[
        str | None,
        typer.Argument(
            metavar="LOCATION",
            help="s3://bucket, s3://bucket/key, https://… or a path; without it, the account.",
        ),
    ] = None,
    *,
    common: Reading,
) -> None:
    """Find what is wrong with a connection or a file, and the remedy.

    Checks the configuration (secrets are never shown), the way to the server, its clock, the identity that
    signs requests, what may be listed and read, this machine, and the layout of an HDF5 file. Each line
    begins with ok, !! (warning), xx (failure) or ?? (not known).

    Exit codes: 0 for no findings or only warnings, else the code of the first failure, as in other commands:
    2 a setting that makes no sense, 3 not found, 4 access, 5 network, 6 a damaged file, 8 a missing filter.

    \b
    Examples:
      h5s3 doctor
      h5s3 doctor s3://bucket/
      h5s3 doctor s3://bucket/scan.h5 --profile lab --json
    """
    from h5s3.explore.doctor.doctor import doctor as ask
    from h5s3.render.diagnostics import progress

    with common.session() as opened:
        place = opened.location(location) if location is not None else None
        with progress() as told:
            found = ask(opened, place, origins(common), told)
    if not common.shown_as_json(found):
        from h5s3.render.doctor.doctor import show_doctor

        show_doctor(found)
    looked_at = found.connection + (found.file or [])
    code = next((one.exit_code or 1 for one in looked_at if one.status == "failure"), 0)
    if code:
        raise typer.Exit(code)


def origins(common: Reading) -> dict[str, str]:
    """Whether an option or the env file gave what both can give."""
    given = {name: getattr(common, name) is not None for name in ("endpoint_url", "region")}
    names = {"endpoint_url": "--endpoint-url", "region": "--region"}
    return {name: names[name] if there else "the env file (--env-file)" for name, there in given.items()}
