"""stamp-vit: an embedder of small patches, ViT-S/8 (Dosovitskiy et al. 2021, arXiv 2010.11929).

384 channels, 12 layers, 6 heads, patches of 8 x 8 pixels; the patches' mean is the stamp, for no letter stands apart.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stamp2vec.models.layers import standardise

PATCH, WIDTH, HEADS, LAYERS = 8, 384, 6, 12
GRID = 16  # patches a side that the places are learnt for; other sizes interpolate between them


class Attention(nn.Module):
    """Multi-head self-attention, (N, T, WIDTH) -> (N, T, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Every patch looks at every other."""
        heads = self.queries_keys_values(x).unflatten(2, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(heads[0], heads[1], heads[2])  # (N, HEADS, T, WIDTH / HEADS)
        return self.out(seen.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class Layer(nn.Module):
    """Attention and a perceptron, each added to what comes in and normalised before (arXiv 2002.04745)."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.before_perceptron = nn.LayerNorm(WIDTH)
        self.perceptron = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, WIDTH) -> (N, T, WIDTH)."""
        x = x + self.attention(self.before_attention(x))
        return x + self.perceptron(self.before_perceptron(x))  # type: ignore[no-any-return]


class StampVit(nn.Module):
    """uint8 (N, H, W, 3), H and W multiples of 8 -> unit vectors (N, vector_size) float."""

    def __init__(self, vector_size: int = 384) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.places = nn.Parameter(torch.empty(1, WIDTH, GRID, GRID))
        nn.init.trunc_normal_(self.places, std=0.02)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.last = nn.LayerNorm(WIDTH)
        self.vector = nn.Linear(WIDTH, vector_size)

    def forward(self, images: Tensor) -> Tensor:
        """Patches and their places through the layers, averaged, then one linear layer."""
        x = self.patches(standardise(images))  # (N, WIDTH, H / 8, W / 8)
        if x.shape[2:] == self.places.shape[2:]:
            x = x + self.places
        else:
            x = x + F.interpolate(self.places, x.shape[2:], mode="bicubic")
        x = self.last(self.layers(x.flatten(2).transpose(1, 2)))
        return F.normalize(self.vector(x.mean(1)).float(), dim=1)
