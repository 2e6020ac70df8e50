#!/usr/bin/env bash
# Which datasets of a file are larger than 1 MB? A pipe with jq.
# usage: large_datasets.sh s3://bucket/file.h5
set -euo pipefail
h5s3 tree "$1" --recursive --limit 0 --jsonl |
  jq -r 'select(.type == "dataset" and .nbytes > 1000000) | [.path, .dtype, .nbytes] | @tsv'
