#!/usr/bin/env bash
# Proof on real photos and a CPU: tiny, MaSSFormer-Lite and a Mask2Former of Lite's size, each trained
# from scratch for the same time on the same data, first on crops, then on whole photos, and scored on
# the test split. One runs after the other, with all cores.
# Usage: bash scripts/train_camvid.sh DATA [OUT [MINUTES [NETWORK ...]]]
set -euo pipefail
data=${1:?the folder of the data set, with splits train, val and test}
out=${2:-runs/camvid}
minutes=${3:-38}
networks=("${@:4}")
[ ${#networks[@]} -gt 0 ] || networks=(tiny massformer-lite peer:mask2former-r18)

# Fresh weights want a higher learning rate than the recipe's, for the backbone, too, and norms that
# learn (docs/training.md has the trials)
settings=(
  "data.root=$data" "data.workers=0"
  "train.pretrained=none" "train.backbone_affine=true" "train.backbone_lr=1.0"
  "train.lr_batch=4" "train.warmup=50" "train.clip=0.1" "train.ema=0.995"
  "train.channels_last=true" "loss.points=3136" "train.log_every=20"
)
# What each kind did best with on val; ours are the averages of weights along a rate that stays
ours=("loss.worthwhile=0.25" "model.norm=group" "train.schedule=constant")
peers=("loss.reweight=off" "train.schedule=cosine")

# Photos are 480x360. Crops of half the side, resized by 0.6 to 1.4, show many things a step; only the
# whole photo, resized by 1.0 to 1.4, shows where in it things are. It is as large as 3.5 crops.
crops=(
  "data.crop_px=[192,256]" "data.short_sides_px=[216,252,288,324,360,396,432,468,504]"
  "data.sampling=rare"
)
photos=("data.crop_px=[360,480]" "data.short_sides_px=[360,396,432,468,504]" "data.batch_size=2")
crops_percent=45  # of the time

# train RUN PERCENT SETTING...: for that share of the minutes
train() {
  local run=$1 steps set=()
  for setting in "${settings[@]}" "${own[@]}" "${@:3}"; do set+=(--set "$setting"); done
  steps=$("${program[@]}" "${set[@]}" --dry-run --json | python -c "
import json, sys
print(max(1, int($minutes * 60 * $2 / 100 / json.load(sys.stdin)['step_s'])))")
  echo "$run: $steps steps in $2 % of $minutes minutes"
  SECONDS=0
  "${program[@]}" "${set[@]}" --set "train.steps=$steps" --set "train.validate_every=$((steps / 3 + 1))" --out "$run"
  echo "$run: trained and validated in $((SECONDS / 60)) minutes"
}

for network in "${networks[@]}"; do
  program=(python -m massformer.train)
  case $network in
    peer:*) program+=(tiny --model "$network") own=("${peers[@]}") lr=(3e-4 2.4e-4) batch=4 ;;
    tiny) program+=(tiny) own=("${ours[@]}" "model.backbone_width=32") lr=(1e-3 8e-4) batch=4 ;;
    *) program+=("$network") own=("${ours[@]}") lr=(1e-3 8e-4) batch=2 ;;
  esac
  run="$out/${network#peer:}"
  train "$run-crops" "$crops_percent" "${crops[@]}" \
    "train.lr=${lr[0]}" "data.batch_size=$batch"
  train "$run" "$((100 - crops_percent))" "${photos[@]}" "train.start=$run-crops/last" "train.lr=${lr[1]}"
  python -m massformer.evaluate "$run/last" "$data" --split test --out "$run/test"
done
