"""Explanations as data: which columns matter, by which method, for the model that ships."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Method: TypeAlias = Literal["shap", "lime", "permutation", "partial_dependence"]
PartKind: TypeAlias = Literal["text", "image", "audio"]


class GlobalImportance(msgspec.Struct, frozen=True, kw_only=True):
    """Importance of every column of the user's file, or of the words of one.

    Attributes:
        method: shap (mean |attribution|) or permutation (loss of the metric when the column is shuffled).
        columns: Names, most important first; of words the first of them, in lower case.
        values: (n_columns,), in `unit`.
        errors: Standard errors, (n_columns,).
        unit: What a value counts, e.g. "roc_auc", "log-odds", "probability", the target's unit.
        n_rows: Rows explained.
        words_of: The column of texts whose words are told; empty where columns are.
        output: The class that `moves` is of; empty for regression and where there are none.
        moves: (n_columns,) mean attribution of a word to `output` in the rows that have it; empty where columns are
            told, and where there are more than two classes.
    """

    method: Method
    columns: tuple[str, ...]
    values: tuple[float, ...]
    errors: tuple[float, ...]
    unit: str
    n_rows: int
    words_of: str = ""
    output: str = ""
    moves: tuple[float, ...] = ()


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


class PartAttribution(msgspec.Struct, frozen=True, kw_only=True):
    """Attributions of the words of a text, or of patches of an image or a sound, in one row for one output.

    Attributes:
        row: Index in the explained data, from 0.
        output: The class explained; empty for regression.
        prediction: What the model says for this output, in `unit`.
        base: What it says where no part is there (SHAP), or the local model's intercept (LIME), in `unit`.
        values: (n_parts,); for SHAP they and `base` add up to `prediction`.
        unit: Log-odds of a class, or the target's unit.
        pieces: The text in order, blanks between words included; long pieces lose their middle. Empty for others.
        is_part: Which pieces have a value, in the order of `values`; a piece is a word with its punctuation marks, or
            in long texts several words.
        grid: (n_rows, n_columns) of the patches; values go row by row from the top left. Of a sound the columns are
            time and the rows bands, high frequencies first.
        picture: A PNG in base64: the image as the model sees it; of a sound its spectrogram.
        size: (width, height) of the picture in pixels, at most 160.
        fidelity: R2 of LIME's local model; None for SHAP.
        note: Why this row was chosen, for rows the user did not ask for.
        probability: Of `output` by the model that ships, calibration included; None for regression.
    """

    row: int
    column: str
    kind: PartKind
    method: Method
    output: str
    prediction: float
    base: float
    values: tuple[float, ...]
    unit: str
    pieces: tuple[str, ...] = ()
    is_part: tuple[bool, ...] = ()
    grid: tuple[int, int] = (0, 0)
    picture: str = ""
    size: tuple[int, int] = (0, 0)
    fidelity: float | None = None
    note: str = ""
    probability: float | None = None

    @property
    def weights(self) -> tuple[float, ...]:
        """(n_pieces,) values beside the pieces of a text, 0 for blanks."""
        values = iter(self.values)
        return tuple(next(values) if is_part else 0.0 for is_part in self.is_part)

    @property
    def names(self) -> tuple[str, ...]:
        """(n_parts,) the words of a text; the places of patches, from the top left."""
        if self.kind == "text":
            return tuple(piece for piece, is_part in zip(self.pieces, self.is_part, strict=True) if is_part)
        row, column = ("row", "column") if self.kind == "image" else ("band", "stretch")
        n_rows, n_columns = self.grid
        return tuple(f"{row} {i + 1}, {column} {k + 1}" for i in range(n_rows) for k in range(n_columns))


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
    """How far SHAP and LIME say the same of a row: Spearman's rank correlation over its foremost columns, -1 to 1.

    Attributes:
        n_columns: Columns compared, or parts.
        column: The column whose parts are compared; empty where columns are.
    """

    row: int
    correlation: float
    n_columns: int
    column: str = ""


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Everything explained of one model.

    Attributes:
        summary: SHAP values of the rows explained, one `RowAttribution` a row, of the explained output.
        chosen: SHAP beside LIME for chosen rows.
        explainer: Which explainer spoke (tree, linear, permutation) and over which background.
        skipped: What was left out and why, in sentences.
        agreement: Of SHAP with LIME, one a chosen row, and one a chosen row and column explained by its parts.
        parts: Words and patches of chosen rows, SHAP beside LIME.
    """

    importance: tuple[GlobalImportance, ...] = ()
    summary: tuple[RowAttribution, ...] = ()
    chosen: tuple[RowAttribution, ...] = ()
    dependence: tuple[Dependence, ...] = ()
    explainer: str = ""
    skipped: tuple[str, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    parts: tuple[PartAttribution, ...] = ()
