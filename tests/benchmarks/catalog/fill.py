"""Fill a cache as a first build leaves it, without the hour that a first build of very many files takes.

python -m tests.benchmarks.catalog.fill LOCATION BODIES

Of the files at LOCATION, in the order of their names, each is the same bytes as the one BODIES before it. The
first of them are read; what was learned is kept for all under their own identities.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice

from h5s3.cell import pool
from h5s3.explore.catalog.reading import Reading
from h5s3.explore.many.files import File, Files
from h5s3.explore.session import Session
from h5s3.formats.requests import TreeRequest
from h5s3.records import Tree
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo

ASKED = TreeRequest(depth=0, limit=0, attributes=True, all_attributes=True, values=True, stored=True)
TOGETHER = 100  # answers that are written at a time


def learn(session: Session, files: Sequence[File]) -> list[Tree]:
    """What is in these files."""
    for outcome in Reading(session, stored=False).read(files):
        assert outcome.failure is None, outcome.failure
    return [_kept(session, file.info) for file in files]


def _kept(session: Session, info: ObjectInfo | None) -> Tree:
    found = None if info is None else session.answers.get(Tree, info, ASKED)
    assert found is not None
    return found


def main() -> None:
    """Fill the cache of this user."""
    place, bodies = sys.argv[1], int(sys.argv[2])
    with Session(Settings(), cell=pool.lend()) as session:
        files = iter(Files(session, [session.location(place)]))
        learned = learn(session, list(islice(files, bodies)))
        number = 0
        while some := list(islice(files, TOGETHER)):
            answers = []
            for file in some:
                assert file.info is not None
                answers.append((file.info, ASKED, learned[number % bodies]))
                number += 1
            session.answers.keep(answers)


if __name__ == "__main__":
    main()
