"""Small HDF5 files whose metadata declare absurdities: a file for each part of the format."""

from tests.support.hostile.absurd import datasets, dense_groups, headers, old_groups, superblocks
from tests.support.hostile.absurd.registry import ABSURD

MODULES = (dense_groups, old_groups, headers, datasets, superblocks)
assert len(ABSURD) > len(MODULES)
