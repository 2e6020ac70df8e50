"""Ctrl-C, heard wherever it lands.

Python looks for signals between its own instructions. One that arrives just before the main thread begins to
wait for the network is noticed when the wait ends, which may take as long as the server likes; one that is
raised in a callback of the garbage collector is dropped there.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

SOON = 0.05  # seconds in which the main thread usually hears a signal
TRIES = 20
raised: list[int] = []  # interrupts so far
WAKE: Any = getattr(signal, "SIGURG", None)  # ignored by default: sent to the main thread to end its wait


def listen() -> None:
    """From now on, see to it that the main thread hears of Ctrl-C."""
    sys.unraisablehook = _again
    if WAKE is None or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    heard = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        heard.set()
        raised.append(number)
        signal.default_int_handler(number, frame)

    received, sent = os.pipe()
    os.set_blocking(sent, False)
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(WAKE, lambda *_: None)
    signal.set_wakeup_fd(sent, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(received, heard), daemon=True, name="h5s3-interrupts").start()


def check() -> None:
    """Raise again what a library swallowed: whoever gets here was not stopped by the interrupt that came."""
    if raised:
        raise KeyboardInterrupt


def _watch(received: int, heard: threading.Event) -> None:
    """Wake the main thread until it has heard of each Ctrl-C that came."""
    while numbers := os.read(received, 1):
        if numbers[0] != signal.SIGINT:
            continue
        for _ in range(TRIES):
            if heard.wait(SOON):
                break
            signal.pthread_kill(threading.main_thread().ident or 0, WAKE)
        heard.clear()


def _again(unraisable: Any) -> None:
    """Have an interrupt come again that was raised where it is dropped."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        again = threading.Timer(0.02, _interrupt)  # not from here: it would be dropped as well
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()
