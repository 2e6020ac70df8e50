"""Writing while the next values are decoded."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Behind:
    """One piece of work at a time in a thread of its own, which touches nothing of h5py.

    The thread is no daemon: what it writes to must not be closed before it has ended.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Begin with this once what was begun before is done. Raises what that raised."""
        self.wait()

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised to who waits
                self._error = error

        self._thread = threading.Thread(target=run, name="h5s3-write")
        try:
            self._thread.start()
        except RuntimeError:  # the system gives no thread
            self._thread = None
            work()

    def wait(self) -> None:
        """Until what was begun is done. Raises what it raised."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def end(self) -> None:
        """The same where something failed already."""
        if self._thread is not None:
            self._thread.join()
        self._thread = self._error = None
