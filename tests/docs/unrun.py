"""Commands of the documentation that are not run, why, and what of them is checked all the same."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

from tests.conftest import ROOT
from tests.k8s.manifests import KUBECTL, named, need, render

REASONS = {
    r"make run\b": "tests/e2e/test_command.py runs it, on ports of its own",
    r"make test\b": "it is what runs this",
    r"pip install": "tests/packaging installs the package; an index has it not yet",
    r"(make|git pull && make) images\b": "tests/images builds them, as root and with buildah",
    r"make push-images\b": "it pushes to a registry, and changes the overlays",
    r"kubectl .*(apply|diff|rollout|get|logs|port-forward)\b": "there is no cluster",
    r"stamp2vec analyze \S+ --gateway 127\.0\.0\.1:50050$": "it follows a port-forward of a cluster",
    r"kubectl kustomize \S+ > local\.yaml": "tests/images plays it with podman",
    r"podman kube play": "tests/images does so",
    r"kubectl kustomize \S+ \| python -m bench\.autoscale": "it measures for minutes; tests/autoscale runs its parts",
    r"python -m bench\.": "it measures for minutes",
    r"perf_analyzer\b": "it needs libraries of CUDA to start; tests/oip asks for what it asks for",
    r"stamp2vec app\b": "it serves until Ctrl-C; tests/library/test_app.py runs it",
    r"stamp2vec find s3://": "tests/bulk/test_stores.py runs it, with a server of S3's interface",
}
"""By what such a command begins with."""

_RUNS_NOTHING = {"git", "perf_analyzer", "podman"}  # whose commands are left to their own documentation
_FLAG = re.compile(r"--[a-z][a-z-]*")


def reason(command: str) -> str | None:
    """Why a command is not run; None for one that is."""
    return next((text for pattern, text in REASONS.items() if re.match(pattern, command)), None)


def check(command: str) -> None:
    """AssertionError where a program, a target, a flag or a folder that it names is not there."""
    tokens = shlex.split(command, comments=True)
    part: list[str] = []
    for token in [*tokens, "|"]:
        if token in ("|", "&&", "&", ">"):
            _check(part)
            part = []
        else:
            part.append(token)


def _check(tokens: list[str]) -> None:
    match tokens:
        case ["make", *words]:
            make(words)
        case ["pip", "install", *words]:
            for extras in re.findall(r"^\.\[([a-z,-]+)\]$", "\n".join(words), re.MULTILINE):
                assert set(extras.split(",")) <= _project()["optional-dependencies"].keys(), extras
        case ["kubectl", *words]:
            _kubectl(words)
        case ["python", "-m", module, *words]:
            _flags([sys.executable, "-m", module], words)
        case ["stamp2vec", command, *words]:
            _flags([sys.executable, "-m", "stamp2vec.cli", command], words)
        case [program, *_]:
            assert program in _RUNS_NOTHING or Path(program).suffix == ".yaml", f"nothing checks {program}"


def make(words: list[str]) -> None:
    """What the Makefile would do for them can be said."""
    done = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def module_exists(name: str) -> bool:
    """Whether `python -m NAME` finds something."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _kubectl(words: list[str]) -> None:
    need(KUBECTL, "build/kubectl")
    if "-n" in words:
        index = words.index("-n")
        words = words[:index] + words[index + 2 :]
    verb = words[0]
    assert subprocess.run([KUBECTL, verb, "--help"], capture_output=True).returncode == 0, verb
    for flag in ("-k", "kustomize"):
        if flag in words:
            folder = words[words.index(flag) + 1]
            if "your-" not in folder:
                assert render(ROOT / folder)
    for word in words:
        if match := re.fullmatch(r"(deployment|service)/([a-z]+)", word):
            named("cpu", match[1].capitalize(), match[2])


@cache
def _help(command: tuple[str, ...]) -> str:
    done = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _flags(command: list[str], words: list[str]) -> None:
    known = set(_FLAG.findall(_help(tuple(command))))
    assert {word.partition("=")[0] for word in words if _FLAG.match(word)} <= known, words


@cache
def _project() -> dict[str, dict[str, list[str]]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: dict[str, dict[str, list[str]]] = tomllib.load(file)["project"]
    return found
