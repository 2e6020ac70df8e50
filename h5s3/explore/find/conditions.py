"""Conditions on objects of a file: what they need to know of a node, and whether it meets them."""

from __future__ import annotations

import math
import operator
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from types import MappingProxyType
from typing import Any

from h5s3.errors import UsageError
from h5s3.records import (
    UNSET,
    Attribute,
    AttributedNode,
    DatasetNode,
    DatatypeNode,
    GroupNode,
    NamedNode,
    TreeNode,
    kind_of,
)

Node = TreeNode | NamedNode
Test = Callable[[Node], bool]
Compare = Callable[[Any, str], bool]  # of a value and its type
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        ">=": operator.ge, "<=": operator.le, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
        "=": operator.eq,
    }
)  # fmt: skip
WORDS = re.compile(r"(.*?)(>=|<=|!=|=|~|>|<)(.*)", re.DOTALL)  # a name, how it is compared, with what
COUNT = re.compile(r"(>=|<=|!=|=|>|<)?\s*([0-9]{1,18})")
LETTERS = {"f": "float", "i": "int", "u": "uint", "c": "complex"}
NARROW = MappingProxyType({"float32": "f", ">f4": "f", "float16": "e", ">f2": "e"})  # and how struct has them
BIG_ENDIAN = re.compile(r">([fiuc])([0-9]{1,2})")
TYPES = ("group", "dataset", "datatype", "soft_link", "external_link", "link", "unresolved")


@dataclass(frozen=True)
class Conditions:
    """Conditions that hold together; no word for one that is None or empty.

    `name` is a glob, `regex` a regular expression that is searched for; with a `/` in it either means the
    whole path. `dtype` and `nxclass` are globs. `ndim`: `3`, `>=2`. `shape`: a length, a comparison or `*`
    for each dimension, such as `*,2048,>100`. `larger`, `smaller`: logical bytes. `attrs`: `NAME`, or
    `NAME=TEXT`, `!=`, `~` (holds), `>`, `>=`, `<`, `<=`. `value`: the same without a name, of scalars.
    `depth`: levels below the root.
    """

    name: str | None = None
    regex: str | None = None
    type: str | None = None
    dtype: str | None = None
    ndim: str | None = None
    shape: str | None = None
    larger: int | None = None
    smaller: int | None = None
    attrs: tuple[str, ...] = ()
    value: str | None = None
    filter: str | None = None
    layout: str | None = None
    nxclass: str | None = None
    depth: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is a condition."""
        return self != Conditions()

    @property
    def of_names(self) -> bool:
        """Whether names and kinds tell."""
        return replace(self, name=None, regex=None, type=None, depth=None) == Conditions()

    def attribute_names(self) -> list[str]:
        """Globs of the attributes that are asked about."""
        return [_split(text, named=True)[0] for text in self.attrs]

    def held_in(self) -> list[str]:
        """Globs of the attributes that are asked for a text that they hold, somewhere in all of it."""
        split = [_split(text, named=True) for text in self.attrs]
        return [name for name, sign, _ in split if sign == "~"]

    def test(self) -> Test:
        """A function that says whether a node meets all of them, the quickest first.

        Raises `UsageError` for a condition that cannot be understood.
        """
        tests: list[Test] = []
        if self.depth is not None:
            tests.append(partial(_within, self.depth))
        if self.type is not None:
            tests.append(_type(self.type))
        if self.name is not None:
            tests.append(partial(_named, self.name, "/" in self.name))
        if self.regex is not None:
            tests.append(_like(self.regex))
        tests += [partial(_dataset, test) for test in self._of_datasets()]
        if self.dtype is not None:
            tests.append(partial(_of_type, self.dtype))
        if self.nxclass is not None:
            tests.append(partial(_of_class, self.nxclass))
        tests += [_attribute(text) for text in self.attrs]
        return lambda node: all(test(node) for test in tests)

    def _of_datasets(self) -> list[Callable[[DatasetNode], bool]]:
        tests: list[Callable[[DatasetNode], bool]] = []
        if self.ndim is not None:
            ndim = _count(self.ndim, "--ndim")
            tests.append(lambda node: node.shape is not None and ndim(node.ndim))
        if self.shape is not None:
            tests.append(_shape(self.shape))
        if self.larger is not None:
            tests.append(partial(_size, operator.gt, self.larger))
        if self.smaller is not None:
            tests.append(partial(_size, operator.lt, self.smaller))
        if self.layout is not None:
            tests.append(partial(lambda layout, node: bool(node.layout == layout), self.layout))
        if self.filter is not None:
            tests.append(partial(_filtered, self.filter))
        if self.value is not None:
            compare = _comparison(*_split(self.value, named=False)[1:])
            tests.append(partial(_of_value, compare))
        return tests


def _within(depth: int, node: Node) -> bool:
    return (0 if node.path == "/" else node.path.count("/")) <= depth


def _type(wanted: str) -> Test:
    if wanted not in TYPES:
        raise UsageError(f"--type is one of {', '.join(TYPES)}")
    kinds = ("soft_link", "external_link") if wanted == "link" else (wanted,)
    return lambda node: (node.kind if isinstance(node, NamedNode) else kind_of(node)) in kinds


def _named(pattern: str, whole: bool, node: Node) -> bool:
    if whole:
        return fnmatchcase(node.path, pattern if pattern.startswith(("/", "*")) else "/" + pattern)
    return fnmatchcase(node.name, pattern)


def _like(pattern: str) -> Test:
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UsageError(f"--regex {pattern!r} is no regular expression: {error}") from None
    whole = "/" in pattern
    return lambda node: search(node.path if whole else node.name) is not None


def _dataset(test: Callable[[DatasetNode], bool], node: Node) -> bool:
    return isinstance(node, DatasetNode) and test(node)


def _of_type(pattern: str, node: Node) -> bool:
    if not isinstance(node, DatasetNode | DatatypeNode):
        return False
    known = BIG_ENDIAN.fullmatch(node.dtype)
    usual = f"{LETTERS[known[1]]}{8 * int(known[2])}" if known else node.dtype
    return any(pattern == one or fnmatchcase(one, pattern) for one in {node.dtype, usual})


def _of_class(pattern: str, node: Node) -> bool:
    return isinstance(node, GroupNode) and node.nx_class is not UNSET and fnmatchcase(node.nx_class, pattern)


def _filtered(name: str, node: DatasetNode) -> bool:
    return node.filters is not UNSET and any(fnmatchcase(one, name) for one in node.filters)


def _of_value(compare: Compare, node: DatasetNode) -> bool:
    return node.value is not UNSET and node.shape == [] and compare(node.value, node.dtype)


def _size(compare: Callable[[int, int], bool], size: int, node: DatasetNode) -> bool:
    return compare(node.nbytes, size)


def _shape(text: str) -> Callable[[DatasetNode], bool]:
    tests = [_count(part.strip(), "--shape") for part in text.split(",")] if text.strip() else []

    def fits(node: DatasetNode) -> bool:
        lengths = node.shape
        return (
            lengths is not None
            and len(lengths) == len(tests)
            and all(test(length) for test, length in zip(tests, lengths, strict=True))
        )

    return fits


def _count(text: str, option: str) -> Callable[[int], bool]:
    if text == "*":
        return lambda count: True
    known = COUNT.fullmatch(text)
    if known is None:
        hint = "a number, a comparison such as '>=2', or *"
        raise UsageError(f"{option} does not understand {text!r}", hint=hint)
    compare, number = COMPARE[known[1] or "="], int(known[2])
    return lambda count: compare(count, number)


def _attribute(text: str) -> Test:
    name, sign, wanted = _split(text, named=True)
    compare = _comparison(sign, wanted) if sign else None

    def has(node: Node) -> bool:
        if not isinstance(node, AttributedNode) or node.attributes is UNSET:
            return False
        return any(
            fnmatchcase(one.name, name) and (compare is None or _holds(compare, one))
            for one in node.attributes
        )

    return has


def _holds(compare: Compare, attribute: Attribute) -> bool:
    value = attribute.value
    single = isinstance(value, list) and len(value) == 1
    return attribute.error is UNSET and compare(value[0] if single else value, attribute.dtype)


def _split(text: str, *, named: bool) -> tuple[str, str, str]:
    """A name, a sign and what it is compared with; without a sign the name alone, or a value to equal."""
    known = WORDS.fullmatch(text)
    if known is None and text:
        return (text, "", "") if named else ("", "=", text)
    if known is None or bool(known[1]) != named:
        option = "--attr" if named else "--value"
        form = "NAME, NAME=VALUE, NAME~TEXT or NAME>NUMBER" if named else "VALUE, ~TEXT or >NUMBER"
        raise UsageError(f"{option} does not understand {text!r}", hint=f"its form is {form}")
    return known[1].strip(), known[2], known[3].strip()


def _comparison(sign: str, wanted: str) -> Compare:
    """Compares a value of JSON with what was given as text: numbers as numbers, anything else as text."""
    if sign == "~":
        return lambda value, dtype: any(
            wanted in str(one) for one in (value if isinstance(value, list) else [value])
        )
    number = _number(wanted)
    if sign == "=":
        return lambda value, dtype: _same(_rounded(number, dtype), wanted, value)
    if sign == "!=":
        return lambda value, dtype: not _same(_rounded(number, dtype), wanted, value)
    if number is None:
        raise UsageError(f"{sign} compares with a number, and {wanted!r} is none")
    compare = COMPARE[sign]
    return lambda value, dtype: (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and compare(value, _rounded(number, dtype))
    )


def _rounded(number: float | int | None, dtype: str) -> float | int | None:
    """A number as a type of few digits has it: 0.1 means the float32 that is shown so."""
    form = NARROW.get(dtype)
    if form is None or number is None:
        return number
    try:
        rounded: float = struct.unpack(form, struct.pack(form, number))[0]
    except (OverflowError, struct.error):  # beyond what the type can hold
        return number
    return rounded


def _same(number: float | int | None, wanted: str, value: Any) -> bool:
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower() or number == int(value)
    if isinstance(value, int | float):
        return number is not None and value == number
    if isinstance(value, list):
        return wanted == ",".join(map(str, value))
    return value is not None and str(value) == wanted


def _number(text: str) -> float | int | None:
    """An exact integer, or a float; None for other words and for what is not finite."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
