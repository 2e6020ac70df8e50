"""What the tests stand on: S3 servers on loopback, and a proxy that counts, slows and breaks requests."""

from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the checkout
