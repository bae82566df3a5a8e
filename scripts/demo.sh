#!/usr/bin/env bash
# From a fresh checkout to statistics and pictures: installs into .venv, writes a sample data set of
# eight 4K photos into demo/, checks it, measures it, draws it. Usage: bash scripts/demo.sh
set -euo pipefail
source "$(dirname "$0")/setup.sh"

mass13k sample demo/data --images "${DEMO_IMAGES:-8}"
mass13k check demo/data
mass13k show demo/data --grid --layers image --out demo/pictures --overwrite
mass13k stats demo/data --metric mipq --compare paper --by class --out demo/statistics --overwrite
