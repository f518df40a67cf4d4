"""The packages of the explainers, loaded by importing this: what takes long is so loaded once for several workers."""

from __future__ import annotations

from automl.explainers.lime import open_lime
from automl.explainers.shap import open_shap

open_shap()
open_lime()
