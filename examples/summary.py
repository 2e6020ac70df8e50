"""Summarise an HDF5 file in a bucket from Python: its largest datasets, and the mean of one of them.

usage: summary.py s3://bucket/file.h5
"""

import sys
from collections.abc import Iterator

import h5s3
from h5s3.records import DatasetNode, GroupNode, TreeNode


def datasets(nodes: list[TreeNode]) -> Iterator[DatasetNode]:
    """All datasets below some nodes."""
    for node in nodes:
        if isinstance(node, DatasetNode):
            yield node
        elif isinstance(node, GroupNode) and node.children:
            yield from datasets(node.children)


def main(location: str) -> None:
    """Print the summary."""
    tree = h5s3.tree(location, depth=0, limit=0)
    largest = sorted(datasets(tree.children), key=lambda node: node.nbytes, reverse=True)
    for node in largest[:5]:
        print(f"{node.nbytes:>12,}  {node.dtype:<10}  {node.path}")
    preview = h5s3.preview(location, largest[0].path)
    if preview.stats is not None:
        print(f"mean of {preview.path}: {preview.stats.mean} (coverage {preview.stats.coverage:.0%})")
    with h5s3.open(location) as file:
        print("attributes of the file:", ", ".join(file.attrs))


if __name__ == "__main__":
    main(sys.argv[1])
