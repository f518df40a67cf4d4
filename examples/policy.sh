#!/usr/bin/env bash
# An organisation's rules. The plan says what they ruled out; the model keeps to them.
set -euo pipefail

policy=$(dirname "${BASH_SOURCE[0]}")/policy.toml
automl sample breast_cancer
automl plan breast_cancer.csv --policy "$policy"
automl fit breast_cancer.csv --policy "$policy" --output runs/policy
automl inspect runs/policy
