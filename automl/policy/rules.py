"""The rules of the policy: they speak of traits of families, never of families.

Factors are priors that the race corrects, so a wrong one costs time and not accuracy. Those of what the data are like
are learned from races on public tables (`learned.py`); those of what the user or the machine asks for are judged.

Sources: TabArena (arXiv 2506.16791), McElfresh et al. 2023 (arXiv 2305.02997) and Grinsztajn et al. 2022 (arXiv
2207.08815) for what decides between trees and nets, AutoGluon for the size of a blend.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from math import log2
from typing import TypeAlias

from automl.policy.effects import Case, Effect, MaxDefaults, MaxModels, Prefer, Require, Rule, RuleOut, Ruling
from automl.policy.learned import learned, moved, preferences, standing
from automl.policy.units import seconds_text
from automl.profile import ColumnKind
from automl.quantities import format_bytes
from automl.typography import counted, format_share

Judge: TypeAlias = Callable[[Case], Ruling | None]

TINY, MIDDLE = 1_000, 20_000
_LARGE = 5_000
_MOST_HALVINGS = 5.0  # and doublings
# Below a hundred or two, shallow models of summary features are level with nets from scratch (Barz & Denzler,
# "Deep learning on small datasets without pre-training", WACV 2020, arXiv 1901.09054); a thousand settle it.
_FEW_MEDIA, _MEDIA_FACTOR, _MOST_DOUBLINGS_OF_MEDIA = 150, 1.35, 4.0
# Nets that read words learn them from nothing; on some thousand texts bags of words in linear models are ahead (Lin et
# al., ACL 2023, arXiv 2306.07111; Galke & Scherp, ACL 2022, arXiv 2109.03777), and so is what splits on their scores.
_FEW_TEXTS, _TEXT_NETS, _TEXT_NETS_A_DOUBLING = 2_000, 0.1, 1.5


def rule(code: str, title: str) -> Callable[[Judge], Rule]:
    """Make a rule of a function."""
    return partial(Rule, code, title)


@rule("P001", "Standing on public tables")
def prior(_case: Case) -> Ruling:
    """Where kinds of models stand before anything is known of the table."""
    effects = preferences("P001")
    return Ruling(
        f"before any evidence, kinds weigh as they did in races on {learned().n_tables} public tables: "
        f"{standing(effects)}",
        (*effects, Prefer("pretrained", 1.5)),
    )


@rule("P002", "Few rows")
def few_rows(case: Case) -> Ruling | None:
    """Below a thousand rows variance decides, the more so with every halving."""
    n = case.shape.n_rows
    if n >= TINY:
        return None
    halvings = min(log2(TINY / n), _MOST_HALVINGS)
    effects = preferences("P002", halvings)
    return Ruling(
        f"{counted(n, 'row')} are few (below {TINY:,}): {moved(effects)}",
        (*effects, Prefer("pretrained", 1.5)),
        halvings,
    )


@rule("P003", "Size of the blend")
def blend_size(case: Case) -> Ruling:
    """A greedy blend overfits the out-of-fold rows when many models compete for few rows."""
    n = case.shape.n_rows
    count = next((most for rows, most in ((100, 4), (500, 8), (2_500, 15), (10_000, 40)) if n <= rows), 60)
    return Ruling(
        f"with {counted(n, 'row')} at most {count} models compete for a place in the blend: "
        "more would fit the noise of the validation rows",
        (MaxModels(count),),
    )


@rule("P004", "Neither few rows nor many")
def middle_size(case: Case) -> Ruling | None:
    """On 12 public tables a short net lifted the blend from +1.9 % to +2.9 %, most of it below 10,000 rows."""
    n = case.shape.n_rows
    if not TINY <= n <= MIDDLE:
        return None
    effects = preferences("P004")
    return Ruling(f"{counted(n, 'row')}, between {TINY:,} and {MIDDLE:,}: {moved(effects)}", effects)


@rule("P005", "More features than rows")
def wide(case: Case) -> Ruling | None:
    """Distances concentrate and nets memorise when features outnumber rows."""
    shape = case.shape
    if shape.d <= shape.n_rows:
        return None
    effects = preferences("P005")
    return Ruling(f"{counted(shape.d, 'feature')} against {counted(shape.n_rows, 'row')}: {moved(effects)}", effects)


@rule("P006", "Categories of many levels")
def many_levels(case: Case) -> Ruling | None:
    """One-hot columns of hundreds of levels swamp distances and kernels."""
    sizes = [c.n_unique for c in case.profile.features if c.kind in ("category", "integer_code") and c.n_unique > 50]
    if not sizes:
        return None
    columns = "1 column has" if len(sizes) == 1 else f"{len(sizes):,} columns have"
    effects = preferences("P006")
    return Ruling(f"{columns} more than 50 categories (up to {max(sizes):,}): {moved(effects)}", effects)


@rule("P007", "Irregular numbers")
def irregular(case: Case) -> Ruling | None:
    """Heavy tails and skew favour trees, which see ranks only."""
    skews = sorted(abs(c.numbers.skew) for c in case.profile.features if c.numbers is not None)
    if len(skews) < 3:
        return None
    middle, n_skewed = statistics.median(skews), sum(skew > 2 for skew in skews)
    if middle <= 2:
        return None
    effects = preferences("P007")
    return Ruling(
        f"{n_skewed} of {len(skews)} numeric columns are strongly skewed (median skew {middle:.1f}): {moved(effects)}",
        effects,
    )


@rule("P008", "Many rows")
def many_rows(case: Case) -> Ruling | None:
    """Boosting is close to linear in rows; the others are not, or cost too much a row to see them often enough."""
    n = case.shape.n_rows
    if n <= _LARGE:
        return None
    doublings = min(log2(n / _LARGE), _MOST_HALVINGS)
    effects = preferences("P008", doublings)
    return Ruling(f"{counted(n, 'row')} are many (above {_LARGE:,}): {moved(effects)}", effects, doublings)


@rule("P009", "Missing values")
def missing(case: Case) -> Ruling | None:
    """Where a fifth of the cells is missing, being missing tends to mean something."""
    features = case.profile.features
    rows = max(1, case.profile.n_rows_profiled)
    share = sum(c.n_missing for c in features) / max(1, rows * len(features))
    if share < 0.2:
        return None
    effects = preferences("P009")
    return Ruling(f"{format_share(min(share, 1.0))} of the cells are missing: {moved(effects)}", effects)


@rule("P010", "Accelerator")
def accelerator(case: Case) -> Ruling:
    """Nets cost 10 to 50 times less on an accelerator; on a CPU they stay small."""
    if case.hardware.accelerators:
        found = ", ".join(f"{a.count} × {a.title or a.name}" for a in case.hardware.accelerators)
        return Ruling(f"an accelerator is there ({found}): nets are cheap and go up", (Prefer("neural", 1.5),))
    asked = " asked for" if case.wishes.device == "cpu" else ""
    return Ruling(
        f"no accelerator{asked}: nets train on {counted(case.hardware.n_cores, 'core')}, "
        "so they stay small and those that need a device are not tried",
        (Prefer("neural", 0.8), RuleOut("needs_accelerator")),
    )


@rule("P011", "Text")
def text(case: Case) -> Ruling | None:
    """Words become many sparse features, on which linear models are hard to beat, the more so the fewer texts."""
    features = case.profile.features
    n_text = sum(c.kind == "text" for c in features)
    if n_text == 0:
        return None
    strength = 1.0 if 2 * n_text >= len(features) else 0.5
    nets = min(1.0, _TEXT_NETS * _TEXT_NETS_A_DOUBLING ** max(0.0, log2(case.shape.n_rows / _FEW_TEXTS)))
    effects = (
        *preferences("P011", strength),
        Prefer("text", round(2.0**strength, 3), ("neural",)),
        Prefer("text", round(nets**strength, 3), ("linear", "bayes")),
    )
    hold = "holds" if n_text == 1 else "hold"
    return Ruling(f"{n_text} of {counted(len(features), 'column')} {hold} text: {moved(effects)}", effects, strength)


@rule("P012", "Rare class")
def rare_class(case: Case) -> Ruling | None:
    """With few examples of a class, votes among neighbours rarely see it."""
    counts = class_counts(case)
    if len(counts) < 2:
        return None
    share = min(counts) / sum(counts)
    if share >= min(0.05, 0.25 / len(counts)):
        return None
    effects = preferences("P012")
    return Ruling(
        f"the rarest class has {counted(min(counts), 'row')} ({format_share(share)}): {moved(effects)}", effects
    )


def class_counts(case: Case) -> tuple[int, ...]:
    """Rows of each class that the profile counted; empty for regression or where the target was not counted."""
    target = next((c for c in case.profile.columns if c.name == case.task.target), None)
    if not case.task.is_classification or target is None or len(target.top) < target.n_unique:
        return ()
    return tuple(count for _, count in target.top if count > 0)


@rule("P013", "Many classes")
def many_classes(case: Case) -> Ruling | None:
    """Boosting grows one tree a class and round."""
    if len(case.task.classes) <= 20:
        return None
    effects = preferences("P013")
    return Ruling(f"{len(case.task.classes)} classes, a tree for each in every round: {moved(effects)}", effects)


@rule("P014", "Groups of rows")
def suggested_group(case: Case) -> Ruling | None:
    """A split that tears groups apart measures memory, not generalisation."""
    if not case.profile.suggested_group:
        return None
    name = case.profile.suggested_group
    if case.task.group == name:
        return Ruling(f"rows of one {name!r} are alike: every split keeps its groups whole")
    return Ruling(
        f"rows seem to come in groups by {name!r}; rows are split at random all the same, which flatters the score "
        f"if new data bring new groups: --group {name!r} splits by it"
    )


@rule("P015", "Order in time")
def suggested_time(case: Case) -> Ruling | None:
    """A random split lets a model see the future."""
    name = case.profile.suggested_time
    if not name:
        return None
    moves = f"rows follow {name!r} and the target moves with it"
    if case.task.time == name:
        return Ruling(f"{moves}: models are checked on later rows than they learned from")
    return Ruling(
        f"{moves}; they are split without regard to it all the same, which flatters the score if the model is to "
        f"predict later rows: --time {name!r} splits by it"
    )


@rule("P016", "Images")
def images(case: Case) -> Ruling | None:
    """Convolutions see what a summary of gradients and colours leaves out, given enough images to learn from."""
    return _media(case, "image", "images")


@rule("P017", "Sounds")
def sounds(case: Case) -> Ruling | None:
    """Spectrograms hold the order in time that a summary of bands leaves out, given enough sounds to learn from."""
    return _media(case, "audio", "sounds")


def _media(case: Case, kind: ColumnKind, named: str) -> Ruling | None:
    """Nets that read the medium itself go up with every doubling of rows, from none at `_FEW_MEDIA` on."""
    if not case.profile.holds(kind):
        return None
    n = case.shape.n_rows
    doublings = min(max(0.0, log2(n / _FEW_MEDIA)), _MOST_DOUBLINGS_OF_MEDIA)
    effect = Prefer(kind, round(_MEDIA_FACTOR**doublings, 3))
    told = moved((effect,)) if doublings else "too few for nets to be sure of a lead over a summary of each"
    return Ruling(f"{n:,} {named} to learn from: {told}", (effect,), doublings)


@rule("P018", "Series")
def series(case: Case) -> Ruling | None:
    """Summaries of a window say most of what a net over it could; which of both says more is for the race."""
    history = case.task.history
    if history is None:
        return None
    return Ruling(
        f"rows look back over {history.window} rows, at {counted(len(history.columns), 'column')}: nets that read them "
        "in order race with models of each value and of summaries",
        (Prefer("sequence", 1.2),),
    )


@rule("P020", "Preset")
def preset(case: Case) -> Ruling | None:
    """What `--preset` stands for."""
    if case.wishes.preset == "fast":
        return Ruling(
            "--preset fast: one default a family, quick families first, fewer folds, and one fit of each model ships",
            (MaxDefaults(1), Prefer("neural", 0.4), Prefer("bagging", 0.8), Prefer("linear", 1.3)),
        )
    if case.wishes.preset == "best":
        return Ruling(
            "--preset best: more folds where the budget allows, nets and bags weigh more",
            (Prefer("neural", 1.2), Prefer("bagging", 1.2)),
        )
    if case.wishes.preset == "interpretable":
        return Ruling(
            "--preset interpretable: one model that can be read whole, no blend", (Require("glass_box"), MaxModels(1))
        )
    return None


@rule("P021", "Latency")
def latency(case: Case) -> Ruling | None:
    """A single row costs about 20 ms in a bag of trees, 5 ms in other models; distances grow with the table."""
    limit = case.wishes.max_latency_ms
    if limit is None:
        return None
    shape = case.shape
    scan = 2.0 + 4e-6 * shape.n_rows * max(1, shape.d)
    effects: list[Effect] = [MaxModels(max(1, int(limit / 5)))]
    slow = []
    if limit < 40:
        effects.append(RuleOut("bagging"))
        slow.append("bags of trees (about 20 ms)")
    if limit < 2 * scan:
        effects += [RuleOut("distance"), RuleOut("kernel")]
        slow.append(f"neighbours and kernels (about {scan:.0f} ms over {counted(shape.n_rows, 'row')})")
    tail = f"; too slow: {' and '.join(slow)}" if slow else ""
    return Ruling(f"a prediction may take {limit:g} ms: a blend of few models{tail}", tuple(effects))


@rule("P022", "Size of the model")
def model_size(case: Case) -> Ruling | None:
    """A bag of 200 full trees keeps about 200 nodes a row and neighbours keep the table; boosters take a megabyte."""
    if case.wishes.max_size_mb is None:
        return None
    shape, limit = case.shape, case.wishes.max_size_mb * 1e6
    bag, table = 200.0 * 24 * shape.n_rows, 4.0 * shape.n_rows * max(1, shape.d)
    effects: list[Effect] = [MaxModels(max(1, int(limit / 2e6)))]
    large = []
    if bag > limit / 2:
        effects.append(RuleOut("bagging"))
        large.append(f"bags of trees (about {format_bytes(bag)})")
    if table > limit / 2:
        effects += [RuleOut("distance"), RuleOut("kernel")]
        large.append(f"neighbours and kernels (they keep the table, {format_bytes(table)})")
    tail = f"; too large: {' and '.join(large)}" if large else ""
    return Ruling(f"the model may take {case.wishes.max_size_mb:g} MB: a blend of few models{tail}", tuple(effects))


@rule("P023", "Short budget")
def short_budget(case: Case) -> Ruling | None:
    """Under half a minute there is time for one default a family."""
    if case.wishes.seconds >= 30:
        return None
    return Ruling(f"{seconds_text(case.wishes.seconds)} in all: one default a family, no more", (MaxDefaults(1),))


RULES: tuple[Rule, ...] = (
    prior,
    few_rows,
    blend_size,
    middle_size,
    wide,
    many_levels,
    irregular,
    many_rows,
    missing,
    accelerator,
    text,
    rare_class,
    many_classes,
    suggested_group,
    suggested_time,
    images,
    sounds,
    series,
    preset,
    latency,
    model_size,
    short_budget,
)
