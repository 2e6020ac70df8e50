"""Work sent to a Dask cluster: tasks in a bounded number, results as they come, nothing left behind.

`distributed` is imported when a cluster is asked for, and by nothing else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Any, TypeVar

from h5s3.errors import H5s3Error, NetworkError, UsageError
from h5s3.explore.session import Session
from h5s3.settings import Settings
from h5s3.storage.location import Location

LOCAL = "local"
SECONDS = 15  # that a scheduler has to answer, and a worker to appear
SENT = (  # of the settings: nothing that logs in
    "profile",
    "endpoint_url",
    "region",
    "anon",
    "request_payer",
    "insecure",
    "no_cache",
    "plugins",
    "max_bytes",
)
RETRIES = 3  # of one task that failed, or whose worker ended
FEWEST, EACH = 16, 4  # tasks on their way: at least, and for each thread of the cluster
T = TypeVar("T")
R = TypeVar("R")


class AgainError(Exception):
    """Raised by a task that may well succeed when it is done again."""


class Cluster:
    """A Dask cluster by the address of its scheduler (`tcp://…`), or one of this machine (`local`).

    A context manager. `announce` is told where the dashboard is. Raises `UsageError` where distributed is not
    installed or the address is none, `NetworkError` where no scheduler or no worker answers.
    """

    def __init__(self, address: str, announce: Callable[[str], None] = lambda text: None) -> None:
        if address != LOCAL and "://" not in address:
            raise UsageError(
                f"--dask {address}: no address", hint="give one such as tcp://host:8786, or local"
            )
        self._distributed = _library()
        self._address, self._announce = address, announce
        self._cluster: Any = None
        self._client: Any = None

    def __enter__(self) -> Cluster:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in one line
        try:
            if self._address == LOCAL:
                self._cluster = self._distributed.LocalCluster(
                    n_workers=os.cpu_count() or 1,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
            where = self._address if self._cluster is None else self._cluster
            self._client = self._distributed.Client(where, timeout=SECONDS, set_as_default=False)
            self._client.wait_for_workers(1, timeout=SECONDS)
        except (OSError, ValueError) as error:  # a time-out is one
            self.__exit__(None, None, None)
            what = "no worker is there" if self._client is not None else "no Dask scheduler answers"
            raise NetworkError(f"{what} ({type(error).__name__})", location=self._address) from None
        except BaseException:
            self.__exit__(None, None, None)
            raise
        threads = self._threads()
        count = "1 thread" if threads == 1 else f"{threads} threads"
        self._announce(f"dask: {count} of workers, dashboard {self._client.dashboard_link}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self._client, self._cluster):
            if one is not None:
                with suppress(OSError, TimeoutError, RuntimeError):
                    one.close(timeout=SECONDS)

    def results(self, do: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """What a function of a module gives for each item, in any order; items are taken as they can be sent.

        A task whose worker ends, or that raises `AgainError`, is done again. Where something fails, or the
        caller stops, what was sent is cancelled. Raises `H5s3Error` for a task that cannot be done.
        """
        coming = self._distributed.as_completed(loop=self._client.loop)
        sent: set[Any] = set()
        todo = iter(items)

        def send(count: int) -> None:
            for item in islice(todo, count):
                future = self._client.submit(do, item, pure=False, retries=RETRIES)
                sent.add(future)
                coming.add(future)

        try:
            send(max(FEWEST, EACH * self._threads()))
            for future in coming:
                sent.discard(future)
                yield self._result(future)
                del future
                send(1)
        finally:
            if sent:
                with suppress(Exception):  # whatever ends it is told already
                    self._client.cancel(list(sent), force=True)

    def _threads(self) -> int:
        counts: dict[str, int] = self._client.nthreads()
        return max(1, sum(counts.values()))

    def _result(self, future: Any) -> Any:
        try:
            return future.result()
        except H5s3Error:
            raise
        except AgainError as error:
            raise NetworkError(str(error), location=self._address) from None
        except self._distributed.KilledWorker:
            raise H5s3Error(
                f"more than {RETRIES} workers ended while they did one task",
                location=self._address,
                hint="they may have too little memory",
            ) from None
        except Exception as error:  # noqa: BLE001 - whatever a worker can raise
            said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            hint = "workers need the same release of h5s3"
            raise H5s3Error(
                f"the cluster could not do it: {said}", location=self._address, hint=hint
            ) from None


def _library() -> Any:
    try:
        import distributed
    except ImportError:
        raise UsageError("a Dask cluster needs distributed", hint="pip install 'h5s3[dask]'") from None
    return distributed


def settings_for(session: Session, locations: Sequence[Location], credentials: bool) -> Settings:
    """What workers are told: credentials they have of their own, unless those of this process are to be sent.

    Raises `UsageError` for a URL that holds some, and `AccessError` where there are none to send.
    """
    for location in locations:
        if location.unsigned != location and not credentials:
            raise UsageError(
                "its URL holds a signature or a password, which workers would be given",
                location=location.display,
                hint="--dask-pass-credentials sends it",
            )
    told = Settings(**{name: getattr(session.settings, name) for name in SENT})
    if credentials and any(location.kind == "s3" for location in locations):
        from h5s3.storage.stores.s3_client import with_credentials

        return with_credentials(session.settings, told)
    return told


def absolute(location: Location) -> Location:
    """A location as workers know it, which stand in other folders."""
    return replace(location, key=os.path.abspath(location.key)) if location.kind == "local" else location
