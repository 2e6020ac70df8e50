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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from h5s3.errors import NetworkError

SOON = 0.05  # seconds in which the main thread usually hears a signal
TRIES = 20
raised: list[int] = []  # signals that interrupted, so far
WAKE: Any = getattr(signal, "SIGURG", None)  # ignored by default: sent to the main thread to end its wait
interrupts: list[int] = [signal.SIGINT]  # the first stands for Ctrl-C: in a guarded process another signal
_instead: list[Callable[[], object]] = []  # what an interrupt does in place of being raised, the last of them
_heard = threading.Event()
_ending = threading.Event()


def listen(number: int = signal.SIGINT) -> None:
    """Make sure from now on that the main thread notices Ctrl-C, or the signal that stands for it."""
    sys.unraisablehook = _again
    ours = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    if WAKE is None or signal.getsignal(number) is not ours:
        return
    interrupts.clear()
    received, sent = os.pipe()
    os.set_blocking(sent, False)
    interrupt_on(number)
    signal.signal(WAKE, lambda *_: None)
    signal.set_wakeup_fd(sent, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(received,), daemon=True, name="h5s3-interrupts").start()


def interrupt_on(number: int) -> None:
    """Have this signal, too, end the command as Ctrl-C does: what was begun is cleared away."""
    interrupts.append(number)
    signal.signal(number, _interrupted)


def _interrupted(number: int, frame: FrameType | None) -> None:
    _heard.set()
    if _instead:
        _instead[-1]()
        return
    raised.append(number)
    signal.default_int_handler(number, frame)


@contextmanager
def interrupts_call(function: Callable[[], object]) -> Iterator[None]:
    """Have interrupts call a function, for loops of events: what is raised in the middle of one may leave it
    waiting for ever, or the terminal as it is."""
    _instead.append(function)
    try:
        yield
    finally:
        _instead.pop()


@contextmanager
def put_off() -> Iterator[None]:
    """Have interrupts wait for the end of a short step, such as to make what is cleared away afterwards."""
    came: list[int] = []
    with interrupts_call(lambda: came.append(interrupts[0])):
        yield
    if came:
        raised.extend(came)
        raise KeyboardInterrupt


def check() -> None:
    """Raise again what a library swallowed: whoever gets here was not stopped by the interrupt that came."""
    if raised:
        _ending.set()
        raise KeyboardInterrupt


def settle() -> None:
    """The command has ended: whatever comes now is too late, and would only disturb the leaving."""
    _ending.set()
    for number in interrupts:
        if signal.getsignal(number) is _interrupted:
            signal.signal(number, signal.SIG_IGN)


def _watch(received: int) -> None:
    """Wake the main thread until it has heard of each Ctrl-C that came."""
    while numbers := os.read(received, 1):
        if numbers[0] not in interrupts:
            continue
        for _ in range(TRIES):
            if _heard.wait(SOON):
                break
            signal.pthread_kill(threading.main_thread().ident or 0, WAKE)
        _heard.clear()


def _again(unraisable: Any) -> None:
    """Have an interrupt come again that was raised where it is dropped, and the end of a time limit, too."""
    if isinstance(unraisable.exc_value, NetworkError):
        if hasattr(signal, "SIGALRM") and callable(signal.getsignal(signal.SIGALRM)):
            signal.setitimer(signal.ITIMER_REAL, SOON)
    elif isinstance(unraisable.exc_value, KeyboardInterrupt):
        again = threading.Timer(0.02, _interrupt)  # not from here: it would be dropped as well
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt() -> None:
    if _ending.is_set():
        return
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, interrupts[0])
    else:
        _thread.interrupt_main()


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Let `--timeout` end even what does not look at the clock."""
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    def expire(number: int, frame: FrameType | None) -> Any:
        raise NetworkError(f"not done within {seconds:g} s", hint="raise --timeout")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds + 0.2)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # one that comes while the timer is stopped
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def until_interrupted() -> None:
    """Wait for Ctrl-C, or a signal that stands for it: the way in which servers are ended."""
    with suppress(KeyboardInterrupt):
        check()
        threading.Event().wait()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the command as Ctrl-C does: what is half written is cleared away."""
    before: dict[Any, Any] = {}
    with suppress(ValueError):  # not the main thread
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.SIG_DFL
                interrupt_on(number)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
