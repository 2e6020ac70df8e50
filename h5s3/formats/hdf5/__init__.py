"""HDF5 over ranges: blocks, waves, open files, links, datatypes, values, chunks."""
