"""Questions asked as several commands would ask them, each in a session of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.records import Tree
from h5s3.settings import Settings
from h5s3.storage.trace import Trace
from tests.support.scattered import scattered

HERE = "s3://sessions/folder/file.h5"
OLD, NEW = scattered(), scattered(groups=50)  # no group 50 to 59 in the new one


def groups(content: str) -> frozenset[str]:
    return frozenset(f"group {number}" for number in range(60 if content == "old" else 50))


class Questions:
    """Asks each question in a session of its own; `trace` is that of the last one."""

    trace: Trace

    def __call__(
        self, question: Callable[..., Any], *arguments: Any, where: str = HERE, **settings: Any
    ) -> Any:
        with Session(Settings(**settings)) as session:
            self.trace = session.trace
            return question(session, session.location(where), *arguments)

    def content(self, where: str = HERE, **settings: Any) -> str:
        """Whether the root group shows the old content or the new."""
        found: Tree = self(tree, where=where, **settings)
        names = {child.name for child in found.children or []}
        return {groups("old"): "old", groups("new"): "new"}[frozenset(names)]
