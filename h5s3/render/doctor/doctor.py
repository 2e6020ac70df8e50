"""A report as lines: a mark, a name, the evidence; what to do below."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from h5s3.records import UNSET, Doctor, Finding
from h5s3.render.console import WIDE, can_show_unicode, show, stdout
from h5s3.render.doctor.file import MARKS, file_lines, words
from h5s3.render.text import plural, redacted, safe

GROUPS = ("configuration", "connection", "bucket", "this machine")
PIPED = 80  # columns, where nobody says how many there are
NAME = 14  # columns of the longest name
LONGEST = 1000  # characters of one finding


def show_doctor(doc: Doctor) -> None:
    """Print a report."""
    there = stdout().width
    width, unicode = (PIPED if there >= WIDE else min(there, 120)), can_show_unicode()
    show(doctor_lines(doc, width, unicode), width)


def doctor_lines(doc: Doctor, width: int, unicode: bool) -> list[RenderableType]:
    """All of a report: the connection, the file, and the summary."""
    title = safe(doc.location) if doc.location is not UNSET else "this account and machine"
    where = f", at {safe(doc.endpoint)}" if doc.endpoint is not UNSET and doc.connection else ""
    lines: list[RenderableType] = [Text(title, style="bold").append(where, style="not bold")]
    for group in GROUPS:
        found = [finding for finding in doc.connection if finding.group == group]
        if found:
            lines += [Text(""), Text(group, style="bold"), _table(found, width, unicode)]
    return [*lines, *file_lines(doc, width, unicode), *_summary(doc, width, unicode)]


def _summary(doc: Doctor, width: int, unicode: bool) -> list[RenderableType]:
    """How it stands: the first failure is the cause of those that follow it, so it is told again."""
    found = doc.connection + (doc.file or [])
    failures, warnings = ([f for f in found if f.status == status] for status in ("failure", "warning"))
    counts = [plural(len(failures), "failure")] if failures else []
    counts += [plural(len(warnings), "warning")] if warnings else []
    text = ", ".join(counts) or "nothing is wrong"
    lines: list[RenderableType] = [Text(""), Text(text, style=MARKS[doc.status][1])]
    return [*lines, _table(failures[:1], width, unicode)] if failures else lines


def _table(findings: list[Finding], width: int, unicode: bool) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False, width=width)
    table.add_column(no_wrap=True, width=4, justify="right")
    table.add_column(no_wrap=True, width=NAME)
    table.add_column(overflow="fold", ratio=1)
    for finding in findings:
        mark, style = MARKS[finding.status]
        detail = words(redacted(finding.detail), unicode, LONGEST)
        dim = "dim" if finding.status == "unknown" else ""
        table.add_row(Text(mark, style=style), Text(safe(finding.name)), Text(detail, style=dim))
        if finding.remedy is not UNSET:
            arrow = "→" if unicode else "->"
            remedy = Text(f"{arrow} {words(redacted(finding.remedy), unicode, LONGEST)}", style="cyan")
            table.add_row(Text(""), Text(""), remedy)
    return table
