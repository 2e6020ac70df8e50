"""The values of datasets: selections, chunks, samples, decoding."""
