"""T2I-Adapter: a small network that sees the condition alone, trained to steer the locked base's encoder.

Source: arXiv 2302.08453, section 3.3 for the network, 3.4 for its training: the base's objective, with time steps of
which most are noisy. What it is when it acts: zeroconv.adapter.
B examples, N condition channels, H W pixels, T training time steps.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from zeroconv.adapter import Adapter
from zeroconv.base import BaseModel
from zeroconv.comparisons.rival import Rival
from zeroconv.control import Control, Text
from zeroconv.data.records import Batch
from zeroconv.evaluation.drawing import from_seeds, guided
from zeroconv.evaluation.sampler import Sampler
from zeroconv.objective import noise_prediction_loss
from zeroconv.sampling import ControlInput
from zeroconv.weights.adapters import adapter_shape

RESIDUAL_BLOCKS = 2
"""Of each scale, as in the released adapters."""


class TrainedAdapter(Rival):
    """A T2I-Adapter of the base's own widths; the base stays locked."""

    name = "T2I-Adapter"
    paper = "2302.08453"
    idea = "A small network makes features of the condition alone, once, which are added within the locked encoder."
    simplified = (
        "Widths and scales are those of the base; where its first level reads no text the features lie as in the "
        "adapters for SDXL, from half the latents' size on."
    )

    def __init__(self, base: BaseModel, condition_channels: int = 3, *, seed: int = 0) -> None:
        """seed: decides the first weights."""
        from diffusers import T2IAdapter

        super().__init__(base)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = T2IAdapter(condition_channels, num_res_blocks=RESIDUAL_BLOCKS, **adapter_shape(base))
        self.adapter = Adapter(network.to(base.device)).requires_grad_(True)

    def losses(self, batch: Batch) -> Tensor:
        """The base's own objective under the adapter, at noisier time steps than the batch's, which are even."""
        timesteps = towards_noise(batch.timesteps, self.base.num_train_timesteps)
        return noise_prediction_loss(self.base, self._control, replace(batch, timesteps=timesteps))

    @torch.no_grad()
    def draw(self, prompts: Sequence[str], condition: Tensor, seeds: Sequence[int], sampler: Sampler) -> Tensor:
        """As the base is sampled, in both halves of the guidance under the adapter."""
        steering = ControlInput(self.adapter, condition, strength=sampler.strength)
        return from_seeds(self.base, guided(self.base, prompts, sampler, [steering]), seeds, sampler)

    def _control(self, noisy_latents: Tensor, timesteps: Tensor, text: Text, condition: Tensor) -> Control:
        control: Control = self.adapter(noisy_latents, self.adapter.encode_condition(condition))
        return control


def towards_noise(timesteps: Tensor, count: int) -> Tensor:
    """Even time steps (B,) in [0, T) -> those of the paper's cubic sampling, t = (1 - u^3) T for an even u in [0, 1).

    The order stays: the noisiest of the batch is so before and after. count: T.
    """
    even = (timesteps.double() + 0.5) / count
    return ((1 - (1 - even) ** 3) * count).long()
