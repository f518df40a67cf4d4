"""Checks on data: each is a function of a `Context` that returns its findings, none where it does not apply.

To add one: a function in a file of this package, with a code of its own, and its place in `CHECKS`. Codes below D010
are the reader's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from automl.checks.columns import all_missing, constant, high_cardinality, id_like, mostly_missing, repeated_columns
from automl.checks.context import Context
from automl.checks.leaks import leak_suspects
from automl.checks.media import names_without_files, uneven_images, uneven_sounds, unusable_files
from automl.checks.privacy import personal_data
from automl.checks.rows import contradicting_rows, repeated_rows
from automl.checks.splits import group_structure, time_structure
from automl.checks.target import class_imbalance, no_target, rare_classes, skewed_target
from automl.checks.values import (
    dates_as_text,
    disguised_missing,
    huge_cells,
    infinities,
    mixed_types,
    numbers_as_text,
    sentinel_numbers,
)
from automl.profile import Finding

_MOST_OF_A_CHECK = 5
_SEVERITIES = ("info", "warning", "danger")

Check: TypeAlias = Callable[[Context], list[Finding]]

CHECKS: tuple[Check, ...] = (
    all_missing,  # D010
    constant,  # D011
    repeated_columns,  # D012
    repeated_rows,  # D013
    id_like,  # D014
    high_cardinality,  # D015
    mixed_types,  # D016
    numbers_as_text,  # D017
    dates_as_text,  # D018
    mostly_missing,  # D019
    no_target,  # D020
    class_imbalance,  # D021
    rare_classes,  # D022
    skewed_target,  # D023
    leak_suspects,  # D024
    group_structure,  # D025
    time_structure,  # D026
    contradicting_rows,  # D027
    personal_data,  # D030
    disguised_missing,  # D031
    sentinel_numbers,  # D032
    infinities,  # D033
    huge_cells,  # D034
    unusable_files,  # D035
    uneven_images,  # D036
    uneven_sounds,  # D037
    names_without_files,  # D038
)


def run_checks(context: Context) -> tuple[Finding, ...]:
    """The findings of every check, in the order of `CHECKS`; more than five of one check become one."""
    return tuple(finding for check in CHECKS for finding in _condensed(check(context)))


def _condensed(findings: list[Finding]) -> list[Finding]:
    if len(findings) <= _MOST_OF_A_CHECK:
        return findings
    worst = max(findings, key=lambda finding: _SEVERITIES.index(finding.severity))
    columns = tuple(dict.fromkeys(name for finding in findings for name in finding.columns))
    title = f"{worst.title}, and {len(findings) - 1} more columns likewise"
    return [msgspec.structs.replace(worst, title=title, columns=columns)]
