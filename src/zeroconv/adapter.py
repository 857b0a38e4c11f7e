"""T2I-Adapter: a small network that reads a condition image alone and adds its features within the locked encoder.

Source: "T2I-Adapter", arXiv 2302.08453, section 3.3, eq. 4: F_enc + F_c at each of the encoder's scales. A ControlNet
reads the noisy latents, the time and the text as well, and is added behind the encoder.
Shapes: B batch; H, W height and width of the latents; F factor, pixels per latent; N condition channels; m features.
"""

from typing import Any

from torch import Tensor, nn

from zeroconv.control import Control
from zeroconv.errors import UserError


class Adapter(nn.Module):
    """A T2I-Adapter that acts beside ControlNets.

    network: diffusers' T2IAdapter, or what has its config and gives features (B, c, h, w) for a condition.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        config = network.config
        self.condition_channels = int(config.in_channels)
        self.channels = tuple(int(width) for width in config.channels)
        self.kind = str(config.adapter_type)
        self.unshuffling = int(config.downscale_factor)
        self.requires_grad_(False).eval()

    @property
    def levels(self) -> list[int]:
        """How often what each of the m features is added to was halved."""
        if self.kind == "full_adapter_xl":  # behind SDXL's first downsampler, twice within its blocks, in the middle
            return [1, 1, 2, 2]
        return list(range(len(self.widths)))

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of the m features."""
        return (*self.channels, self.channels[-1]) if self.kind == "light_adapter" else self.channels

    @property
    def factor(self) -> int:
        """F: the features of SDXL's adapters begin at half the latents' size."""
        return int(self.unshuffling // 2 ** self.levels[0])

    def encode_condition(self, condition: Tensor) -> tuple[Tensor, ...]:
        """condition (B, N, F*H, F*W) in [0, 1] -> m features, the same at all time steps, so once a picture."""
        if condition.ndim != 4 or condition.shape[1] != self.condition_channels:
            expected = f"(B, {self.condition_channels}, height, width)"
            raise UserError(f"expected a condition {expected}, got {tuple(condition.shape)}")
        if any(side % self.unshuffling for side in condition.shape[-2:]):
            sides = list(condition.shape[-2:])
            raise UserError(f"this T2I-Adapter needs sides in multiples of {self.unshuffling} pixels, got {sides}")
        return tuple(self.network(condition))

    def forward(self, noisy_latents: Tensor, encoded: tuple[Tensor, ...]) -> Control:
        """noisy_latents (k * B, C, H, W), of which size and number are read; encoded: B rows, for each k in turn."""
        expected = [self.factor * side for side in noisy_latents.shape[-2:]]
        got = [self.unshuffling * side for side in encoded[0].shape[-2:]]
        if expected != got:
            raise UserError(f"a condition is as large as the picture: expected (height, width) {expected}, got {got}")
        times = len(noisy_latents) // len(encoded[0])
        return Control((), tuple(feature.repeat(times, 1, 1, 1) for feature in encoded))
