"""Differences as lines with `+`, `-` and `~`, under the object that they are of; a last line counts them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from h5s3.records import UNSET, Changed, Diff, NotCompared, OnOneSide, Renamed
from h5s3.render.columns import Cell, Line, print_lines, width_of
from h5s3.render.console import Symbols, output_symbols, stdout
from h5s3.render.text import plural, safe, shape
from h5s3.render.value_text import null_word

LONGEST_PATH = 2000
LONGEST = 400  # characters of one value
LEAST = 24  # columns of a screen that two values have at the least
CONTEXT = 8  # characters before the first that differs of long texts
STYLES = {"+": "green", "-": "red", "~": "yellow", ">": "cyan", "?": "faint"}
WORDS = {"soft_link": "soft link", "external_link": "external link", "hard_link": "hard link"}
DIMENSIONS = ("shape", "maxshape", "chunks", "shards")
Event = Any  # of explore.diff.compare


class Shown:
    """Prints differences as they come, those of one object together."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        """`before`: called before lines are printed."""
        self._before = before
        self._console, self._symbols = stdout(), output_symbols()
        self._width = self._console.width if self._console.is_terminal else 0
        self._path = ""
        self._events: list[tuple[str, Any]] = []
        self._folded: tuple[str, OnOneSide, int] | None = None  # an object and how many there are below it

    def take(self, event: Event) -> None:
        """One difference. They come in the order of paths."""
        sign, what = _signed(event)
        if sign in "+-" and what.type != "attribute":
            self._take_object(sign, what)
            return
        if what.path != self._path or not self._events if sign != ">" else True:
            self._flush()
        if sign == ">":
            self._print([_renamed(what, self._symbols)])
            return
        self._path = what.path
        self._events.append((sign, what))

    def _take_object(self, sign: str, what: OnOneSide) -> None:
        held = self._folded
        if held is not None and held[0] == sign and what.path.startswith(held[1].path.rstrip("/") + "/"):
            self._folded = (sign, held[1], held[2] + 1)
            return
        self._flush()
        self._folded = (sign, what, 0)

    def _flush(self) -> None:
        if self._folded is not None:
            sign, what, below = self._folded
            self._folded = None
            self._print([_alone(sign, what, below, self._symbols)])
        if self._events:
            events, self._events = self._events, []
            self._print(object_lines(self._path, events, self._width, self._symbols))

    def _print(self, lines: Sequence[Line]) -> None:
        self._before()
        print_lines(self._console, lines, fold=True)
        self._console.file.flush()

    def end(self, found: Diff) -> None:
        """What remains, and the count."""
        self._flush()
        if found.table is not UNSET and not found.table.same:
            from h5s3.render.tables.diff import table_diff_lines  # what is none ends without it

            self._print(table_diff_lines(found.table, self._symbols))
        self._print([summary(found)])


def _signed(event: Event) -> tuple[str, Any]:
    if isinstance(event, Changed):
        return "~", event
    if isinstance(event, Renamed):
        return ">", event
    if isinstance(event, NotCompared):
        return "?", event
    return ("+" if type(event).__name__ == "Added" else "-"), event.what


def _path(text: str) -> Cell:
    return (safe(text, LONGEST_PATH), "")


def _alone(sign: str, what: OnOneSide, below: int, symbols: Symbols) -> Line:
    text = safe(what.path, LONGEST_PATH) + ("/" if what.type == "group" and what.path != "/" else "")
    line: Line = [(f"{sign} {text}", STYLES[sign])]
    if isinstance(what.target, str):
        words = WORDS.get(what.type, what.type)
        line += [(f" {symbols.arrow} {safe(what.target)}", "target"), (f"  ({words})", "faint")]
    elif what.type == "dataset":
        dims = shape(what.shape if isinstance(what.shape, list) else None, symbols.times)
        dims = "" if what.shape is UNSET else f"{dims} "
        line += [(f"  {dims}{safe(str(what.dtype), 60)}", "faint")]
    elif what.type == "group":
        line += [(f"  ({plural(below, 'object')} in it)" if below else "  (an empty group)", "faint")]
    else:
        line += [(f"  ({what.type})", "faint")]
    return line


def _renamed(what: Renamed, symbols: Symbols) -> Line:
    below = f", with {plural(what.num_below, 'object')} in it" if what.num_below else ""
    line = f"> {safe(what.a, LONGEST_PATH)} {symbols.arrow} {safe(what.b, LONGEST_PATH)}"
    return [(line, STYLES[">"]), (f"  (renamed{below})", "faint")]


def object_lines(path: str, events: Sequence[tuple[str, Any]], width: int, symbols: Symbols) -> list[Line]:
    """The lines of one object: its path, and below it what differs. `width`: of a screen; 0: none."""
    whole = [what for sign, what in events if sign == "?" and what.name is UNSET]
    sign = "?" if len(whole) == len(events) else "~"
    rows = list(_rows(events, symbols))
    longest = max((len(name) for _, name, *_ in rows), default=0)
    if width and longest > width // 2:
        longest = 0
    lines: list[Line] = [[(f"{sign} {safe(path, LONGEST_PATH)}", STYLES[sign])]]
    for mark, name, old, new, tail in rows:
        head: Line = [(f"  {mark} ", STYLES[mark]), (name.ljust(longest), STYLES[mark]), ("  ", "")]
        room = max(LEAST, width - width_of(head) - width_of([(tail, "")])) if width else 0
        lines.append([*head, *_values(old, new, room, symbols), (tail, "faint")])
    return lines


Row = tuple[str, str, str | None, str | None, str]  # mark, name, what was and is, and more


def _rows(events: Sequence[tuple[str, Any]], symbols: Symbols) -> Iterator[Row]:
    at = 0
    while at < len(events):
        sign, what = events[at]
        at += 1
        if sign in "+-":
            text = value_text(what.value, what.nan_count, what.inf_count, what.truncated)
            words = f"  ({safe(str(what.dtype), 60)}{_dims(what.shape, symbols)})"
            pair = (None, text) if sign == "+" else (text, None)
            yield sign, f"@{safe(str(what.name), 200)}", *pair, words
        elif sign == "?":
            name = "" if what.name is UNSET else f"@{safe(what.name, 200)}"
            yield "?", name, None, None, f"not compared: {safe(what.reason)}"
        elif what.attribute is UNSET:
            yield from _field(what, symbols)
        else:
            group = [what]
            while at < len(events) and getattr(events[at][1], "attribute", None) == what.attribute:
                group.append(events[at][1])
                at += 1
            yield _attribute(group, symbols)


def _dims(dims: Any, symbols: Symbols) -> str:
    return f" {shape(dims, symbols.times)}" if dims else ""


def _field(what: Changed, symbols: Symbols) -> Iterator[Row]:
    if what.field == "data":
        yield _data(what)
        return
    old, new = (_field_text(what.field, value, symbols) for value in (what.a, what.b))
    yield "~", what.field.replace("_", " "), old, new, ""


def _data(what: Changed) -> Row:
    """Values of a dataset: the first that differ, where they are, how many differ and by how much."""
    old = value_text(what.a, what.a_nan_count, what.a_inf_count)
    new = value_text(what.b, what.b_nan_count, what.b_inf_count)
    name = "data" if what.column is UNSET else f"data {safe(str(what.column), 200)}"
    place = f"[{','.join(map(str, what.first or []))}]" if what.first else ""
    verb = "differs" if what.num_different == 1 else "differ"
    words = f"{what.num_different:,} of {what.num_compared:,} {verb}"
    if what.num_not_finite:
        words += f", {what.num_not_finite:,} not finite"
    if isinstance(what.max_difference, float):
        words += f", {'the others ' if what.num_not_finite else ''}by up to {what.max_difference:.4g}"
    if isinstance(what.max_relative, float):
        words += f" (relative {what.max_relative:.4g})"
    return "~", name + place, old, new, f"  {words}"


def _field_text(name: str, value: Any, symbols: Symbols) -> str:
    if name in DIMENSIONS and (value is None or isinstance(value, list)):
        dims = "none" if value is None else shape(value, symbols.times)
        return dims.replace("None", "unlimited")
    if name == "filters":
        words = (" ".join([one["name"], *map(str, one["options"])]) for one in value or [])
        return safe(", ".join(words) or "none", LONGEST)
    if name == "codecs":
        return safe(", ".join(one["name"] for one in value or []) or "none", LONGEST)
    if name == "type" and isinstance(value, str):
        return WORDS.get(value, value)
    if value is None:
        return "none"
    return safe(value, LONGEST) if isinstance(value, str) else value_text(value)


def _attribute(group: Sequence[Changed], symbols: Symbols) -> Row:
    """The changes of one attribute in a row: its value, and behind it what else."""
    values = [one for one in group if one.field == "value"]
    rest = [one for one in group if one.field != "value"]
    name = f"@{safe(str(group[0].attribute), 200)}"
    words = [
        f"{one.field} {_field_text(one.field, one.a, symbols)} {symbols.arrow}"
        f" {_field_text(one.field, one.b, symbols)}"
        for one in rest
    ]
    if not values:
        return "~", name, None, None, ", ".join(words)
    one = values[0]
    old = value_text(one.a, one.a_nan_count, one.a_inf_count, one.a_truncated)
    new = value_text(one.b, one.b_nan_count, one.b_inf_count, one.b_truncated)
    if old == new:
        words.insert(0, "differs in what is not shown")
    return "~", name, None if old == new else old, new, f"  ({', '.join(words)})" if words else ""


# ---------------------------------------------------------------------------------------------- values


def value_text(value: Any, nans: Any = UNSET, infinities: Any = UNSET, truncated: Any = UNSET) -> str:
    """A JSON value in a line of safe text, numbers with all their digits, texts in quotes."""
    null = null_word(nans, infinities) if nans is not UNSET or infinities is not UNSET else "null"
    text = _text(value, null, 4 * LONGEST)
    return text + (" …" if truncated is True else "")


def _text(value: Any, null: str, most: int) -> str:
    if value is None:
        return null
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{safe(value, most)}"'
    if isinstance(value, list):
        return "[" + _joined((_text(item, null, most) for item in value), most) + "]"
    if isinstance(value, dict):
        return "{" + _joined((f"{safe(k)}: {_text(v, null, most)}" for k, v in value.items()), most) + "}"
    return repr(value)


def _joined(parts: Iterator[str], most: int) -> str:
    text = ""
    for number, part in enumerate(parts):
        text += (", " if number else "") + part
        if len(text) > most:
            return text[: most - 1] + "…"
    return text


def _values(old: str | None, new: str | None, room: int, symbols: Symbols) -> Line:
    """What was and what is, within so many columns (0: there is no screen); from where they differ."""
    if old is None or new is None:
        only = old if new is None else new
        return [(_cut(only, 0, room or LONGEST), "")] if only is not None else []
    arrow = f" {symbols.arrow} "
    each = max(LEAST // 2, (room - len(arrow)) // 2) if room else LONGEST
    if len(old) > each or len(new) > each:
        spare = max(0, room - len(arrow) - min(len(old), len(new))) if room else LONGEST
        each = max(each, spare) if min(len(old), len(new)) <= each else each
        start = max(0, _alike(old, new) - CONTEXT)
        start = start if len(old) > each or len(new) > each else 0
        old, new = _cut(old, start, each), _cut(new, start, each)
    return [(old, STYLES["-"]), (arrow, "faint"), (new, STYLES["+"])]


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cut(text: str, start: int, most: int) -> str:
    if len(text) <= most:
        return text
    shown = ("…" if start else "") + text[start:]
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def summary(found: Diff) -> Line:
    """The last line: how much differs, or that nothing does."""
    changed = {
        (one.path, one.field if one.attribute is UNSET else f"@{one.attribute}") for one in found.changed
    }
    counts = [
        f"{count:,} {word}"
        for count, word in (
            (len(found.added), "added"),
            (len(found.removed), "removed"),
            (len(found.renamed), "renamed"),
            (len(changed), "changed"),
        )
        if count
    ]
    left = [f"{len(found.not_compared):,} not compared"] if found.not_compared else []
    objects = f"{plural(found.num_objects, 'object')} and {plural(found.num_attributes, 'attribute')}"
    data = "" if found.data else "; values were not compared (--data)"
    if found.table is not UNSET:
        columns = plural(max(0, found.num_objects - 1), "column")
        objects = f"{columns} and {plural(found.num_attributes, 'property', 'properties')}"
        data = "; rows were not compared one by one"
        if not found.table.same:
            counts.append("other data")
    if counts:
        return [(", ".join(counts + left), "key"), (f"  (both have {objects}{data})", "faint")]
    word = "no difference found" if left else "identical"
    return [(", ".join([word, *left]), "key"), (f"  ({objects}{data})", "faint")]
