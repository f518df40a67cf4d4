"""Learn the factors of the policy's rules from recorded races and write `automl/policy/factors.json`.

    python -m benchmarks.factors [--races FILE] [--write]

The model is that of `automl/policy/learned.py`: a family's share of the blend is the product of the factors of the
rules that speak, over the sum for all families. Factors are those that make the recorded shares likeliest, pulled
towards what was judged before any race; how hard is chosen by leaving one table out at a time: the hardest pull that is
within one standard error of the best (Breiman et al. 1984, 3.4.3). So is told whether learning beats judging at all.
What no race speaks of stays as it was judged.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

import automl.policy
from automl import registry
from automl.policy.learned import UNLESS
from benchmarks.tables import RACES

FACTORS = Path(automl.policy.__path__[0]) / "factors.json"
_PULLS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0)
# A fixed part of every race: nets on a machine without an accelerator (P010).
_ON_CPU = {"neural": 0.8}
# What was judged before any race, from TabArena (arXiv 2506.16791) and races on 12 tables.
JUDGED: dict[str, dict[str, float]] = {
    "P001": {
        "boosting": 1.5,
        "neural": 1.2,
        "bagging": 0.9,
        "linear": 0.5,
        "kernel": 0.4,
        "distance": 0.35,
        "bayes": 0.3,
        "tree": 0.3,
    },
    "P002": {"linear": 1.3, "bagging": 1.1, "kernel": 1.2, "bayes": 1.1, "neural": 0.62},
    "P004": {"neural": 1.3, "bagging": 1.2},
    "P005": {"linear": 2.5, "distance": 0.4, "neural": 0.5, "boosting": 0.8},
    "P006": {"native_categorical": 1.3, "distance": 0.6, "kernel": 0.6},
    "P007": {"tree": 1.2, "neural": 0.85},
    # A doubling of the rows; on 12 tables what nets added to boosting was gone at 23,000 rows.
    "P008": {"boosting": 1.2, "neural": 0.85, "bagging": 0.8, "distance": 0.65, "kernel": 0.65},
    "P009": {"native_missing": 1.2, "distance": 0.7, "kernel": 0.7},
    "P011": {"linear": 2.0, "distance": 0.6},
    "P012": {"distance": 0.6, "boosting": 1.1},
    "P013": {"boosting": 0.7, "bagging": 1.3},
}
TERMS = tuple((code, trait) for code, traits in JUDGED.items() for trait in traits)


@dataclass(frozen=True, slots=True)
class Seen:
    """One race.

    Shape:
        design: (n_families, n_terms) strengths of the terms that concern each family.
        fixed: (n_families,) logs of factors that are not learned.
        shares: (n_families,) add up to 1.
    """

    design: NDArray[np.float64]
    fixed: NDArray[np.float64]
    shares: NDArray[np.float64]


def seen(race: dict[str, Any]) -> Seen:
    """A recorded race as numbers."""
    families = [registry.family(name) for name in race["lanes"]]
    design = [
        [
            race["rules"].get(code, 0.0)
            if trait in family.traits and not family.traits.intersection(UNLESS.get((code, trait), ()))
            else 0.0
            for code, trait in TERMS
        ]
        for family in families
    ]
    fixed = [sum(np.log(f) for trait, f in _ON_CPU.items() if trait in family.traits) for family in families]
    shares = np.array([lane["share"] for lane in race["lanes"].values()])
    return Seen(np.array(design), np.array(fixed, dtype=float), shares / shares.sum())


def surprise(logs: NDArray[np.float64], races: list[Seen]) -> float:
    """Mean cross-entropy of the recorded shares under factors whose logs these are, in nats; the least is best."""
    return float(np.mean([-(race.shares * _log_shares(logs, race)).sum() for race in races]))


def _log_shares(logs: NDArray[np.float64], race: Seen) -> NDArray[np.float64]:
    scores = race.design @ logs + race.fixed
    scores = scores - scores.max()
    return np.asarray(scores - np.log(np.exp(scores).sum()))


def learn(races: list[Seen], judged: NDArray[np.float64], pull: float) -> NDArray[np.float64]:
    """Logs of the factors."""

    def loss(logs: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope = 2 * pull * (logs - judged)
        for race in races:
            slope += race.design.T @ (np.exp(_log_shares(logs, race)) - race.shares) / len(races)
        return surprise(logs, races) + pull * float(((logs - judged) ** 2).sum()), slope

    return np.asarray(minimize(loss, judged, jac=True, method="L-BFGS-B").x)


def left_out(races: list[Seen], judged: NDArray[np.float64], pull: float) -> NDArray[np.float64]:
    """(n_races,) surprise at each race of factors learned from the others."""
    return np.array([surprise(learn(races[:i] + races[i + 1 :], judged, pull), [race]) for i, race in enumerate(races)])


def choose_pull(races: list[Seen], judged: NDArray[np.float64]) -> float:
    """The hardest pull that is no worse than the best by more than one standard error of their difference."""
    surprises = {pull: left_out(races, judged, pull) for pull in _PULLS}
    for pull, values in surprises.items():
        print(f"  learned, pull {pull:<8g}   {values.mean():.3f}")
    best = min(surprises.values(), key=lambda values: float(values.mean()))

    def is_near(values: NDArray[np.float64]) -> bool:
        behind = values - best
        return float(behind.mean()) <= float(behind.std()) / np.sqrt(len(behind))

    return max(pull for pull, values in surprises.items() if is_near(values))


def main() -> None:
    """Learn, print beside what was judged, and write if told to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.factors", description=__doc__)
    parser.add_argument("--races", type=Path, default=RACES)
    parser.add_argument("--write", action="store_true", help=f"write {FACTORS.name}")
    chosen = parser.parse_args()
    races = [seen(json.loads(line)) for line in chosen.races.read_text().splitlines()]
    judged = np.log([JUDGED[code][trait] for code, trait in TERMS])
    print(f"{len(races)} races; mean surprise of the shares in nats, each race by factors that had not seen it")
    print(f"  all families alike       {np.mean([np.log(len(race.shares)) for race in races]):.3f}")
    print(f"  as judged                {surprise(judged, races):.3f}")
    pull = choose_pull(races, judged)
    print(f"  taken: {pull:g}")
    logs = learn(races, judged, pull)
    factors: dict[str, dict[str, float]] = {}
    for (code, trait), log, before in zip(TERMS, logs, judged, strict=True):
        factors.setdefault(code, {})[trait] = round(float(np.exp(log)), 3)
        print(f"  {code} {trait:<20} {np.exp(before):5.2f} -> {np.exp(log):5.2f}")
    if chosen.write:
        told = {"n_tables": len(races), "date": f"{datetime.now(UTC):%Y-%m-%d}", "factors": factors}
        FACTORS.write_text(json.dumps(told, indent=1) + "\n")
        print(f"wrote {FACTORS}")


if __name__ == "__main__":
    main()
