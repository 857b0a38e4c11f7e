"""ControlNet: a trainable copy of a locked U-Net's encoder and middle, joined to it by zero convolutions.

Source: "Adding Conditional Control to Text-to-Image Diffusion Models", arXiv 2302.05543v3, section 3;
docs/method.md walks this file beside the paper.
Shapes: B batch; H, W height and width of the latents; F factor, pixels per latent; L tokens; D text width;
C channels; h, w, c those of one residual; n residuals: one per skip of the U-Net, shallowest first, then the middle.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import add
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from zeroconv.errors import UserError
from zeroconv.text import Text as Text

# Widths of the released encoder for conditions, one per resolution from the pixels down to the latents (cldm_v15.yaml).
ENCODER_CHANNELS = (16, 32, 96, 256)
# Settings that change what an encoder reads, and their values that the copy reproduces.
_CHECKED = ("addition_embed_type", "encoder_hid_dim_type", "class_embed_type", "class_embeddings_concat")
_REPRODUCED = (None, False, "text", "text_time", "projection", "identity")


@dataclass(frozen=True, eq=False)
class Control:
    """What is added to the locked U-Net; a value: every operation returns a new one."""

    residuals: tuple[Tensor, ...]
    """n tensors (B, c, h, w): one per skip, shallowest first, then the middle; none where adapters act alone."""
    features: tuple[Tensor, ...] = ()
    """m tensors (B, c, h, w) added within the encoder, one per scale, shallowest first: those of adapter.py."""

    @property
    def skips(self) -> tuple[Tensor, ...]:
        """The n - 1 residuals of the skips, shallowest first."""
        return self.residuals[:-1]

    @property
    def middle(self) -> Tensor:
        """The residual of the middle."""
        return self.residuals[-1]

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """All that is added: the residuals, then the features."""
        return (*self.residuals, *self.features)

    def with_parts(self, parts: Iterable[Tensor]) -> "Control":
        """Other values at the same places."""
        values, n = tuple(parts), len(self.residuals)
        return Control(values[:n], values[n:])

    def __add__(self, other: "Control") -> "Control":
        """Several conditions act together by addition, without weights or training (section 3.4)."""
        return Control(_sums(self.residuals, other.residuals), _sums(self.features, other.features))

    def scaled(self, weights: float | Sequence[float] | Tensor) -> "Control":
        """Each part times its weight: one number for all, a sequence of n + m (one per part),
        a tensor (B,) (one per picture) or a tensor (B, n + m) (one per picture and part)."""
        n = len(self.parts)
        per_part: Sequence[float | Tensor] = weights if isinstance(weights, Sequence) else (weights,) * n
        if isinstance(weights, Tensor) and weights.ndim > 0:
            per_picture = weights.to(self.parts[0])[..., None, None, None]
            per_part = per_picture.unbind(1) if weights.ndim == 2 else (per_picture,) * n
        if len(per_part) != n:
            raise UserError(f"expected {n} weights, one for each tensor that is added, got {len(per_part)}")
        return self.with_parts(part * weight for part, weight in zip(self.parts, per_part, strict=True))

    def masked(self, mask: Tensor) -> "Control":
        """Control where the mask is 1, none where it is 0: mask (B or 1, 1, any height, any width) in [0, 1] of the
        whole picture, averaged down to the size of each part."""
        if mask.ndim != 4 or mask.shape[1] != 1:
            raise UserError(f"a mask has the shape (B or 1, 1, height, width), got {tuple(mask.shape)}")
        return self.with_parts(p * F.adaptive_avg_pool2d(mask.to(p), (p.shape[-2], p.shape[-1])) for p in self.parts)

    def pooled(self) -> "Control":
        """Every part's mean over the picture, at all its places: what, not where (the shuffle models of 1.1)."""
        return self.with_parts(part.mean(dim=(2, 3), keepdim=True).expand_as(part) for part in self.parts)


def zero_convolution(channels_in: int, channels_out: int | None = None, kernel_size: int = 1) -> nn.Conv2d:
    """Z(.; .) of eq. 2: a convolution whose weight and bias start at zero and grow from there."""
    convolution = nn.Conv2d(channels_in, channels_out or channels_in, kernel_size, padding=kernel_size // 2)
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)
    return convolution


class ConditionEncoder(nn.Module):
    """Brings a condition image to the latents' size: c_f = E(c_i), eq. 4. The eight convolutions of the released
    models, not the four of the paper's text; the last is the first zero convolution of eq. 2, Z(c; theta_z1)."""

    def __init__(self, condition_channels: int, widths: Sequence[int]) -> None:
        """widths: one per resolution from the pixels down to the latents, then the width of the U-Net's first skip."""
        super().__init__()
        self.conv_in = nn.Conv2d(condition_channels, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList()
        for narrow, wide in pairwise(widths[:-1]):
            self.blocks.append(nn.Conv2d(narrow, narrow, 3, padding=1))
            self.blocks.append(nn.Conv2d(narrow, wide, 3, padding=1, stride=2))
        self.conv_out = zero_convolution(widths[-2], widths[-1], kernel_size=3)
        # SiLU halves small values: twice the usual spread keeps a condition's differences; learnt sooner (docs/log.md)
        for convolution in (self.conv_in, *self.blocks):
            nn.init.normal_(convolution.weight, std=2 / convolution.weight[0].numel() ** 0.5)
            nn.init.zeros_(convolution.bias)

    def forward(self, condition: Tensor) -> Tensor:
        """condition (B, C, F*H, F*W) in [0, 1] -> (B, c, H, W), c the width of the first skip."""
        hidden = F.silu(self.conv_in(condition))
        for block in self.blocks:
            hidden = F.silu(block(hidden))
        encoded: Tensor = self.conv_out(hidden)
        return encoded


class ControlNet(nn.Module):
    """A trainable copy of a U-Net's encoder and middle that reads a condition image and steers the locked original.

    unet: any diffusers UNet2DConditionModel, or a network with its parts; read, never changed. factor: pixels per
    latent. global_pool: residuals are means over the picture. conditioning_channels: the condition encoder's
    log2(factor) + 1 widths; by default those of the released models. Other architectures: variants.py.
    """

    def __init__(
        self,
        unet: Any,
        *,
        factor: int = 8,
        condition_channels: int = 3,
        global_pool: bool = False,
        conditioning_channels: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.unet_config = _checked_config(unet)
        self.factor = factor
        self.condition_channels = condition_channels
        self.global_pool = global_pool
        self.conditioning_channels = _encoder_channels(factor, conditioning_channels)

        self.time_proj: nn.Module = deepcopy(unet.time_proj)
        self.time_embedding = _trainable_copy(unet.time_embedding)
        self.class_embedding = _trainable_copy(getattr(unet, "class_embedding", None))
        self.add_time_proj: nn.Module | None = deepcopy(getattr(unet, "add_time_proj", None))
        self.add_embedding = _trainable_copy(getattr(unet, "add_embedding", None))
        self.conv_in = _trainable_copy(unet.conv_in)
        widths = (*self.conditioning_channels, self.conv_in.out_channels)
        self.condition_encoder = ConditionEncoder(condition_channels, widths)
        self.down_blocks = _trainable_copy(unet.down_blocks)
        self.mid_block = _trainable_copy(unet.mid_block)
        *joints, middle = map(zero_convolution, _residual_channels(self))
        self.zero_convolutions, self.middle_zero_convolution = nn.ModuleList(joints), middle
        self.to(self.conv_in.weight.device, self.conv_in.weight.dtype).train()

    @classmethod
    def from_config(
        cls, unet_config: Mapping[str, Any], build_unet: Callable[[Mapping[str, Any]], nn.Module], **options: Any
    ) -> "ControlNet":
        """The skeleton for a checkpoint, built on the meta device: `load_state_dict(state, assign=True)` fills it.
        build_unet: UNet2DConditionModel.from_config; ControlNetModel.from_config where the copy is not its base's."""
        with torch.device("meta"):
            return cls(build_unet(unet_config), **options)

    def forward(
        self,
        noisy_latents: Tensor,
        timesteps: Tensor,
        text: Text,
        condition: Tensor | None = None,
        *,
        encoded: Tensor | None = None,
        class_labels: Tensor | None = None,
    ) -> Control:
        """noisy_latents (B, C, H, W), timesteps (B,) or (), condition (B or 1, C, F*H, F*W) in [0, 1] -> Control.
        encoded: (B or 1, c, H, W) from `encode_condition`, in place of the condition, where many steps share one."""
        encoded = self.encode_condition(condition) if encoded is None else encoded
        if encoded.shape[-2:] != noisy_latents.shape[-2:]:
            expected, got = ([self.factor * side for side in part.shape[-2:]] for part in (noisy_latents, encoded))
            raise UserError(f"a condition is as large as the picture: expected (height, width) {expected}, got {got}")
        embedding = self._embedding(noisy_latents, timesteps, text, class_labels)
        control = self._join(self._run_copy(noisy_latents, encoded, embedding, text))
        return control.pooled() if self.global_pool else control

    def _run_copy(self, noisy_latents: Tensor, encoded: Tensor, embedding: Tensor, text: Text) -> tuple[Tensor, ...]:
        """F(x + Z(c; theta_z1); theta_c) of eq. 2: the skips, shallowest first, then the middle."""
        hidden = self.conv_in(noisy_latents) + encoded
        skips: tuple[Tensor, ...] = (hidden,)
        for block in self.down_blocks:
            hidden, block_skips = _run(block, hidden, embedding, text.tokens)
            skips += block_skips
        middle = hidden if self.mid_block is None else _run(self.mid_block, hidden, embedding, text.tokens)
        return (*skips, middle)

    def _join(self, features: tuple[Tensor, ...]) -> Control:
        """Z(.; theta_z2) of eq. 2: each of the copy's n features through its zero convolution."""
        joints = (*self.zero_convolutions, self.middle_zero_convolution)
        return Control(tuple(join(feature) for join, feature in zip(joints, features, strict=True)))

    def encode_condition(self, condition: Tensor | None) -> Tensor:
        """condition (B, C, F*H, F*W) in [0, 1] -> (B, c, H, W): the same at all time steps, so once a picture."""
        shape = () if condition is None else tuple(condition.shape)
        if len(shape) != 4 or shape[1] != self.condition_channels:
            raise UserError(f"expected a condition (B, {self.condition_channels}, height, width), got {shape or None}")
        encoded: Tensor = self.condition_encoder(condition)
        return encoded

    def enable_gradient_checkpointing(self, enable: bool = True) -> None:
        """Trade time for memory in training: the copy's blocks forget their activations and compute them again."""
        blocks: list[Any] = [module for module in self.modules() if hasattr(module, "gradient_checkpointing")]
        for block in blocks:
            block.gradient_checkpointing = enable
            block._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)

    def _embedding(self, noisy_latents: Tensor, timesteps: Tensor, text: Text, class_labels: Tensor | None) -> Tensor:
        """Time step, class and SDXL's additions -> (B, E), computed exactly as the U-Net computes its own."""
        dtype, batch = noisy_latents.dtype, noisy_latents.shape[0]
        frequencies = self.time_proj(timesteps.to(noisy_latents.device).expand(batch))
        embedding: Tensor = self.time_embedding(frequencies.to(dtype))
        if self.class_embedding is not None:
            if class_labels is None:
                raise UserError("this base embeds classes: pass class_labels (B,)")
            embedding = embedding + self.class_embedding(class_labels).to(dtype)
        if self.add_time_proj is not None:  # SDXL: addition_embed_type "text_time"
            if text.pooled is None or text.sizes is None:
                raise UserError("this base is of the SDXL family: its text needs pooled states and sizes")
            sizes = self.add_time_proj(text.sizes.flatten()).reshape(len(text), -1)
            embedding = embedding + self.add_embedding(torch.cat([text.pooled, sizes], dim=-1).to(dtype))
        elif self.add_embedding is not None:
            embedding = embedding + self.add_embedding(text.tokens)
        return embedding


def _sums(mine: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One by one; where one side adds nothing, the other."""
    if mine and theirs and len(mine) != len(theirs):
        raise UserError(f"controls of two U-Nets: {len(mine)} and {len(theirs)} residuals")
    return tuple(map(add, mine, theirs)) if mine and theirs else mine or theirs


def _trainable_copy(module: Any) -> Any:
    return None if module is None else deepcopy(module).requires_grad_(True)


def _run(block: nn.Module, hidden: Tensor, embedding: Tensor, tokens: Tensor) -> Any:
    """A block of the encoder or the middle; only blocks with cross attention read the text."""
    reads_text = getattr(block, "has_cross_attention", False)
    return block(hidden, embedding, encoder_hidden_states=tokens) if reads_text else block(hidden, embedding)


def _residual_channels(net: Any) -> list[int]:
    """Channels of the skips in the order the encoder makes them, then of the middle."""
    channels = [net.conv_in.out_channels]
    for block in net.down_blocks:
        parts = (*block.resnets, *(getattr(block, "downsamplers", None) or ()))
        channels += [part.out_channels for part in parts]
    return [*channels, channels[-1]]


def _encoder_channels(factor: int, channels: tuple[int, ...] | None) -> tuple[int, ...]:
    """One width per resolution from the pixels down to the latents: log2(factor) + 1 of them."""
    if factor < 1 or factor & (factor - 1):
        raise UserError(f"factor, the pixels per latent, must be a power of two; got {factor}")
    count = factor.bit_length()
    widths = tuple(channels or (ENCODER_CHANNELS + ENCODER_CHANNELS[-1:] * count)[:count])
    if len(widths) != count:
        raise UserError(f"conditioning_channels: factor {factor} needs {count} widths, got {len(widths)}: {widths}")
    return widths


def _checked_config(unet: Any) -> dict[str, Any]:
    """The U-Net's configuration as a plain dict; refuses what the copy would compute differently from the original."""
    if not all(hasattr(unet, part) for part in ("conv_in", "time_embedding", "down_blocks", "mid_block")):
        raise UserError(f"ControlNet copies the encoder of a UNet2DConditionModel; {type(unet).__name__} has none")
    config: dict[str, Any] = {key: value for key, value in dict(unet.config).items() if not key.startswith("_")}
    refused = {key: config[key] for key in _CHECKED if config.get(key) not in _REPRODUCED}
    if refused:
        raise UserError(f"ControlNet would copy this kind of U-Net wrongly: {refused}")
    return config
