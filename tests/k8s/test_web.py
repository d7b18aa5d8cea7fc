"""HTTP before the gateway, which is a component."""

from services.runtime.serving import settings
from services.web.settings import WebSettings
from tests.k8s.code import default, variables
from tests.k8s.manifests import base_with, container, environment, named, of_kind, quantity

VARIANT = "base+web"
WEB_MIB = 1280  # of the process itself, and of the one picture at a time that boxes are drawn on


def test_its_environment_is_what_it_reads() -> None:
    found = environment(VARIANT, "web")
    assert found.keys() <= variables("web")
    loaded = settings.load(WebSettings, "web", [], found)
    assert loaded.gateway == f"dns:///gateway-headless:{default('gateway', 'port')}"
    assert named(VARIANT, "Service", "gateway-headless")["spec"]["clusterIP"] == "None"


def test_it_has_memory_for_what_it_may_hold() -> None:
    """Documents are held about three times: as the body, as a message, and while they are sent."""
    loaded = settings.load(WebSettings, "web", [], environment(VARIANT, "web"))
    limit = quantity(container(named(VARIANT, "Deployment", "web"))["resources"]["limits"]["memory"])
    assert 3 * (loaded.body_mib + loaded.job_mib) + WEB_MIB <= limit / 2**20


def test_probes_ask_what_they_are_for() -> None:
    probes = container(named(VARIANT, "Deployment", "web"))
    asked = [probes[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")]
    assert [each["path"] for each in asked] == ["/healthz", "/readyz", "/healthz"]
    assert {each["port"] for each in asked} == {"http"}


def test_calls_of_one_caller_reach_one_replica() -> None:
    """Its jobs are in the memory of that one."""
    assert named(VARIANT, "Service", "web")["spec"]["sessionAffinity"] == "ClientIP"


def test_the_gateway_lets_it_in_and_it_calls_nothing_else() -> None:
    web = {"app.kubernetes.io/name": "stamp2vec", "app.kubernetes.io/component": "web"}
    rules = named(VARIANT, "NetworkPolicy", "gateway")["spec"]["ingress"]
    (rule,) = (each for each in rules if "podSelector" in each["from"][0])
    assert rule == {"from": [{"podSelector": {"matchLabels": web}}], "ports": [{"port": default("gateway", "port")}]}
    spec = named(VARIANT, "NetworkPolicy", "web")["spec"]
    assert [[port["port"] for port in each["ports"]] for each in spec["ingress"]] == [[8050], ["metrics"]]
    assert [[port["port"] for port in each["ports"]] for each in spec["egress"]] == [[53, 53], [50050]]


def test_it_needs_no_network_policies_of_others() -> None:
    alone = base_with("web")
    assert [each["metadata"]["name"] for each in alone if each["kind"] == "NetworkPolicy"] == ["web"]
    assert len(of_kind(VARIANT, "Deployment")) == 5
