"""How arrays are stored: types, chunks, compression, names of dimensions."""
