#!/usr/bin/env bash
# A folder of class folders of images: what is found, a model, predictions of files in another folder, and why.
set -euo pipefail

automl sample digits --output digits --overwrite            # digits/0/0000.png, ... 1797 real images, offline
automl profile digits
automl fit digits --target label --metric accuracy --time-limit "${AUTOML_TIME_LIMIT:-2m}" --output runs/images --overwrite

mkdir -p new
cp digits/3/*.png new/                                      # files nobody has labelled
automl predict runs/images new --keep path --output scored.csv
head -n 4 scored.csv
automl explain runs/images digits --rows 0 --time-limit 10s
