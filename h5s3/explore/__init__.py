"""The questions: listing, tree, meta, preview, bench. They return records and print nothing."""
