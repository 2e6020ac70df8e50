"""The plot of a preview as a figure in a file: PNG or SVG, by matplotlib.

Ticks and limits are those of the terminal: values become shares of an axis before matplotlib sees them, so
that huge and close numbers are told apart, and no text from a file is taken for mathematics.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
import textwrap
import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h5s3.errors import H5s3Error, UsageError
from h5s3.records import UNSET, Plot, Preview
from h5s3.render.plots.plot import axes_of, pixel_height, plot_title
from h5s3.render.text import safe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
INCHES = (8.0, 5.0)
DOTS_PER_INCH = 150
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.parse_math": False,  # a $ in a name is a $
    "text.usetex": False,
    "svg.hashsalt": "h5s3",  # the same figure is the same file
    "svg.fonttype": "none",  # text stays text: it can be found, and has every letter that the viewer has
    "axes.unicode_minus": False,
}


def checked_format(path: Path) -> str:
    """The format that the name of a file asks for. Raises `UsageError` for one that cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot-out {safe(str(path))}: not a name that ends in .png or .svg")
    return path.suffix.lower()[1:]


def save_figure(preview: Preview, path: Path) -> None:
    """Write the plot of a preview to a file, which is whole or as it was before.

    Raises `UsageError` for names of other formats, where there is nothing to draw, and without matplotlib.
    """
    kind = checked_format(path)
    if preview.plot is None:
        raise UsageError(f"--plot-out: there is nothing to draw of {safe(preview.path)}")
    try:
        import matplotlib
    except ImportError:
        raise UsageError("--plot-out needs matplotlib", hint="pip install 'h5s3[plot]'") from None
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # it has words about fonts and directories
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that no font has, labels that need more room
        matplotlib.rcdefaults()
        for name, value in _STYLE.items():
            matplotlib.rcParams[name] = value
        data = _rendered(_figure(preview, preview.plot), kind)
    _write(data, path)


def _rendered(figure: Figure, kind: str) -> bytes:
    out = BytesIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": "h5s3"} if kind == "svg" else {"Software": "h5s3"}
    if kind == "svg":
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        FigureCanvasSVG(figure).print_svg(out, metadata=metadata)  # type: ignore[no-untyped-call]
    else:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        FigureCanvasAgg(figure).print_png(out, metadata=metadata)  # type: ignore[no-untyped-call]
    return out.getvalue()


def _write(data: bytes, path: Path) -> None:
    """Put the bytes in a file of that name, all at once."""
    target = Path(os.path.realpath(path))  # of a symbolic link what it points to
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=".h5s3-", suffix=target.suffix, dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
    except OSError as error:
        raise H5s3Error(f"cannot write {safe(str(path))}: {error.strerror or error}") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _figure(preview: Preview, plot: Plot) -> Figure:
    from matplotlib.figure import Figure

    from h5s3.render.plots import matplotlib_plot as draw

    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    ax = figure.add_subplot()
    x, y = axes_of(plot)
    if plot.type == "line":
        note = draw.line(ax, plot, x)
    elif plot.type == "image":
        note = draw.image(ax, plot, x, y, pixel_height(plot))
    else:
        note = draw.heatmap(figure, ax, plot, x, y)
    ax.set_title(_title(preview, plot), fontsize=10)
    if note:
        figure.supxlabel(note, fontsize=7, x=0.99, ha="right", color="0.35")
    return figure


def _title(preview: Preview, plot: Plot) -> str:
    """What the dataset calls itself, and the slice."""
    name = safe(preview.title, 160) if preview.title is not UNSET else ""
    lines = [*textwrap.wrap(name, 90), *textwrap.wrap(plot_title(preview, plot, math.inf), 90)]
    return "\n".join(lines)
