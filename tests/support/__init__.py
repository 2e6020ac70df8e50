"""What the tests stand on: S3 servers on loopback, and a proxy that counts, slows and breaks requests."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the checkout
EXAMPLES = int(os.environ.get("H5S3_TEST_EXAMPLES", "0"))  # how often all generated examples are tried


def examples(count: int) -> int:
    """How many of so many generated examples are tried: a quarter, or all where the environment asks."""
    return count * EXAMPLES or count // 4
