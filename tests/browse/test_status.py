"""The last lines: long messages are read whole."""

from __future__ import annotations

import pytest

from h5s3.browse.lanes import Question
from h5s3.browse.widgets.status import HINT, MOST, State, status_lines
from h5s3.errors import AccessError, NotFoundError, RefusedError, UsageError
from h5s3.render.columns import width_of
from h5s3.render.screen.failures import error_text

RECEIPT = {"requests": 12, "bytes": 3_000_000, "seconds_waiting": 1.5, "cache_hits": 7}
LONG = "the bucket is not there; " * 8


def lines(width: int = 80, unicode: bool = True, **state: object) -> list[str]:
    given = State(receipt=RECEIPT, ahead=(0, 1 << 20), **state)  # type: ignore[arg-type]
    found = ["".join(part.text for part in line) for line in status_lines(given, width, unicode)]
    assert all(len(line) <= width for line in found)
    return found


@pytest.mark.parametrize("width", [20, 80, 200])
def test_a_message_takes_the_lines_that_it_needs(width: int) -> None:
    found = lines(width, said=LONG[:width])
    assert len(found) == 1 and "12 req" not in found[0]
    found = lines(width, told=LONG)
    words = [word for line in found for word in line.replace("…", " ").split()]
    assert words == LONG.split()[: len(words)] and len(found) <= MOST
    assert (found[-1][-1] == "…") == (len(words) < len(LONG.split()))


def test_without_a_message_there_is_one_line() -> None:
    (line,) = lines()
    assert line.startswith(HINT) and "12 req · 3.0 MB" in line
    (line,) = lines(asked=[question()])
    assert line.startswith("reading /x  ") and "12 req" in line


def test_what_is_read_ahead_hides_no_message() -> None:
    asked = [question(idle=True), question("value")]
    assert lines(said="copied", asked=asked)[0].startswith("copied")
    assert lines(told="5.0", asked=[*asked, question()])[0].startswith("reading /x and 2 more")


def test_hints_that_are_command_lines_are_left_out() -> None:
    known = NotFoundError("no such object", location="s3://b/k", hint="try: h5s3 ls s3://b/")
    assert (
        error_text(known) == "no such object" and error_text(known, place=True) == "s3://b/k: no such object"
    )
    assert error_text(UsageError("no folder", hint="create it, or choose another with -o")) == "no folder"
    assert error_text(UsageError("it does not fit", hint="leave out --raw")) == "it does not fit"
    hidden = RefusedError("the column a is encrypted", hint="choose others with --columns")
    assert error_text(hidden) == "the column a is encrypted"
    login = AccessError("access denied", hint="another --profile may have access")
    assert error_text(login).endswith("denied; another --profile may have access")
    long = UsageError("--sel: no dimension x with coordinates", hint="use --slice")
    assert error_text(long) == "no dimension x with coordinates; choose by number"
    assert error_text(NotFoundError("no a", hint="did you mean b?")) == "no a; did you mean b?"


def test_what_is_under_way_is_called_by_its_verb() -> None:
    asked = Question("write", "/x.csv", lambda session: None, lambda found: None, verb="writing")
    assert lines(asked=[asked])[0].startswith("writing /x.csv  ")


def test_wide_names_leave_room_for_the_receipt() -> None:
    asked = Question("pane", "長い" * 30, lambda session: None, lambda found: None)
    (line,) = lines(asked=[asked])
    assert width_of([(line, "")]) <= 80 and line.endswith("wait")


def test_a_filter_is_told_before_the_counter() -> None:
    kept = "no name of 1,018 loaded with a_wave_that_is_not_there_at_all; Esc shows all"
    (line,) = lines(kept=kept, asked=[question(idle=True)])
    assert line == kept
    (line,) = lines(kept="only names; Esc shows all")
    assert line.startswith("only names; Esc shows all  ") and "12 req" in line


def question(group: str = "pane", idle: bool = False) -> Question:
    return Question(group, "/x", lambda session: None, lambda found: None, idle=idle)
