"""What the functions of Python have in common: settings as keyword arguments, and sessions."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypedDict, TypeVar

from h5s3.explore.session import Session
from h5s3.settings import Settings, from_environment
from h5s3.storage.location import Location

Place = str | os.PathLike[str] | Location
Asking = TypeVar("Asking", bound=Callable[..., Any])


class SettingsArgs(TypedDict, total=False):
    """Settings, as on the command line. What is left out comes from the environment."""

    profile: str | None  # of the AWS config
    endpoint_url: str | None
    region: str | None
    access_key: str | None
    secret_key: str | None
    session_token: str | None
    bucket: str | None  # of keys that are given without one
    version_id: str | None  # of the object
    anon: bool  # requests are not signed
    request_payer: bool  # you pay
    no_cache: bool  # neither read nor written
    refresh: bool  # what was remembered of objects and listings does not count
    offline: bool  # the cache alone answers
    insecure: bool  # TLS without verification
    plugins: bool  # HDF5_PLUGIN_PATH counts for remote files too
    timeout: float | None  # seconds, for all of it
    max_bytes: int | None  # to be fetched


class VersionedArgs(SettingsArgs, total=False):
    """The same of questions that can read an older version of a table."""

    version: str | int | None  # its number, the id of a snapshot, or a time


class FollowingArgs(VersionedArgs, total=False):
    """The same of questions that can read the files that a file names."""

    follow: bool  # external links are followed to files beside this one, or below it
    follow_prefix: str | None  # or to files below this prefix
    follow_external: bool  # files of a table are read that lie elsewhere in the same storage


def asking(function: Asking) -> Asking:
    """Refuse names that are no settings, as Python does, and show all settings in `help`."""
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    said = str(signature.parameters["settings"].annotation)
    kinds = (FollowingArgs, VersionedArgs, SettingsArgs)
    named_ones = next(one for one in kinds if one.__name__ in said).__annotations__
    known = {one.name for one in own} | set(named_ones)

    @wraps(function)
    def asked(*arguments: Any, **named: Any) -> Any:
        for name in named:
            if name not in known:
                raise TypeError(f"{function.__name__}() got an unexpected keyword argument {name!r}")
        return function(*arguments, **named)

    defaults = Settings()
    for name, kind in named_ones.items():
        own.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=getattr(defaults, name),
                annotation=getattr(kind, "__forward_arg__", kind),
            )
        )
    asked.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
    return asked  # type: ignore[return-value]


def session_of(settings: SettingsArgs | VersionedArgs | FollowingArgs, here: bool = False) -> Session:
    """A session under these settings, with a cell of this program. `here`: files are read in this process."""
    chosen = replace(from_environment(), **settings)
    if here:
        return Session(chosen)
    from h5s3.cell.pool import lend

    cell = lend(chosen.max_bytes or 0)
    try:
        return Session(chosen, cell=cell)
    except BaseException:
        if cell is not None:
            cell.close()
        raise
