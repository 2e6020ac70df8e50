"""What a store holds: from its consolidated metadata, or fetched level by level, siblings at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from h5s3.errors import DamagedError, NotFoundError, RefusedError
from h5s3.formats.base import Source
from h5s3.formats.encoding.documents import Fields
from h5s3.formats.names import nearest, shown_by
from h5s3.formats.zarr.documents import LARGEST, LARGEST_OF_ALL, parsed
from h5s3.formats.zarr.nodes import ArrayNode, Group, Node, Unusable, Version, node_of
from h5s3.sizes import MIB
from h5s3.storage.objects import MOST_NAMES, Objects

V3, ARRAY, GROUP, ATTRIBUTES, ALL = "zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata"
MARKS = (V3, ALL, ARRAY, GROUP, ATTRIBUTES)
FIRST = 256 * 1024  # bytes of a document that are fetched at once
DEEPEST = 200  # levels of one walk; JSON nests as deep
MOST_NODES = 1_000_000  # of one store that are looked at
MOST_FETCHED = 256 * MIB  # bytes of all documents
MOST_CHILDREN = 200_000  # of one group


class Hierarchy:
    """The groups and arrays of a store by their paths, `""` the first of them, without a leading slash."""

    def __init__(self, source: Source, objects: Objects) -> None:
        self._source, self.objects = source, objects
        self._nodes: dict[str, Node | None] = {}
        self._names: dict[str, list[str]] = {}  # of children, by group
        self._fetched = 0
        self.consolidated = False
        self.version: Version = 3 if V3 in source.found else 2
        self._open()

    def _open(self) -> None:
        """The root, and all the others where its document has them."""
        documents = self._whole(dict.fromkeys(MARKS), self._source.found)
        if self.version == 3:
            document = self._parsed(documents[V3], V3, LARGEST_OF_ALL)
            self._nodes[""] = node_of(document, 3)
            held = document.get("consolidated_metadata")
            if isinstance(held, dict) and isinstance(held.get("metadata"), dict):
                self._take_v3(held["metadata"])
        else:
            self._nodes[""] = self._node_of_v2(documents, "")
            if documents[ALL] is not None and documents[ARRAY] is None:
                held = self._parsed(documents[ALL], ALL, LARGEST_OF_ALL).get("metadata")
                if isinstance(held, dict):
                    self._take_v2(held)
        if not self.consolidated and len(self._source.names) <= MOST_NAMES and self.objects.listed:
            self._names[""] = _prefixes(self._source.names)

    # ------------------------------------------------------------------------------------ questions

    def node(self, path: str) -> Node:
        """What is at a path. Raises `NotFoundError`, `DamagedError` for what is no group and no array."""
        self.fetch([path])
        found = self._nodes.get(path)
        if found is None:
            raise self._missing(path)
        if isinstance(found, Unusable):
            raise DamagedError(f"/{path}: {found.reason}" if path else found.reason)
        return found

    def known(self, path: str) -> Node | None:
        """What is at a path that was fetched."""
        return self._nodes.get(path)

    def fetch(self, paths: Iterable[str]) -> None:
        """Have what is at these paths here, in one round."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self._nodes]
        if self.consolidated or not wanted:
            return
        if len(self._nodes) + len(wanted) > MOST_NODES:
            raise RefusedError(f"more than {MOST_NODES:,} groups and arrays")
        marks = (V3,) if self.version == 3 else (ARRAY, GROUP, ATTRIBUTES)
        names = {_join(path, mark): None for path in wanted for mark in marks}
        documents = self._whole(names, {})
        for path in wanted:
            found = {mark: documents[_join(path, mark)] for mark in marks}
            self._nodes[path] = self._node(found, path)

    def list_groups(self, groups: Iterable[str]) -> None:
        """Have the names of what is below these groups here, in one round."""
        wanted = [group for group in dict.fromkeys(groups) if group not in self._names]
        if self.consolidated or not wanted:
            return
        if not self.objects.listed:
            for group in wanted:
                self._names[group] = []
            return
        listed = self.objects.children(wanted, MOST_CHILDREN)
        for group, names in zip(wanted, listed, strict=True):
            if len(names) > MOST_CHILDREN:
                raise RefusedError(f"/{group} has more than {MOST_CHILDREN:,} names below it")
            self._names[group] = _prefixes(names)

    def names(self, group: str) -> Sequence[str]:
        """Names of what may be a child of a group that was listed, in order."""
        return self._names.get(group, [])

    def children(self, group: str) -> list[tuple[str, Node]]:
        """The children of a group, which were fetched, by name. What has no document is none."""
        pairs = ((name, self._nodes.get(_join(group, name))) for name in self.names(group))
        return [(name, node) for name, node in pairs if node is not None]

    # -------------------------------------------------------------------------------------- documents

    def _whole(self, names: dict[str, None], found: object) -> dict[str, bytes | None]:
        """Documents by their names, those not found yet fetched; what is long takes a round more."""
        first = found if isinstance(found, dict) and found else {}
        wanted = [] if first else list(names)
        answers = {**dict.fromkeys(names), **first}
        answers.update(zip(wanted, self.objects.look(wanted, FIRST), strict=True))
        long = [(name, one[0]) for name, one in answers.items() if one and one[0].size > len(one[1])]
        for name, info in long:
            most = LARGEST_OF_ALL if name in (V3, ALL) else LARGEST
            if info.size > most:
                raise RefusedError(f"{name} is larger than {most // MIB} MiB")
        rest = self.objects.read([(info, (0, info.size)) for _, info in long])
        bodies = {
            name: one[1] if one and self._is_document(one[1]) else None for name, one in answers.items()
        }
        bodies.update(zip((name for name, _ in long), rest, strict=True))
        self._fetched += sum(len(body) for body in bodies.values() if body)
        if self._fetched > MOST_FETCHED:
            raise RefusedError(f"its metadata is larger than {MOST_FETCHED // MIB} MiB")
        return bodies

    def _is_document(self, body: bytes) -> bool:
        """Servers of the web may answer with a page where there is nothing."""
        return self.objects.listed or body.lstrip().startswith(b"{")

    def _parsed(self, body: bytes | None, name: str, most: int = LARGEST) -> Fields:
        return parsed(body or b"", name, most)

    def _node(self, documents: dict[str, bytes | None], path: str) -> Node | None:
        try:
            if self.version == 2:
                return self._node_of_v2(documents, path)
            body = documents[V3]
            return None if body is None else node_of(parsed(body, _join(path, V3)), 3)
        except (DamagedError, RefusedError) as error:
            return Unusable(error.cause)

    def _node_of_v2(self, documents: dict[str, bytes | None], path: str) -> Node | None:
        body = documents[ARRAY] if documents[ARRAY] is not None else documents[GROUP]
        if body is None and not (documents.get(ALL) is not None and path == ""):
            return None
        attributes = documents[ATTRIBUTES]
        own = parsed(attributes, _join(path, ATTRIBUTES)) if attributes is not None else {}
        name = _join(path, ARRAY if documents[ARRAY] is not None else GROUP)
        return node_of(parsed(body, name) if body is not None else {}, 2, own)

    def _take_v3(self, held: Fields) -> None:
        """Consolidated metadata of version 3: a document for each path."""
        for path, document in held.items():
            self._take(path, node_of(document, 3) if isinstance(document, dict) else Unusable("no document"))
        self._settle()

    def _take_v2(self, held: Fields) -> None:
        """The same of version 2: the documents by their names."""
        for name, document in held.items():
            path, _, mark = name.rpartition("/")
            if mark in (ARRAY, GROUP) and isinstance(document, dict):
                attributes = held.get(_join(path, ATTRIBUTES))
                own = attributes if isinstance(attributes, dict) else {}
                self._take(path, node_of(document, 2, own))
        self._settle()

    def _take(self, path: str, node: Node) -> None:
        parts = path.split("/") if path else []
        if any(part in ("", ".", "..") for part in parts) or "\0" in path:
            raise RefusedError(f"a name in its consolidated metadata leads elsewhere: {path[:200]}")
        if len(parts) > DEEPEST:
            raise RefusedError(f"its groups are nested more than {DEEPEST} deep")
        self._nodes[path] = node

    def _settle(self) -> None:
        """Who is whose child. Groups without a document of their own are groups all the same."""
        if len(self._nodes) > MOST_NODES:
            raise RefusedError(f"more than {MOST_NODES:,} groups and arrays")
        self.consolidated = True
        below: dict[str, set[str]] = {}
        for path in list(self._nodes):
            while path:
                above, _, name = path.rpartition("/")
                self._nodes.setdefault(above, Group(self.version))
                names = below.setdefault(above, set())
                if name in names:
                    break
                names.add(name)
                path = above
        self._names = {group: sorted(names) for group, names in below.items()}

    def _missing(self, path: str) -> NotFoundError:
        parts = path.split("/")
        for depth in range(len(parts)):
            above, name = "/".join(parts[:depth]), parts[depth]
            with suppress(RefusedError, DamagedError):
                self.fetch([above, _join(above, name)])
                node = self._nodes.get(above)
                if isinstance(node, ArrayNode):
                    return NotFoundError(
                        f"/{above} is an array: nothing is below it", hint=shown_by("/" + above)
                    )
                if self._nodes.get(_join(above, name)) is None:
                    self.list_groups([above])
                    meant = nearest(name, self.names(above))
                    where = "/" + above
                    hint = f"did you mean {_join(where, meant)}?" if meant else shown_by(where)
                    asked = f" (asked: /{path})" if depth + 1 < len(parts) else ""
                    return NotFoundError(f"no {name} in {where}{asked}", hint=hint)
        return NotFoundError(f"no /{path}")


def _prefixes(names: Iterable[str]) -> list[str]:
    """The names that may be those of groups and arrays: all prefixes."""
    return sorted(name[:-1] for name in names if name.endswith("/") and name != "/")


def _join(path: str, name: str) -> str:
    return f"{path.rstrip('/')}/{name}" if path else name
