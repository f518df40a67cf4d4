#!/usr/bin/env bash
# Why single rows got their predictions: SHAP beside LIME, for people and as JSON.
set -euo pipefail

automl sample diabetes
automl fit diabetes.csv --output runs/explained
automl explain runs/explained diabetes.csv --rows 0,5
automl explain runs/explained diabetes.csv --rows 0 --json > row0.json
