"""Families, profiles and tasks made up for tests of the policy."""

from __future__ import annotations

from automl.family import Family
from automl.plan import Cost, Hardware
from automl.profile import ColumnProfile, Numbers, Profile, Shape
from automl.task import Task

GB = 1_000_000_000


def fake_family(name, *traits, per_row=1e-5, bytes_per_row=100, defaults=2, refuse=None):
    def cost(profile, params, hardware):
        slow = params.get("slow", 1)
        n = profile.size.n_rows
        return Cost(slow * (1e-3 + per_row * n * max(1, profile.size.d) / 10) / hardware.speed, int(bytes_per_row * n))

    def build(params, task, layout):
        raise NotImplementedError("the policy builds nothing")

    return Family(
        name=name,
        title=name,
        traits=frozenset(traits),
        eligible=lambda profile, task: refuse or (None if profile.size.d or "baseline" in traits else "no feature"),
        cost=cost,
        space=lambda profile: {},
        default=lambda profile: tuple({"slow": i + 1} for i in range(defaults)),
        build=build,
    )


FAMILIES = (
    fake_family("dummy", "baseline", per_row=1e-9, defaults=1),
    fake_family("line", "linear", "glass_box", per_row=3e-6),
    fake_family("boost", "tree", "boosting", "native_missing", "native_categorical", per_row=4e-5, defaults=4),
    fake_family("forest", "tree", "bagging", per_row=8e-5),
    fake_family("stump", "tree", "glass_box", per_row=2e-6),
    fake_family("near", "distance", per_row=2e-4),
    fake_family("net", "neural", per_row=8e-4, bytes_per_row=400, defaults=3),
    fake_family("giant", "neural", "needs_accelerator", per_row=2e-2),
)


def numbers(skew=0.0):
    return Numbers(0, 1, 0.5, 0.3, skew, 0, 0, (0, 0.1, 0.2, 0.5, 0.7, 0.9, 1), (0, 1), (1,))


def column(name, kind="number", **more):
    return ColumnProfile(name=name, kind=kind, confidence=1.0, evidence="", storage="number", **more)


def profile(n=5_000, d_num=8, d_cat=2, n_outputs=2, skew=0.0, **more):
    features = [column(f"x{i}", numbers=numbers(skew), n_unique=n) for i in range(d_num)]
    features += [column(f"c{i}", "category", n_unique=5) for i in range(d_cat)]
    target = column("y", "category", role="target", n_unique=n_outputs, top=(("a", n - n // 2), ("b", n // 2)))
    columns = more.pop("columns", (*features, target))
    return Profile(
        source="made.csv",
        n_rows=n,
        n_rows_profiled=n,
        memory_bytes=8 * n,
        modality="tabular",
        columns=columns,
        shape=Shape(n_rows=n, d_num=d_num, d_cat=d_cat, n_levels=5 * d_cat, n_outputs=n_outputs),
        **more,
    )


BINARY = Task(kind="binary", target="y", metric="roc_auc", classes=("a", "b"))
MACHINE = Hardware(n_cores=2, memory_bytes=16 * GB)
