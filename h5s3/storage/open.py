"""Which store serves a location: a built-in one, one of another package, or fsspec."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib import import_module

from h5s3.errors import H5s3Error
from h5s3.settings import Settings
from h5s3.storage.base import Store
from h5s3.storage.location import Location, foreign_stores
from h5s3.storage.trace import Trace

Opener = Callable[[Location, Settings, Trace], Store]
BUILT_IN = {  # by kind of location; imported when first asked for
    "s3": "h5s3.storage.stores.s3:open_s3",
    "web": "h5s3.storage.stores.web:open_web",
    "local": "h5s3.storage.stores.local:open_local",
    "fsspec": "h5s3.storage.stores.fsspec:open_fsspec",
}


class Stores(dict[str, Store]):
    """Open ones by `Location.store`, to begin with those that are given."""

    def __init__(self, settings: Settings, trace: Trace, given: Mapping[str, Store]) -> None:
        super().__init__(given)
        self._settings, self._trace = settings, trace
        self._opening = threading.Lock()

    def at(self, location: Location) -> Store:
        """The store for a location, opened when first needed."""
        with self._opening:
            if location.store not in self:
                self[location.store] = open_store(location, self._settings, self._trace)
            return self[location.store]

    def renew(self) -> None:
        """Open them anew when they are next needed: with the credentials that there are then."""
        with self._opening:
            before = list(self.values())
            self.clear()
        for store in before:
            store.close()


def open_store(location: Location, settings: Settings, trace: Trace) -> Store:
    """The store for a location. Raises `UsageError` where settings or protocol make no sense."""
    if location.kind == "foreign":
        return _foreign(location)(location, settings, trace)
    module, _, name = BUILT_IN[location.kind].partition(":")
    opener: Opener = getattr(import_module(module), name)
    return opener(location, settings, trace)


def _foreign(location: Location) -> Opener:
    """What another package opens its locations with."""
    (entry, *_) = foreign_stores(location.scheme)
    try:
        opener: Opener = entry.load()
    except (ImportError, AttributeError) as error:
        cause = f"the store of {entry.value} cannot be loaded ({type(error).__name__})"
        raise H5s3Error(cause, location=location.display) from None
    return opener
