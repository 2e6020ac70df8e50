"""The seam between questions and formats: what a format is given, and what it answers.

`explore` resolves a location, asks `detect` which format it is, opens it, and asks on. A format knows the
structure and how to read; what is done with arrays is written once, above it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from h5s3.errors import H5s3Error, NotCachedError, UsageError, absence
from h5s3.formats.requests import MetaRequest, OutlineRequest, ReferencesRequest, TreeRequest, UsageRequest
from h5s3.records import (
    UNSET,
    DiskUsage,
    ExternalFile,
    FileReferences,
    Filter,
    Followed,
    Json,
    Meta,
    NamedNode,
    Outline,
    Tree,
    TreeNode,
    TypeInfo,
    UnsetType,
)
from h5s3.storage.base import ObjectInfo, Range, Store
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    import numpy as np

    from h5s3.cache import Cache
    from h5s3.formats.cf import Coding
    from h5s3.formats.grid import Grid
    from h5s3.formats.images import Picture
    from h5s3.formats.selection import Selection
    from h5s3.storage.location import Location
    from h5s3.storage.objects import Objects
    from h5s3.storage.siblings import Siblings

    Values = np.ndarray[Any, Any]


class AskAgainError(Exception):
    """What was answered so far cannot be trusted: open the same source again and ask once more."""


@dataclass(frozen=True)
class Seen:
    """What is known of a location before a format is chosen. Looking at it makes no request."""

    name: str  # last part of the key or path
    size: int | None = None  # bytes of an object; None for a prefix
    start: bytes = b""  # first bytes of an object, as many as are here
    names: tuple[str, ...] = ()  # what stands directly below a prefix; names that end in / are prefixes


@dataclass(frozen=True)
class Source:
    """An object to be opened: what it is, and the way to its bytes."""

    info: ObjectInfo
    start: bytes  # its first bytes, where they came along with its identity
    store: Store | None  # None: offline, the cache alone answers
    cache: Cache
    trace: Trace
    names: tuple[str, ...] = ()  # of a prefix in place of an object: what stands directly below it
    plugins: bool = False  # filters may be loaded from the folders that the environment names
    kept: dict[str, Any] = field(default_factory=dict)  # what a format keeps from one opening to the next
    found: Mapping[str, tuple[ObjectInfo, bytes]] = field(default_factory=dict)  # below a prefix: first bytes
    listed: Mapping[str, ObjectInfo] = field(default_factory=dict)  # below it: who these are, as far as known
    version: str | None = None  # of a table that is looked at: its number, id or time
    outside: bool = False  # of a table: what its metadata names elsewhere may be read
    follows: bool = False  # files are looked for that this one names
    siblings: Siblings | None = None  # by whom, in the command's process

    def read(self, ranges: Sequence[Range]) -> dict[Range, bytes]:
        """Exactly these bytes of the object, in one round. Raises `NotCachedError` when working offline."""
        if self.store is None:
            raise NotCachedError(absence(self.cache), location=self.info.location.display)
        return self.store.get_ranges(self.info, ranges)

    @property
    def found_beside(self) -> Sequence[Location]:
        """The files that were looked for so far, which this one or another one names."""
        return () if self.siblings is None else list(self.siblings.found)

    def named(self, names: Sequence[bytes]) -> list[Source | H5s3Error]:
        """The files that this one names, each as it is now, or why it is not to be had: one round."""
        assert self.siblings is not None
        return [
            one
            if isinstance(one, H5s3Error)
            else replace(self, info=one[0], start=one[1], names=(), kept={}, found={})
            for one in self.siblings.look(names, self.info.location)
        ]

    def objects(self) -> Objects:
        """What stands below the location; to be closed. Raises `NotCachedError` when working offline."""
        from h5s3.storage.kept_objects import KeptObjects

        if self.store is None:
            raise NotCachedError(absence(self.cache), location=self.info.location.display)
        return KeptObjects(self.store, self.info.location, self.trace, self.cache, self.outside, self.listed)


class Format(Protocol):
    """One format. Built-in ones stand in the table of `detect`, others come by entry points."""

    name: str

    def knows(self, seen: Seen) -> bool:
        """Whether this is a location of its own, by first bytes or by names. Makes no request."""

    def open(self, source: Source) -> AbstractContextManager[Contents]:
        """The contents, for as long as the block lasts.

        Opening, and every question, may raise `DamagedError`, `RefusedError`, `NotFoundError`, what the store
        raises, and `AskAgainError`. Questions must be pure: they may be asked again.
        """


class Contents(Protocol):
    """What is in an open location."""

    def tree(self, asked: TreeRequest) -> Tree:
        """What is below a path: one level, or more. Raises `NotFoundError`."""

    def meta(self, asked: MetaRequest) -> Meta:
        """One object in full. Raises `NotFoundError` for a path or an attribute that is not there."""

    def usage(self, asked: UsageRequest) -> DiskUsage:
        """Stored and logical bytes below a path."""

    def values(self, path: str) -> Array:
        """The array at a path; the rows or the default plot of a group (`group` is set then).

        Raises `UsageError` for what is none of these, `NotFoundError`.
        """

    def shown(self, path: str) -> Array:
        """The array at a path, or the one that a group shows by default (its `group` is set then)."""


Take: TypeAlias = Callable[[Sequence[TreeNode]], None]


@runtime_checkable
class Streaming(Protocol):
    """Contents that can tell of a tree while they walk it. Those that cannot need not: `tree` is enough."""

    def stream(self, asked: TreeRequest, take: Take) -> Tree | None:
        """Give `take` what a path leads to and each node below it, in the order of `nodes_of`.

        The answer is that of `tree`, or None where it became too long to be held. Asked again, it gives the
        same nodes again, unless the first ones were wrong.
        """


@runtime_checkable
class Named(Protocol):
    """Contents that can tell names without reading much else."""

    def names(self, take: Callable[[list[NamedNode]], object]) -> None:
        """Give `take` what all objects and links are called, and their kinds, some at a time."""


@runtime_checkable
class Referable(Protocol):
    """Contents whose chunks Zarr can read where they are."""

    def references(self, asked: ReferencesRequest) -> FileReferences:
        """Every array as Zarr describes it, and where its chunks are."""


@runtime_checkable
class Comparable(Protocol):
    """Contents that tell all that `diff` compares."""

    def outline(self, asked: OutlineRequest) -> Outline:
        """Everything below a path but data. Raises `NotFoundError`, and `RefusedError` for what is more than
        can be held."""

    def arrays(self, paths: Sequence[str]) -> Sequence[Array | Exception]:
        """Several datasets, found in shared rounds, or why they cannot be."""


@dataclass(frozen=True)
class Facts:
    """The header of an array. `shape` is None for a null dataspace; sizes are bytes."""

    shape: tuple[int, ...] | None
    maxshape: tuple[int | None, ...] | None
    type: TypeInfo
    dtype: str
    size: int
    itemsize: int
    layout: str
    chunks: tuple[int, ...] | None
    filters: list[Filter]
    external: list[ExternalFile]

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape or ())

    @property
    def type_has_pointers(self) -> bool:
        """Whether values lie outside the elements (variable length, references)."""
        return has_pointers(self.type)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements, as the file's type has them. Of variable-length types: of their pointers."""
        return self.size * self.itemsize


def has_pointers(info: TypeInfo) -> bool:
    """Whether a type, or one inside it, is of variable length or a reference."""
    return info.class_ in ("vlen", "reference") or bool(info.variable) or any(map(has_pointers, inner(info)))


def has_references(info: TypeInfo) -> bool:
    """Whether a type, or one inside it, points to objects of its own file."""
    return info.class_ == "reference" or any(map(has_references, inner(info)))


def inner(info: TypeInfo) -> list[TypeInfo]:
    """The types that a type is made of."""
    return [member.type for member in info.members or []] + ([info.base] if info.base else [])


@dataclass(frozen=True)
class Coordinate:
    """One dimension: its name, and the one-dimensional array of its coordinates, if there is one."""

    label: str = ""
    array: Array | None = None
    edges: bool = False  # it holds the edges of bins, one more than there are
    name: str = ""  # of the array, where `label` is a title


@dataclass(frozen=True)
class Overview:
    """A line made smaller: of each stretch of `every` elements its lowest and highest values, as stored, and
    the mean. Of an image stretches are `down` rows high. The first begins at `start`, of an image in the row
    `top`."""

    every: int
    low: Values
    high: Values
    mean: Values
    down: int = 1
    start: int = 0
    top: int = 0


class ToJson(Protocol):
    """Turns values into JSON values."""

    nans: int  # met so far
    infs: int
    cut: int  # values of which not all was shown

    def value(self, value: Any, dtype: np.dtype[Any]) -> Json:
        """One element of a type."""


class Stored(Protocol):
    """Where the chunks of a selection are stored."""

    largest: int  # stored bytes of the largest

    def __len__(self) -> int: ...

    def ranges(self, part: Selection) -> list[Range]:
        """The bytes of the object that hold a part of the selection."""


@dataclass(frozen=True)
class StoredCells:
    """The pieces of an array that were written, a row of `table` for each: its number along each dimension,
    its first byte in the object, its bytes, and what tells how it was encoded where that is not as all are.

    Of two arrays of one shape, type, shape of pieces and encoding, rows with equal bytes hold equal values.
    """

    shape: tuple[int, ...]  # of a piece, in elements
    table: Values  # unsigned 64-bit numbers
    whole: bool = True  # False: values, or what they point to, are elsewhere; bytes tell nothing


class Runs(Protocol):
    """A selection as runs of bytes of the object, which need no decoding."""

    def ranges(self) -> list[Range]:
        """The bytes to fetch."""


class Array(ABC):
    """Values that can be read in parts. What has a body here suits formats that know no better."""

    path: str
    facts: Facts
    dtype: np.dtype[Any] | None  # NumPy's, array types included; None: it has none for the whole of it
    readable: np.dtype[Any] | None  # the same, of a compound without the fields that NumPy has no type for
    etag: str | None = None  # of the object, where one holds all of it
    followed: Followed | UnsetType = UNSET  # the other file that it is in, where its path led to one
    group: str | None = None  # that shows this array by default, where it was found by its group
    table = False  # made of the columns of a group: values are compounds, single fields of them masked
    gaps = False  # values are masked where one is missing
    index = 0  # columns of a table that name its rows: the first ones
    left_out: Sequence[str] = ()  # columns that cannot be read
    attributes: Mapping[str, Json] = {}

    @abstractmethod
    def read(self, selection: Selection) -> Values:
        """The values of a selection, in all dimensions of the array, of type `readable`."""

    def read_many(self, selections: Sequence[Selection]) -> list[Values]:
        """The values of several selections."""
        return [self.read(selection) for selection in selections]

    @abstractmethod
    def converter(self, most: int = 0, *, exact: bool = False) -> ToJson:
        """For values of this array. `most`: elements of one value that are shown (0: all).

        `exact`: byte strings that are not UTF-8 become `{"b64": …}` in place of escaped text.
        """

    def refuse(self) -> None:
        """Raise `RefusedError` where the values are unsafe to read, or cannot be decoded here."""
        return

    def coding(self, *, raw: bool = False) -> Coding:
        """What the stored numbers mean. `raw`: they are to be shown as they are."""
        from h5s3.formats.cf import coding_of

        if self.readable is None:
            raise UsageError(f"values of type {self.facts.dtype} cannot be read here")
        return coding_of(self.attributes, self.readable, raw=raw)

    def coordinates(self) -> tuple[str, list[Coordinate]]:
        """A title for a plot, where there is one, and what is known of each dimension."""
        return "", [Coordinate()] * self.facts.ndim

    def overview(self, selection: Selection, least: int) -> Overview | None:
        """A selection along the last dimension, or of an image along the last two, in `least` stretches or
        somewhat more, where such are stored beside the array. Stretches at the ends may reach beyond it."""
        return None

    def picture(self) -> Picture | None:
        """How the array is drawn in colour, where it is a picture."""
        return None

    def grid(self) -> Grid:
        """The pieces that are stored together."""
        from h5s3.formats.grid import Grid, run_shape

        shape = tuple(max(1, size) for size in self.facts.shape or ())
        piece = self.facts.chunks or run_shape(shape, self.facts.itemsize)
        return Grid(piece, None, True, prod(piece) * self.facts.itemsize)

    @property
    def notes(self) -> Sequence[str]:
        """What is to be said of what was read so far."""
        return ()

    def piece(self) -> tuple[int, ...] | None:
        """The shape of what is best read together, where neither chunks nor the order of bytes tell it."""
        return None

    def cost(self, selection: Selection) -> int | None:
        """Stored bytes of a selection, as far as they can be guessed, where `grid` does not tell them."""
        return None

    def fill(self) -> Any:
        """The value of elements that were never written."""
        return 0

    def runs(self, selection: Selection, most: int | None = None) -> Runs | None:
        """A selection as runs of bytes, where values lie in order and undecoded, in `most` runs at most."""
        return None

    def read_runs(self, runs: Runs, selection: Selection) -> Values:
        """Values of a selection from its runs, which were fetched."""
        return self.read(selection)

    def stored(self, selection: Selection) -> Stored | None:
        """Where the chunks of a selection are stored; None for arrays without chunks."""
        return None

    def stored_cells(self) -> StoredCells | None:
        """The pieces that are stored together; None where values are elsewhere, or not all are known."""
        return None

    def stored_bytes(self, start: int, stop: int) -> memoryview | None:
        """Bytes of the object that were fetched."""
        return None

    def exact(self, part: Selection) -> Values:
        """All values of a part, of type `dtype`, the dimensions of array types last."""
        return self.read(part)

    def raw(self, part: Selection) -> Values:
        """The values of a part as they are stored, as opaque bytes. Not for types with pointers."""
        import numpy as np

        values = np.ascontiguousarray(self.read(part))
        return values.view(np.dtype((np.void, self.facts.itemsize))).reshape(tuple(a.count for a in part))

    @property
    def streams(self) -> bool:
        """Whether bytes may be fetched ahead (`fetch_ahead`) while values before them are decoded."""
        return False

    def fetch_ahead(self, ranges: Iterable[Range]) -> None:
        """Begin to fetch these bytes of the object, which `fetched` will be asked for soon."""
        return

    def drop_ahead(self) -> None:
        """Forget what was to be fetched ahead."""
        return

    @contextmanager
    def fetched(self, ranges: Iterable[Range]) -> Iterator[None]:
        """Have these bytes of the object here for as long as the block lasts, in one round."""
        yield

    def decoding(self, most: int, piece: int, *, again: bool | None = None) -> AbstractContextManager[None]:
        """Bounds what decoding may fetch (`most` bytes) and take (for pieces of `piece` bytes).

        Within it the format's own errors become `DamagedError`. `again`: whether the question may be asked
        again (`AskAgainError`); None: it need not be.
        """
        return nullcontext()
