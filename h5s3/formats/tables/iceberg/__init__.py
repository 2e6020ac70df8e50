"""Iceberg: documents of metadata, lists of manifests, manifests, deletes."""
