#!/usr/bin/env bash
# A new class from pseudo-labels (section 4.3 and Table 3 of the paper), on a class whose truth is known: hides it,
# makes pseudo-labels by damaging its true masks, trains the paper's settings, and scores each on val against the
# truth. Usage: bash scripts/new_class.sh DATA [OUT [CLASS [STEPS [train settings, such as data.crop_px=[256,256]]]]]
set -euo pipefail
data=${1:?a labelled data set with splits train and val, such as "mass13k sample" writes}
out=${2:-runs/new-class}
class=${3:-building}
steps=${4:-1000}
settings=(
  "data.crop_px=[256,256]" "data.batch_size=2" "data.workers=0"
  "train.pretrained=none" "train.backbone_affine=true" "train.backbone_lr=1.0"
  "train.lr_batch=4" "train.lr=1e-3" "train.warmup=50" "train.clip=0.1" "train.ema=0.99"
  "loss.points=3136" "loss.worthwhile=0.25" "model.norm=group" "train.log_every=20"
  "${@:5}"
)
here=$(dirname "$0")

python "$here/hide_class.py" "$data" "$out" "$class"
read -r id classes < <(python -c "
import sys
from pathlib import Path
from mass13k_tools.layouts import find_dataset
taxonomy = find_dataset(Path(sys.argv[1])).taxonomy
print(taxonomy.find(sys.argv[2]).id, len(taxonomy.classes))" "$data" "$class")
for labels in hidden bare; do  # the id of the truth, so that predictions can be held against it
  mass13k pseudo merge "$out/$labels" "$out/masks" --class "$class" --id "$id" --split train --out "$out/$labels-merged"
done

score() {  # NAME PREDICTIONS
  mass13k evaluate "$2" "$data" --split val --json > "$out/$1.json"
}

train() {  # NAME DATA CLASSES REWEIGHT
  local program=(python -m massformer.train tiny --out "$out/$1" --resume auto)
  for setting in "${settings[@]}" "data.root=$2" "data.val_split=" "model.classes=$3" "loss.reweight=$4" \
    "train.steps=$steps"; do
    program+=(--set "$setting")
  done
  "${program[@]}"
  python -m massformer.predict "$out/$1/last" "$data" --split val --out "$out/$1-predictions"
  score "$1" "$out/$1-predictions"
}

score "pseudo-label" "$out/damaged"
train "without-accurate-labels" "$out/bare-merged" 2 paper
train "without-reweighting" "$out/hidden-merged" "$classes" off
train "with-reweighting" "$out/hidden-merged" "$classes" paper

python - "$out" "$class" <<'END'
import json
import sys
from pathlib import Path

out, name = Path(sys.argv[1]), sys.argv[2]
print(f"{name}, %".ljust(28) + "   IoU  BIoU")
for setting in ("pseudo-label", "without-accurate-labels", "without-reweighting", "with-reweighting"):
    rows = json.loads((out / f"{setting}.json").read_text())["classes"]
    row = next(row for row in rows if row["name"] == name)
    print(f"{setting.ljust(28)} {100 * row['iou']:5.1f} {100 * row['biou']:5.1f}")
END
