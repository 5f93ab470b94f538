"""The parts of the network, none with a bias (PAPER: a GPT-2 decoder with pre-normalisation).

Shapes: B rows, L positions, Q positions asked for in each row, D width, H heads, C channels a head,
F features of a number.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from dnagpt.model.cache import Past, causal_attention
from dnagpt.model.config import ModelConfig

SMALLEST_MAGNITUDE = 1e-4
LARGEST_MAGNITUDE = 1e8


def layer_norm(width: int) -> nn.LayerNorm:
    """A normalisation with a scale and no shift."""
    return nn.LayerNorm(width, eps=1e-5, bias=False)


def head(width: int, outputs: int) -> nn.Sequential:
    """A read-out of a hidden vector: one hidden layer, normalised, then the answer's scores."""
    return nn.Sequential(
        nn.Linear(width, width, bias=False), nn.SiLU(), layer_norm(width), nn.Linear(width, outputs, bias=False)
    )


class RotaryPositions(nn.Module):
    """Tells order by turning pairs of channels through an angle that grows with the position.

    The scalar product of a turned query and key depends on their distance alone (Su et al. 2021, arXiv 2104.09864).
    """

    def __init__(self, head_width: int, context: int, period: float = 10_000.0) -> None:
        super().__init__()
        rates = period ** (-torch.arange(0, head_width, 2, dtype=torch.float64) / head_width)
        angles_LC = torch.outer(torch.arange(context, dtype=torch.float64), rates).repeat(1, 2)
        self.cosine_LC: torch.Tensor
        self.sine_LC: torch.Tensor
        self.register_buffer("cosine_LC", angles_LC.cos().float(), persistent=False)
        self.register_buffer("sine_LC", angles_LC.sin().float(), persistent=False)

    def forward(self, vectors_BHLC: torch.Tensor, places: slice | torch.Tensor) -> torch.Tensor:
        """Turn queries or keys, or both at once, that stand at `places`: a slice for all rows, or (B, L)."""
        cosine, sine = self.cosine_LC[places], self.sine_LC[places]
        if isinstance(places, torch.Tensor):
            cosine, sine = cosine[:, None], sine[:, None]
        first, second = vectors_BHLC.chunk(2, dim=-1)
        turned = torch.cat((-second, first), dim=-1)
        return (vectors_BHLC * cosine + turned * sine).to(vectors_BHLC.dtype)


class Attention(nn.Module):
    """Lets each position read from itself and the positions before it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)

    def forward(
        self, x_BLD: torch.Tensor, rotary: RotaryPositions | None, past: Past | None, layer: int,
        places_BQ: torch.Tensor | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Mix the values of the positions seen so far, weighted by how well their keys match the query."""
        batch, length, _ = x_BLD.shape
        qkv_3BHLC = self.qkv(x_BLD).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv_3BHLC
        if rotary is not None:
            q, k = rotary(qkv_3BHLC[:2], slice(length) if past is None else past.places(length))
        if past is not None:
            mixed_BHLC = past.attend(layer, q, k, v)
        else:
            mixed_BHLC = causal_attention(q, k, v, 0) if places_BQ is None else attention_at(places_BQ, q, k, v)
        return self.output(mixed_BHLC.transpose(1, 2).flatten(2))


def attention_at(
    places_BQ: torch.Tensor, q_BHLC: torch.Tensor, k_BHLC: torch.Tensor, v_BHLC: torch.Tensor
) -> torch.Tensor:
    """What `causal_attention` gives at a few places of each row, (B, H, Q, C)."""
    places_B1Q1 = places_BQ[:, None, :, None]
    visible_B1QL = torch.arange(k_BHLC.shape[2], device=places_BQ.device) <= places_B1Q1
    q_BHQC = q_BHLC.take_along_dim(places_B1Q1, dim=2)
    return F.scaled_dot_product_attention(q_BHQC, k_BHLC, v_BHLC, attn_mask=visible_B1QL)


class Block(nn.Module):
    """One layer: attention, then a two-layer perceptron four times as wide, each added to what comes in."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.attention_norm = layer_norm(config.width)
        self.attention = Attention(config)
        self.mlp_norm = layer_norm(config.width)
        self.mlp_in = nn.Linear(config.width, 4 * config.width, bias=False)
        self.mlp_out = nn.Linear(4 * config.width, config.width, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x_BLD: torch.Tensor, rotary: RotaryPositions | None, past: Past | None,
        places_BQ: torch.Tensor | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Refine the vectors of all positions once, or give only those at `places_BQ`, (B, Q, D)."""
        mixed_BLD = self.attention(self.attention_norm(x_BLD), rotary, past, self.layer, places_BQ)
        if places_BQ is not None:
            x_BLD = x_BLD.take_along_dim(places_BQ[:, :, None], dim=1)
        x_BLD = x_BLD + self.dropout(mixed_BLD)
        widened = F.gelu(self.mlp_in(self.mlp_norm(x_BLD)), approximate="tanh")
        return x_BLD + self.dropout(self.mlp_out(widened))


class ReleasedNumberEmbedding(nn.Sequential):
    """A number as the paper's release writes it: linear, SiLU, LayerNorm, linear.

    The LayerNorm makes it nearly blind to scale wherever SiLU is close to linear or saturated.
    """

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Linear(1, width, bias=False), nn.SiLU(), layer_norm(width), nn.Linear(width, width, bias=False)
        )

    def forward(self, numbers_BL: torch.Tensor) -> torch.Tensor:
        """Numbers (B, L) to vectors (B, L, D)."""
        numbers_BL1 = numbers_BL[..., None].to(next(self.parameters()).dtype)
        for layer in self:
            numbers_BL1 = layer(numbers_BL1)
        return numbers_BL1


class MagnitudeNumberEmbedding(nn.Module):
    """A number by its sign and its place on a logarithmic ruler, so that 0.001 and 10,000 stay apart.

    The ruler is `u = asinh(x / 1e-4)`, odd in x, linear near zero and logarithmic beyond; `F` triangular
    bumps of equal width cover it, neighbours overlapping, so that a linear read-out can follow any smooth
    function of the logarithm. The plain value (squeezed to [-1, 1] beyond 1) is a last feature.
    """

    BUMPS = 128

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spread = nn.Linear(self.BUMPS + 1, width, bias=False)
        self.output = nn.Linear(width, width, bias=False)

    @staticmethod
    def features(numbers_BL: torch.Tensor) -> torch.Tensor:
        """The bumps' heights and the squeezed value, (B, L, F + 1), in float32."""
        bumps = MagnitudeNumberEmbedding.BUMPS
        numbers = numbers_BL.float()
        end = math.asinh(LARGEST_MAGNITUDE / SMALLEST_MAGNITUDE)
        place = (torch.asinh(numbers / SMALLEST_MAGNITUDE) / end).clamp(-1, 1) * (bumps - 1) / 2 + (bumps - 1) / 2
        centres_F = torch.arange(bumps, device=numbers.device, dtype=torch.float32)
        heights = (1 - (place[..., None] - centres_F).abs() / 2).clamp(min=0)
        return torch.cat((heights, torch.tanh(numbers)[..., None]), dim=-1)

    def forward(self, numbers_BL: torch.Tensor) -> torch.Tensor:
        """Numbers (B, L) to vectors (B, L, D)."""
        features = self.features(numbers_BL).to(self.spread.weight.dtype)
        return self.output(F.silu(self.spread(features)))
