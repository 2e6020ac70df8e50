"""The process in which formats run: without credentials, network and files.

The command's process (`host`) has the connections and the cache. The cell (`inside`) has libhdf5, and asks
the command for bytes over a socket (`wire`), behind locks of the kernel (`locks`).
"""
