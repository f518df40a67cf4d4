"""What the user asked for: defaults, file, environment and flags merged, the source of each value kept."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from automl.errors import UsageError
from automl.options import OPTIONS, Option, options_of
from automl.plan import Wishes
from automl.quantities import seconds_until, split_commas

# Of each setting that is a wish, the field of `Wishes`.
WISHES = {
    "time_limit": "seconds",
    "preset": "preset",
    "include": "include",
    "exclude": "exclude",
    "trials": "n_trials",
    "deterministic": "deterministic",
    "jobs": "n_jobs",
    "memory_limit": "memory_limit_bytes",
    "max_latency": "max_latency_ms",
    "max_size": "max_size_mb",
    "device": "device",
    "policy": "policy",
    "pretrained": "pretrained",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for, after defaults, configuration file, environment and flags were merged.

    Attributes:
        types: Column kinds the user insists on, by column.
        time_limit: Seconds of the whole command.
        memory_limit: Bytes.
        jobs: Worker processes; None for as many as cores.
        pretrained: "auto", "off", or the name of a pretrained encoder in a local cache.
        on_bad_file: "skip" leaves out rows whose image or sound cannot be read, "fail" refuses them.
        sources: Where each value that is not a default came from: "file NAME", "env VARIABLE" or "flag --NAME".
    """

    data: str
    target: str | None = None
    task: str | None = None
    metric: str | None = None
    positive: str | None = None
    types: dict[str, str] = {}
    drop: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    window: int | None = None
    test: str | None = None
    preset: str = "balanced"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    policy: str | None = None
    plan: str | None = None
    on_bad_file: str = "skip"
    pretrained: str = "auto"
    max_latency: float | None = None
    max_size: float | None = None
    time_limit: float = 300.0
    trials: int | None = None
    jobs: int | None = None
    memory_limit: int | None = None
    device: str = "auto"
    engine: str = "processes"
    seed: int = 0
    deterministic: bool = False
    output: str | None = None
    overwrite: bool = False
    sources: dict[str, str] = {}

    @property
    def wishes(self) -> Wishes:
        """The part of the settings that the policy weighs."""
        return Wishes(**{wish: getattr(self, name) for name, wish in WISHES.items()})


class Given(msgspec.Struct, frozen=True):
    """What holds for one call of a command.

    Attributes:
        values: Parsed, by option name; defaults included.
        sources: Of those that are not defaults, in the words of `Settings.sources`, by option name.
    """

    values: dict[str, Any]
    sources: dict[str, str]


def merge(command: str, flags: Mapping[str, Any], environ: Mapping[str, str], folder: Path) -> Given:
    """The options of a command, each from the strongest source: file < environment < flag.

    Args:
        command: As in `Option.commands`.
        flags: What was typed, unparsed, by option name; None, empty or False where a flag was not typed.
        environ: The environment.
        folder: Where `pyproject.toml` is looked for: the working directory.

    Raises:
        UsageError: A value is not valid, a key is unknown, or the file can't be read.
    """
    options = {option.name: option for option in options_of(command)}
    values: dict[str, Any] = {name: option.default for name, option in options.items()}
    sources: dict[str, str] = {}

    def give(option: Option, given: Any, source: str) -> None:
        try:
            values[option.name] = option.parse(given)
        except ValueError as error:
            raise _invalid(option, source, str(error)) from None
        sources[option.name] = source

    for source, keys in _files(flags.get("config") or environ.get("AUTOML_CONFIG"), folder):
        for name, given in keys.items():
            if name in options:
                give(options[name], given, f"file {source}")
    for option in options.values():
        text = environ.get(option.variable)
        if text:
            repeated = option.is_repeated and option.kind not in ("list", "wholes")
            give(option, split_commas(text) if repeated else text, f"env {option.variable}")
    for option in options.values():
        typed = flags.get(option.name)
        if typed not in (None, False, (), []):
            give(option, typed, f"flag {option.flags[0]}")
    return Given(values, sources)


def settings_for(data: str, given: Given, now: datetime | None = None) -> Settings:
    """The settings of a run on that data.

    `--until` becomes a time limit; where a time limit was given too, whichever comes first holds.
    """
    values, sources = dict(given.values), dict(given.sources)
    values["types"] = values.pop("type", {})
    if "type" in sources:
        sources["types"] = sources.pop("type")
    until = values.pop("until", None)
    if until is not None:
        seconds = seconds_until(until, now or datetime.now().astimezone())
        source = sources.pop("until")
        if "time_limit" not in sources or seconds < values["time_limit"]:
            values["time_limit"], sources["time_limit"] = seconds, source
    fields = set(Settings.__struct_fields__)
    return Settings(
        data=data,
        sources={name: source for name, source in sources.items() if name in fields},
        **{name: value for name, value in values.items() if name in fields},
    )


def _files(config: Any, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """(name, keys) of pyproject.toml and of the file that was named, in this order."""
    files = []
    project = folder / "pyproject.toml"
    if project.is_file():
        tool = _toml(project).get("tool", {})
        keys = tool.get("automl") if isinstance(tool, dict) else None
        if keys is not None:
            files.append(("pyproject.toml", _known_keys(keys, "[tool.automl] of pyproject.toml")))
    if config:
        path = Path(str(config))
        if not path.is_file():
            raise UsageError(f"no configuration file {str(path)!r}", f"looked in {folder}")
        files.append((path.name, _known_keys(_toml(path), path.name)))
    return files


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None


def _known_keys(keys: Any, where: str) -> dict[str, Any]:
    if not isinstance(keys, dict):
        raise UsageError(f"{where} is not a table of options")
    known = sorted({option.name for option in OPTIONS} - {"config"})
    found = {}
    for key, value in keys.items():
        name = key.replace("-", "_")
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.6)
            meant = f"nearest: {', '.join(repr(n.replace('_', '-')) for n in near)}" if near else ""
            raise UsageError(f"unknown option {key!r} in {where}", meant or "automl fit --help lists the options")
        found[name] = value
    return found


def _invalid(option: Option, source: str, problem: str) -> UsageError:
    where = source.removeprefix("flag ").removeprefix("env ")
    if source.startswith("file "):
        where = f"{option.name.replace('_', '-')} in {source.removeprefix('file ')}"
    wrong = problem.split("'")[1] if option.choices and "'" in problem else ""
    near = get_close_matches(wrong, option.choices, n=1)
    return UsageError(f"{where}: {problem}", *(f"nearest: {each!r}" for each in near))
