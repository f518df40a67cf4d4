"""The import direction, and who may import what is heavy (docs/design.md)."""

from __future__ import annotations

from architecture_sources import Import, Source, imports, listed, sources

# Lower may not import higher; within a row anything goes that makes no cycle. Events carry profiles, plans and trials,
# so they stand with the records.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("errors", "archives", "space", "quantities", "typography"),
    (
        *(
            "task",
            "table",
            "profile",
            "plan",
            "trial",
            "forecast",
            "features",
            "metrics",
            "attribution",
            "report",
            "outcome",
        ),
        *("events", "history", "options", "pretrained", "settings", "splits", "thresholds", "words"),
    ),
    (
        *("family", "registry", "states", "reading", "read", "write", "writing", "rundir"),
        *("accelerators", "hardware", "context"),
    ),
    (
        *("families", "models", "modalities", "engines", "explainers", "formats", "checks", "nets"),
        *("encoding", "encoder", "sections", "pictures"),
    ),
    (
        *("policy", "search", "ensemble", "bundle", "predict", "evaluate"),
        *("explain", "explain_rows", "explain_columns", "explain_parts", "explain_packages", "explaining"),
        *("compose", "doctor", "embedding", "sample", "samples", "testing", "finish", "material", "shipping"),
    ),
    ("run", "estimators", "frames", ""),
    ("cli", "__main__"),
)
RANK = {unit: rank for rank, row in enumerate(LEVELS) for unit in row}

# Who may import a heavy package; a trailing dot stands for everything below.
ONLY_IMPORTERS: dict[str, tuple[str, ...]] = {
    "torch": ("nets.",),
    "pytorch_lightning": ("nets.",),
    "lightning": ("nets.",),
    "lightning_utilities": ("nets.",),
    "transformers": ("nets.pretrained",),
    "timm": ("nets.pretrained",),
    "optuna": ("search.",),
    "lightgbm": ("families.lightgbm",),
    "shap": ("explainers.shap",),
    "lime": ("explainers.lime",),
    "PIL": ("reading.media", "modalities.image"),
    "soundfile": ("reading.media",),
    "polars": ("table", "read", "reading.", "write", "writing."),
    "typer": ("cli.",),
    "rich": ("cli.", "formats.terminal"),
}
PLUG_INS = ("families", "engines", "formats", "modalities", "explainers", "checks")
# Shared ground of the explainers and the checks, which are no plug-ins themselves.
SHARED = {"explainers.pool", "explainers.subject", "explainers.dependence", "checks.context"}


def test_every_module_has_a_level() -> None:
    homeless = sorted({source.unit for source in sources()} - set(RANK))
    assert not homeless, f"give these a row in LEVELS of {__file__}: {homeless}"


def test_no_import_runs_up() -> None:
    problems = [
        f"{each.source.at(each.node)}  {each.source.unit or 'automl'} imports {each.ours}, which stands above it"
        for source in sources()
        for each in imports(source)
        if each.is_ours and each.ours and RANK.get(_unit(each), 0) > RANK.get(source.unit, 99)
    ]
    assert not problems, listed(problems, "imports run from the command line down to the records, never up:")


def _unit(each: Import) -> str:
    return each.ours.partition(".")[0]


def test_no_relative_imports() -> None:
    problems = [e.source.at(e.node) for source in sources() for e in imports(source) if e.name.startswith(".")]
    assert not problems, listed(problems, "imports are absolute:")


def test_each_heavy_package_has_one_importer() -> None:
    problems = []
    for source in sources():
        for each in imports(source):
            allowed = ONLY_IMPORTERS.get(each.name.partition(".")[0])
            if allowed is not None and not any(_is_below(source, place) for place in allowed):
                problems.append(f"{source.at(each.node)}  imports {each.name}; only {', '.join(allowed)} may")
    assert not problems, listed(problems, "one importer for each heavy package:")


def _is_below(source: Source, place: str) -> bool:
    return source.module == place or (place.endswith(".") and f"{source.module}.".startswith(place))


def test_plug_ins_never_import_each_other() -> None:
    problems = []
    for source in sources():
        for each in imports(source):
            group, _, name = each.ours.partition(".")
            is_plug_in = group in PLUG_INS and name and not name.startswith("_") and each.ours not in SHARED
            if is_plug_in and source.unit in PLUG_INS and source.module not in (each.ours, group):
                problems.append(f"{source.at(each.node)}  imports {each.ours}")
    assert not problems, listed(problems, "plug-ins never import each other:")


def test_modules_import_no_cycle() -> None:
    modules = {source.module for source in sources()}
    graph = {
        source.module: {e.ours for e in imports(source) if e.is_ours and not e.late and e.ours in modules}
        - {source.module, ""}
        for source in sources()
    }
    done: set[str] = set()

    def cycle(module: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if module in path:
            return (*path[path.index(module) :], module)
        if module in done:
            return ()
        for other in sorted(graph[module]):
            found = cycle(other, (*path, module))
            if found:
                return found
        done.add(module)
        return ()

    for module in sorted(graph):
        found = cycle(module, ())
        assert not found, "modules import each other in a circle: " + " -> ".join(found)
