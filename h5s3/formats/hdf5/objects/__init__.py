"""HDF5 objects: files, links, groups, datasets, datatypes, attributes, filters, values."""
