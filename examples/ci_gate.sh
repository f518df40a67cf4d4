#!/usr/bin/env bash
# A gate in CI: train on one file, demand a score on another. Exit code 4 where the demand is not met.
set -euo pipefail

automl sample breast_cancer --overwrite
head -n 1 breast_cancer.csv | tee train.csv > test.csv
tail -n +2 breast_cancer.csv | awk 'NR % 4 { print > "train.rows"; next } { print > "test.rows" }'
cat train.rows >> train.csv
cat test.rows >> test.csv

automl fit train.csv --target diagnosis --output runs/gate --overwrite --summary "${GITHUB_STEP_SUMMARY:-summary.md}"
automl evaluate runs/gate test.csv --min roc_auc=0.95 --max log_loss=0.3

# What a gate that is not met looks like:
code=0
automl evaluate runs/gate test.csv --min accuracy=1.01 || code=$?
[ "$code" -eq 4 ]
