"""What the rows in sight are, of a group so large that its names alone were listed."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.timer import Timer

from h5s3.browse.lanes import Lanes, Question
from h5s3.browse.places.members import Members
from h5s3.browse.places.rows import Row
from h5s3.browse.widgets.outline_view import OutlineView
from h5s3.errors import H5s3Error
from h5s3.explore.session import Session
from h5s3.explore.tree import child_nodes
from h5s3.records import TreeNode
from h5s3.render.text import redacted, safe

RESTED = 0.05  # seconds after which rows that came in sight are asked for
AHEAD = 100  # rows behind those in sight that are asked about with them
PATIENCE = 1.0  # seconds after which a question about rows that went out of sight is given up


class Details:
    """Asks what rows in sight are, one question at a time. `look`: the row under the cursor is known now."""

    def __init__(
        self,
        view: OutlineView,
        lanes: Callable[[], Lanes],
        look: Callable[[], object],
        say: Callable[[str], object],
    ) -> None:
        self._view, self._lanes, self._look, self._say = view, lanes, look, say
        self._timer: Timer | None = None
        self._under_way: tuple[Row, set[int]] | None = None  # below which row, which ones
        self._begun = 0.0

    @property
    def busy(self) -> bool:
        """Whether rows in sight are asked for, or will be soon."""
        return self._timer is not None or self._under_way is not None

    def want(self) -> None:
        """Rows came in sight of which only the names are known."""
        if self._timer is None:
            self._timer = self._view.set_timer(RESTED, self._ask)

    def _ask(self) -> None:
        """Ask about the first ones in sight, and about those that follow them."""
        self._timer = None
        rows = list(self._view.unknown())
        above = rows[0].parent if rows else None
        if above is None or above.rows.members is None:
            return
        members, numbers = above.rows.members, [row.number for row in rows if row.parent is above]
        if numbers[-1] - numbers[0] < 2 * len(numbers):  # not here and there, as a filter shows them
            last = min(numbers[-1] + AHEAD, len(members))
            numbers += [at for at in range(numbers[-1] + 1, last) if not members.known(at)]
        if not self._waits_for(above, numbers):
            self._ask_about(above, members, numbers)

    def _waits_for(self, above: Row, numbers: list[int]) -> bool:
        """Whether an answer is to come that leads on, or that is worth to be waited for."""
        if self._under_way is None:
            return False
        where, asked = self._under_way
        if where is above and numbers[0] in asked:
            return True
        if time.monotonic() - self._begun < PATIENCE:
            self._timer = self._view.set_timer(PATIENCE, self._ask)
            return True
        return False

    def _ask_about(self, above: Row, members: Members, numbers: list[int]) -> None:
        item, names = above.item, members.names_of(numbers)

        def work(session: Session) -> list[TreeNode]:
            return child_nodes(session, item.location, item.path, names)

        def done(found: list[TreeNode]) -> None:
            self._under_way = None
            at = self._view.row.item
            if above.rows.members is members:
                members.describe(numbers, found)
                above.rows.renew(numbers)
            self._view.refresh()
            if self._view.row.item is not at:
                self._look()
            self.want()

        def failed(error: H5s3Error) -> None:
            self._under_way = None
            self._say(safe(redacted(error.cause), 300))

        self._under_way, self._begun = (above, set(numbers)), time.monotonic()
        self._lanes().ask(Question("details", item.path, work, done, failed))
