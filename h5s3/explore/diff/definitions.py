"""What differs in how datasets are defined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from h5s3.records import UNSET, Filter, Json, OutlinedDataset, OutlinedType, TypeInfo, to_json_value

Change = tuple[str, Json, Json]  # field, and what it was and is
MOST_PARTS = 20  # of one type that are told one by one
PLAIN = ("layout", "chunks", "shards", "external_files", "virtual_sources", "dimension_names", "type_name")
PLAIN_CLASSES = ("integer", "float", "boolean", "string")  # whose fill values compare across types
DERIVED: dict[int, slice] = {  # options of filters that tell of the type or the chunks: where they stand
    2: slice(0, None),  # shuffle
    4: slice(2, None),  # szip
    5: slice(0, None),  # nbit
    6: slice(2, None),  # scaleoffset
    32000: slice(0, None),  # lzf
    32001: slice(0, 4),  # blosc
    32008: slice(0, 3),  # bitshuffle
    32026: slice(0, 4),  # blosc2
}


def dataset_changes(
    pair: tuple[OutlinedDataset, OutlinedDataset],
    types: tuple[Sequence[OutlinedType], Sequence[OutlinedType]],
    shared: bool,
) -> Iterator[Change]:
    """What differs of two datasets. `shared`: only what holds in every format."""
    a, b = pair
    if shared:
        yield from _shared_changes(pair, types)
        return
    if a.shape != b.shape:
        yield "shape", a.shape, b.shape
    limits = [None if one.maxshape == one.shape else one.maxshape for one in pair]
    if limits[0] != limits[1]:
        yield "maxshape", a.maxshape, b.maxshape
    mine, others = types[0][a.type], types[1][b.type]
    changes = list(type_changes(mine, others))
    yield from changes
    for name in PLAIN:
        old, new = (None if (found := getattr(one, name)) is UNSET else found for one in pair)
        if old != new:
            yield name, old, new
    whole = not changes and a.chunks == b.chunks
    filters = [_filters(one.filters, whole) for one in pair]
    if filters[0] != filters[1]:
        yield "filters", _filters(a.filters, True), _filters(b.filters, True)
    codecs = [to_json_value(one.codecs) if one.codecs is not UNSET else [] for one in pair]
    if codecs[0] != codecs[1]:
        yield "codecs", codecs[0], codecs[1]
    if not changes or (mine.info.class_ == others.info.class_ and mine.info.class_ in PLAIN_CLASSES):
        yield from _fill(a, b)


def _shared_changes(
    pair: tuple[OutlinedDataset, OutlinedDataset],
    types: tuple[Sequence[OutlinedType], Sequence[OutlinedType]],
) -> Iterator[Change]:
    """What differs of datasets of different formats. Dimensions of array types may be those of the shape."""
    infos = [types[side][one.type].info for side, one in enumerate(pair)]
    shapes = [
        None if one.shape is None else one.shape + (info.dims or [])
        for one, info in zip(pair, infos, strict=True)
    ]
    if shapes[0] != shapes[1] and not any(one.is_column for one in pair):
        yield "shape", shapes[0], shapes[1]
    if _common(infos[0]) != _common(infos[1]):
        yield "dtype", pair[0].dtype, pair[1].dtype


def _common(info: TypeInfo) -> Json:
    """A type as all formats have it: without the order of bytes, enums as numbers, all texts as one type."""
    if info.class_ in ("array", "enum") and info.base is not None:
        return _common(info.base)
    if info.members is not None:
        floats = [one.type.class_ for one in info.members] == ["float", "float"]
        if floats and [one.name for one in info.members] == ["r", "i"]:
            return ["complex", info.size]
        return [[one.name, _common(one.type)] for one in info.members]
    if info.reference == "object":  # by its path
        return "string"
    if info.class_ in ("string", "boolean"):
        return info.class_
    return [info.class_, info.size, info.signed]


def _fill(a: OutlinedDataset, b: OutlinedDataset) -> Iterator[Change]:
    digests = [UNSET if one.fill_value is UNSET else one.fill_value.digest for one in (a, b)]
    if digests[0] != digests[1]:
        yield "fill_value", _shown_fill(a), _shown_fill(b)


def _shown_fill(one: OutlinedDataset) -> Json:
    """The fill value; what JSON has no number for as a word."""
    fill = one.fill_value
    if fill is UNSET:
        return None
    if fill.value is None:
        return "NaN" if fill.nan_count is not UNSET else "infinite" if fill.inf_count is not UNSET else None
    return fill.value


def _filters(filters: Any, whole: bool) -> list[Json]:
    """A pipeline. `whole`: with the options that follow from the type and the chunks."""
    return [{"name": one.name, "options": _options(one, whole)} for one in filters or ()]


def _options(one: Filter, whole: bool) -> list[int]:
    options = list(one.options)
    if not whole and one.id in DERIVED:
        del options[DERIVED[one.id]]
    return options


def type_changes(a: OutlinedType, b: OutlinedType) -> Iterator[Change]:
    """What differs of two types: in a few words, or in the parts of which these do not tell."""
    if a == b:
        return
    if a.words != b.words:
        yield "dtype", a.words, b.words
        return
    mine, others = (dict(_parts(to_json_value(one.info), "type")) for one in (a, b))
    names = [name for name in [*mine, *(other for other in others if other not in mine)]
             if mine.get(name) != others.get(name)]  # fmt: skip
    for name in names[:MOST_PARTS]:
        yield name, mine.get(name), others.get(name)


def _parts(value: Json, name: str) -> Iterator[tuple[str, Json]]:
    """A nested value as names with dots, members of compounds by their names."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(item, f"{name}.{key}")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, item in enumerate(value):
            yield from _parts(item, f"{name}.{item.get('name', number)}")
    else:
        yield name, value
