"""One object in full, for people."""

from __future__ import annotations

from typing import Any

from h5s3.records import UNSET, Codec, Meta, TypeInfo, UnsetType
from h5s3.render.columns import Line, Row, align, print_lines
from h5s3.render.console import Symbols, output_symbols, stdout
from h5s3.render.text import plural, safe, shape
from h5s3.render.value_text import attribute_text, cell_text, followed_text, small_value_text
from h5s3.sizes import size_text


def show_meta(meta: Meta, attributes_alone: bool = False) -> None:
    """Print a description, or of it the attributes alone."""
    console = stdout()
    lines = meta_lines(meta, console.width, output_symbols(), attributes_alone)
    if meta.chunk_index is UNSET:
        return print_lines(console, lines, fold=True)
    from h5s3.render.plots.chunk_map import chunk_lines, chunk_map

    print_lines(console, lines + chunk_lines(meta, console.width), fold=True)
    if meta.chunk_index:
        console.file.write(chunk_map(meta, console) + "\n")


def meta_lines(meta: Meta, width: int, symbols: Symbols, attributes_alone: bool = False) -> list[Line]:
    """The lines of a description: a heading, facts, attributes."""
    if meta.table is not UNSET or meta.column is not UNSET:
        from h5s3.render.tables.meta import table_lines  # what is none starts without it

        return table_lines(meta, width, attributes_alone)
    facts = [(label, text) for label, text in _facts(meta, symbols) if text and not attributes_alone]
    lines: list[Line] = [
        [(safe(meta.location, 1000), "key"), (f"  {safe(meta.path)}", "group"), (f"  {meta.kind}", "faint")]
    ]
    wide = max((len(label) for label, _ in facts), default=0)
    lines += [[(f"  {label.ljust(wide)}  ", "faint"), (text, "")] for label, text in facts]
    if meta.num_attributes:
        lines.append([("attributes", "key"), (f" ({meta.num_attributes})", "faint")])
        lines += _attributes(meta, width)
    return lines


def _attributes(meta: Meta, width: int) -> list[Line]:
    rows: list[Row] = [
        (
            [(f"  {safe(a.name, 120)}", "")],
            [(safe(_kind(a.dtype, a.shape), 40), "dtype"), (attribute_text(a, max(200, width)), "")],
        )
        for a in meta.attributes
    ]
    lines = align(rows, width, [False, False], spare=(0,))
    if meta.attributes_truncated:
        hidden = meta.num_attributes - len(meta.attributes)
        lines.append([(f"  … {hidden:,} more (--all-attrs shows all)", "faint")])
    return lines


def _kind(dtype: str, dims: list[int] | None) -> str:
    return dtype + ("" if not dims else "[" + ",".join(map(str, dims)) + "]")


def _facts(meta: Meta, symbols: Symbols) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if meta.link is not UNSET:
        end = "  (not followed)" if meta.link.type == "external_link" else "  (dangling)"
        target = f"{symbols.arrow} {safe(meta.link.target)}" + ("" if meta.link.resolved else end)
        facts.append((meta.link.type.replace("_", " "), target))
    if meta.followed is not UNSET:
        facts.append(("in file", followed_text(meta.followed)))
    if meta.reason is not UNSET:
        facts.append(("reason", safe(meta.reason)))
    if meta.kind == "group":
        facts += _group_facts(meta)
    if meta.kind == "dataset":
        facts += _dataset_facts(meta, symbols)
    if meta.kind == "datatype" and meta.type is not UNSET:
        facts += [("dtype", safe(str(meta.dtype))), ("type", type_text(meta.type))]
    return facts


def _group_facts(meta: Meta) -> list[tuple[str, str]]:
    facts = []
    if meta.num_children is not UNSET and meta.links is not UNSET:
        counts = {
            "hard": meta.links.hard,
            "soft": meta.links.soft,
            "external": meta.links.external,
            "user-defined": meta.links.other,
        }
        listed = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
        if listed and meta.links_truncated is True:
            listed = f"of the first {sum(counts.values()):,}: {listed}"
        facts.append(("links", plural(meta.num_children, "link") + (f" ({listed})" if listed else "")))
        otherwise = "by name" if meta.creation_order is False else "unknown"
        facts.append(("order", "by creation" if meta.creation_order is True else otherwise))
    elif meta.num_children is not UNSET:
        facts.append(("children", f"{meta.num_children:,}"))
    if meta.store is not UNSET:
        held = "consolidated" if meta.store.consolidated else "in documents of their own"
        facts += [
            ("store", f"Zarr version {meta.store.zarr_format}, metadata {held}"),
            ("conventions", safe(", ".join(meta.store.conventions))),
        ]
    if meta.file is not UNSET:
        file = meta.file
        page = f", pages of {file.page_size:,} bytes" if file.page_size else ""
        facts += [
            ("file", f"{size_text(file.size)} ({file.size:,} bytes)"),
            ("etag", safe(meta.etag or "")),
            ("superblock", f"version {file.superblock_version}"),
            ("user block", size_text(file.userblock_size) if file.userblock_size else ""),
            ("file space", safe(file.file_space_strategy or "unknown") + page),
            ("conventions", safe(", ".join(file.conventions))),
        ]
    return facts


def _dataset_facts(meta: Meta, symbols: Symbols) -> list[tuple[str, str]]:
    fill = _set(meta.fill_value)
    dimensions = [d for d in _set(meta.dimensions) or [] if d.scales or d.label is not UNSET]
    facts = [
        ("shape", shape(_set(meta.shape), symbols.times) + _limits(meta, symbols)),
        ("dtype", safe(str(meta.dtype))),
        ("type", type_text(meta.type) if meta.type is not UNSET else ""),
        ("value", small_value_text(meta) if meta.value is not UNSET else ""),
        ("layout", _layout(meta, symbols)),
        ("filters", ", ".join(_filter(item) for item in _set(meta.filters) or [])),
        ("codecs", ", ".join(_codec(item) for item in _set(meta.codecs) or [])),
        ("size", _sizes(meta)),
        ("fill value", cell_text(fill) if fill is not None else ""),
        ("dimensions", ", ".join(map(_dimension, dimensions))),
        ("scale", "a dimension scale" if meta.is_scale is True else ""),
    ]
    if meta.virtual_sources is not UNSET:
        shown = [f"{s.file}:{s.path}" for s in meta.virtual_sources[:5]]
        more = len(meta.virtual_sources) - len(shown)
        facts.append(("sources", safe(", ".join(shown) + (f", … {more} more" if more else ""))))
        facts.append(("missing", _missing({s.file: s.error for s in meta.virtual_sources})))
    if meta.external_files is not UNSET:
        facts.append(("external", safe(", ".join(f.name for f in meta.external_files)) + "  (raw data)"))
        facts.append(("missing", _missing({f.name: f.error for f in meta.external_files})))
    return facts


def _missing(files: dict[str, str | UnsetType]) -> str:
    """The files that are not to be had, and why; some of them."""
    lacking = {file: why for file, why in files.items() if why is not UNSET}
    more = f", … {len(lacking) - 5} more" if len(lacking) > 5 else ""
    return safe(", ".join(f"{file} ({why})" for file, why in list(lacking.items())[:5]) + more)


def _limits(meta: Meta, symbols: Symbols) -> str:
    limits = _set(meta.maxshape)
    if not limits or limits == meta.shape:
        return ""
    return "  (at most " + symbols.times.join("unlimited" if n is None else str(n) for n in limits) + ")"


def _layout(meta: Meta, symbols: Symbols) -> str:
    text = str(meta.layout)
    if meta.chunks is not UNSET:
        text += f", chunks of {symbols.times.join(map(str, meta.chunks))}"
        if isinstance(meta.num_chunks, int):
            text += f", {meta.num_chunks:,} stored"
    if meta.shards is not UNSET:
        text += f" in shards of {symbols.times.join(map(str, meta.shards))}"
        if isinstance(meta.num_shards, int):
            text += f", {meta.num_shards:,} stored"
    return text


def _sizes(meta: Meta) -> str:
    text = f"{size_text(_set(meta.nbytes))}"
    stored = _set(meta.storage_size)
    if stored is not None:
        text += f", stored in {size_text(stored)}"
    if isinstance(meta.compression_ratio, float) and meta.layout == "chunked":
        text += f" (ratio {meta.compression_ratio:.2f})"
    return text


def _filter(item: Any) -> str:
    options = f"({','.join(map(str, item.options))})" if item.options and item.id in (1, 4) else ""
    return safe(item.name, 60) + options + ("" if item.available else " [not available here]")


def _codec(item: Codec) -> str:
    """A codec with what it is told, of one that holds others (shards) these."""
    options = item.configuration if isinstance(item.configuration, dict) else {}
    inner = options.get("codecs")
    if isinstance(inner, list):
        told = [str(one.get("name")) if isinstance(one, dict) else str(one) for one in inner]
    else:
        plain = (int, float, str)
        told = [f"{key}={value}" for key, value in options.items() if isinstance(value, plain)]
    return safe(item.name, 60) + (f"({safe(', '.join(told), 120)})" if told else "")


def _dimension(dimension: Any) -> str:
    label = dimension.label if dimension.label is not UNSET else ""
    return safe(f"{dimension.size} {label} {' '.join(dimension.scales)}".replace("  ", " ").strip(), 100)


def type_text(info: TypeInfo) -> str:
    """A datatype in the standard's words."""
    words: list[str] = [info.endianness if info.endianness in ("little-endian", "big-endian") else ""]
    if info.signed is False:
        words.append("unsigned")
    words.append(
        f"{info.size * 8}-bit" if info.size and info.class_ in ("integer", "float", "bitfield") else ""
    )
    words += [info.charset or "", "variable-length" if info.variable else "", info.padding or "", info.class_]
    if info.class_ == "string" and info.size:
        words.append(f"of {plural(info.size, 'byte')}")
    if info.members:
        inner = ", ".join(f"{m.name}: {type_text(m.type)}" for m in info.members[:20])
        words.append("{" + inner + (", …" if len(info.members) > 20 else "") + "}")
    if info.mapping:
        words.append("{" + ", ".join(f"{k}={v}" for k, v in list(info.mapping.items())[:20]) + "}")
    if info.base and info.class_ != "boolean":
        words.append(f"of {type_text(info.base)}")
    if info.dims:
        words.append("[" + ",".join(map(str, info.dims)) + "]")
    words += [
        f"tag {info.tag}" if info.tag else "",
        f"to an {info.reference}" if info.reference == "object" else "",
    ]
    words.append(f"({info.note})" if info.note else "")
    return safe(" ".join(word for word in words if word), 400)


def _set(value: Any) -> Any:
    return None if value is UNSET else value
