"""Sketch-Guided Diffusion in small: a predictor of edges from the locked U-Net's features steers the sampling.

Source: "Sketch-Guided Text-to-Image Diffusion Models", arXiv 2211.13752, sections 4.1 (the latent edge predictor) and
4.2 (its gradient in the sampling).
B examples; C latent channels; h w latent height and width; N condition channels; H W pixels (= factor * h, factor * w);
F features of the U-Net; E numbers that tell the condition within one place of the latents.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zeroconv.base import BaseModel
from zeroconv.comparisons.rival import Rival
from zeroconv.control import Text
from zeroconv.data.records import Batch
from zeroconv.errors import UserError
from zeroconv.evaluation.drawing import from_seeds
from zeroconv.evaluation.sampler import Sampler
from zeroconv.sampling import Moment, PredictNoise, guided_noise
from zeroconv.schedulers import make_scheduler

WIDTHS = (512, 256, 128, 64)
"""Widths of the hidden layers, as published."""
WAVES = 4
"""Frequencies of the time step's encoding."""


class LatentEdges(Rival):
    """A per-pixel network that finds the condition in the features of noisy latents; its gradient moves the latents.

    beta: how far, in lengths of the sampler's own step; 1.6 and 3.2 are the paper's. May be changed after training.
    until: the share of noise down to which latents are moved; 0.5 is the paper's. detail: parts of a latent's side that
    are told apart.
    """

    name = "Sketch-Guided Diffusion"
    paper = "2211.13752"
    idea = (
        "A per-pixel network predicts edges from the locked U-Net's features; while sampling, the gradient of their "
        "distance to those asked for moves the latents."
    )
    simplified = (
        "Edges are averaged over parts of each latent's place instead of being encoded by the autoencoder, the small "
        "one of which does not hold lines; layer normalisation, and features standardised once, instead of batch "
        "normalisation."
    )

    def __init__(
        self,
        base: BaseModel,
        *,
        condition_channels: int = 3,
        beta: float = 1.6,
        until: float = 0.5,
        detail: int = 4,
        widths: Sequence[int] = WIDTHS,
    ) -> None:
        super().__init__(base)
        self.beta, self.until, self.detail = beta, until, detail
        num_features, num_edges = self._num_features(), condition_channels * detail**2
        layers: list[nn.Module] = []
        for narrow, wide in pairwise((num_features + 2 * WAVES, *widths)):
            layers += [nn.Linear(narrow, wide), nn.ReLU(), nn.LayerNorm(wide)]
        self.predictor = nn.Sequential(*layers, nn.Linear(widths[-1], num_edges))
        self.features_centre: Tensor
        self.features_spread: Tensor
        self.edges_centre: Tensor
        self.edges_spread: Tensor
        for name, count in (("features", num_features), ("edges", num_edges)):
            self.register_buffer(f"{name}_centre", torch.zeros(count, 1, 1))
            self.register_buffer(f"{name}_spread", torch.ones(count, 1, 1))
        self.to(base.device, base.dtype)

    @torch.no_grad()
    def prepare(self, batches: Sequence[Batch]) -> None:
        """How features and edges are spread, so that both can be standardised."""
        features = torch.cat([self._features(*self._noised(batch), batch.text) for batch in batches])
        edges = torch.cat([self._pooled(batch.condition) for batch in batches])
        for name, values in (("features", features), ("edges", edges)):
            spread, centre = torch.std_mean(values, dim=(0, 2, 3), keepdim=True)
            getattr(self, f"{name}_centre").copy_(centre[0])
            getattr(self, f"{name}_spread").copy_(spread[0].clamp(min=0.1 * float(spread.mean()) + 1e-6))

    def losses(self, batch: Batch) -> Tensor:
        """(B,) mean squared distance between the edges found in the noisy latents and the condition's."""
        noisy_latents, timesteps = self._noised(batch)
        with torch.no_grad():
            features = self._features(noisy_latents, timesteps, batch.text)
        found = self._found(features, timesteps)
        return (found - self.edges(batch.condition)).square().mean(dim=(1, 2, 3))

    @torch.no_grad()
    def draw(self, prompts: Sequence[str], condition: Tensor, seeds: Sequence[int], sampler: Sampler) -> Tensor:
        """Pictures (B, 3, H, W) of the prompts; with a beta of 0 the base's own, bit by bit.

        UserError for schedulers whose latents are not of the U-Net's scale: their steps' lengths mean something else.
        """
        assert sampler.guidance is not None and sampler.scheduler is not None
        if make_scheduler(sampler.scheduler, self.base.scheduler).init_noise_sigma != 1:
            raise UserError(f"{self.name} cannot measure the steps of the scheduler {sampler.scheduler}; ddim can")
        text, negative = self.base.encode_text(prompts), self.base.encode_negative([""] * len(prompts))
        predict_noise = guided_noise(self.base, [], text, negative, sampler.guidance)
        pull = _Pull(self, predict_noise, text, self.edges(condition))
        return from_seeds(self.base, pull.predict_noise, seeds, sampler, moved=pull.moved)

    def edges(self, condition: Tensor) -> Tensor:
        """Condition images (B, N, H, W) in [0, 1] -> (B, E, h, w), standardised."""
        return (self._pooled(condition) - self.edges_centre) / self.edges_spread

    def distance(self, noisy_latents: Tensor, timesteps: Tensor, text: Text, asked: Tensor) -> Tensor:
        """(B,) the squared distance between the edges in noisy latents (B, C, h, w) at (B,) and those (B, E, h, w)."""
        found = self._found(self._features(noisy_latents, timesteps, text), timesteps)
        return (found - asked).square().sum(dim=(1, 2, 3))

    def _pooled(self, condition: Tensor) -> Tensor:
        """Means over `detail` x `detail` parts of each latent's place, (B, E, h, w)."""
        height, width = (self.detail * side // self.base.factor for side in condition.shape[-2:])
        return F.pixel_unshuffle(F.adaptive_avg_pool2d(condition, (height, width)), self.detail)

    def _noised(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.base.add_noise(batch.latents, batch.noise, batch.timesteps), batch.timesteps

    def _features(self, noisy_latents: Tensor, timesteps: Tensor, text: Text) -> Tensor:
        """(B, F, h, w): what each block of the U-Net makes of them, brought to the latents' size."""
        unet, made = self.base.unet, []

        def keep(block: nn.Module, given: object, output: Tensor | tuple[Tensor, ...]) -> None:
            made.append(output[0] if isinstance(output, tuple) else output)

        blocks = [block for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks) if block is not None]
        hooks = [block.register_forward_hook(keep) for block in blocks]
        try:
            self.base.predict_noise(noisy_latents, timesteps, text)
        finally:
            for hook in hooks:
                hook.remove()
        size = noisy_latents.shape[-2:]
        return torch.cat([F.interpolate(one, size=size, mode="bilinear") for one in made], dim=1)

    @torch.no_grad()
    def _num_features(self) -> int:
        base = self.base
        side = base.native_size // base.factor
        latents = torch.zeros(1, base.latent_channels, side, side, device=base.device, dtype=base.dtype)
        none = torch.zeros(1, dtype=torch.int64, device=base.device)
        return self._features(latents, none, base.encode_text([""])).shape[1]

    def _found(self, features: Tensor, timesteps: Tensor) -> Tensor:
        """The edges (B, E, h, w), standardised, in features (B, F, h, w) of latents at time steps (B,)."""
        standardised = (features - self.features_centre) / self.features_spread
        angles = (
            pi
            * timesteps.to(features)[:, None]
            / self.base.num_train_timesteps
            * 2 ** torch.arange(WAVES, device=features.device)
        )
        times = torch.cat([angles.sin(), angles.cos()], dim=1)[:, :, None, None].expand(-1, -1, *features.shape[-2:])
        found: Tensor = self.predictor(torch.cat([standardised, times], dim=1).movedim(1, -1))
        return found.movedim(-1, 1)


class _Pull:
    """The gradient towards the edges asked for, taken where the base is asked and followed once it has stepped."""

    def __init__(self, edges: LatentEdges, predict_noise: PredictNoise, text: Text, asked: Tensor) -> None:
        self.of_edges, self.of_base, self.text, self.asked = edges, predict_noise, text, asked
        self.gradient: Tensor | None = None

    def predict_noise(self, latents: Tensor, moment: Moment) -> Tensor:
        """The base's prediction; early enough, the gradient at these latents is kept."""
        assert moment.noise is not None
        is_early = moment.noise >= self.of_edges.until
        self.gradient = self._gradient(latents, moment) if is_early and self.of_edges.beta != 0 else None
        return self.of_base(latents, moment)

    def moved(self, before: Tensor, after: Tensor) -> Tensor:
        """z~ = z_{t-1} - alpha * gradient, alpha = beta * ||z_t - z_{t-1}|| / ||gradient|| (section 4.2)."""
        if self.gradient is None:
            return after
        alpha = self.of_edges.beta * _length(before - after) / _length(self.gradient).clamp(min=1e-12)
        return after - alpha * self.gradient

    def _gradient(self, latents: Tensor, moment: Moment) -> Tensor:
        with torch.enable_grad():
            latents = latents.detach().requires_grad_()
            timesteps = moment.timestep.to(latents.device).expand(len(latents))
            distances = self.of_edges.distance(latents, timesteps, self.text, self.asked)
            (gradient,) = torch.autograd.grad(distances.sum(), latents)
        return gradient


def _length(latents: Tensor) -> Tensor:
    """(B, 1, 1, 1) the Euclidean length of each picture's latents (B, C, h, w)."""
    length: Tensor = torch.linalg.vector_norm(latents, dim=(1, 2, 3), keepdim=True)
    return length
