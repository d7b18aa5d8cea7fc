"""The rendered autoscalers under changing load, and without Prometheus."""

import dataclasses

import numpy as np
import pytest

from bench.autoscale.__main__ import MAX_DIRECTION_CHANGES, MAX_SHED
from bench.autoscale.autoscaler import Source
from bench.autoscale.manifests import Document, NotInManifests, Scaling, scaling
from bench.autoscale.simulation import Outcome, World, pod_rate, simulate
from bench.autoscale.traces import TRACES, Trace
from tests.k8s.manifests import K8S, base_with, render

# The detector's curve as `python -m bench.autoscale` measures it, four times as slow: fewer items to count.
CURVE = {1: 0.037, 2: 0.062, 3: 0.081, 4: 0.108, 5: 0.125, 6: 0.152, 7: 0.220, 8: 0.263}
WORLD = World(CURVE, cold_start_s=30.0)
STEP, OUTAGE = (next(trace for trace in TRACES if trace.name == name) for name in ("step", "outage"))


def rendered(source: Source) -> tuple[Document, ...]:
    return render(K8S / "overlays/cpu") if source is Source.PODS else base_with("keda", "monitoring")


@pytest.fixture(scope="module", params=Source)
def detector(request: pytest.FixtureRequest) -> Scaling:
    """By either autoscaler."""
    found = scaling(rendered(request.param), "detector")
    assert found.spec.source is request.param
    return found


@pytest.fixture(scope="module")
def stepped(detector: Scaling) -> Outcome:
    return simulate(detector, WORLD, STEP)


def test_the_manifests_are_read(detector: Scaling) -> None:
    assert 0 < detector.spec.target_milli < 1000
    assert detector.spec.max_replicas > detector.spec.min_replicas >= 2
    assert detector.server.executors > 1, "from the CPU request"
    assert detector.server.max_connection_age_s < 300, "from the ConfigMap"
    assert 0 < detector.scrape_interval_s < detector.window_s
    assert detector.spec.down.stabilization_s > detector.spec.up.stabilization_s


def test_hpa_and_keda_give_equal_configurations() -> None:
    by_hpa, by_keda = (scaling(rendered(source), "embedder") for source in (Source.PODS, Source.EXTERNAL))
    assert dataclasses.replace(by_keda, spec=dataclasses.replace(by_keda.spec, source=Source.PODS)) == by_hpa


def test_the_error_names_what_is_missing() -> None:
    with pytest.raises(NotInManifests, match="no autoscaler for the detector"):
        scaling(base_with("monitoring"), "detector")
    with pytest.raises(NotInManifests, match="PrometheusRule"):
        scaling(base_with("hpa"), "detector")


def test_a_step_to_four_times_the_load_sheds_little_once_the_first_new_pod_is_ready(stepped: Outcome) -> None:
    assert stepped.shed_share() > 0, "the step must shed, or this tests nothing"
    assert stepped.shed_share(stepped.first_new_ready_s) < MAX_SHED


def test_a_step_does_not_flap(stepped: Outcome) -> None:
    assert 1 <= stepped.direction_changes <= MAX_DIRECTION_CHANGES
    assert stepped.replicas.max() > stepped.replicas[-1]


def test_an_outage_of_prometheus_holds_the_replicas(detector: Scaling) -> None:
    assert OUTAGE.outage_s
    start_s, end_s = map(int, OUTAGE.outage_s)
    outcome = simulate(detector, WORLD, OUTAGE)
    assert len(set(outcome.replicas[start_s:end_s])) == 1
    assert outcome.replicas[start_s] > detector.spec.min_replicas


def test_a_target_that_only_a_long_queue_reaches_is_too_high(detector: Scaling) -> None:
    late = dataclasses.replace(detector, spec=dataclasses.replace(detector.spec, target_milli=500))
    slow = Trace("slow", 15, lambda seconds: np.interp(seconds, (0, 600), (1.0, 2.2)))
    in_time, too_late = simulate(detector, WORLD, slow), simulate(late, WORLD, slow)
    assert in_time.p99_wait_s < too_late.p99_wait_s / 2


def test_replicas_settle_where_the_load_can_be_done(detector: Scaling) -> None:
    steady = Trace("steady", 15, lambda seconds: np.full_like(seconds, 3.0))
    outcome = simulate(detector, WORLD, steady)
    assert outcome.shed[-300:].sum() == 0
    assert outcome.ready[-300:].min() > 3
    done = len(outcome.waits_s) / len(outcome.rates)
    assert done <= outcome.ready.max() * pod_rate(detector, CURVE)


def test_equal_seeds_give_equal_outcomes(detector: Scaling) -> None:
    short = Trace("short", 2, lambda seconds: np.full_like(seconds, 2.0))
    first, second = simulate(detector, WORLD, short, seed=3), simulate(detector, WORLD, short, seed=3)
    assert np.array_equal(first.waits_s, second.waits_s)
