"""Every command and snippet of README and docs/ runs as it stands there, or is checked where it cannot be run here."""

import json
import re
import sys

import pytest
import yaml

from tests.conftest import ROOT, require
from tests.docs import unrun
from tests.docs.blocks import Block, blocks, commands, inline
from tests.docs.conftest import Reader
from tests.k8s.manifests import K8S, render

SHELL = ("sh", "bash", "console")
KNOWN = {*SHELL, "python", "yaml", "json", "toctree", ""}


RUN = [block for block in blocks(*SHELL) if not all(map(unrun.reason, commands(block)))]


def test_there_is_no_block_that_nothing_looks_at() -> None:
    assert {block.language for block in blocks(*KNOWN)} >= {"sh", "python", "yaml", "json"}
    text = "\n".join(page.read_text() for page in {block.page for block in blocks(*KNOWN)})
    languages = set(re.findall(r"^```(\w+)$", text, re.MULTILINE))
    assert languages <= KNOWN, "blocks in another language: run them, or say here why not"


@pytest.mark.parametrize("block", RUN, ids=str)
def test_commands_run(block: Block, reader: Reader) -> None:
    run = [command for command in commands(block) if unrun.reason(command) is None]
    reader.run(["bash", "-euo", "pipefail", "-c"], "\n".join(run))


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_snippets_run(block: Block, reader: Reader) -> None:
    reader.run([_python(block.text), "-c"], block.text)


def _python(text: str) -> str:
    """What runs a snippet: the client of Triton has an environment of its own."""
    return str(
        require(ROOT / "build/oip/bin/python", "make build/oip/.done") if "tritonclient" in text else sys.executable
    )


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_overlays_render(block: Block) -> None:
    overlay = yaml.safe_load(block.text)
    folder = ROOT / "build/k8s/docs" / f"{block.page.stem}-{block.line}"
    folder.mkdir(parents=True, exist_ok=True)
    for key in ("resources", "components"):
        overlay[key] = [_relative(path) for path in overlay.get(key, [])]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    assert render(folder)


def _relative(path: str) -> str:
    """From a folder in build/k8s/docs what is relative to one in k8s/overlays."""
    target = (K8S / "overlays/yours" / path).resolve()
    return f"../../../../{target.relative_to(ROOT)}"


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


UNRUN = [(str(block), command) for block in blocks(*SHELL) for command in commands(block) if unrun.reason(command)]


@pytest.mark.parametrize(("where", "command"), UNRUN)
def test_what_a_command_that_is_not_run_names_is_there(where: str, command: str) -> None:
    unrun.check(command)


def test_every_reason_is_of_some_command() -> None:
    for pattern in unrun.REASONS:
        assert any(re.match(pattern, command) for _, command in UNRUN), pattern


def test_targets_and_modules_in_the_text_are_there() -> None:
    for code in inline():
        if match := re.match(r"make ([a-z-]+)", code):
            unrun.make([match[1]])
        if match := re.match(r"python -m ([a-z_.0-9]+)", code):
            assert unrun.module_exists(match[1]), code


def test_a_command_that_names_nothing_fails() -> None:
    for wrong in (
        "make nothing-of-the-kind",
        "python -m bench.capacity --no-such-flag",
        "stamp2vec find scan.pdf --no-such-flag",
        "pip install '.[no-such-extra]'",
        "kubectl apply -k k8s/overlays/none",
        "unheard-of --flag",
    ):
        with pytest.raises(Exception):  # noqa: B017, PT011 - of whatever looks for it
            unrun.check(wrong)
