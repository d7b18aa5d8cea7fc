"""The Job that analyses many documents: what its pods run, and that all of them together do all of the work once."""

import re

import pytest

from stamp2vec.cli.arguments import parse
from stamp2vec.cli.bulk import INDEX_VARIABLE, Shard
from tests.k8s.manifests import K8S, ROOT, Resource, container, named, pod, render


def of_kind(kind: str) -> Resource:
    (found,) = (each for each in render(K8S / "bulk") if each["kind"] == kind)
    return found


def test_every_index_does_a_shard_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    job = of_kind("Job")["spec"]
    assert job["completionMode"] == "Indexed"
    shards = set()
    for index in range(job["completions"]):
        monkeypatch.setenv(INDEX_VARIABLE, str(index))
        shards.add(parse(container(of_kind("Job"))["args"]).shard)
    assert shards == {Shard(index, job["completions"]) for index in range(job["completions"])}
    assert job["parallelism"] <= job["completions"]


def test_an_index_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    job = of_kind("Job")["spec"]
    assert job["backoffLimitPerIndex"] > 0
    assert "backoffLimit" not in job
    assert pod(of_kind("Job"))["restartPolicy"] == "Never"  # which backoffLimitPerIndex and podFailurePolicy need
    monkeypatch.setenv(INDEX_VARIABLE, "0")
    assert parse(container(of_kind("Job"))["args"]).resume


def test_it_calls_the_gateway_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INDEX_VARIABLE, "0")
    address = parse(container(of_kind("Job"))["args"]).gateway
    host, namespace, port = re.fullmatch(r"dns:///([a-z-]+)\.([a-z0-9-]+):(\d+)", address).groups()  # type: ignore[union-attr]
    service = named("cpu", "Service", host)
    assert service["metadata"]["namespace"] == namespace
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["ports"][0]["port"] == int(port)


def test_the_network_policy_lets_it() -> None:
    labels = of_kind("Namespace")["metadata"]["labels"]
    (rule,) = named("cpu", "NetworkPolicy", "gateway")["spec"]["ingress"]
    assert rule["from"][0]["namespaceSelector"]["matchLabels"].items() <= labels.items()


def test_it_keeps_the_restricted_pod_security_standard() -> None:
    spec, only = pod(of_kind("Job")), container(of_kind("Job"))
    service = named("cpu", "Deployment", "gateway")
    assert spec["securityContext"] == pod(service)["securityContext"]
    assert only["securityContext"] == container(service)["securityContext"]
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    assert of_kind("ServiceAccount")["metadata"]["name"] == spec["serviceAccountName"]
    assert of_kind("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_resources() -> None:
    only = container(of_kind("Job"))
    assert only["resources"]["requests"]["memory"] == only["resources"]["limits"]["memory"]
    assert "cpu" in only["resources"]["requests"]
    assert "cpu" not in only["resources"]["limits"]
    mounts = {mount["mountPath"]: mount["name"] for mount in only["volumeMounts"]}
    (volume,) = pod(of_kind("Job"))["volumes"]
    assert mounts == {only["workingDir"]: volume["name"]}  # all else is read-only
    assert "emptyDir" in volume


def test_its_image_is_a_target_of_the_dockerfile_without_torch() -> None:
    assert re.fullmatch(r"[a-z0-9./-]+/bulk@sha256:[0-9a-f]{64}", container(of_kind("Job"))["image"])
    text = (ROOT / "Dockerfile").read_text()
    stages = dict(re.findall(r"^FROM .+ AS (\w+)\n((?:(?!FROM ).*\n)*)", text, re.MULTILINE))
    assert re.findall(r"--from=(\w+)", stages["bulk"]) == ["tables", "code"]
    assert "bulk.txt" in stages["tables"]
    assert "local.txt" not in stages["tables"]
