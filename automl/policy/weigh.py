"""Which families enter the race, and with what weight: wishes, eligibility and the rules, before any cost is known."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

from automl.errors import UsageError
from automl.family import TRAITS, Family
from automl.plan import Reason, RuledOut
from automl.policy.effects import Case, Effect, Prefer, Require, RuleOut, Ruling, effect_text
from automl.policy.organisation import CODE as ORGANISATION
from automl.policy.organisation import OrganisationPolicy
from automl.policy.rules import RULES
from automl.profile import ColumnKind

INCLUDED, EXCLUDED, REFUSED, UNPROVEN, FOREIGN = "P031", "P032", "P033", "P036", "P037"
_MEDIA: tuple[ColumnKind, ...] = ("text", "image", "audio")


@dataclass(slots=True)
class Trace:
    """What was decided so far, and why."""

    reasons: list[Reason] = field(default_factory=list)
    ruled_out: list[RuledOut] = field(default_factory=list)

    def say(self, rule: str, sentence: str, effect: str = "") -> None:
        """Note one step."""
        self.reasons.append(Reason(rule=rule, sentence=sentence, effect=effect))

    def drop(self, family: Family, rule: str, sentence: str) -> None:
        """Note a family that is out."""
        self.ruled_out.append(RuledOut(family.name, rule, sentence, rule in (UNPROVEN, FOREIGN)))


@dataclass(frozen=True, slots=True)
class Entrant:
    """A family in the race.

    Attributes:
        weight: Product of the rules' factors.
        rules: Codes of the rules that moved it.
        is_wanted: Whether the user named it; only what is impossible rules it out then.
    """

    family: Family
    weight: float
    rules: tuple[str, ...]
    is_wanted: bool = False

    @property
    def is_baseline(self) -> bool:
        """Whether it is there as a yardstick only."""
        return "baseline" in self.family.traits


def judge(case: Case, organisation: OrganisationPolicy | None, trace: Trace) -> tuple[tuple[str, Ruling], ...]:
    """What every rule says of the case, the organisation's last, by code."""
    rulings = [(rule.code, ruling) for rule in RULES if (ruling := rule.judge(case)) is not None]
    if organisation is not None:
        rulings.append((ORGANISATION, organisation.ruling))
    for code, ruling in rulings:
        trace.say(code, ruling.sentence, effect_text(ruling.effects))
    return tuple(rulings)


def enter(
    families: Sequence[Family], case: Case, rulings: tuple[tuple[str, Ruling], ...], trace: Trace
) -> list[Entrant]:
    """The families that may run, with their weights; the rest goes to the trace with its reason.

    Raises:
        UsageError: A name in --include or --exclude is unknown, or a wanted family can't be: the organisation forbids
            it, or it can't learn this task.
    """
    wanted = _named(case.wishes.include, families, "--include")
    unwanted = _named(case.wishes.exclude, families, "--exclude")
    entrants = []
    for family in families:
        is_wanted = family.name in wanted
        if family.name in unwanted:
            trace.drop(family, EXCLUDED, "excluded by --exclude")
        elif not is_wanted and (aside := _set_aside(family, case)) is not None:
            trace.drop(family, *aside)
        elif wanted and not is_wanted and "baseline" not in family.traits:
            trace.drop(family, INCLUDED, "not among those that --include names")
        elif (entrant := _admit(family, case, rulings, is_wanted, trace)) is not None:
            entrants.append(entrant)
    if wanted and not any(e.is_wanted for e in entrants):
        why = [f"{r.family}: {r.rule} {r.sentence}" for r in trace.ruled_out if r.family in wanted]
        raise UsageError(f"--include {', '.join(case.wishes.include)}: none of them can run here", *why)
    if wanted:
        trace.say(INCLUDED, f"--include: only {', '.join(sorted(wanted))} and the baselines are tried")
    if unwanted:
        trace.say(EXCLUDED, f"--exclude: {', '.join(sorted(unwanted))} not tried")
    return entrants


def _named(words: Sequence[str], families: Sequence[Family], flag: str) -> set[str]:
    """Names of the families meant: each word is a family or a trait."""
    names = {family.name for family in families}
    meant: set[str] = set()
    for word in words:
        of_trait = _of_trait(word, families, flag)
        if word not in names and not of_trait:
            close = difflib.get_close_matches(word.lower(), sorted(names | TRAITS), 3, 0.5)
            hints = [f"nearest: {', '.join(close)}"] if close else []
            raise UsageError(f"{flag}: no family {word!r}", *hints, f"families: {', '.join(sorted(names))}")
        meant |= {word} if word in names else of_trait
    return meant


def _of_trait(trait: str, families: Sequence[Family], flag: str) -> set[str]:
    """Families that a trait means: to include, the unproven ones only where it has no others."""
    named = [family for family in families if trait in family.traits]
    proven = [family for family in named if "unproven" not in family.traits]
    return {family.name for family in (proven if proven and flag == "--include" else named)}


def _set_aside(family: Family, case: Case) -> tuple[str, str] | None:
    """The rule, and why, by which nobody would look for a family here; None for one that might be missed."""
    if "unproven" in family.traits:
        return UNPROVEN, f"not yet shown to beat what there is: it races where --include names {family.name}"
    media = [kind for kind in _MEDIA if kind in family.traits]
    is_foreign = not case.profile.holds(*media) if media else "sequence" in family.traits and case.task.history is None
    refusal = family.eligible(case.profile, case.task) if is_foreign else None
    return None if refusal is None else (FOREIGN, refusal)


def _admit(
    family: Family, case: Case, rulings: tuple[tuple[str, Ruling], ...], is_wanted: bool, trace: Trace
) -> Entrant | None:
    refusal = family.eligible(case.profile, case.task)
    if refusal is not None:
        trace.drop(family, REFUSED, refusal)
        return None
    weight, moved = 1.0, []
    for code, ruling in rulings:
        for effect in ruling.effects:
            if isinstance(effect, Prefer) and _concerns(effect, family):
                weight *= effect.factor
                moved.append(code)
            elif _forbids(effect, family):
                if code == ORGANISATION or not is_wanted:
                    trace.drop(family, code, ruling.sentence)
                    return None
                trace.say(INCLUDED, f"{family.name} is kept because --include names it, against {code}")
    return Entrant(family, weight, tuple(dict.fromkeys(moved)), is_wanted)


def _concerns(effect: Prefer, family: Family) -> bool:
    return effect.trait in family.traits and not family.traits.intersection(effect.unless)


def _forbids(effect: Effect, family: Family) -> bool:
    """Baselines are a yardstick and never forbidden."""
    if "baseline" in family.traits:
        return False
    if isinstance(effect, RuleOut):
        return effect.trait in family.traits
    return isinstance(effect, Require) and effect.trait not in family.traits
