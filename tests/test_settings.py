from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.errors import UsageError
from automl.options import OPTIONS, Option, options_of
from automl.settings import Settings, merge, settings_for


def test_the_precedence_is_default_file_environment_flag(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.automl]\nseed = 1\njobs = 1\ntrials = 1\npreset = "fast"\n')
    config = tmp_path / "automl.toml"
    config.write_text('jobs = 2\ntrials = 2\npreset = "best"\n')
    environ = {"AUTOML_TRIALS": "3", "AUTOML_PRESET": "interpretable", "AUTOML_CONFIG": str(config)}
    settings = settings_for("x.csv", merge("fit", {"preset": "balanced"}, environ, tmp_path))
    assert (settings.seed, settings.jobs, settings.trials, settings.preset) == (1, 2, 3, "balanced")
    assert settings.sources["seed"] == "file pyproject.toml"
    assert settings.sources["jobs"] == "file automl.toml"
    assert settings.sources["trials"] == "env AUTOML_TRIALS"
    assert settings.sources["preset"] == "flag --preset"
    assert "time_limit" not in settings.sources
    assert settings.time_limit == 300


def test_every_kind_of_value_comes_through_from_every_source(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        'time-limit = "1h30m"\nmemory-limit = "8GB"\ninclude = ["a", "b"]\noverwrite = true\nmax-latency = 5\n'
        'drop = ["x,y"]\n[type]\n"a=b" = "category"\n'
    )
    from_file = settings_for("d", merge("fit", {"config": str(config)}, {}, tmp_path))
    flags = {
        "time_limit": "1h30m", "memory_limit": "8GB", "include": ["a,b"], "overwrite": True, "max_latency": "5ms",
        "drop": ["x,y"], "type": ["a=b=category"],
    }  # fmt: skip
    from_flags = settings_for("d", merge("fit", flags, {}, tmp_path))
    environ = {
        "AUTOML_TIME_LIMIT": "5400", "AUTOML_MEMORY_LIMIT": "8000000000", "AUTOML_INCLUDE": "a, b",
        "AUTOML_OVERWRITE": "yes", "AUTOML_MAX_LATENCY": "0.005s", "AUTOML_DROP": '"x,y"',
        "AUTOML_TYPE": "a=b=category",
    }  # fmt: skip
    from_environment = settings_for("d", merge("fit", {}, environ, tmp_path))
    expected = Settings(
        data="d", time_limit=5400.0, memory_limit=8 * 10**9, include=("a", "b"), overwrite=True, max_latency=5.0,
        drop=("x,y",), types={"a=b": "category"},
    )  # fmt: skip
    for settings in (from_file, from_flags, from_environment):
        found = {f: getattr(settings, f) for f in Settings.__struct_fields__ if f not in ("sources", "max_latency")}
        assert found == {f: getattr(expected, f) for f in found}
        assert settings.max_latency == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("flags", "environ", "words"),
    [
        ({"time_limit": "soon"}, {}, ["--time-limit", "'soon'", "1h30m"]),
        ({}, {"AUTOML_PRESET": "quick"}, ["AUTOML_PRESET", "'quick'", "fast, balanced, best, interpretable"]),
        ({"trials": "0"}, {}, ["--trials", "less than 1"]),
        ({"jobs": "two"}, {}, ["--jobs", "'two'", "whole number"]),
        ({"type": ["zip"]}, {}, ["--type", "NAME=VALUE"]),
        ({"type": ["zip=categroy"]}, {}, ["--type", "nearest: 'category'"]),
        ({}, {"AUTOML_OVERWRITE": "perhaps"}, ["AUTOML_OVERWRITE", "true or false"]),
        ({"config": "no.toml"}, {}, ["no configuration file 'no.toml'"]),
    ],
)
def test_an_invalid_value_is_named_with_its_source_and_what_would_be_valid(
    flags: dict[str, object], environ: dict[str, str], words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        merge("fit", flags, environ, tmp_path)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('time_limti = "60s"', ["'time_limti'", "c.toml", "nearest: 'time-limit'"]),
        ('time-limit = "x"', ["time-limit in c.toml", "'x'"]),
        ("seed = [1]", ["seed in c.toml", "one value"]),
        ("seed = ", ["not TOML"]),
    ],
)
def test_what_is_wrong_in_a_file_is_named(text: str, words: list[str], tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(text)
    with pytest.raises(UsageError) as caught:
        merge("fit", {"config": str(config)}, {}, tmp_path)
    for word in words:
        assert word in str(caught.value)


def test_a_key_for_another_command_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.automl]\nproba = true\ntime-limit = "9s"\n[tool.other]\nx = 1\n')
    assert "proba" not in merge("fit", {}, {}, tmp_path).values
    assert merge("predict", {}, {}, tmp_path).values["proba"] is True


def test_until_and_time_limit_whichever_comes_first(tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, 5, 0, tzinfo=UTC)
    for flags, seconds, source in [
        ({"until": "06:00"}, 3600, "flag --until"),
        ({"until": "06:00", "time_limit": "10m"}, 600, "flag --time-limit"),
        ({"until": "06:00", "time_limit": "2h"}, 3600, "flag --until"),
    ]:
        settings = settings_for("x", merge("fit", flags, {}, tmp_path), now)
        assert (settings.time_limit, settings.sources["time_limit"]) == (seconds, source)


def test_the_defaults_of_the_table_are_those_of_the_settings(tmp_path: Path) -> None:
    assert settings_for("x", merge("fit", {}, {}, tmp_path)) == Settings(data="x")


def test_every_setting_has_an_option() -> None:
    keys = {"types" if option.name == "type" else option.name for option in options_of("fit")}
    assert set(Settings.__struct_fields__) - {"data", "sources"} <= keys


def test_names_and_flags_are_unique() -> None:
    names = [option.name for option in OPTIONS]
    assert len(names) == len(set(names))
    for command in {command for option in OPTIONS for command in option.commands}:
        flags = [flag for option in options_of(command) for flag in option.flags]
        assert len(flags) == len(set(flags)), command


@given(st.sampled_from(OPTIONS), st.text(max_size=20))
def test_no_text_breaks_a_parser_in_another_way_than_by_a_message(option: Option, text: str) -> None:
    given_text = [text] if option.is_repeated else text
    try:
        value = option.parse(given_text)
    except ValueError:
        return
    assert value is not None
