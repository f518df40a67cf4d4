#!/usr/bin/env bash
# A model, predictions and a report in four commands.
set -euo pipefail

automl sample breast_cancer
automl fit breast_cancer.csv --output runs/quickstart
automl predict runs/quickstart breast_cancer.csv --proba --output scored.csv
head -n 4 scored.csv
