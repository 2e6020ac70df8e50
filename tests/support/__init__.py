"""What the tests stand on: S3 servers on loopback, and a proxy that counts, slows and breaks requests."""
