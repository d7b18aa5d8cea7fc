"""Platt scaling: makes a detector's score the probability that its box is a stamp."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def platt(logits: Tensor, true: Tensor) -> tuple[float, float]:
    """Scale and shift that make sigmoid(scale * logit + shift) the likeliest probabilities (Platt 1999).

    logits float (D,) of boxes, true (D,) whether each is a stamp. Scores are trained towards the box's IoU, which is
    below the precision.
    """
    line = nn.Linear(1, 1).double()
    with torch.no_grad():
        line.weight.fill_(1.0)
        line.bias.zero_()
    optimizer = torch.optim.LBFGS(line.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        error = F.binary_cross_entropy_with_logits(line(logits.double()[:, None])[:, 0], true.double())
        error.backward()
        return error

    optimizer.step(loss)
    return line.weight.item(), line.bias.item()


def calibrated(found: np.ndarray, scale: float, shift: float) -> np.ndarray:
    """Rows (K, 5 or more) with the score, the fifth column, put through sigmoid(scale * logit + shift)."""
    scores = found[:, 4].clip(1e-6, 1 - 1e-6)
    odds = scale * np.log(scores / (1 - scores)) + shift
    return np.column_stack([found[:, :4], 1 / (1 + np.exp(-odds)), found[:, 5:]])


def fold(model: nn.Module, scale: float, shift: float) -> None:
    """Folds the calibration into the layer that computes the logit, in place."""
    with torch.no_grad():
        for name, layer in model.named_modules():
            if name.endswith("to_score"):
                layer.get_parameter("weight").mul_(scale)
                layer.get_parameter("bias").mul_(scale).add_(shift)
