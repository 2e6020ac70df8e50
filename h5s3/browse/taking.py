"""What is taken away: the place, a command or a line of Python that shows the same; files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from shlex import quote

from h5s3.browse.panes import Pane
from h5s3.browse.places.items import Item
from h5s3.browse.side import Side
from h5s3.browse.view import View
from h5s3.errors import UsageError
from h5s3.explore.get.get import GetRequest, get
from h5s3.explore.preview.color_limits import limited
from h5s3.explore.preview.preview import preview
from h5s3.explore.session import Session
from h5s3.formats.selection import parse_selection, text_of_selection
from h5s3.records import DatasetNode, Preview, Table
from h5s3.render.get import result_line
from h5s3.render.text import plural
from h5s3.sizes import size_text

PICTURES = (".png", ".svg")
STORED = (".h5", ".hdf5")  # which keep stored values, with what says how they are meant
TYPES = (".csv", ".npy", ".npz", ".json", ".parquet", ".h5", *PICTURES)
OPTIONS: dict[str, dict[str, bool]] = {
    "all": {"all": True},
    "raw": {"decode": False},
    "no-coords": {"coords": False},
    "decode": {"decode": True},
    "coords": {"coords": True},
}
WIDTH = 250  # columns of a picture
LONGEST = 60  # characters of a name that is proposed


def place_text(item: Item) -> str:
    """The path inside the file, or the location."""
    return item.path if item.kind == "node" else item.location.display


def command_text(item: Item, pane: Pane, view: View, rows: bool = False) -> str:
    """The command that shows the same. `rows`: of a table, of which it shows the first ones."""
    where = quote(item.location.display)
    if not item.inside:
        return f"h5s3 ls {where}"
    at = f"{where} {quote(item.path)}"
    if pane in ("meta", "attributes"):
        return f"h5s3 meta {at}" + (" --all-attrs" if pane == "attributes" else "")
    if pane == "layout":
        return f"h5s3 meta {at} --chunks" if item.is_array else f"h5s3 du {at}"
    words = [f"h5s3 preview {at}"]
    if view.selection is not None and not rows:
        words.append(f"--slice {quote(text_of_selection(view.selection))}")
    if view.display is not None:
        words.append(f"--display-dims {','.join(map(str, view.display))}")
    if view.column is not None:
        words.append(f"--column {quote(view.column)}")
    if view.part != "abs":
        words.append(f"--part {view.part}")
    words += [f"--{name}" for name in ("raw", "log") if getattr(view, name)]
    return " ".join(words + ([f"--only {pane}"] if pane in ("plot", "table") else []))


def python_text(item: Item, pane: Pane, view: View, decoded: bool = False) -> str:
    """A line of Python that gives the same. `decoded`: values are others than those that are stored."""
    where = repr(item.location.display)
    if not item.inside:
        return f"import h5s3; h5s3.ls({where})"
    if not item.is_array:
        if pane not in ("values", "plot", "table"):
            return f"import h5s3; h5s3.tree({where}, {item.path!r})"
        column = "" if view.column is None else f", column={view.column!r}"
        return f"import h5s3; h5s3.preview({where}, {item.path!r}{column})"
    words = "" if view.selection is None else f", selection={text_of_selection(view.selection)!r}"
    words += ", decode=True" if decoded else ""
    values = f"h5s3.get({where}, {item.path!r}{words})" + _field_text(item, view.column)
    if view.part == "phase":
        return f"import h5s3, numpy; numpy.angle({values})"
    return f"import h5s3; {values}" + (f".{view.part}" if view.part != "abs" else "")


def _field_text(item: Item, column: str | None) -> str:
    """The index of a field of NumPy's compounds; of one in a compound that is a field, two."""
    if column is None:
        return ""
    dtype = item.node.dtype if isinstance(item.node, DatasetNode) else ""
    names = _names_in(column, dtype) if "{" in dtype[1:] else [column]
    return "".join(f"[{name!r}]" for name in names)


def _names_in(column: str, dtype: str) -> list[str]:
    """The names of the fields that lead to one: each of them may have dots itself."""

    def is_one(name: str) -> bool:
        return f"{{{name}: " in dtype or f", {name}: " in dtype

    parts = column.split(".")
    if is_one(column):
        return [column]
    for count in range(1, len(parts)):
        first = ".".join(parts[:count])
        if is_one(first):
            return [first, *_names_in(".".join(parts[count:]), dtype)]
    return parts


def written_size(item: Item, view: View) -> str:
    """How much would be written, such as ` 1,000 values (8.0 kB)`; nothing where it is not known."""
    node = item.node
    if not isinstance(node, DatasetNode) or not node.size:
        return ""
    count = node.size if view.selection is None else prod(axis.count for axis in view.selection)
    size = size_text(count * node.nbytes // node.size)
    return f" {plural(count, 'value')} ({size})"


@dataclass(frozen=True)
class Output:
    """A file to write, and how: as `get` does with these options. `all`: not the part alone that is seen."""

    path: Path
    all: bool = False
    decode: bool = False
    coords: bool = False


def output_of(text: str, usual: Output) -> Output:
    """What was typed: a name, and behind it options, where it is not to be written as is `usual`. Raises
    `UsageError`."""
    name, *options = re.split(r"(?:^|\s+)--(?=\w)", text.strip())
    unknown = [option for option in options if option not in OPTIONS]
    if unknown:
        raise UsageError(f"no option --{unknown[0]} here", hint="--" + ", --".join(OPTIONS))
    if not name:
        raise UsageError("a file has a name")
    changes = {key: value for option in options for key, value in OPTIONS[option].items()}
    try:
        path = Path(name).expanduser()
    except RuntimeError:
        raise UsageError(f"{name.partition('/')[0]} is no user with a home here") from None
    return replace(usual, path=path, **changes)


def usual_output(side: Side) -> Output:
    """A file for what is seen, and how it becomes the same: decoded unless stored values are looked at, with
    the coordinates that stand beside them."""
    name = Path(_typed(side.item.name.strip("/")) or "values").stem
    is_array = side.item.is_array
    table = side.grid.known.table if side.pane == "table" and side.grid.known else _table(side.found)
    coords = table is not None and isinstance(table.row_coordinates, list) and is_array
    path = Path(name + (".png" if side.pane == "plot" else ".csv"))
    return Output(path, decode=is_array and not side.view.raw, coords=coords)


def _typed(name: str) -> str:
    """The name of a file that can be typed and read, from that of an object, which may be any text."""
    text = "".join(one if one.isprintable() and one != "/" else "_" for one in name[:LONGEST])
    return re.sub("^~", "_", text)


def write_question(side: Side, view: View, output: Output) -> str:
    """What is asked before it is written: how much it is, and how."""
    if output.path.suffix in PICTURES:
        return "write the picture, or values, to:"
    how = ", as stored" if side.view.raw else ", decoded" if side.decoded else ""
    how += ", with coordinates" if output.coords else ""
    return f"write{written_size(side.item, view)}{how}{',' if how else ''} to:"


def _table(found: object) -> Table | None:
    return found.table if isinstance(found, Preview) else None


def seen(side: Side) -> View:
    """The view with the frame that is seen, of an array of more than two dimensions."""
    view, shape, known = side.view, side.shape, side.grid.known
    if view.selection is not None or shape is None or len(shape) < 3:
        return view
    if side.pane == "table":
        return view if known is None else view.changed(selection=parse_selection(known.within, shape))
    plot = side.found.plot if isinstance(side.found, Preview) else None
    return view if plot is None else view.changed(selection=view.axes(plot, shape))


def write(session: Session, item: Item, view: View, output: Output, overwrite: bool = False) -> str:
    """Write the values that are looked at, or their picture, by the name of the file; a line about it.

    Options that the format of the file has no place for are left out. Raises what `get` and `preview` raise,
    and `UsageError` for a file that is there and is not to be overwritten.
    """
    path, suffix = output.path, output.path.suffix.lower()
    if os.path.exists(path) and not overwrite:
        raise UsageError("the file is there already", location=str(path), hint="choose another name")
    if suffix not in PICTURES:
        whole = output.all or view.selection is None
        selection = None if whole or view.selection is None else text_of_selection(view.selection)
        asked = GetRequest(
            item.path, selection=selection, output=str(path), overwrite=overwrite,
            decode=output.decode and suffix not in STORED,
            coords=output.coords and suffix in (".csv", ".json", ".parquet"),
        )  # fmt: skip
        return result_line(get(session, item.location, asked))
    from h5s3.render.plots.figure import checked_format, save_figure

    checked_format(path)
    found = preview(session, item.location, view.request(item.path, WIDTH))
    save_figure(limited(found, view.log, None, None), path)
    return f"{path}: the picture"
