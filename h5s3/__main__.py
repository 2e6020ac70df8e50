"""`h5s3` and `python -m h5s3`."""

import signal

_before = signal.getsignal(signal.SIGINT)
if _before is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while it starts, Ctrl-C ends it without a word


def main() -> None:
    """Entry point of `h5s3`."""
    from h5s3.cli import main as run

    signal.signal(signal.SIGINT, _before)
    run()


if __name__ == "__main__":
    main()
