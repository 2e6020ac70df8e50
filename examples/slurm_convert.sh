#!/usr/bin/env bash
#SBATCH --job-name=h5s3-convert
#SBATCH --array=0-15
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=08:00:00
#SBATCH --output=convert-%A_%a.log
# Convert all HDF5 files below a prefix to Zarr stores: a Slurm array job, of which each task takes its share.
# usage: sbatch [--array=0-N] slurm_convert.sh s3://bucket/scans/ s3://other/zarr [options of h5s3 convert]
# When time ran out or a task failed, submit it again: whole stores stay, unfinished ones are gone on with.
set -euo pipefail
from=${1%/}/ to=${2%/}; shift 2
task=${SLURM_ARRAY_TASK_ID:-0} tasks=${SLURM_ARRAY_TASK_COUNT:-1}
if ((task >= tasks)); then
  echo "number the tasks from 0 without gaps: --array=0-$((tasks - 1))" >&2; exit 2
fi
export H5S3_CACHE_DIR=${TMPDIR:-/tmp}/h5s3-$UID # a cache on a network drive would be shared by all nodes

status=0
convert() { # LOCATION OPTION…
  local store="$to/${1#"$from"}.zarr"
  if h5s3 meta "$store" >/dev/null 2>&1; then
    echo "$store is there"; return
  fi
  h5s3 convert "$1" -o "$store" --resume "${@:2}" || status=$? # the other files have their turn
}

files=$(h5s3 ls "$from" --recursive --h5 --uri)
while read -r file; do
  [ -n "$file" ] || continue
  number=$(cksum <<<"$file") # by its name, not by its place: the prefix may grow while tasks wait
  if ((${number%% *} % tasks == task)); then convert "$file" "$@" </dev/null; fi
done <<<"$files"
exit "$status"
