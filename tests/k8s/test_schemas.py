"""The API server would accept every manifest: no unknown key, no wrong type."""

import copy
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import kubernetes_validate
import pytest

from tests.k8s.manifests import K8S, ROOT, VARIANTS, Resource, base_with, named, need, render, resources

VERSIONS = [f"1.{minor}" for minor in range(32, 38)]
CRDS = ROOT / "tests/k8s/crds"


def is_custom(resource: Resource) -> bool:
    group = resource["apiVersion"].rpartition("/")[0]
    return "." in group and not (group.endswith(".k8s.io") and not group.startswith("gateway."))


def faults(custom: Sequence[Resource]) -> list[list[str]]:
    need(CRDS / "node_modules", "tests/k8s/crds/node_modules")
    done = subprocess.run(
        [Path(sys.executable).with_name("node"), CRDS / "check.mjs"],
        input=json.dumps(custom),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[list[str]] = json.loads(done.stdout)
    return found


def everything() -> list[Resource]:
    """The resources of all variants and of bulk work, without duplicates."""
    rendered = [*map(resources, VARIANTS), render(K8S / "bulk")]
    found = {json.dumps(each, sort_keys=True): each for folder in rendered for each in folder}
    return list(found.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_resources_are_valid(version: str) -> None:
    for resource in everything():
        if not is_custom(resource):
            kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_invalid_resource_is_found(version: str) -> None:
    deployment = copy.deepcopy(named("cpu", "Deployment", "gateway"))
    deployment["spec"]["template"]["spec"]["containers"][0]["port"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, version, strict=True)


def test_custom_resources_are_valid() -> None:
    custom = [each for each in everything() if is_custom(each)]
    assert {each["kind"] for each in custom} >= {
        "ScaledObject",
        "GRPCRoute",
        "PodMonitor",
        "PeerAuthentication",
        "Certificate",
        "Issuer",
    }
    assert [each for each in faults(custom) if each] == []


def test_an_invalid_custom_resource_is_found() -> None:
    (good,) = (each for each in base_with("gateway-api") if each["kind"] == "GRPCRoute")
    unknown, wrong = copy.deepcopy(good), copy.deepcopy(good)
    unknown["spec"]["rules"][0]["retries"] = 3
    wrong["spec"]["rules"][0]["backendRefs"][0]["port"] = "grpc"
    found = faults([good, unknown, wrong])
    assert found[0] == []
    assert "retries" in " ".join(found[1])
    assert "port" in " ".join(found[2])
