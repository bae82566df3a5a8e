#!/usr/bin/env bash
# Proof on real photos and a CPU: tiny, MaSSFormer-Lite and a Mask2Former of Lite's size, each trained
# from scratch for the same time on the same crops, then scored on the test split. One runs after the
# other, with all cores. Usage: bash scripts/train_camvid.sh DATA [OUT [MINUTES [NETWORK ...]]]
set -euo pipefail
data=${1:?the folder of the data set, with splits train, val and test}
out=${2:-runs/camvid}
minutes=${3:-38}
networks=("${@:4}")
[ ${#networks[@]} -gt 0 ] || networks=(tiny massformer-lite peer:mask2former-r18)

# Photos of 480x360: crops of half the side, resized by 0.6 to 1.4. Fresh weights want a higher learning
# rate than the recipe's, for the backbone, too, and norms that learn (docs/training.md has the trials).
settings=(
  "data.root=$data" "data.crop_px=[192,256]" "data.workers=0"
  "data.short_sides_px=[216,252,288,324,360,396,432,468,504]"
  "train.pretrained=none" "train.backbone_affine=true" "train.backbone_lr=1.0"
  "train.lr_batch=4" "train.warmup=50" "train.clip=0.1" "train.ema=0.99"
  "train.channels_last=true" "loss.points=3136" "train.log_every=20"
)
# What each kind does best with: many small steps here, fewer larger ones there
ours=("data.batch_size=2" "train.lr=1e-3" "loss.worthwhile=0.25" "model.norm=group")
peers=("data.batch_size=4" "train.lr=3e-4" "loss.reweight=off")

for network in "${networks[@]}"; do
  program=(python -m massformer.train)
  case $network in
    peer:*) program+=(tiny --model "$network") own=("${peers[@]}") ;;
    *) program+=("$network") own=("${ours[@]}") ;;
  esac
  for setting in "${settings[@]}" "${own[@]}"; do program+=(--set "$setting"); done
  run="$out/${network#peer:}"
  steps=$("${program[@]}" --dry-run --json | python -c "
import json, sys
print(int($minutes * 60 / json.load(sys.stdin)['step_s']))")
  echo "$network: $steps steps in $minutes minutes"
  SECONDS=0
  "${program[@]}" --set "train.steps=$steps" --set "train.validate_every=$((steps / 5 + 1))" --out "$run"
  echo "$network: trained and validated in $((SECONDS / 60)) minutes"
  python -m massformer.evaluate "$run/last" "$data" --split test --out "$run/test"
done
