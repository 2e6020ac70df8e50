"""What of a file becomes what in a Zarr store, told before anything is copied."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from h5py import h5d

from h5s3.errors import H5s3Error, UsageError
from h5s3.export.zarr.asked import Version
from h5s3.export.zarr.documents import (
    FILL,
    Layout,
    array_document,
    fill_attribute,
    group_document,
    is_possible,
)
from h5s3.export.zarr.layout.chunks import PIECE, Chunks, chunked, contiguous, touched
from h5s3.export.zarr.layout.dimensions import Dimensions
from h5s3.export.zarr.layout.kinds import Kind, NoCounterpartError, kind_of, packed
from h5s3.export.zarr.layout.wishes import Wishes
from h5s3.export.zarr.objects import grid_of
from h5s3.export.zarr.overviews.ome import Image, add_images, is_image
from h5s3.export.zarr.overviews.pyramid import SCREEN, Told, documents, factors_of, shapes_of
from h5s3.export.zarr.reading import file_of
from h5s3.formats.base import Contents, Facts
from h5s3.formats.cf import one
from h5s3.formats.encoding.zarr_codecs import ZarrCodecs
from h5s3.formats.grid import run_shape
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex
from h5s3.formats.hdf5.data.refuse import refuse_unsafe
from h5s3.formats.hdf5.hierarchy import Hierarchy, Thing, with_paths
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import kind_of as kind_of_object
from h5s3.formats.hdf5.objects.links import stopped
from h5s3.formats.hdf5.objects.numpy_values import same_bits
from h5s3.formats.hdf5.objects.values import memory_dtype
from h5s3.formats.names import raw_path, text_of
from h5s3.records import ConversionPlan, Json, NotConverted, PlannedArray, PlannedOverview

LARGEST_FILL = 64 * 1024  # bytes
MOST_CHUNKS = 20_000_000  # of one array
Lost = list[NotConverted]


def plan_of(contents: Contents, path: str, version: Version, wishes: Wishes) -> ConversionPlan:
    """The answer to `Planning`."""
    return _Planner(file_of(contents), version, wishes).plan(raw_path(path))


@dataclass(frozen=True)
class _Dataset:
    """What is known of a dataset once it is closed again."""

    thing: Thing
    kind: Kind
    chunks: Chunks
    fill: Any  # None: not one that the document of an array can hold
    compressed: bool


@dataclass
class _Planner:
    file: OpenFile
    version: Version
    wishes: Wishes
    left: Lost = field(default_factory=list)
    notes: Lost = field(default_factory=list)
    datasets: list[_Dataset] = field(default_factory=list)
    told: dict[str, Told] = field(default_factory=dict)  # of arrays of numbers, for overviews
    meant: set[str] = field(default_factory=set)  # options that some array fits

    def plan(self, path: bytes) -> ConversionPlan:
        found = self.file.find(path)
        if found.object is None:
            assert found.link is not None
            raise stopped(path, found.link)
        walk = Hierarchy(self.file, self._take, self._lose)
        kind = kind_of_object(found.object)
        if kind == "group":
            walk.whole(path, found.object)
        elif kind == "dataset":
            walk.one(path, found.object)
            if not self.datasets:
                raise UsageError(f"{text_of(path)} cannot be converted: {self.left[-1].reason}")
        else:
            raise UsageError(f"{text_of(path)} is a {kind}: convert a file, a group or a dataset")
        return self._document(path, walk)

    def _lose(self, path: str, reason: str) -> None:
        self.left.append(NotConverted(path=path, reason=reason))

    def _document(self, path: bytes, walk: Hierarchy) -> ConversionPlan:
        dimensions, info = Dimensions(walk.met.where), self.file.info
        nodes: dict[str, dict[str, Json]] = {}
        for group in walk.groups:
            name = self._name(path, group.path)
            if name is not None:
                self._lost_attributes(group)
                nodes[name] = group_document(with_paths(group, walk.met.where), self.version)
        for dataset in self.datasets:
            dimensions.scale(dataset.thing)
        arrays = []
        for dataset in self.datasets:
            name = self._name(path, dataset.thing.path)
            if name is None:
                continue
            self._lost_attributes(dataset.thing)
            attributes = with_paths(dataset.thing, walk.met.where)
            try:
                nodes[name], array = self._array(name, dataset, attributes, dimensions)
            except NoCounterpartError as error:
                self._lose(text_of(dataset.thing.path), str(error))
            else:
                arrays.append(array)
        overviews = self._overviews(nodes, arrays) if self.wishes.overviews else []
        for option, _ in self.wishes.lengths:
            if option not in self.meant:
                raise UsageError(
                    f"{option}: no array has such dimensions", hint="h5s3 meta shows their names"
                )
        referring = any(array.references for array in arrays)
        return ConversionPlan(
            size=info.size,
            etag=info.etag,
            last_modified=info.last_modified,
            path=text_of(path),
            nodes=nodes,
            arrays=arrays,
            left=self.left,
            notes=self.notes,
            overviews=overviews,
            names=walk.names() if referring else {},
        )

    def _overviews(
        self, nodes: dict[str, dict[str, Json]], arrays: list[PlannedArray]
    ) -> list[PlannedOverview]:
        """Those of large arrays of numbers, whose documents join the others."""
        if "" in self.told or any(path.split("/")[0] == "overview" for path in nodes):
            raise UsageError(
                "--overviews: there is no place for them", hint="convert the group that holds it"
            )
        found: list[PlannedOverview] = []
        images: list[Image] = []
        for number, array in enumerate(arrays):
            told = self.told.get(array.path)
            factors = factors_of(array.shape, told.kind.dtype) if told is not None else ()
            if told is None or not factors:
                continue
            shapes, ome = shapes_of(array.shape, factors), self.wishes.ome and is_image(factors)
            nodes.update(documents(array.path, factors, shapes, told, self.version, ome))
            if ome:
                images.append(Image(array.path, array.shape, told.dimensions, factors, len(shapes)))
            missing = None if told.missing is None else told.missing.item()
            if missing is not None and missing != missing:  # NaN never counts
                missing = None
            dtype = told.kind.dtype.str
            found.append(
                PlannedOverview(array=number, factors=list(factors), dtype=dtype, missing=missing, ome=ome)
            )
        if images:
            add_images(nodes, images, self.version)
        elif self.wishes.ome:
            reason = f"no images for OME-Zarr: none has more than {SCREEN:,} pixels along both sides"
            self.notes.append(NotConverted(path="/", reason=reason))
        return found

    def _lost_attributes(self, thing: Thing) -> None:
        for lost in thing.lost:
            self._lose(text_of(thing.path), lost)

    def _name(self, top: bytes, path: bytes) -> str | None:
        """The path below the store; None, and told of, for one that Zarr cannot have."""
        inside = path.removeprefix(top.rstrip(b"/")).lstrip(b"/")
        for part in inside.split(b"/") if inside else []:
            if not is_possible(text_of(part)):
                self._lose(text_of(path), "its name is none that Zarr can have")
                return None
        return text_of(inside)

    # ------------------------------------------------------------------------------------------ datasets

    def _take(self, thing: Thing, dataset: h5d.DatasetID, index: ChunkIndex | Exception | None) -> None:
        if thing.bare:  # a dimension of netCDF: its name is all that there is
            return
        assert thing.facts is not None
        path = text_of(thing.path)
        try:
            self.datasets.append(self._dataset(thing, thing.facts, dataset, index))
        except NoCounterpartError as error:
            self._lose(path, str(error))
        except (H5s3Error, *FAILURES) as error:
            if not isinstance(error, H5s3Error):
                self.file.blocks.raise_if_confused(error)
            self._lose(path, plain_reason(error))

    def _dataset(
        self, thing: Thing, facts: Facts, dataset: h5d.DatasetID, index: ChunkIndex | Exception | None
    ) -> _Dataset:
        if facts.shape is None:
            raise NoCounterpartError("a null dataspace")
        if isinstance(index, Exception):
            raise index
        refuse_unsafe(self.file, dataset, facts)
        tid = dataset.get_type()
        dtype = memory_dtype(tid)
        kind = kind_of(facts, dtype, self.version)
        direct = (
            dtype is not None
            and not facts.type_has_pointers
            and same_bits(tid, dtype)
            and packed(dtype, kind.dtype)
        )
        chunks = self._chunks(facts, dataset, index, direct)
        return _Dataset(thing, kind, chunks, _fill_of(dataset, kind, dtype), bool(facts.filters))

    def _chunks(self, facts: Facts, dataset: Any, index: ChunkIndex | None, direct: bool) -> Chunks:
        size = self.file.info.size
        if index is not None:
            return chunked(facts, index, size, direct)
        if facts.layout == "contiguous":
            return contiguous(dataset, facts, size, direct)
        piece = run_shape(facts.shape or (), facts.itemsize, PIECE)
        none = np.zeros((0, len(piece) + 2), dtype="<u8")
        return Chunks(piece, None, none, None, True, facts.nbytes if facts.layout == "compact" else 0)

    # ------------------------------------------------------------------------------------------- arrays

    def _array(
        self, name: str, dataset: _Dataset, attributes: dict[str, Json], dimensions: Dimensions
    ) -> tuple[dict[str, Json], PlannedArray]:
        thing, kind, chunks = dataset.thing, dataset.kind, dataset.chunks
        facts = thing.facts
        assert facts is not None
        attributes = told = self._with_enum(dataset, attributes)
        fill, attributes, dense = self._filled(dataset, attributes)
        value = kind.default() if fill is None else kind.value(fill)
        shape = ((facts.shape or ()) + kind.inner) if not kind.references else (facts.shape or ())
        names = dimensions.names(thing, kind.inner)
        self.meant |= {option for option, lengths in self.wishes.lengths if lengths.fit(names)}
        own = tuple(max(1, n) for n in chunks.shape) + kind.inner
        wanted = self.wishes.chunk_shape(shape, names, own)
        same = wanted == own and self.wishes.compression is None and chunks.codecs is not None
        codecs = chunks.codecs if same and chunks.codecs else self.wishes.codecs(kind, dataset.compressed)
        same = same or (wanted == own and chunks.codecs == codecs)
        shards = None
        if kind.dtype.names is None:  # zarr-python reads no compounds in shards
            shards = self.wishes.shard_shape(shape, names, wanted, kind.itemsize)
        odd = chunks.decoded is not None and len(chunks.decoded) > 0
        all_decoded = dense or chunks.decoded is None or not same or (odd and shards is not None)
        layout = Layout(
            shape=shape,
            chunks=wanted,
            type=kind.name(self.version),
            fill=fill,
            codecs=self._codecs(kind, codecs),
            shards=shards,
            nested=self.wishes.ome,
        )
        document = array_document(layout, attributes, names, self.version)
        inner = len(kind.inner)
        if not kind.enum and not kind.text:
            self.told[name] = Told(kind, attributes, names, _missing(kind, told))
        cells = _decoded_cells(chunks, facts, shards or wanted, dense) if all_decoded else chunks.decoded
        return document, PlannedArray(
            path=name,
            source=text_of(thing.path),
            shape=list(shape),
            chunks=list(wanted),
            shards=list(shards or ()),
            inner=0 if kind.references else inner,
            codecs=list(codecs.v2),
            text=kind.text,
            references=kind.references,
            dense=dense,
            fill=b"" if kind.text else np.asarray(value, dtype=kind.dtype).tobytes(),
            stored=chunks.stored,
            copied=b"" if all_decoded else _with_inner(chunks.copied, inner).tobytes(),
            decoded=None if cells is None else cells.tobytes(),
        )

    def _with_enum(self, dataset: _Dataset, attributes: dict[str, Json]) -> dict[str, Json]:
        """The attributes with the names of an enum, if it is one, of which a note is made."""
        if not dataset.kind.enum:
            return attributes
        reason = "an enum: its names are an attribute"
        self.notes.append(NotConverted(path=text_of(dataset.thing.path), reason=reason))
        return {**attributes, "h5s3.enum": dataset.kind.enum}

    def _codecs(self, kind: Kind, codecs: ZarrCodecs) -> list[Json]:
        if self.version == 2:
            return [*([{"id": "vlen-utf8"}] if kind.text else []), *codecs.v2]
        if kind.text:
            return [{"name": "vlen-utf8", "configuration": {}}, *codecs.v3]
        plain = kind.dtype.itemsize == 1 or kind.dtype.kind in "SVb"
        options = {} if plain else {"configuration": {"endian": "big" if kind.big else "little"}}
        return [{"name": "bytes", **options}, *codecs.v3]

    def _filled(self, dataset: _Dataset, attributes: dict[str, Json]) -> tuple[Json, dict[str, Json], bool]:
        """The fill value for the document, the attributes beside it, and whether all chunks must be written.

        To xarray the fill value of version 2 means "missing", and so it is what `_FillValue` says, or null.
        """
        kind, fill, complete = dataset.kind, dataset.fill, dataset.chunks.complete
        dense = fill is None and not complete
        value = kind.default() if fill is None else fill
        named = one(attributes.get(FILL))
        if kind.enum and isinstance(named, str) and named in kind.enum:
            attributes = {**attributes, FILL: (named := kind.enum[named])}
        if self.version == 3:
            if FILL in attributes and kind.dtype.names is None:
                attributes = {**attributes, FILL: fill_attribute(named, kind.dtype.kind)}
            return kind.fill(value, 3), attributes, dense
        if named is not None and kind.dtype.kind in "iufb":
            attributes = {key: item for key, item in attributes.items() if key != FILL}
            try:
                told = np.asarray(float(named) if kind.dtype.kind == "f" else named).astype(kind.dtype)[()]
            except (ValueError, TypeError, OverflowError):
                return None, attributes, dense
            same = told.tobytes() == np.asarray(value, dtype=kind.dtype).tobytes()
            return kind.fill(told, 2), attributes, dense or not (complete or same)
        if kind.dtype.kind in "mM" or (kind.dtype.names is not None and not complete):
            return kind.fill(value, 2), attributes, dense  # to zarr-python null is no zero there
        default = kind.text or not any(np.asarray(value, dtype=kind.dtype).tobytes())
        return (None if complete or default else kind.fill(value, 2)), attributes, dense


def _missing(kind: Kind, attributes: dict[str, Json]) -> Any:
    """The value that `_FillValue` says is none."""
    named = one(attributes.get(FILL))
    if kind.dtype.kind not in "iuf" or not isinstance(named, int | float):
        return None
    try:
        return np.asarray(named).astype(kind.dtype)[()]
    except (ValueError, OverflowError):
        return None


def _with_inner(table: np.ndarray[Any, Any], inner: int) -> np.ndarray[Any, Any]:
    """Rows of chunks with cells along the dimensions of an array type, all of which are one chunk long."""
    if not inner:
        return table
    return np.insert(table, [table.shape[1] - 2] * inner, 0, axis=1)


def _fill_of(dataset: h5d.DatasetID, kind: Kind, dtype: np.dtype[Any] | None) -> Any:
    """The value of what was never written, as `kind.dtype`; None where a document cannot hold it."""
    dcpl = dataset.get_create_plist()
    user = dcpl.fill_value_defined() == h5d.FILL_VALUE_USER_DEFINED
    if not user or dcpl.get_fill_time() == h5d.FILL_TIME_NEVER:
        return kind.default()
    if dtype is None or kind.text or dtype.subdtype is not None or dtype.itemsize > LARGEST_FILL:
        return None
    value = np.zeros((), dtype=dtype)
    dcpl.get_fill_value(value)
    if packed(dtype, kind.dtype):
        return np.frombuffer(value.tobytes(), dtype=kind.dtype)[0]
    if dtype.names is not None:
        return None
    return value.astype(kind.dtype)[()]


def _decoded_cells(chunks: Chunks, facts: Facts, sizes: tuple[int, ...], dense: bool) -> Any:
    """Cells of an array that is decoded; None: all. Raises `NoCounterpartError` for too many."""
    sizes = sizes[: len(chunks.shape)]
    cells = None if dense else touched(chunks, facts.shape or (), sizes)
    if cells is None and prod(grid_of(facts.shape or (), sizes)) > MOST_CHUNKS:
        raise NoCounterpartError(f"more than {MOST_CHUNKS:,} chunks that would be decoded")
    return cells
