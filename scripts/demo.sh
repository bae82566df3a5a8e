#!/usr/bin/env bash
# From a fresh checkout to a trained network: installs into .venv, writes a sample data set of eight 4K
# photos into demo/, checks it, draws it, scores it, measures it, shards it, and trains a small network on the
# shards for about a minute, which shows that all works, not what can be learned. Usage: bash scripts/demo.sh
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

# From scratch, on small crops; demo/run/panels shows what it sees of a whole photo
steps=${DEMO_STEPS:-150}
python -m massformer.train tiny --out demo/run --resume auto --set data.root=demo/shards \
  --set "data.crop_px=[192,192]" --set "data.short_sides_px=[1024,1536,2048]" --set data.batch_size=2 \
  --set train.pretrained=none --set train.backbone_affine=true --set train.backbone_lr=1.0 --set model.norm=group \
  --set train.lr_batch=4 --set train.lr=1e-3 --set train.clip=0.1 --set train.ema=0.9 --set loss.points=1024 \
  --set train.steps="$steps" --set train.validate_every="$steps" --set train.log_every=25 --set train.panels=1
python -m massformer.evaluate demo/run/last demo/shards --predictions demo/predictions --overwrite
mass13k show demo/data --grid --split val --pred demo/predictions --layers prediction \
  --out demo/predicted --overwrite

# All of it as pages that open from disk, and as one page to send to others
rm -rf demo/site
mass13k view demo/data --split val --pred demo/predictions --export demo/site
mass13k report demo/data --pred demo/predictions --out demo/report.html --overwrite
