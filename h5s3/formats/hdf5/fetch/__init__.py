"""Which bytes of a file are fetched, and when: blocks, look-ahead, waves."""
