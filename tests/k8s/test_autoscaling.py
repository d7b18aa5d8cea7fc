"""The two autoscalers: they scale the same things in the same way, and never together."""

import json
import re

import pytest
import yaml

from tests.k8s.manifests import K8S, SERVICES, RenderingFailed, base_with, named, of_kind, selects

HPA, KEDA = "base+web-hpa", "base+web-keda"
READER_HPA, READER_KEDA = "base+reader-hpa", "base+reader-keda"
SCALED = [*((name, HPA, KEDA) for name in (*SERVICES, "web")), ("reader", READER_HPA, READER_KEDA)]
RULE = K8S / "components/monitoring/prometheus-rule.yaml"


def test_they_exclude_each_other() -> None:
    with pytest.raises(RenderingFailed, match="replicas"):
        base_with("hpa", "keda")


@pytest.mark.parametrize("variant", [HPA, KEDA, READER_HPA, READER_KEDA, "base+hpa", "base+keda"])
def test_no_apply_overrides_the_replicas_of_an_autoscaler(variant: str) -> None:
    assert all("replicas" not in each["spec"] for each in of_kind(variant, "Deployment"))


@pytest.mark.parametrize(("service", "with_hpa", "with_keda"), SCALED)
def test_they_scale_alike(service: str, with_hpa: str, with_keda: str) -> None:
    hpa = named(with_hpa, "HorizontalPodAutoscaler", service)["spec"]
    keda = named(with_keda, "ScaledObject", service)["spec"]
    assert (keda["minReplicaCount"], keda["maxReplicaCount"]) == (hpa["minReplicas"], hpa["maxReplicas"])
    assert keda["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == hpa["behavior"]
    (metric,), (trigger,) = hpa["metrics"], keda["triggers"]
    target = metric["pods"]["target"]["averageValue"]
    assert float(target.removesuffix("m")) / 1000 == float(trigger["metadata"]["threshold"])
    assert hpa["minReplicas"] >= 2, "one replica is no service while its node is drained"


@pytest.mark.parametrize(("service", "with_hpa", "with_keda"), SCALED)
def test_keda_queries_the_load_of_its_service_and_an_empty_result_is_not_zero(
    service: str, with_hpa: str, with_keda: str
) -> None:
    resource = named(with_keda, "ScaledObject", service)
    (trigger,) = resource["spec"]["triggers"]
    query = trigger["metadata"]["query"]
    assert f'job="{service}"' in query
    assert f'namespace="{resource["metadata"]["namespace"]}"' in query
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    assert "fallback" not in resource["spec"]


def test_the_load_that_they_query_is_recorded() -> None:
    recorded = {
        rule["record"]
        for group in yaml.safe_load(RULE.read_text())["spec"]["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    (adapted,) = yaml.safe_load((K8S / "components/hpa/adapter-values.yaml").read_text())["rules"]["custom"]
    asked = json.dumps([adapted, *of_kind(KEDA, "ScaledObject")])
    assert set(re.findall(r"stamp2vec:[a-z0-9_:]+", asked)) <= recorded
    for autoscaler in of_kind(HPA, "HorizontalPodAutoscaler"):
        (metric,) = autoscaler["spec"]["metrics"]
        assert metric["pods"]["metric"]["name"] == adapted["name"]["as"]


def test_jobs_are_named_as_the_autoscalers_name_them() -> None:
    (monitor,) = of_kind("base+monitoring", "PodMonitor")
    for service, with_hpa, _ in SCALED:
        labels = named(with_hpa, "Deployment", service)["spec"]["template"]["metadata"]["labels"]
        assert labels[monitor["spec"]["jobLabel"]] == service
        assert selects(monitor["spec"]["selector"], labels)
