"""Why there is no answer, for who presses keys and types no commands."""

from __future__ import annotations

import re

from h5s3.errors import H5s3Error
from h5s3.render.text import redacted, safe

LONGEST = 1000
_OPTIONS = {  # whose names are taken out of messages; the longer ones first
    "with --slice": "by number",
    "use --slice": "choose by number",
    "--sel: ": "",
    "--sel ": "",
    "--column: a field ": "",
    "--column: ": "",
    "--column ": "",
    "--part ": "",
}
_COMMAND = re.compile(
    r"\bh5s3 [a-z]|(^|\s)-o\b|leave out --|--(columns|limit)\b"
)  # in a hint for who types commands


def error_text(error: H5s3Error, place: bool = False) -> str:
    """The cause, without options of commands, and what to try, unless that is a command line. `place`: and
    where."""
    where = f"{error.location}: " if place and error.location else ""
    hint = f"; {error.hint}" if error.hint and not _COMMAND.search(error.hint) else ""
    text = error.cause + hint
    for option, words in _OPTIONS.items():
        text = text.replace(option, words)
    return safe(redacted(where + text), LONGEST)
