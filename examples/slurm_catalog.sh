#!/usr/bin/env bash
#SBATCH --job-name=h5s3-catalog
#SBATCH --ntasks=9
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=2G
#SBATCH --time=08:00:00
# The metadata of all files below a prefix as one catalog, read by the tasks of a Slurm job: a Dask scheduler on the
# first node, and a worker for every task but one.
# usage: sbatch [--ntasks=N] slurm_catalog.sh s3://bucket/scans/ s3://other/scans.catalog [options of catalog build]
# It needs h5s3[catalog,dask] on all nodes. Workers find credentials as h5s3 does there. Submitted again, it goes on.
set -euo pipefail
from=$1 to=$2; shift 2
export H5S3_CACHE_DIR=${TMPDIR:-/tmp}/h5s3-$UID # a cache on a network drive would be shared by all nodes
address=tcp://${DASK_HOST:-$(hostname -f)}:${DASK_PORT:-8786}
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT

dask scheduler --host "$address" --no-dashboard &
srun --ntasks="$((${SLURM_NTASKS:-2} - 1))" \
  dask worker "$address" --nthreads 1 --no-dashboard --death-timeout 120 &
h5s3 catalog build "$from" -o "$to" --dask "$address" "$@"
