"""Matches: a line for each, on a terminal below the file that they are in."""

from __future__ import annotations

from collections.abc import Sequence

from h5s3.records import (
    UNSET,
    AttributedNode,
    DatasetNode,
    ExternalLinkNode,
    FileFailure,
    FoundFile,
    FoundName,
    GroupNode,
    Match,
    Searched,
    SoftLinkNode,
    UnresolvedNode,
    kind_of,
)
from h5s3.render.columns import Line, Row, align_with_tails, print_lines
from h5s3.render.console import output_symbols, stdout
from h5s3.render.text import plural, safe
from h5s3.render.tree import RIGHT, SPARE, cells_of
from h5s3.render.value_text import attribute_text

Found = Match | FoundName
LONGEST_PATH = 1000
LONGEST_VALUE = 60
MOST_NAMED = 10  # files that failed; --json has all


class Shown:
    """Prints what is found, as it is found: for people below the name of the file, else each line whole."""

    def __init__(self) -> None:
        self._console = stdout()
        self._last = ""  # the file that the last lines were of

    def matches(self, file: FoundFile, matches: Sequence[Found]) -> None:
        """Some of the matches in a file."""
        if not self._console.is_terminal:
            for one in matches:
                self._console.file.write(f"{plain_line(one)}\n")
        elif matches:
            heading: list[Line] = [[(safe(file.location, LONGEST_PATH), "key")]]
            if file.location != self._last:
                print_lines(self._console, [*([[("", "")]] if self._last else []), *heading], fold=True)
            self._last = file.location
            print_lines(self._console, match_lines(matches, self._console.width))
        self._console.file.flush()

    def file(self, file: FoundFile) -> None:
        """The name of a file alone."""
        self._console.file.write(f"{safe(file.location, LONGEST_PATH)}\n")
        self._console.file.flush()


def plain_line(one: Found) -> str:
    """Location, path and what it is, separated by tabs."""
    if isinstance(one, FoundName):
        what = one.kind.replace("_", " ")
        return "\t".join((safe(one.location, LONGEST_PATH), safe(one.path, LONGEST_PATH), what))
    words = [
        kind_of(one).replace("_", " ") + _target(one),
        *(text for text, _ in cells_of(one, output_symbols())),
        _more(one),
    ]
    what = "  ".join(filter(None, words))
    return "\t".join((safe(one.location, LONGEST_PATH), safe(one.path, LONGEST_PATH), what))


def match_lines(matches: Sequence[Found], width: int) -> list[Line]:
    """Paths, and beside them what they lead to and the values that were asked about."""
    symbols = output_symbols()
    rows: list[tuple[Row, tuple[str, str]]] = []
    for one in matches:
        if isinstance(one, FoundName):
            kind = one.kind if one.kind in ("group", "dataset") else "link"
            head = [("  ", ""), (safe(one.path, LONGEST_PATH), kind)]
            rows.append(((head, [(one.kind.replace("_", " "), "faint")]), ("", "")))
            continue
        kind = "dataset" if isinstance(one, DatasetNode) else "group"
        head = [("  ", ""), (safe(one.path, LONGEST_PATH), kind)]
        if isinstance(one, AttributedNode) and one.alias_of is not UNSET:
            head.append((_target(one), "faint"))
        elif not isinstance(one, DatasetNode | GroupNode):
            head.append((f"  ({kind_of(one).replace('_', ' ')}{_target(one)})", "faint"))
        rows.append(((head, cells_of(one, symbols)), (_more(one), "faint")))
    return list(align_with_tails(rows, width, RIGHT, SPARE))


def _target(one: Match) -> str:
    if isinstance(one, AttributedNode) and one.alias_of is not UNSET:
        return f" = {safe(one.alias_of, LONGEST_PATH)}"
    if isinstance(one, SoftLinkNode | ExternalLinkNode):
        return f" to {safe(one.target, LONGEST_PATH)}"
    return f": {safe(one.reason, LONGEST_VALUE)}" if isinstance(one, UnresolvedNode) else ""


def _more(one: Match) -> str:
    """Attributes, where these were asked about."""
    if not isinstance(one, AttributedNode) or one.attributes is UNSET:
        return ""
    shown = [f"@{safe(a.name, LONGEST_VALUE)} = {attribute_text(a, LONGEST_VALUE)}" for a in one.attributes]
    return "  ".join(shown)


def summary(files: Searched, num_matches: int, num_files: int) -> str:
    """How much was looked at, and how much of it matches."""
    text = f"{plural(num_matches, 'match', 'matches')} in {num_files:,} of {plural(files.searched, 'file')}"
    if files.cached:
        text += f" ({files.cached:,} from the cache)"
    if files.other:
        text += f"; {plural(files.other, 'object')} of other kinds not looked into"
    return text


def failure_lines(failures: Sequence[FileFailure], count: int | None = None) -> list[str]:
    """The files that could not be looked into, the first of them by name. `count`: where there are more."""
    if not failures:
        return []
    count = count or len(failures)
    lines = [f"{plural(count, 'file')} could not be looked into:"]
    lines += [
        f"  {safe(one.location, LONGEST_PATH)}: {safe(one.error, 500)}" for one in failures[:MOST_NAMED]
    ]
    if count > MOST_NAMED:
        lines.append(f"  and {count - MOST_NAMED:,} more; --json names all")
    return lines
