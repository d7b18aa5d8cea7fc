"""The reader, which is a component."""

import re

from services.runtime.serving import settings
from services.runtime.serving.settings import ModelServerSettings
from stamp2vec.engines.reading.languages import LANGUAGES
from tests.k8s.code import default, variables
from tests.k8s.manifests import ROOT, container, environment, named, quantity

VARIANT = "base+reader"
READER = {"app.kubernetes.io/name": "stamp2vec", "app.kubernetes.io/component": "reader"}


def test_its_environment_is_what_it_reads() -> None:
    found = environment(VARIANT, "reader")
    assert found.keys() <= variables("reader")
    assert settings.load(ModelServerSettings, "reader", [], found).insecure


def test_the_gateway_calls_it_only_where_it_is_deployed() -> None:
    port = default("reader", "port")
    assert environment(VARIANT, "gateway")["STAMP2VEC_READER"] == f"dns:///reader:{port}"
    assert named(VARIANT, "Service", "reader")["spec"]["clusterIP"] == "None"
    assert "STAMP2VEC_READER" not in environment("base+network-policy", "gateway")


def test_the_gateway_may_call_it_and_it_calls_nothing() -> None:
    rules = named(VARIANT, "NetworkPolicy", "gateway")["spec"]["egress"]
    port = default("reader", "port")
    assert {"to": [{"podSelector": {"matchLabels": READER}}], "ports": [{"port": port}]} in rules
    spec = named(VARIANT, "NetworkPolicy", "reader")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in spec
    assert [[each["port"] for each in rule["ports"]] for rule in spec["ingress"]] == [[port], ["metrics"]]


def test_its_executors_follow_the_cpu_request() -> None:
    only = container(named(VARIANT, "Deployment", "reader"))
    assert float(environment(VARIANT, "reader")["STAMP2VEC_EXECUTORS"]) == quantity(
        only["resources"]["requests"]["cpu"]
    )


def test_its_image_has_the_languages_of_tesseract() -> None:
    """Those that the engine asks for; without one its script is answered as unread."""
    reader = (ROOT / "Dockerfile").read_text().partition("AS reader\n")[2]
    assert set(re.findall(r"tesseract-ocr-(\w+)", reader)) == {language.name for language in LANGUAGES}
