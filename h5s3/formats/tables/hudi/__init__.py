"""Hudi: a timeline of instants in `.hoodie`, and file groups below the partitions."""
