"""What can go wrong, each kind with the exit code a script can rely on."""

from __future__ import annotations


class H5s3Error(Exception):
    """A failure the user can understand: what happened, where, and what to try.

    `cause` and `hint` are plain text without markup. They never hold credentials or a signed query:
    whoever raises sees to that, and locations are shown through `Location.display`. In `hint`, `{location}`
    stands for the location as a word of a shell, once that is known.
    """

    exit_code = 1

    def __init__(self, cause: str, *, location: str = "", hint: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        return f"{where}{self.cause}" + (f"; {self.hint}" if self.hint else "")

    def at(self, location: str) -> H5s3Error:
        """Name the location, where the raiser did not know it."""
        self.location = self.location or location
        if "{location}" in self.hint:
            from shlex import quote

            self.hint = self.hint.replace("{location}", quote(self.location))
        return self


class UsageError(H5s3Error):
    """The command line cannot be understood (exit 2)."""

    exit_code = 2


class NoValuesError(UsageError):
    """Values, or their chunks, were asked of what has none, such as a group (exit 2)."""


class NotFoundError(H5s3Error):
    """No such bucket, key, local file or HDF5 path (exit 3)."""

    exit_code = 3


class NoBucketError(NotFoundError):
    """No such bucket (exit 3)."""


class AccessError(H5s3Error):
    """Missing, wrong or insufficient credentials (exit 4)."""

    exit_code = 4


class NetworkError(H5s3Error):
    """The wire or the server failed, or time ran out (exit 5)."""

    exit_code = 5


class TransientError(NetworkError):
    """A failure of the wire or the server that may be over when the request is repeated (exit 5)."""

    wait = 0.0  # seconds that the server asked for before that


class NotCachedError(NetworkError):
    """Working offline, and the cache does not hold the answer (exit 5)."""


class StoppedError(NetworkError):
    """Nobody waits for the answer any more (exit 5)."""


class DamagedError(H5s3Error):
    """Not HDF5, truncated, or damaged (exit 6)."""

    exit_code = 6


class KilledError(DamagedError):
    """The process that read it was killed: the file takes too much memory, or others did (exit 6)."""

    begun = True  # it had started, and may have been reading


class ChangedError(H5s3Error):
    """The object changed while it was read (exit 7)."""

    exit_code = 7


class RefusedError(H5s3Error):
    """Unsafe, or beyond a limit the user can raise (exit 8)."""

    exit_code = 8


def absence(cache: object) -> str:
    """Why a value that was looked for in a cache cannot be had."""
    problem = getattr(cache, "problem", None)  # tests have no cache, or a stand-in that never fails
    return f"the cache could not be used: it {problem}" if problem else "not in the cache"
