"""The losses of a triplet variational autoencoder (Ishfaq, Hoogi, Rubin 2018, arXiv 1802.04403)."""

import torch
from torch import Tensor
from torch.nn import functional as F

SHARPNESS = 12.0
KL_WEIGHT, TRIPLET_WEIGHT = 2e-4, 1.0


def triplet_loss(vectors: Tensor, identity: Tensor) -> Tensor:
    """Soft-margin triplet loss of each vector with its farthest positive and its nearest negatives.

    vectors float (N, D) of length 1; identity int (N,). Every identity must occur at least twice. The nearest negative
    is taken as a soft minimum over all (Oh Song et al. 2016, arXiv 1511.06452): with the hard one (Hermans et al. 2017,
    arXiv 1703.07737) and siblings in every batch, untrained vectors collapse to one point and stay there.
    """
    distance = SHARPNESS * (1.0 - vectors @ vectors.T)
    same = identity[:, None] == identity
    farthest_positive = distance.masked_fill(~same, -torch.inf).amax(1)
    # +inf: a positive must never pass for a negative
    nearest_negative = -distance.masked_fill(same, torch.inf).neg().logsumexp(1)
    return F.softplus(farthest_positive - nearest_negative).mean()


def relation_loss(vectors: Tensor, teacher: Tensor, temperature: float = 0.1) -> Tensor:
    """Relational distillation of a batch's similarities (Park et al. 2019, arXiv 1904.05068, as distributions).

    vectors (N, D) and the teacher's (N, E) of length 1. KL divergence from the teacher's softmax over the other items,
    a mean over rows.
    """
    alone = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    student = (vectors @ vectors.T / temperature).masked_fill(alone, -torch.inf).log_softmax(1).masked_fill(alone, 0.0)
    target = (teacher @ teacher.T / temperature).masked_fill(alone, -torch.inf).softmax(1)
    return F.kl_div(student, target, reduction="batchmean")


def tvae_loss(
    mean: Tensor, logvar: Tensor, clean_logits: Tensor, clean: Tensor, identity: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Reconstruction of the clean die + KL divergence from N(0, 1) + triplets on the normalised means.

    mean, logvar (N, D); clean_logits (N, S, S); clean (N, S, S) coverage 0..1; identity int (N,).
    """
    reconstruction = F.binary_cross_entropy_with_logits(clean_logits, clean)
    divergence = 0.5 * (mean.pow(2) + logvar.exp() - 1.0 - logvar).sum(1).mean()
    triplets = triplet_loss(F.normalize(mean, dim=1), identity)
    total = reconstruction + KL_WEIGHT * divergence + TRIPLET_WEIGHT * triplets
    return total, {"clean": reconstruction.item(), "kl": divergence.item(), "triplet": triplets.item()}
