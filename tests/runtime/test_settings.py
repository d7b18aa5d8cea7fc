"""One settings loader: flags, environment, limits."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from services.runtime.serving.settings import ModelServerSettings, load, setting, variables


def read(*arguments: str, **environment: str) -> ModelServerSettings:
    return load(ModelServerSettings, "program", arguments, environment)


def test_defaults_without_flags_and_variables() -> None:
    assert read() == ModelServerSettings()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(read("--max-batch", "4"), {"max_batch": 4}, id="flag"),
        pytest.param(read(STAMP2VEC_MAX_BATCH="4"), {"max_batch": 4}, id="variable"),
        pytest.param(read("--max-batch", "2", STAMP2VEC_MAX_BATCH="4"), {"max_batch": 2}, id="the flag wins"),
        pytest.param(read("--model", "a", "--model", "b"), {"model": ("a", "b")}, id="repeated flag"),
        pytest.param(read(STAMP2VEC_MODEL="a, b"), {"model": ("a", "b")}, id="list in a variable"),
        pytest.param(read("--model", "c", STAMP2VEC_MODEL="a,b"), {"model": ("c",)}, id="the flag replaces the list"),
        pytest.param(read("--max-delay-ms", "2.5"), {"max_delay_ms": 2.5}, id="fraction"),
        pytest.param(read("--insecure"), {"insecure": True}, id="switch"),
        pytest.param(read("--no-reflection"), {"reflection": False}, id="switch that is on"),
        pytest.param(read(STAMP2VEC_REFLECTION="false"), {"reflection": False}, id="switch in a variable"),
        pytest.param(read("--no-insecure", STAMP2VEC_INSECURE="true"), {}, id="the switch wins"),
        pytest.param(read(UNRELATED="1", STAMP2VEC_OTHER="x"), {}, id="other variables do not matter"),
    ],
)
def test_values(settings: ModelServerSettings, expected: dict[str, object]) -> None:
    assert settings == dataclasses.replace(ModelServerSettings(), **expected)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hops:
    """A settings class with a mapping."""

    upstreams: Mapping[str, str] = setting({"near": "here:1", "far": "there:2"}, "Address of the {key} one.")


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {}, {"near": "here:1", "far": "there:2"}),
        (["--near", "x:1"], {"STAMP2VEC_FAR": "y:2"}, {"near": "x:1", "far": "y:2"}),
        (["--far", "x:1"], {"STAMP2VEC_FAR": "y:2"}, {"near": "here:1", "far": "x:1"}),
    ],
)
def test_a_mapping_is_a_flag_and_a_variable_for_each_key(
    arguments: list[str], environment: dict[str, str], expected: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(Hops, "program", arguments, environment).upstreams == expected
    assert variables(Hops) == {"STAMP2VEC_NEAR", "STAMP2VEC_FAR"}
    with pytest.raises(SystemExit):
        load(Hops, "program", ["--help"])
    assert "Address of the far one. Default: there:2. [STAMP2VEC_FAR]" in " ".join(capsys.readouterr().out.split())


def test_a_program_may_have_defaults_of_its_own() -> None:
    assert load(ModelServerSettings, "program", [], {}, {"port": 7, "model": ("a",)}).model == ("a",)
    assert load(ModelServerSettings, "program", ["--port", "8"], {}, {"port": 7}).port == 8


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--max-batch", "65"], {}, "argument --max-batch: 65 is more than 64"),
        (["--max-batch", "0"], {}, "argument --max-batch: 0 is less than 1"),
        (["--max-batch", "many"], {}, "'many' is not a whole number"),
        (["--grace-s", "nan"], {}, "nan is less than 0"),
        (["--log-level", "loud"], {}, "'loud' is not one of debug, info, warning, error"),
        (["--max-batches", "4"], {}, "unrecognized arguments"),
        ([], {"STAMP2VEC_INSECURE": "yes"}, "environment variable STAMP2VEC_INSECURE: 'yes' is not true or false"),
        ([], {"STAMP2VEC_CAPACITY": "5"}, "environment variable STAMP2VEC_CAPACITY: 5 is less than 128"),
    ],
)
def test_a_bad_value_exits_with_a_message(
    arguments: list[str], environment: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        read(*arguments, **environment)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_help_names_flag_variable_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        read("--help")
    assert end.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--max-batch BATCH Largest batch" in text
    assert "Default: 4. [STAMP2VEC_MAX_BATCH]" in text
    assert "--reflection, --no-reflection" in text
    assert "Default: true. [STAMP2VEC_REFLECTION]" in text
