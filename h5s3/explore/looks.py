"""How a sample becomes what a preview shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.reader.datasets import Facts
from h5s3.reader.fill import missing_values
from h5s3.reader.opening import OpenFile
from h5s3.reader.sample import Array, Sample, Sampler
from h5s3.reader.selection import Selection, parse_selection, text_of_selection, whole
from h5s3.reader.values import Converter, memory_dtype
from h5s3.records import Axis, Json, Plot, Preview, Stats, Table

TABLE_ROWS, TABLE_COLUMNS = 10, 8
MOST_ITEMS = 1000  # elements of types without a fixed size, or that are no numbers, that are read
NUMERIC = {"integer", "float", "boolean", "enum", "bitfield", "complex"}


def look(document: Preview, file: OpenFile, dataset: Any, facts: Facts, options: dict[str, Any]) -> None:
    """Fill a preview: numbers are drawn, everything else is listed."""
    selection = _selection(facts, options)
    if not _count(selection):
        document.selection = text_of_selection(selection)
        document.notes.append("the selection holds no values")
        return
    dtype = memory_dtype(dataset.get_type())
    if dtype is None:
        document.selection = text_of_selection(selection)
        document.notes.append(f"values of type {facts.dtype} cannot be read here")
        return
    sampler = Sampler(file, dataset, facts, options["max_bytes"])
    converter = Converter(file.h5.id)
    numeric = dtype.kind in "iufcb" and dtype.subdtype is None
    missing = missing_values(file, dataset, dtype)
    if not numeric or not any(axis.keep for axis in selection):
        _list(document, sampler, selection, facts, converter, dtype, missing)
    else:
        _draw(
            document,
            sampler,
            selection,
            facts,
            converter,
            dtype,
            options,
            missing,
        )


def _selection(facts: Facts, options: dict[str, Any]) -> Selection:
    shape = facts.shape or ()
    text = options["selection"]
    chosen = whole(shape) if text is None else parse_selection(text, shape)
    for dimension, index in options["fixed"]:
        if not 0 <= dimension < len(shape) or not -shape[dimension] <= index < shape[dimension]:
            raise UsageError(f"--fixed {dimension}={index} does not fit the shape {shape}")
        one = parse_selection(str(index), (shape[dimension],))
        chosen = (*chosen[:dimension], *one, *chosen[dimension + 1 :])
    return chosen


def _list(
    document: Preview,
    sampler: Sampler,
    selection: Selection,
    facts: Facts,
    converter: Converter,
    dtype: np.dtype[Any],
    missing: list[Any],
) -> None:
    """The first values in storage order."""
    kept = sum(axis.keep for axis in selection)
    shown = TABLE_ROWS if dtype.names or kept < 2 else TABLE_ROWS * TABLE_COLUMNS
    first = _first(selection, shown if dtype.hasobject else MOST_ITEMS)
    sample = sampler.read(first)
    document.selection = text_of_selection(first)
    if not any(axis.keep for axis in first):
        document.preview_type = "scalar"
        document.table = Table(rows=[[_shown(sample.values, dtype, converter)]])
    else:
        document.preview_type = "table"
        document.table = _rows(sample.values, dtype, first, converter)
        document.table.rows_truncated |= _count(first) < _count(selection)
    if dtype.kind in "iufb" and sample.values.ndim == 0:
        document.stats = _stats(sample, facts.size, missing)


def _first(selection: Selection, most: int) -> Selection:
    """The beginning of a selection: whole along the last dimensions, as far as `most` elements go."""
    chosen, left = [], most
    for axis in reversed(selection):
        count = max(1, min(axis.count, left))
        chosen.append(replace(axis, count=count))
        left = max(1, left // count)
    return tuple(reversed(chosen))


def _count(selection: Selection) -> int:
    total = 1
    for axis in selection:
        total *= axis.count
    return total


def _rows(values: Array, dtype: np.dtype[Any], selection: Selection, converter: Converter) -> Table:
    kept = [axis for axis in selection if axis.keep]
    labels = [kept[0].start + i * kept[0].step for i in range(min(kept[0].count, TABLE_ROWS))]
    rows_cut = kept[0].count > TABLE_ROWS
    if dtype.names:
        flat = values.reshape(-1)[:TABLE_ROWS]
        names = list(dtype.names)
        rows = [[converter.value(row[n], dtype.fields[n][0]) for n in names] for row in flat]  # type: ignore[index]
        label = labels if len(kept) == 1 else list(range(len(flat)))
        return Table(columns=names, rows=rows, row_labels=label, rows_truncated=values.size > TABLE_ROWS)
    if len(kept) == 1:
        rows = [[_shown(item, dtype, converter)] for item in values[:TABLE_ROWS]]
        return Table(rows=rows, row_labels=labels, rows_truncated=rows_cut)
    last = kept[-1]
    plane = values.reshape(-1, last.count, *values.shape[len(kept) :])[:TABLE_ROWS, :TABLE_COLUMNS]
    rows = [[_shown(item, dtype, converter) for item in row] for row in plane]
    columns = [str(last.start + i * last.step) for i in range(min(last.count, TABLE_COLUMNS))]
    return Table(
        columns=columns,
        rows=rows,
        row_labels=labels[: len(rows)] if len(kept) == 2 else list(range(len(rows))),
        rows_truncated=values.size // max(1, last.count) > TABLE_ROWS,
        columns_truncated=last.count > TABLE_COLUMNS,
    )


def _shown(item: Any, dtype: np.dtype[Any], converter: Converter) -> Json:
    """One element, which may be an array itself: of an array type, or of variable length."""
    scalar = isinstance(item, np.ndarray) and item.ndim == 0
    return converter.value(item[()] if scalar else item, dtype)


def _draw(
    document: Preview,
    sampler: Sampler,
    selection: Selection,
    facts: Facts,
    converter: Converter,
    dtype: np.dtype[Any],
    options: dict[str, Any],
    missing: list[Any],
) -> None:
    """A line or a heatmap of one plane, statistics of all that was read."""
    plane = _plane(selection, options["display"])
    drawn = tuple(axis.thinned(options["max_size"]) if axis.keep else axis for axis in plane)
    everything = sampler.fits(selection)
    sample = sampler.read(selection if everything else drawn)
    document.selection = text_of_selection(selection if everything else drawn)
    document.stats = _stats(sample, facts.size, missing)
    shown = _pick(sample.values, selection, drawn) if everything else sample.values
    present = None if everything else sample.present
    corner = shown if not everything else _pick(sample.values, selection, plane)
    document.table = _rows(corner, dtype, plane if everything else drawn, converter)
    _blank_absent(document.table, present)
    numbers = _numbers(shown, present, missing)
    axes = [(number, axis) for number, axis in enumerate(drawn) if axis.keep]
    swapped = options["display"] is not None and options["display"][0] > options["display"][1]
    if swapped and len(axes) == 2:
        numbers, axes = numbers.T, axes[::-1]
    document.preview_type = "line" if len(axes) == 1 else "heatmap"
    document.plot = _plot(numbers, axes, drawn, plane)
    if numbers.ndim == 2:
        document.profile = [_mean(row) for row in numbers]
    _note(document, sample, sampler, dtype, missing)


def _plane(selection: Selection, display: tuple[int, int] | None) -> Selection:
    """The one or two dimensions that are drawn; the others at the middle of what is selected."""
    kept = [number for number, axis in enumerate(selection) if axis.keep]
    chosen = kept[-2:]
    if display is not None:
        chosen = list(display)
        if len(set(chosen)) != len(chosen) or not set(chosen) <= set(kept):
            raise UsageError(f"--display-dims are two of {kept} here")
    return tuple(
        axis if number in chosen or not axis.keep else axis.at(axis.count // 2)
        for number, axis in enumerate(selection)
    )


def _pick(values: Array, selection: Selection, part: Selection) -> Array:
    """From the values of a selection those of a part of it."""
    index: list[Any] = []
    for axis, wanted in zip(selection, part, strict=True):
        if not axis.keep:
            continue
        first = (wanted.start - axis.start) // axis.step
        every = max(1, wanted.step // axis.step)
        index.append(slice(first, first + (wanted.count - 1) * every + 1, every) if wanted.keep else first)
    picked: Array = values[tuple(index)]
    return picked


def _numbers(values: Array, present: Array | None, missing: list[Any]) -> Array:
    """As float64 with NaN for what is absent or missing; complex numbers by magnitude."""
    absent = np.zeros(values.shape, dtype=bool) if present is None else ~present
    for value in missing:
        absent |= values == value
    numbers = np.abs(values) if values.dtype.kind == "c" else values
    with np.errstate(over="ignore"):
        numbers = numbers.astype(np.float64)
    numbers[absent] = np.nan
    return numbers


def _plot(numbers: Array, axes: list[tuple[int, Any]], drawn: Selection, plane: Selection) -> Plot:
    finite = numbers[np.isfinite(numbers)]
    records = [Axis(dimension=n, start=a.start, step=a.step, count=a.count) for n, a in axes]
    plot = Plot(
        type="line" if len(records) == 1 else "heatmap",
        data=numbers.tolist(),
        vmin=float(finite.min()) if finite.size else None,
        vmax=float(finite.max()) if finite.size else None,
        downsampled=any(d.count != p.count for d, p in zip(drawn, plane, strict=True)),
        selection=text_of_selection(drawn),
        x=records[-1],
    )
    if len(records) == 2:
        plot.y = records[0]
    return plot


def _blank_absent(table: Table, present: Array | None) -> None:
    """Values that were not fetched are not shown as zeros."""
    if present is None:
        return
    corner = present.reshape(-1, present.shape[-1]) if present.ndim > 1 else present.reshape(-1, 1)
    for row, flags in zip(table.rows, corner, strict=False):
        for number, flag in enumerate(flags[: len(row)]):
            if not flag:
                row[number] = None


def _stats(sample: Sample, size: int, missing: list[Any] | None) -> Stats:
    values = np.asarray(sample.read_values).reshape(-1)
    count = int(values.size)
    nans = infs = 0
    for value in missing or []:
        values = values[values != value]
    gone = count - int(values.size)
    if values.dtype.kind == "c":
        values = np.abs(values)
    if values.dtype.kind == "f":
        nans, infs = int(np.isnan(values).sum()), int(np.isinf(values).sum())
        values = values[np.isfinite(values)]
    stats = Stats(
        min=None, max=None, mean=None, std=None,
        nan_count=nans, inf_count=infs, sample_size=count, coverage=count / size if size else 1.0,
    )  # fmt: skip
    if missing:
        stats.missing_count = gone
    if values.size:
        exact = int if values.dtype.kind in "iub" else float
        stats.min, stats.max = exact(values.min()), exact(values.max())
        stats.mean, stats.std = _moments(values)
    return stats


def _moments(values: Array) -> tuple[float | None, float | None]:
    """Mean and standard deviation; scaled where a double does not hold the squares."""
    with np.errstate(over="ignore", invalid="ignore"):
        wide = values.astype(np.float64)
        scale = float(np.abs(wide).max())
        if scale == 0 or 1e-100 < scale < 1e100:
            scale = 1.0
        part = wide if scale == 1 else wide / scale
        mean, std = float(part.mean()) * scale, float(part.std()) * scale
    return (mean if np.isfinite(mean) else None), (std if np.isfinite(std) else None)


def _mean(row: Array) -> float | None:
    finite = row[np.isfinite(row)]
    return float(finite.mean()) if finite.size else None


def _note(
    document: Preview, sample: Sample, sampler: Sampler, dtype: np.dtype[Any], missing: list[Any]
) -> None:
    if sample.present is not None:
        share = 100 * sample.pieces_read / sample.pieces
        document.notes.append(f"read {sample.pieces_read:,} of {sample.pieces:,} pieces ({share:.2g} %)")
    if not sampler.complete_index:
        document.notes.append("the chunk index is longer than what was looked at")
    if dtype.kind == "c":
        document.notes.append("complex numbers are drawn and summed up by magnitude")
    if missing:
        document.notes.append("missing values: " + ", ".join(str(value) for value in missing))
    if document.plot is not None and document.plot.selection != document.selection:
        document.notes.append(f"drawn: {document.plot.selection}")
