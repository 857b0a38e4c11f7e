"""The locked base: a latent diffusion model (U-Net, autoencoder, text encoders), loaded, frozen and never edited.

Source: Rombach et al., arXiv 2112.10752 (SD 1.5, 2.1); Podell et al., arXiv 2307.01952 (SDXL: two encoders, sizes).
The text is encoded exactly as diffusers' StableDiffusionPipeline and StableDiffusionXLPipeline encode it.
Shapes: B batch, C latent channels, h w latent height and width, H W pixels (= factor * h, factor * w), L tokens,
D text width, P pooled width, T training time steps.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from zeroconv.base.families import MODELS, family_of
from zeroconv.base.files import read_parts, wanted_files
from zeroconv.base.fingerprint import unet_fingerprint
from zeroconv.base.prompts import last_states, penultimate_states
from zeroconv.base.single_file.prediction import PREDICTIONS
from zeroconv.base.single_file.reading import read_single_file
from zeroconv.control import Control, Text
from zeroconv.errors import UserError, nearest
from zeroconv.hub import fetch, looks_like_hub_id
from zeroconv.number_types import NUMBER_TYPES, fastest_type

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

BUILT_IN: dict[str, Path] = {"tiny": MODELS / "tiny"}
"""The bases that ship with the package: name -> diffusers folder."""


def load_base(
    name_or_path: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | Literal["auto"] = torch.float32,
    tokenizer: str | Path | None = None,
    prediction: str | None = None,
) -> "BaseModel":
    """Load and lock a base: a built-in name ("tiny"), a diffusers folder, a single file, or a hub id (owner/name).

    Local files and built-in names never touch the network. dtype holds whatever number type the files have; "auto" is
    bfloat16 where the device multiplies in it, else float32, the default, which training and measuring need. For
    single files tokenizer is the folder of CLIP's vocabulary, which they do not hold, and prediction "epsilon" or
    "v_prediction", what the U-Net predicts; None: as the folder says, or as `read_single_file` finds.
    UserError: nothing there, not a base, cut short, a hub that does not answer, or a device that is not there.
    """
    _check_device(device)
    dtype = NUMBER_TYPES[fastest_type(torch.device(device))] if dtype == "auto" else dtype
    if prediction not in (None, *PREDICTIONS):
        raise UserError(f"unknown prediction {prediction!r}; {nearest(prediction, PREDICTIONS)}.")
    place = base_place(name_or_path)
    if place.is_file():
        parts = read_single_file(place, dtype, tokenizer=tokenizer, prediction=prediction)
    else:
        parts = read_parts(place, dtype, prediction=prediction)
        if tokenizer is not None:
            warnings.warn(f"the base {name_or_path} has its own tokenizer: the one given is not used", stacklevel=2)
    for part in (parts.unet, parts.vae, *parts.text_encoders):
        part.to(device)
    return BaseModel(name=str(name_or_path), **vars(parts))


def _check_device(device: str | torch.device) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as problem:
        reason = str(problem).strip().splitlines()[0]
        raise UserError(f"the device {str(device)!r} cannot be used here, cpu always can: {reason}") from problem


def base_place(name_or_path: str | Path) -> Path:
    """The folder or file of a base: built-in names first, then what lies on disk, then the hub; else UserError."""
    name = str(name_or_path)
    if name in BUILT_IN:
        if not BUILT_IN[name].is_dir():
            raise UserError(f"the built-in base {name!r} is not part of this installation: {BUILT_IN[name]} is absent.")
        return BUILT_IN[name]
    if (path := Path(name).expanduser()).exists():
        return path
    if looks_like_hub_id(name):
        return fetch(name, wanted_files, "base")
    raise UserError(
        f"no base {name!r}: expected a built-in name, a diffusers folder, a .safetensors or .ckpt file or a hub id "
        f"(owner/name); "
        f"{nearest(name, BUILT_IN)}."
    )


@dataclass(frozen=True, eq=False)
class BaseModel:
    """A base whose weights are locked: every part in eval mode, no parameter asks for a gradient."""

    name: str
    unet: "UNet2DConditionModel"
    vae: "AutoencoderKL"
    text_encoders: tuple[nn.Module, ...]
    tokenizers: tuple[Any, ...]
    scheduler: Any
    """The diffusers scheduler as the folder configures it; copy it before use, it carries state."""
    zeros_for_no_negative: bool = False
    """SDXL folders: where no negative prompt is given, guidance starts from zeros rather than from the empty prompt."""
    notes: tuple[str, ...] = ()
    """What was decided for the user when it was loaded, in sentences."""

    def __post_init__(self) -> None:
        """Lock every part: the base is frozen here, once."""
        for part in (self.unet, self.vae, *self.text_encoders):
            part.requires_grad_(False).eval()

    @property
    def device(self) -> torch.device:
        """Where the U-Net lies."""
        device: torch.device = next(self.unet.parameters()).device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """The U-Net's number type; the autoencoder's may differ (SDXL's overflows in float16)."""
        dtype: torch.dtype = next(self.unet.parameters()).dtype
        return dtype

    @property
    def factor(self) -> int:
        """Pixels per latent: 8 for Stable Diffusion."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def latent_channels(self) -> int:
        """C, the channels of the autoencoder's latents: 4 for Stable Diffusion."""
        return int(self.vae.config.latent_channels)

    @property
    def native_size(self) -> int:
        """The side in pixels at which the base was trained."""
        return int(self.unet.config.sample_size) * self.factor

    @property
    def multiple(self) -> int:
        """What width and height in pixels must be a multiple of, so that every level of the U-Net halves evenly."""
        return int(self.factor * 2 ** (len(self.unet.config.block_out_channels) - 1))

    @property
    def family(self) -> str:
        """ "tiny", "sd15", "sd21", "sdxl" or "unknown"."""
        return family_of(self.unet.config)

    @property
    def prediction_type(self) -> str:
        """What the U-Net predicts: "epsilon", "v_prediction" or "sample"."""
        return str(self.scheduler.config.get("prediction_type", "epsilon"))

    @property
    def num_train_timesteps(self) -> int:
        """T, the number of noise levels of training: 1000 for Stable Diffusion."""
        return int(self.scheduler.config.num_train_timesteps)

    @cached_property
    def alphas_cumprod(self) -> Tensor:
        """(T,) the share of the signal's variance left at each noise level, as the base was trained (float32)."""
        from diffusers import DDPMScheduler

        keys = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas")
        settings = {key: self.scheduler.config[key] for key in keys if key in self.scheduler.config}
        zero_snr = bool(self.scheduler.config.get("rescale_betas_zero_snr", False))
        alphas: Tensor = DDPMScheduler(**settings, rescale_betas_zero_snr=zero_snr).alphas_cumprod
        return alphas.to(self.device)

    def fingerprint(self) -> str:
        """16 hexadecimal digits that name the U-Net's weights, whatever the number type it was loaded in.

        Cached while it is locked.
        """
        is_locked = not any(weight.requires_grad for weight in self.unet.parameters())
        return self._fingerprint if is_locked else unet_fingerprint(self.unet)

    @cached_property
    def _fingerprint(self) -> str:
        return unet_fingerprint(self.unet)

    @torch.no_grad()
    def encode_text(self, prompts: Sequence[str], size: tuple[int, int] | None = None) -> Text:
        """Encode `prompts` (B of them, empty ones too) -> Text; what exceeds the tokenizer is cut with a warning.

        size: (width, height) in pixels of the picture to come, which SDXL is told; None: the native size.
        """
        if isinstance(prompts, str):
            raise TypeError("encode_text takes a sequence of prompts, not one string: write [prompt]")
        if not self.takes_sizes:
            return Text(tokens=last_states(self.tokenizers[0], self.text_encoders[0], prompts))
        pairs = zip(self.tokenizers, self.text_encoders, strict=True)
        states, pools = zip(*(penultimate_states(*pair, prompts) for pair in pairs), strict=True)
        tokens = torch.cat(states, dim=-1)
        width, height = size or (self.native_size, self.native_size)
        sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32, device=tokens.device)
        return Text(tokens=tokens, pooled=pools[-1], sizes=sizes.repeat(len(prompts), 1))

    def encode_negative(self, prompts: Sequence[str], size: tuple[int, int] | None = None) -> Text:
        """Encode negative prompts as diffusers does: an empty one is all zeros where the folder says so (SDXL)."""
        text = self.encode_text(prompts, size)
        if not self.zeros_for_no_negative or text.pooled is None:
            return text
        keep = torch.tensor([bool(prompt) for prompt in prompts], device=text.tokens.device)
        return Text(
            tokens=torch.where(keep[:, None, None], text.tokens, torch.zeros_like(text.tokens)),
            pooled=torch.where(keep[:, None], text.pooled, torch.zeros_like(text.pooled)),
            sizes=text.sizes,
        )

    @property
    def takes_sizes(self) -> bool:
        """Whether the U-Net is told a pooled text and the picture's sizes, as SDXL's is."""
        return bool(self.unet.config.get("addition_embed_type") == "text_time")

    @torch.no_grad()
    def encode_image(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] -> latents (B, C, h, w), scaled: the posterior's mean, or a sample of it."""
        posterior = self.vae.encode(images.to(self.vae.device, self.vae.dtype)).latent_dist
        latents: Tensor = posterior.mode() if generator is None else posterior.sample(generator)
        shift, scale = self._shift_and_scale(latents)
        return ((latents - shift) * scale).to(self.dtype)

    @torch.no_grad()
    def encode_posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1] -> mean and standard deviation of their latents (B, C, h, w), scaled."""
        posterior = self.vae.encode(images.to(self.vae.device, self.vae.dtype)).latent_dist
        shift, scale = self._shift_and_scale(posterior.mean)
        return ((posterior.mean - shift) * scale).to(self.dtype), (posterior.std * scale).to(self.dtype)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents (B, C, h, w) -> pictures (B, 3, H, W) in [-1, 1], float32."""
        latents = latents.to(self.vae.device, self.vae.dtype)
        shift, scale = self._shift_and_scale(latents)
        images: Tensor = self.vae.decode(latents / scale + shift, return_dict=False)[0]
        return images.float().clamp(-1, 1)

    def _shift_and_scale(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """What is taken off the autoencoder's latents and then multiplied, both broadcastable to (B, C, h, w)."""
        config = self.vae.config
        mean, std = config.get("latents_mean"), config.get("latents_std")
        scale = torch.as_tensor(config.scaling_factor, dtype=latents.dtype, device=latents.device)
        if mean is not None and std is not None:
            return latents.new_tensor(mean).view(1, -1, 1, 1), scale / latents.new_tensor(std).view(1, -1, 1, 1)
        return torch.as_tensor(config.get("shift_factor") or 0.0, dtype=latents.dtype, device=latents.device), scale

    def predict_noise(
        self,
        noisy_latents: Tensor,
        timesteps: Tensor,
        text: Text,
        control: Control | None = None,
        *,
        guidance_embedding: Tensor | None = None,
    ) -> Tensor:
        """The U-Net's own prediction (B, C, h, w) from (B, its input channels, h, w), with control added if given.

        Gradients flow through the decoder to `control`; the skips always go together with the middle, because with
        the skips alone diffusers takes them for a T2I-Adapter. guidance_embedding (1, width):
        what an LCM's U-Net reads.
        """
        added = None
        if self.takes_sizes:
            added = {"text_embeds": text.pooled, "time_ids": text.sizes}
        prediction: Tensor = self.unet(
            noisy_latents,
            timesteps,
            encoder_hidden_states=text.tokens,
            timestep_cond=None if guidance_embedding is None else guidance_embedding.to(noisy_latents),
            added_cond_kwargs=added,
            down_block_additional_residuals=control.skips if control and control.residuals else None,
            mid_block_additional_residual=control.middle if control and control.residuals else None,
            down_intrablock_additional_residuals=list(control.features) if control and control.features else None,
            return_dict=False,
        )[0]
        return prediction

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """z_t = sqrt(abar_t) z + sqrt(1 - abar_t) eps (DDPM eq. 4): latents and noise (B, C, h, w), timesteps (B,)."""
        signal, deviation = self._signal_and_deviation(latents, timesteps)
        return signal * latents + deviation * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the U-Net should have answered, in its own prediction type (velocity: Salimans & Ho, 2202.00512)."""
        if self.prediction_type == "epsilon":
            return noise
        if self.prediction_type == "sample":
            return latents
        signal, deviation = self._signal_and_deviation(latents, timesteps)
        return signal * noise - deviation * latents

    def _signal_and_deviation(self, latents: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        alphas = self.alphas_cumprod.to(latents.device)[timesteps.to(latents.device)]
        alphas = alphas.view(-1, *[1] * (latents.ndim - 1))
        return (alphas**0.5).to(latents.dtype), ((1 - alphas) ** 0.5).to(latents.dtype)
