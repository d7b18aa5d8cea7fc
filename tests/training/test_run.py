from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch

from stamp2vec import hub
from stamp2vec.engines.torch import tensors
from stamp2vec.models.tvae import Tvae
from stamp2vec.values import Preset, Task
from training.embedder import evaluate as retrieval
from training.evaluate.detection import training_metrics
from training.run import Draft, Run, begin, parser

DRAFT = Draft("tvae", "0.0.1", Task.EMBED, "tvae", (Preset.FAST,), 128, 128, {"width": 8}, vector_size=128)


def flags(folder: Path) -> Namespace:
    return parser("").parse_args(
        ["--work", str(folder / "work"), "--out", str(folder), "--device", "cpu", "--minutes", "1"]
    )


def three_steps(run: Run[Tvae]) -> None:
    for seed in range(3):
        pictures = torch.randint(
            0, 256, (2, 128, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
        )
        mean, logvar = run.model.posterior(pictures)
        run.step(mean.pow(2).mean() + logvar.pow(2).mean(), {})


def test_a_run_resumes_where_it_stopped(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = Run(Tvae(width=8), flags(tmp_path))
    three_steps(first)
    first.save()
    second = Run(Tvae(width=8), flags(tmp_path))
    assert second.steps == 3
    assert second.seconds > 0
    for mine, theirs in ((first.model, second.model), (first.average, second.average)):
        torch.testing.assert_close(mine.state_dict(), theirs.state_dict())
    three_steps(first)
    three_steps(second)
    torch.testing.assert_close(first.model.state_dict(), second.model.state_dict(), rtol=1e-4, atol=1e-5)


def test_an_exported_model_loads(tmp_path: Path) -> None:
    run = Run(Tvae(width=8), flags(tmp_path))
    three_steps(run)
    manifest, state = hub.load(run.export(DRAFT, {"map_at_5": 0.123456}))
    assert manifest.metrics == {"synthetic_map_at_5": 0.1235}
    assert manifest.training["steps"] == 3
    assert manifest.parameters == sum(p.numel() for p in run.model.parameters())
    torch.testing.assert_close(tensors(state), run.average.state_dict())


def test_retrieval_figures_of_a_known_order() -> None:
    angles = np.radians([0, 10, 50, 55, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1)
    figures = retrieval.figures(vectors, np.array([0, 0, 1, 0, 2]))
    # nearest first: 0 -> (0) 1 0 ..; 10 -> (0) 1 0 ..; 55 -> 1, 2, (0) 10, (0) 0
    assert figures["cmc_at_1"] == pytest.approx(2 / 3)
    assert figures["cmc_at_5"] == 1.0
    assert figures["map_at_5"] == pytest.approx((2 * (1 + 2 / 3) / 2 + (1 / 3 + 2 / 4) / 2) / 3)


def test_detection_figures_of_a_known_case() -> None:
    box = [10.0, 10, 50, 50]
    truths = [np.array([box]), np.zeros((0, 4)), np.array([box])]
    found = [np.array([[*box, 0.9]]), np.array([[*box, 0.5]]), np.array([[100.0, 100, 120, 120, 0.8], [*box, 0.7]])]
    figures = training_metrics(truths, found, false_alarms=0.1)
    # ranks: hit, miss, hit, miss -> precision 1 up to half the recall, 2/3 from there
    assert figures["ap50"] == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-3)
    assert figures["f1"] == pytest.approx(2 * 2 / (3 + 2))
    assert figures["threshold"] == pytest.approx(0.7)
    assert figures["false_alarms"] == 0


def test_a_threshold_limits_false_alarms() -> None:
    box = [10.0, 10, 50, 50]
    truths = [np.array([box]), np.array([box]), np.zeros((0, 4))]
    found = [np.array([[*box, 0.9]]), np.array([[*box, 0.4]]), np.array([[*box, 0.6]])]
    assert training_metrics(truths, found, false_alarms=1.0)["threshold"] == pytest.approx(0.4)
    assert training_metrics(truths, found, false_alarms=0.1)["threshold"] == pytest.approx(0.9)


def test_a_run_may_begin_with_the_weights_of_another() -> None:
    fresh, begun = (Tvae(**hub.load("tvae")[0].config) for _ in range(2))
    assert begin(fresh, None) is None
    assert begin(begun, "tvae") == hub.load("tvae")[0].reference
    torch.testing.assert_close(begun.state_dict(), tensors(hub.load("tvae")[1]))
    assert not torch.equal(fresh.mean.weight, begun.mean.weight)
