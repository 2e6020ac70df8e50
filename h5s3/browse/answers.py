"""What was answered a moment ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

FRESH = 30.0  # seconds for which an answer is shown again without a question: as long as HEADs count
HELD = 200  # answers


class Answers:
    """Answers of the last seconds, so that going to and fro costs nothing."""

    def __init__(self) -> None:
        self._held: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        """The answer of a name, or None."""
        made, found = self._held.get(key, (0.0, None))
        return found if time.monotonic() - made < FRESH else None

    def keep(self, key: Hashable, found: Any) -> None:
        """Remember an answer; the oldest is forgotten where there are too many."""
        self._held[key] = time.monotonic(), found
        while len(self._held) > HELD:
            self._held.popitem(last=False)

    def forget(self) -> None:
        """All of them."""
        self._held.clear()
