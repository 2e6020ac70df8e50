"""What `--where` says: conditions on columns, as in SQL, read by a small grammar of its own.

price > 5 and (day between '2024-05-01' and '2024-06-01' or not name in ('a', 'b')) and b.c is not null
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, TypeAlias

from h5s3.errors import UsageError

Value: TypeAlias = "int | Decimal | str | bool"
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "like", "not like"]
OPPOSITE: dict[Operator, Operator] = {
    "=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "like": "not like", "not like": "like",
}  # fmt: skip
MOST_TEXT = 20_000  # characters
DEEPEST = 50  # levels of brackets and `not`
WORDS = ("and", "or", "in", "is", "null", "between", "like")  # that no column is called, unless it is quoted
TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)
      | (?P<text>'(?:[^']|'')*')
      | (?P<name>(?:[^\W\d]\w*|"(?:[^"]|"")+"|`[^`]+`)(?:\.(?:\w+|"(?:[^"]|"")+"|`[^`]+`))*)
      | (?P<sign><>|<=|>=|!=|==|[=<>(),])
    )""",
    re.VERBOSE,
)
PART = re.compile(r'"((?:[^"]|"")+)"|`([^`]+)`|(\w+)')


@dataclass(frozen=True)
class Name:
    """A column, as it is written: the parts of its name. `plain`: none of them was quoted."""

    parts: tuple[str, ...]
    plain: bool


@dataclass(frozen=True)
class Compared:
    """A column and a value."""

    name: Name
    operator: Operator
    value: Value | None  # None: null, with which every comparison is null
    or_nan: bool = False  # NaN, too: of the opposite of an order, which NaN has no part in


@dataclass(frozen=True)
class Missing:
    """`is null`."""

    name: Name


@dataclass(frozen=True)
class Not:
    """`not`."""

    inner: Condition


@dataclass(frozen=True)
class Both:
    """`and`, or (`either`) `or`."""

    parts: tuple[Condition, ...]
    either: bool


Condition: TypeAlias = Compared | Missing | Not | Both


def parse(text: str) -> Condition:
    """The condition that a text says. Raises `UsageError`, which shows the place."""
    if len(text) > MOST_TEXT:
        raise UsageError(f"a condition has at most {MOST_TEXT:,} characters")
    parser = _Parser(text)
    found = parser.either()
    parser.end()
    return found


def names_in(condition: Condition) -> Iterator[Name]:
    """The columns that it is about."""
    if isinstance(condition, Not):
        yield from names_in(condition.inner)
    elif isinstance(condition, Both):
        for part in condition.parts:
            yield from names_in(part)
    else:
        yield condition.name


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._next, self._depth = text, list(_tokens(text)), 0, 0

    def either(self) -> Condition:
        return self._joined("or", self._all, either=True)

    def end(self) -> None:
        if self._peek().kind != "end":
            self._fail("and, or or the end")

    def _all(self) -> Condition:
        return self._joined("and", self._one, either=False)

    def _joined(self, word: str, part: object, *, either: bool) -> Condition:
        assert callable(part)
        found = [part()]
        while self._took(word):
            found.append(part())
        return found[0] if len(found) == 1 else Both(tuple(found), either)

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise UsageError(f"a condition is nested more than {DEEPEST} deep")
        try:
            if self._took("not"):
                return Not(self._one())
            if self._took("("):
                inner = self.either()
                self._need(")")
                return inner
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Condition:
        name = self._name()
        if self._took("is"):
            negated = self._took("not")
            self._need("null")
            return Not(Missing(name)) if negated else Missing(name)
        negated = self._took("not")
        found: Condition
        if self._took("in"):
            found = self._among(name)
        elif self._took("between"):
            low = self._value()
            self._need("and")
            found = Both((Compared(name, ">=", low), Compared(name, "<=", self._value())), either=False)
        elif self._took("like"):
            found = Compared(name, "like", self._pattern())
        elif negated:
            self._fail("in, like or between")
        else:
            return self._compared(name)
        return Not(found) if negated else found

    def _among(self, name: Name) -> Condition:
        self._need("(")
        found = [Compared(name, "=", self._value_or_null())]
        while self._took(","):
            found.append(Compared(name, "=", self._value_or_null()))
        self._need(")")
        return found[0] if len(found) == 1 else Both(tuple(found), either=True)

    def _compared(self, name: Name) -> Condition:
        sign = self._peek()
        operator = {"==": "=", "<>": "!="}.get(sign.text, sign.text)
        if sign.kind != "sign" or operator not in OPPOSITE:
            if sign.kind == "end" or sign.text.lower() in ("and", "or", ")"):
                return Compared(name, "=", True)  # a column that is true or false
            self._fail("=, !=, <, <=, >, >=, in, like, between or is")
        self._next += 1
        return Compared(name, operator, self._value())  # type: ignore[arg-type]

    def _name(self) -> Name:
        token = self._peek()
        if token.kind != "name" or token.text.lower() in WORDS:
            self._fail("the name of a column")
        self._next += 1
        parts = [
            (quoted.replace('""', '"') or ticked or bare) for quoted, ticked, bare in PART.findall(token.text)
        ]
        return Name(tuple(parts), not any(sign in token.text for sign in '"`'))

    def _value_or_null(self) -> Value | None:
        return None if self._took("null") else self._value()

    def _pattern(self) -> str:
        found = self._value()
        if not isinstance(found, str) or "\\" in found:
            raise UsageError(
                "like takes a text in single quotes, in which % and _ stand for others, and no \\"
            )
        return found

    def _value(self) -> Value:
        for word, value in (("true", True), ("false", False)):
            if self._took(word):
                return value
        for word in ("date", "timestamp"):  # as SQL has them: date '2024-05-01'
            if self._peek().text.lower() == word and self._tokens[self._next + 1].kind == "text":
                self._next += 1
        token = self._peek()
        if token.kind == "number":
            self._next += 1
            return int(token.text) if re.fullmatch(r"[+-]?\d+", token.text) else Decimal(token.text)
        if token.kind != "text":
            self._fail("a number, or a text in single quotes")
        self._next += 1
        return token.text[1:-1].replace("''", "'")

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _took(self, word: str) -> bool:
        token = self._peek()
        if token.kind in ("name", "sign") and token.text.lower() == word:
            self._next += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._took(word):
            self._fail(word)

    def _fail(self, wanted: str) -> None:
        token = self._peek()
        met = "it ends" if token.kind == "end" else f"there is {token.text}"
        raise UsageError(
            f"in the condition {wanted} is expected where {met}: {_around(self._text, token.at)}"
        )


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            hint = "texts stand in single quotes: name = 'x'"
            raise UsageError(
                f"the condition makes no sense from here on: {text[at:].strip()[:60]}", hint=hint
            )
        yield _Token(found.lastgroup or "", found[found.lastgroup or 0], at)
        at = found.end()
    yield _Token("end", "", len(text))


def _around(text: str, at: int) -> str:
    """The condition up to a place, or its last part."""
    shown = text[:at].rstrip()
    return ("… " if len(shown) > 60 else "") + shown[-60:] + " ▸" + text[at : at + 20].rstrip()


def pushed(condition: Condition, negated: bool = False) -> Condition:
    """The same without `not` but before what is missing: for those who only ask whether it may hold."""
    if isinstance(condition, Not):
        return pushed(condition.inner, not negated)
    if isinstance(condition, Both):
        parts = tuple(pushed(part, negated) for part in condition.parts)
        return Both(parts, condition.either != negated)
    if not negated:
        return condition
    if isinstance(condition, Missing):
        return Not(condition)
    ordered = condition.operator not in ("=", "!=")
    return replace(condition, operator=OPPOSITE[condition.operator], or_nan=ordered)
