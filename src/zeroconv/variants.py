"""Other architectures with the interface of ControlNet: what the paper compares itself with, for ablations.

Sources: arXiv 2302.05543v3, section 4.2 and figure 8 (lite, gaussian); the released code's `only_mid_control` (middle).
Modulation is not the paper's: descriptions of its first preprint speak of a "modulation vector" that adjusts the base,
and that is our reading of it.
Shapes as in control.py: B batch; c, h, w those of one feature; n features; E width of the time embedding.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from zeroconv.control import Control, ControlNet, Text
from zeroconv.errors import UserError, nearest


class LiteControlNet(ControlNet):
    """ControlNet-lite: each block of the trainable copy is a single convolution, initialised from scratch."""

    def __init__(self, unet: Any, **options: Any) -> None:
        super().__init__(_LiteEncoder(unet), **options)


class GaussianControlNet(ControlNet):
    """Ordinary convolutions with Gaussian weights for zero convolutions: the copy's features are lost in noise."""

    def __init__(self, unet: Any, **options: Any) -> None:
        super().__init__(unet, **options)
        for joint in (self.condition_encoder.conv_out, *self.zero_convolutions, self.middle_zero_convolution):
            nn.init.normal_(joint.weight, std=joint.weight[0].numel() ** -0.5)


class MiddleControlNet(ControlNet):
    """The middle alone is steered, in which small data shows a relation sooner; the joints of the skips stay zero."""

    def _join(self, features: tuple[Tensor, ...]) -> Control:
        *skips, middle = features
        zeros = [skip.new_zeros(()).expand_as(skip) for skip in skips]  # of one element each
        return Control((*zeros, self.middle_zero_convolution(middle)))


class ModulationControlNet(ControlNet):
    """The condition as one vector, added to the copy's time embedding: it shifts every residual block alike."""

    def __init__(self, unet: Any, **options: Any) -> None:
        super().__init__(unet, **options)
        like = self.time_embedding.linear_2.weight
        self.modulation = nn.Linear(self.conv_in.out_channels, like.shape[0], device=like.device, dtype=like.dtype)
        nn.init.zeros_(self.modulation.bias)

    def _run_copy(self, noisy_latents: Tensor, encoded: Tensor, embedding: Tensor, text: Text) -> tuple[Tensor, ...]:
        vector = self.modulation(encoded.mean(dim=(2, 3)))  # (B or 1, c) -> (B or 1, E)
        return super()._run_copy(noisy_latents, encoded.new_zeros(()), embedding + vector, text)


VARIANTS: Mapping[str, type[ControlNet]] = {
    "full": ControlNet,
    "lite": LiteControlNet,
    "gaussian": GaussianControlNet,
    "middle": MiddleControlNet,
    "modulation": ModulationControlNet,
}
"""Name -> architecture; "full" is the paper's."""


def variant(name: str) -> type[ControlNet]:
    """The architecture of this name; UserError says which there are."""
    if name not in VARIANTS:
        raise UserError(f"no variant of ControlNet {name!r}; {nearest(name, VARIANTS)}")
    return VARIANTS[name]


def variant_of(controlnet: ControlNet) -> str:
    """The name of a ControlNet's architecture."""
    return next(name for name, kind in VARIANTS.items() if type(controlnet) is kind)


class _LiteEncoder(nn.Module):
    """A U-Net's encoder and middle with a convolution for each block: the parts that ControlNet copies."""

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.config = unet.config
        self.time_proj, self.time_embedding = nn.Identity(), nn.Identity()  # a convolution reads no time step
        self.conv_in = _convolution(unet.conv_in.in_channels, unet.conv_in.out_channels)
        self.down_blocks = nn.ModuleList()
        channels = unet.conv_in.out_channels
        for block in unet.down_blocks:
            self.down_blocks.append(_LiteBlock(channels, block))
            channels = block.resnets[-1].out_channels
        self.mid_block = None if unet.mid_block is None else _LiteMiddle(channels)
        self.to(unet.conv_in.weight.device, unet.conv_in.weight.dtype)


class _LiteBlock(nn.Module):
    """One level of the encoder; the names are those of a U-Net's level, of which ControlNet reads the widths."""

    def __init__(self, channels: int, block: Any) -> None:
        super().__init__()
        self.resnets = nn.ModuleList()
        for resnet in block.resnets:
            self.resnets.append(_convolution(channels, resnet.out_channels))
            channels = resnet.out_channels
        halvings = getattr(block, "downsamplers", None) or ()
        self.downsamplers = nn.ModuleList(_convolution(channels, channels, stride=2) for _ in halvings)

    def forward(self, hidden: Tensor, embedding: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """hidden (B, c, h, w) -> what leaves the level, and each convolution's feature."""
        skips: tuple[Tensor, ...] = ()
        for convolution in (*self.resnets, *self.downsamplers):
            hidden = convolution(F.silu(hidden))
            skips += (hidden,)
        return hidden, skips


class _LiteMiddle(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = _convolution(channels, channels)

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """hidden (B, c, h, w) -> the same shape."""
        feature: Tensor = self.convolution(F.silu(hidden))
        return feature


def _convolution(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    """3x3, its weights spread so that differences keep their size behind SiLU, as in the condition encoder."""
    convolution = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1)
    nn.init.normal_(convolution.weight, std=2 / convolution.weight[0].numel() ** 0.5)
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return convolution
