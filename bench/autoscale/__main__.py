"""Simulates the autoscaler of a rendered overlay, and picks its target.

Renders nothing itself: `kubectl kustomize k8s/overlays/cpu | python -m bench.autoscale -`. Loads are in replicas'
worth, so the outcome depends on the shape of the measured latency curve more than on the speed of this machine.
Arrivals are random: each trace runs with several seeds; the table shows the worst of them, and the mean pod-hours.
"""

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import yaml

from bench.autoscale.autoscaler import Spec
from bench.autoscale.curve import measured_curve
from bench.autoscale.manifests import NotInManifests, Scaling, scaling
from bench.autoscale.simulation import Outcome, World, pod_rate, simulate
from bench.autoscale.traces import TRACES, Trace

MAX_SHED = 0.01
MAX_DIRECTION_CHANGES = 2
MAX_P99_S = 1.0
SEEDS = 4


def main() -> int:
    """The exit code: 1 when the manifests are incomplete, or no target meets the bars."""
    parser = argparse.ArgumentParser(prog="python -m bench.autoscale", description=__doc__)
    parser.add_argument("manifests", type=Path, help="rendered YAML of one overlay; - reads it from stdin")
    parser.add_argument("--service", default="detector", help="whose autoscaler")
    parser.add_argument("--targets", default="", help="try these targets too, in thousandths: 10,20,40")
    parser.add_argument(
        "--cold-start-s", type=float, default=30.0, help="from the decision to a new pod's first response"
    )
    parser.add_argument("--plots", type=Path, help="folder for a picture of each trace; needs the extra `bench`")
    chosen = parser.parse_args()
    text = sys.stdin.read() if str(chosen.manifests) == "-" else chosen.manifests.read_text()
    try:
        rendered = scaling([each for each in yaml.safe_load_all(text) if each], chosen.service)
    except NotInManifests as error:
        print(error, file=sys.stderr)
        return 1
    curve = measured_curve(rendered.server.max_batch)
    world = World(curve, chosen.cold_start_s)
    _show_world(rendered, world)
    targets = sorted({rendered.spec.target_milli, *(int(each) for each in chosen.targets.split(",") if each)})
    print(
        f"{'target':>7} {'trace':<8}{'p99 wait s':>11}{'shed':>8}{'later':>8}{'changes/h':>11}{'reversals':>11}", end=""
    )
    print(f"{'overshoot':>11}{'pod-hours':>11}")
    good: dict[int, float] = {}
    for target in targets:
        tried = dataclasses.replace(rendered, spec=dataclasses.replace(rendered.spec, target_milli=target))
        outcomes = {trace: [simulate(tried, world, trace, seed) for seed in range(SEEDS)] for trace in TRACES}
        for trace, tries in outcomes.items():
            _show(target, trace, tries, pod_rate(tried, curve))
            if chosen.plots and target == rendered.spec.target_milli:
                from bench.autoscale.plot import draw  # needs an extra

                draw(tries[0], tried, world, trace, chosen.plots)
        if all(meets_bars({trace: tries[seed] for trace, tries in outcomes.items()}) for seed in range(SEEDS)):
            good[target] = sum(mean(each.pod_hours for each in tries) for tries in outcomes.values())
    return _choose(good, rendered.spec)


def meets_bars(outcomes: Mapping[Trace, Outcome]) -> bool:
    """No flapping; few items shed once the first new pod is ready; short waits where load grows slowly."""
    by_name = {trace.name: outcome for trace, outcome in outcomes.items()}
    step, outage = by_name["step"], by_name["outage"]
    return (
        step.shed_share(step.first_new_ready_s) < MAX_SHED
        and step.direction_changes <= MAX_DIRECTION_CHANGES
        and all(by_name[name].p99_wait_s <= MAX_P99_S for name in ("ramp", "day"))
        and all(by_name[name].shed_share() < MAX_SHED for name in ("ramp", "day"))
        and outage.direction_changes <= MAX_DIRECTION_CHANGES
    )


def _show_world(rendered: Scaling, world: World) -> None:
    spec, server, rate = rendered.spec, rendered.server, pod_rate(rendered, world.curve)
    print(
        f"{spec.min_replicas} to {spec.max_replicas} replicas, target {spec.target_milli}m of {server.capacity} items"
    )
    print(f"a replica: {server.executors} executors, {rate:.0f} items/s in batches of {server.max_batch}")
    seen = f"seen every {rendered.scrape_interval_s:g} s over {rendered.window_s:g} s"
    print(f"{seen}, cold start {world.cold_start_s:g} s, connections live {server.max_connection_age_s:g} s")


def _show(target: int, trace: Trace, tries: Sequence[Outcome], rate: float) -> None:
    p99_s, shed = max(each.p99_wait_s for each in tries), max(each.shed_share() for each in tries)
    later = max(each.shed_share(each.first_new_ready_s) for each in tries)
    changes, reversals = max(each.changes_per_hour for each in tries), max(each.direction_changes for each in tries)
    overshoot, pod_hours = max(each.overshoot(rate) for each in tries), mean(each.pod_hours for each in tries)
    print(
        f"{target:>6}m {trace.name:<8}{p99_s:>11.3f}{shed:>8.2%}{later:>8.2%}{changes:>11.1f}{reversals:>11}"
        f"{overshoot:>11.0%}{pod_hours:>11.2f}",
        flush=True,
    )


def _choose(good: Mapping[int, float], spec: Spec) -> int:
    if not good:
        print("no target meets the bars")
        return 1
    cheapest = min(good, key=lambda target: good[target])
    verdict = "as rendered" if cheapest == spec.target_milli else f"rendered is {spec.target_milli}m"
    print(f"fewest pod-hours of the targets that meet the bars: {cheapest}m, {good[cheapest]:.2f} ({verdict})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
