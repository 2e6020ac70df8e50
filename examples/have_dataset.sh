#!/usr/bin/env bash
# Do all HDF5 files below a prefix have a dataset? Names those that do not, and ends with 1 if there are any.
# usage: have_dataset.sh s3://bucket/prefix/ /path/of/dataset
set -euo pipefail
bucket=${1#s3://}; bucket=${bucket%%/*}
missing=0
while read -r key; do
  code=0
  h5s3 meta "s3://$bucket/$key" "$2" --json >/dev/null 2>&1 || code=$?
  case $code in
    0) ;;
    3) echo "s3://$bucket/$key has no $2"; missing=1 ;;
    *) echo "s3://$bucket/$key cannot be read (exit code $code)"; missing=1 ;;
  esac
done < <(h5s3 ls "$1" --recursive --h5 --jsonl | jq -r 'select(.type == "object") | .key')
exit $missing
