#!/usr/bin/env bash
# From a fresh checkout to statistics and pictures: installs into .venv, writes a sample data set of
# eight 4K photos into demo/, checks it, draws it, scores it, measures it, shards it. Usage: bash scripts/demo.sh
set -euo pipefail
source "$(dirname "$0")/setup.sh"

mass13k sample demo/data --images "${DEMO_IMAGES:-8}"
mass13k check demo/data
mass13k show demo/data --grid --layers image --out demo/pictures --overwrite
# The labels against themselves: what a perfect score looks like, beside the paper's
mass13k evaluate demo/data/annotations demo/data --compare paper --top 0
mass13k shard demo/data demo/shards
mass13k shards verify demo/shards --deep
python scripts/draw_batch.py demo/shards demo/pictures/batch.png
mass13k stats demo/data --metric mipq --compare paper --by class --out demo/statistics --overwrite
