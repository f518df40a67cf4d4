#!/usr/bin/env bash
# A job for cron, for example:  15 1 * * *  /path/to/nightly_cron.sh /data/wine.csv cultivar
# It goes on with a run that was cut off, and replaces current.automl in one step and only by a whole model.
set -euo pipefail

data=${1:-wine.csv}
target=${2:-cultivar}
run=runs/$(date +%F)

[ -e "$data" ] || automl sample wine --output "$data"

if [ -d "$run" ] && [ ! -e "$run/DONE" ]; then
    automl resume "$run" --quiet --json > result.json
elif [ ! -d "$run" ]; then
    automl fit "$data" --target "$target" --quiet --json --output "$run" > result.json
fi

automl verify "$run" --quiet
cp "$run/model.automl" current.automl.new
mv current.automl.new current.automl
automl runs clean --keep 14 --yes --quiet
