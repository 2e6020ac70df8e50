"""What is asked of each file of a search, and what of the answer meets the conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial

from h5s3.cell.calls import Callback
from h5s3.errors import DamagedError, H5s3Error
from h5s3.explore.find.conditions import Conditions
from h5s3.explore.find.questions import named, names_of, present, surveyed
from h5s3.explore.many.reading import Asking, Tell, Work
from h5s3.explore.session import Session
from h5s3.explore.tree import Once
from h5s3.formats.requests import Request, TreeRequest
from h5s3.records import (
    UNSET,
    Attribute,
    AttributedNode,
    DatasetNode,
    FoundName,
    GroupNode,
    Match,
    NamedNode,
    Names,
    Presence,
    Tree,
    TreeNode,
    and_followed,
    match,
    nodes_of,
    replaced,
)
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo

SMALL = 8 * MIB  # bytes of a file whose objects are told all at once
LESS = [(False, False), (True, False), (False, True), (True, True)]  # attributes and values of trees


Found = Match | FoundName


@dataclass(frozen=True)
class Answer:
    """What was found in a file. `learned`: for the cache. `unknown`: why not all could be looked at."""

    info: ObjectInfo
    matches: Sequence[Found] = ()
    lacks: bool = False
    learned: tuple[Request, Tree | Names | Presence] | None = None
    unknown: H5s3Error | None = None


class Nodes:
    """Looks through the nodes of trees, of which as much is read as the conditions need."""

    def __init__(
        self, session: Session, conditions: Conditions, looked: Callable[[int], object] = lambda more: None
    ) -> None:
        self._session, self._test, self._looked = session, conditions.test(), looked
        self._names, self._held_in = conditions.attribute_names(), conditions.held_in()
        self._attributes, self._values = bool(self._names), conditions.value is not None
        self._request = _request(self._attributes, self._values)
        self.work: Work[Answer, Sequence[Found]] = Work(self._held, self._ask)

    def _held(self, info: ObjectInfo) -> Answer | None:
        """From an answer that is remembered, to this question or to one that took more."""
        if info.identity is None:
            return None
        for attributes, values in LESS:
            if attributes >= self._attributes and values >= self._values:
                tree = self._session.answers.get(Tree, info, _request(attributes, values))
                if tree is not None:
                    return self.answer(info, list(nodes_of(tree)))
        return None

    def _ask(self, asking: Asking, tell: Tell[Sequence[Found]]) -> Answer:
        info, seen = asking.seen.info, Looked(held_in=self._held_in)
        once: Once[TreeNode] = Once(lambda nodes: self._tell(info, seen, nodes, tell))
        question = partial(
            surveyed,
            asked=self._request,
            at_once=info.size <= SMALL,
            begin=Callback(once.begin_anew, bool),
            take=Callback(once.take, list[TreeNode]),
        )
        tree = asking.read(question, Tree | None, lambda: not once.given)
        if tree is None or once.given:
            return self._answer(info, seen, [])
        found = self._answer(info, seen, list(nodes_of(tree)))
        return replace(found, learned=(self._request, tree))

    def _tell(
        self, info: ObjectInfo, seen: Looked, nodes: Sequence[TreeNode], tell: Tell[Sequence[Found]]
    ) -> None:
        self._looked(len(nodes))
        matches = self._matches(info, seen, nodes)
        if matches:
            tell(matches, len(matches))

    def answer(self, info: ObjectInfo, nodes: Sequence[TreeNode]) -> Answer:
        """What of these nodes, all of a file, meets the conditions."""
        return self._answer(info, Looked(held_in=self._held_in), nodes)

    def _answer(self, info: ObjectInfo, seen: Looked, nodes: Sequence[TreeNode]) -> Answer:
        matches = sorted(self._matches(info, seen, nodes), key=by_path)
        return Answer(info, matches, unknown=seen.unknown())

    def _matches(self, info: ObjectInfo, seen: Looked, nodes: Sequence[TreeNode]) -> list[Found]:
        found: list[Found] = []
        place, key, etag = info.location.display, info.location.shown_key, info.etag
        for node in and_followed(nodes):
            seen.take(node, self._attributes, self._values)
            if self._test(node):
                found.append(match(self._shown(node), place, key, etag))
        return found

    def _shown(self, node: TreeNode) -> TreeNode:
        """A node with those attributes alone that the conditions name."""
        if not isinstance(node, AttributedNode) or node.attributes is UNSET:
            return node
        kept = [one for one in node.attributes if any(fnmatchcase(one.name, name) for name in self._names)]
        return replaced(node, attributes=kept or UNSET, num_attributes=UNSET, attributes_truncated=UNSET)


@dataclass
class Looked:
    """What of a file could not be looked at. `held_in`: as `Conditions` has it."""

    unlisted: int = 0
    attributes: int = 0
    values: int = 0
    held_in: Sequence[str] = ()
    cut: int = 0

    @classmethod
    def at(cls, nodes: Sequence[TreeNode], attributes: bool, values: bool) -> Looked:
        """What of these nodes could not be."""
        looked = cls()
        for node in nodes:
            looked.take(node, attributes, values)
        return looked

    def take(self, node: TreeNode, attributes: bool, values: bool) -> None:
        """Take note of one node."""
        if isinstance(node, GroupNode) and (node.error is not UNSET or node.children_truncated is True):
            self.unlisted += 1
        if attributes and isinstance(node, AttributedNode) and node.alias_of is UNSET:
            known = node.attributes is not UNSET and node.attributes_truncated is not True
            self.attributes += not known
            self.cut += sum(map(self._is_cut, node.attributes if node.attributes is not UNSET else []))
        if values and isinstance(node, DatasetNode) and node.shape == [] and node.alias_of is UNSET:
            self.values += node.value is UNSET or node.value_truncated is True

    def _is_cut(self, attribute: Attribute) -> bool:
        """Whether the text that is asked for may be in what is not known of it."""
        return attribute.truncated is True and any(fnmatchcase(attribute.name, one) for one in self.held_in)

    def unknown(self) -> H5s3Error | None:
        """The error that says so; None where all was looked at."""
        parts = [
            f"{what} of {count:,} {of}"
            for count, what, of in (
                (self.unlisted, "the children", "groups"),
                (self.attributes, "the attributes", "objects"),
                (self.values, "the values", "scalars"),
                (self.cut, "the whole values", "attributes"),
            )
            if count
        ]
        return DamagedError(f"not all could be looked at: not {', '.join(parts)}") if parts else None


class JustNames:
    """Looks through names and kinds, for which no dataset is opened."""

    def __init__(
        self, session: Session, conditions: Conditions, looked: Callable[[int], object] = lambda more: None
    ) -> None:
        self._session, self._test, self._looked = session, conditions.test(), looked
        self.work: Work[Answer, Sequence[Found]] = Work(self._held, self._ask)

    def _held(self, info: ObjectInfo) -> Answer | None:
        """From names that are remembered, or from a tree."""
        if info.identity is None:
            return None
        names = self._session.answers.get(Names, info, Request())
        if names is not None:
            return self.answer(info, names.nodes)
        for more in LESS:
            tree = self._session.answers.get(Tree, info, _request(*more))
            if tree is not None:
                return self.answer(info, names_of(tree))
        return None

    def _ask(self, asking: Asking, tell: Tell[Sequence[Found]]) -> Answer:
        info, cut = asking.seen.info, list[NamedNode]()

        def take(nodes: Sequence[NamedNode]) -> None:
            cut.extend(node for node in nodes if node.cut)
            self._looked(len(nodes))
            matches = self._matches(info, nodes)
            if matches:
                tell(matches, len(matches))

        once = Once(take)
        question = partial(
            named,
            at_once=info.size <= SMALL,
            begin=Callback(once.begin_anew, bool),
            take=Callback(once.take, list[NamedNode]),
        )
        found = asking.read(question, Names | None, lambda: not once.given)
        if found is None or once.given:
            return self.answer(info, cut)
        return replace(self.answer(info, found.nodes), learned=(Request(), found))

    def answer(self, info: ObjectInfo, nodes: Sequence[NamedNode]) -> Answer:
        """What of these, all that is in a file, meets the conditions."""
        seen = Looked(unlisted=sum(node.cut for node in nodes))
        matches = sorted(self._matches(info, nodes), key=by_path)
        return Answer(info, matches, unknown=seen.unknown())

    def _matches(self, info: ObjectInfo, nodes: Sequence[NamedNode]) -> list[FoundName]:
        place, key, etag = info.location.display, info.location.shown_key, info.etag
        return [
            FoundName(kind=node.kind, name=node.name, path=node.path, location=place, key=key, etag=etag)
            for node in nodes
            if not node.cut and self._test(node)
        ]


class Paths:
    """Asks whether files have a path."""

    def __init__(self, session: Session, path: str) -> None:
        self._session, self._request = session, Request(path)
        self.work: Work[Answer, Sequence[Found]] = Work(self._held, self._ask)

    def _held(self, info: ObjectInfo) -> Answer | None:
        known = self._session.answers.get(Presence, info, self._request) if info.identity else None
        return None if known is None else Answer(info, lacks=not known.present)

    def _ask(self, asking: Asking, tell: Tell[Sequence[Found]]) -> Answer:
        found = asking.read(partial(present, path=self._request.path), Presence)
        return Answer(asking.seen.info, lacks=not found.present, learned=(self._request, found))


def by_path(found: Found) -> list[str]:
    """The order of matches in a file: what is in a group stands below it."""
    return found.path.split("/")


def _request(attributes: bool, values: bool) -> TreeRequest:
    return TreeRequest(depth=0, limit=0, attributes=attributes, all_attributes=attributes, values=values)
