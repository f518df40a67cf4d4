"""Explanations as data: which columns matter, by which method, for the model that ships."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Method: TypeAlias = Literal["shap", "lime", "permutation", "partial_dependence"]


class GlobalImportance(msgspec.Struct, frozen=True, kw_only=True):
    """Importance of every column of the user's file.

    Attributes:
        method: shap (mean |attribution|) or permutation (loss of the metric when the column is shuffled).
        columns: Names, most important first.
        values: (n_columns,), in `unit`.
        errors: Standard errors, (n_columns,).
        unit: What a value counts, e.g. "roc_auc", "log-odds", "probability", the target's unit.
        n_rows: Rows explained.
    """

    method: Method
    columns: tuple[str, ...]
    values: tuple[float, ...]
    errors: tuple[float, ...]
    unit: str
    n_rows: int


class RowAttribution(msgspec.Struct, frozen=True, kw_only=True):
    """Attributions of one row for one output.

    Attributes:
        row: Index in the explained data, from 0.
        output: The class explained; empty for regression.
        prediction: What the model says for this output.
        base: What it says on average (SHAP), or the local model's intercept (LIME).
        columns: Names, in the order of the file.
        values: (n_columns,); for SHAP they and `base` add up to `prediction` in `unit`.
        shown: The row's values as text, (n_columns,).
        fidelity: R2 of LIME's local model; None for SHAP.
        note: Why this row was chosen, for rows the user did not ask for.
        probability: Of `output` by the model that ships, calibration included; None for regression.
    """

    method: Method
    row: int
    output: str
    prediction: float
    base: float
    columns: tuple[str, ...]
    values: tuple[float, ...]
    shown: tuple[str, ...]
    unit: str
    fidelity: float | None = None
    note: str = ""
    probability: float | None = None


class Dependence(msgspec.Struct, frozen=True, kw_only=True):
    """How one column moves the output.

    Attributes:
        column: Name.
        output: Class, or empty.
        labels: Category names, or empty for a number.
        grid: Values of the column (positions, for categories; seconds since 1970, for dates), (n_points,).
        average: Partial dependence on the grid, in `unit`, (n_points,).
        rows: SHAP dependence: value of the column in explained rows, (n_rows,).
        attributions: SHAP values of the column in the same rows, in `attribution_unit`, (n_rows,).
        scale: What the values of the column are.
    """

    column: str
    output: str
    labels: tuple[str, ...]
    grid: tuple[float, ...]
    average: tuple[float, ...]
    rows: tuple[float, ...]
    attributions: tuple[float, ...]
    unit: str
    attribution_unit: str = ""
    scale: Literal["number", "category", "date"] = "number"


class Agreement(msgspec.Struct, frozen=True):
    """How far SHAP and LIME say the same of a row: Spearman's rank correlation over its foremost columns, -1 to 1."""

    row: int
    correlation: float
    n_columns: int


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Everything explained of one model.

    Attributes:
        summary: SHAP values of the rows explained, one `RowAttribution` a row, of the explained output.
        chosen: SHAP beside LIME for chosen rows.
        explainer: Which explainer spoke (tree, linear, permutation) and over which background.
        skipped: What was left out and why, in sentences.
        agreement: Of SHAP with LIME, one a chosen row.
    """

    importance: tuple[GlobalImportance, ...] = ()
    summary: tuple[RowAttribution, ...] = ()
    chosen: tuple[RowAttribution, ...] = ()
    dependence: tuple[Dependence, ...] = ()
    explainer: str = ""
    skipped: tuple[str, ...] = ()
    agreement: tuple[Agreement, ...] = ()
