"""tvae: a triplet variational autoencoder, after Ishfaq, Hoogi, Rubin 2018, arXiv 1802.04403.

The mean of the posterior is the stamp's vector. Reconstruction is of the clean die, not of the crop: what paper,
print, wear and angle did to the impression is what the vector must not remember.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.layers import ConvBnRelu, Residual, both_ways_up, standardise

CLEAN_SIZE = 64


class Tvae(nn.Module):
    """uint8 (N, H, W, 3) -> unit vectors (N, vector_size) float.

    `posterior` and `reconstruct` are the training side: the vectors before normalisation, their spread, the die.
    """

    def __init__(self, width: int = 24, vector_size: int = 128, half_turn: int = 0) -> None:
        """`width` is the number of channels after the first convolution.

        With `half_turn` 1, `forward` averages over the picture and the picture upside down.
        """
        super().__init__()
        self.half_turn = half_turn
        channels = [width, width * 2, width * 3, width * 5, width * 8]
        self.encoder = nn.Sequential(
            *(
                nn.Sequential(ConvBnRelu(c_in, c_out, stride=2), Residual(c_out))
                for c_in, c_out in zip([3, *channels[:-1]], channels)
            )
        )  # stride 32
        pooled = channels[-1] * 16
        self.mean = nn.Linear(pooled, vector_size)
        self.logvar = nn.Linear(pooled, vector_size)
        self.seed = nn.Linear(vector_size, channels[2] * 64)
        self.decoder = nn.Sequential(
            *(
                nn.Sequential(nn.Upsample(scale_factor=2.0), ConvBnRelu(c_in, c_out))
                for c_in, c_out in zip([channels[2], channels[1], channels[0]], [channels[1], channels[0], width])
            ),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (N, H, W, 3) -> mean and log variance, (N, vector_size) each."""
        features = self.encoder(standardise(images))  # (N, C, H/32, W/32)
        features = F.adaptive_avg_pool2d(features, 4).flatten(1)  # a 4 x 4 layout survives: seals have a top
        return self.mean(features), self.logvar(features).clamp(-8.0, 4.0)

    def sample(self, mean: Tensor, logvar: Tensor) -> Tensor:
        """One draw from the posterior: sigma is the square root of the variance, exp(logvar / 2)."""
        return mean + torch.randn_like(mean) * (logvar / 2).exp()

    def reconstruct(self, latent: Tensor) -> Tensor:
        """(N, vector_size) -> (N, 64, 64) logits of the clean die's coverage, upright and filling the square."""
        seed = self.seed(latent).reshape(len(latent), -1, 8, 8)
        return self.decoder(seed).squeeze(1)  # type: ignore[no-any-return]

    def one_look(self, images: Tensor) -> Tensor:
        """Unit vectors (N, vector_size) of pictures as they lie: the posterior's mean at length 1."""
        return F.normalize(self.posterior(images)[0], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """The vectors that are compared."""
        return both_ways_up(self.one_look, images) if self.half_turn else self.one_look(images)
