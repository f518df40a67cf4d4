"""Which pretrained encoder of the local caches reads the texts and images: by what it costs; or what one would gain."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from automl.errors import UsageError
from automl.plan import Pretrained
from automl.policy.effects import Case
from automl.policy.units import seconds_text
from automl.policy.weigh import Trace
from automl.pretrained.cached import INSTALL, CachedEncoder, Reads, package_lacking
from automl.profile import ColumnProfile, Profile
from automl.quantities import format_bytes
from automl.typography import counted, format_share, listed

PRETRAINED = "P035"
AUTO, OFF = "auto", "off"
# Of the search, that all columns of a kind may take to be read. On 2,000 film reviews two fifths of it were well spent.
MOST_OF_SEARCH = 0.3
_MOST_DIMS, _FEWEST_DIMS = 128, 16
# Measured on one core that others shared: all-MiniLM-L6-v2 with texts of 27 to 193 word pieces, five nets of timm.
_SECONDS_A_CALL, _SECONDS_A_PRODUCT = 2e-3, 2.6e-11
_LOAD_SECONDS = 4.0  # of torch, the package and the weights
_PIECES_A_WORD, _ENDS = 1.4, 2


@dataclass(frozen=True, slots=True)
class _Suggestion:
    """A small encoder that many use, and what one like it is known to gain."""

    name: str
    licence: str
    n_bytes: float
    gain: str


_SUGGESTED: dict[Reads, _Suggestion] = {
    # Muennighoff et al., MTEB, arXiv 2210.07316, table 1: averages over 12 classification sets, of logistic regression
    # on vectors of all-MiniLM-L6-v2 (63.1) and on averaged vectors of words, GloVe (57.3).
    "text": _Suggestion(
        "sentence-transformers/all-MiniLM-L6-v2",
        "Apache 2.0",
        91e6,
        "logistic regression on vectors of all-MiniLM-L6-v2 got 63 % right on 12 public sets of texts, on averaged "
        "vectors of words 57 % (arXiv 2210.07316)",
    ),
    # Razavian et al., CVPR workshops 2014, arXiv 1403.6382, figure 1: Oxford flowers, a linear SVM on frozen and
    # augmented features of a net trained on ImageNet against the best features made by hand.
    "image": _Suggestion(
        "timm/resnet18.a1_in1k",
        "Apache 2.0",
        47e6,
        "a linear model of such features told 102 kinds of flowers apart in 87 of 100 pictures, the best features made "
        "by hand in 81 (arXiv 1403.6382)",
    ),
}
_NAMED: dict[Reads, str] = {"text": "texts", "image": "images"}


def choose_encoders(case: Case, cached: Sequence[CachedEncoder], trace: Trace) -> tuple[Pretrained, ...]:
    """An encoder for the texts and one for the images, where there are any; what was decided goes to the trace.

    Of several the choice is: sentence-transformers before plain language models, then the quickest, then by name.

    Args:
        case: What is judged.
        cached: What lies in the local caches, in any order.
        trace: Takes the reasons.

    Raises:
        UsageError: `--pretrained` names an encoder that is not there, or that cannot be used.
    """
    asked = case.wishes.pretrained
    named = None if asked in (AUTO, OFF) else _named(asked, cached)
    chosen = []
    for reads in _SUGGESTED:
        columns = [column for column in case.profile.features if column.kind == reads]
        if not columns:
            continue
        if asked == OFF:
            trace.say(PRETRAINED, f"--pretrained off: no pretrained encoder reads the {_NAMED[reads]}")
        elif named is None:
            found = _choose(case, columns, [e for e in cached if e.reads == reads], trace)
            chosen += [found] if found else []
        elif named.reads == reads:
            chosen.append(_used(case, columns, named, trace, "as --pretrained says"))
    if named is not None and not chosen:
        kinds = _NAMED[named.reads]
        raise UsageError(f"--pretrained {asked}: it reads {kinds}, and no column of {case.profile.source} holds any")
    return tuple(chosen)


def with_embeddings(profile: Profile, pretrained: Sequence[Pretrained]) -> Profile:
    """The profile with the features that pretrained encoders add, for cost models and rules."""
    d = sum(len(each.columns) * each.n_dims for each in pretrained)
    shape = profile.shape and msgspec.structs.replace(profile.shape, d_num=profile.shape.d_num + d)
    return msgspec.structs.replace(profile, shape=shape)


def _named(name: str, cached: Sequence[CachedEncoder]) -> CachedEncoder:
    """The encoder of that name, or of that last part of a name."""
    matches = [e for e in cached if name in (e.name, e.name.rpartition("/")[2])]
    if not matches:
        names = [e.name for e in cached]
        near = difflib.get_close_matches(name, names, 1, 0.5)
        there = f"there are: {listed(names, 8)}" if names else "the local caches hold none"
        raise UsageError(
            f"--pretrained {name}: no such encoder in the local caches",
            *([f"nearest: {near[0]}"] if near else []),
            there,
            f"get it: hf download {name}",
        )
    found = matches[0]
    if found.problem:
        raise UsageError(f"--pretrained {name}: {found.folder} cannot be used: {found.problem}")
    package = package_lacking(found.library)
    if package is not None:
        raise UsageError(f"--pretrained {name}: {package} is not installed", f"try: {INSTALL}")
    return found


def _choose(
    case: Case, columns: list[ColumnProfile], cached: Sequence[CachedEncoder], trace: Trace
) -> Pretrained | None:
    """The first encoder that fits; where there is none, what one would gain."""
    reads: Reads = "text" if columns[0].kind == "text" else "image"
    usable = [encoder for encoder in cached if not encoder.problem]
    if not usable:
        trace.say(PRETRAINED, _without(reads, cached))
        return None
    ready = [encoder for encoder in usable if package_lacking(encoder.library) is None]
    if not ready:
        package = package_lacking(usable[0].library)
        gain = _SUGGESTED[reads].gain
        trace.say(
            PRETRAINED,
            f"{usable[0].name} lies in the local cache, but {package} is not installed, so that nothing pretrained "
            f"reads the {_NAMED[reads]}: {gain}; {INSTALL}",
        )
        return None
    if case.wishes.preset == "interpretable":
        trace.say(PRETRAINED, f"--preset interpretable: the numbers of {ready[0].name} mean nothing to a reader")
        return None
    order = sorted(ready, key=lambda e: (e.library == "transformers", _value_seconds(columns, e), e.name))
    limit = MOST_OF_SEARCH * case.search_seconds
    fitting = [encoder for encoder in order if _seconds(case, columns, encoder) <= limit and _is_quick(case, encoder)]
    if fitting:
        among = f"the first of {len(ready)} cached" if len(ready) > 1 else "it lies in the local cache"
        return _used(case, columns, fitting[0], trace, among)
    quickest = min(order, key=lambda e: (_seconds(case, columns, e), e.name))
    seconds = _seconds(case, columns, quickest)
    slow = f"about {seconds_text(seconds)} for {counted(case.shape.n_rows, 'row')}, more than the {seconds_text(limit)}"
    why = f"{slow} it may take ({format_share(MOST_OF_SEARCH)} of the search)"
    if seconds <= limit:
        each = 1000 * _value_seconds(columns, quickest) / case.hardware.speed
        why = f"about {each:.0f} ms a row, and a prediction may take {case.wishes.max_latency_ms:g} ms"
    trace.say(PRETRAINED, f"no pretrained encoder reads the {_NAMED[reads]}: {quickest.name} takes {why}")
    return None


def _is_quick(case: Case, encoder: CachedEncoder) -> bool:
    """Whether reading one row leaves half of the time that a prediction may take."""
    limit = case.wishes.max_latency_ms
    columns = [column for column in case.profile.features if column.kind == encoder.reads]
    return limit is None or 2000 * _value_seconds(columns, encoder) / case.hardware.speed <= limit


def _without(reads: Reads, cached: Sequence[CachedEncoder]) -> str:
    """What a pretrained encoder would gain, and the commands that get one."""
    tip = _SUGGESTED[reads]
    there = f" ({cached[0].name} cannot be used: {cached[0].problem})" if cached else ""
    package = package_lacking("timm" if reads == "image" else "transformers")
    install = f"{INSTALL}; " if package else ""
    return (
        f"no pretrained encoder of {_NAMED[reads]} lies in the local caches{there}: with one, {tip.gain}; "
        f"{install}hf download {tip.name} ({format_bytes(tip.n_bytes)}, {tip.licence})"
    )


def _used(case: Case, columns: list[ColumnProfile], encoder: CachedEncoder, trace: Trace, why: str) -> Pretrained:
    n_dims = max(_FEWEST_DIMS, _MOST_DIMS // len(columns))
    n_dims = max(2, min(n_dims, encoder.n_dims or n_dims, case.shape.n_rows - 1))
    seconds = _seconds(case, columns, encoder)
    names = tuple(column.name for column in columns)
    trace.say(
        PRETRAINED,
        f"{encoder.name} ({encoder.library}, {format_bytes(encoder.n_bytes)}) reads {listed([repr(n) for n in names])} "
        f"too, {why}: {n_dims} numbers a value, about {seconds_text(seconds)} of the "
        f"{seconds_text(case.wishes.seconds)}; the model will need it wherever it predicts, --pretrained off does "
        "without",
        f"+{len(names) * n_dims} features",
    )
    return Pretrained(
        name=encoder.name, revision=encoder.revision, columns=names, n_dims=n_dims, seconds=round(seconds, 2)
    )


def _seconds(case: Case, columns: Sequence[ColumnProfile], encoder: CachedEncoder) -> float:
    """Expected for all rows, on all cores."""
    hardware = case.hardware
    return _LOAD_SECONDS + case.shape.n_rows * _value_seconds(columns, encoder) / (hardware.speed * hardware.n_cores)


def _value_seconds(columns: Sequence[ColumnProfile], encoder: CachedEncoder) -> float:
    """Of reading a row, on one core of the machine that cost models are fitted on."""
    if encoder.reads == "image":
        return len(columns) * (_SECONDS_A_CALL + _SECONDS_A_PRODUCT * encoder.work)
    words = [column.extent.words if column.extent else 0.0 for column in columns]
    pieces = [min(_PIECES_A_WORD * n + _ENDS, encoder.longest) for n in words]
    return sum(_SECONDS_A_CALL + _SECONDS_A_PRODUCT * encoder.work * n for n in pieces)
