"""Plots the outcome of a trace."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

from bench.autoscale.manifests import Scaling
from bench.autoscale.simulation import Outcome, World, pod_rate
from bench.autoscale.traces import Trace

mpl.use("Agg")

from matplotlib import pyplot as plt


def draw(outcome: Outcome, scaling: Scaling, world: World, trace: Trace, folder: Path) -> None:
    """Writes `folder`/<trace>.png: load and replicas, waits, shed items."""
    minutes = np.arange(len(outcome.rates)) / 60
    figure, (load, wait, shed) = plt.subplots(3, 1, sharex=True, figsize=(9, 7), height_ratios=(3, 2, 1))
    smooth = np.convolve(outcome.rates, np.ones(10) / 10, "same") / pod_rate(scaling, world.curve)
    load.plot(minutes, smooth, label="load, in replicas' worth", color="tab:gray", linewidth=1)
    load.step(minutes, outcome.replicas, where="post", label="replicas wanted", color="tab:blue")
    load.step(minutes, outcome.ready, where="post", label="ready", color="tab:blue", linestyle=":")
    load.set_ylim(bottom=0)
    load.legend(loc="upper right")
    load.set_title(f"{trace.name}: target {scaling.spec.target_milli}m, cold start {world.cold_start_s:g} s")
    wait.semilogy(minutes, np.maximum(outcome.p99_s, 1e-4), color="tab:orange", linewidth=0.8)
    wait.set_ylabel("p99 wait, s")
    shed.fill_between(minutes, outcome.shed / np.maximum(outcome.rates, 1) * 100, color="tab:red")
    shed.set_ylabel("shed, %")
    shed.set_ylim(0, 100)
    shed.set_xlabel("minutes")
    for axes in (load, wait, shed):
        axes.grid(alpha=0.3)
        if trace.outage_s:
            axes.axvspan(trace.outage_s[0] / 60, trace.outage_s[1] / 60, color="tab:gray", alpha=0.2)
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{trace.name}.png", dpi=110)
    plt.close(figure)
