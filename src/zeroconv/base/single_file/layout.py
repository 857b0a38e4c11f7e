"""Which base a single file holds, read from the names and shapes of its weights.

Source: the files of Stable Diffusion 1.x and 2.x (arXiv 2112.10752) and SDXL (arXiv 2307.01952).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from zeroconv.base.families import family_of
from zeroconv.base.single_file.configs import unet_config
from zeroconv.errors import UserError
from zeroconv.original.names import inside
from zeroconv.original.strangers import what_is
from zeroconv.original.unet import unet_to_diffusers

UNET = "model.diffusion_model."
AUTOENCODER = "first_stage_model."
AVERAGE = "model_ema."
"""The moving average of the U-Net's weights, beside them in files of a training."""
# Kind of text encoder and where it lies, in the order in which a base reads them.
_SD1 = (("clip", "cond_stage_model.transformer."),)
_SD2 = (("open_clip", "cond_stage_model.model."),)
_SDXL = (("clip", "conditioner.embedders.0.transformer."), ("open_clip", "conditioner.embedders.1.model."))
_OTHER_INPUTS = {5: "a depth-to-image base", 7: "an upscaler", 8: "an InstructPix2Pix base"}
_SPARE = ("alphas_", "sqrt_", "log_one_minus_", "posterior_", "denoiser.", "control_model.", AVERAGE)
_SPARE_ENDS = ("betas", "position_ids", "logit_scale", "text_projection", "v_pred", "ztsnr", "scale_factor")


@dataclass(frozen=True)
class Layout:
    """Where the parts of a base lie in its file."""

    unet: dict[str, Any]
    """The U-Net's config."""
    text_encoders: tuple[tuple[str, str], ...]
    """The kind of each, "clip" or "open_clip", and the beginning of its names."""
    missing: tuple[str, ...]
    """The parts that the file does not hold."""
    odd: tuple[str, ...]
    """Names that no base has."""

    @property
    def family(self) -> str:
        """ "sd15", "sd21", "sdxl" or "unknown"."""
        return family_of(self.unet)

    @property
    def is_xl(self) -> bool:
        """Whether it is shaped like SDXL: two text encoders, sizes told."""
        return len(self.text_encoders) == 2

    @property
    def in_words(self) -> str:
        """The family, or what is known in its stead."""
        widths = "/".join(map(str, self.unet["block_out_channels"]))
        is_named = self.family != "unknown"
        return (
            self.family if is_named else f"a base with text width {self.unet['cross_attention_dim']}, levels {widths}"
        )


def is_base(keys: Iterable[str]) -> bool:
    """Whether names are those of a base in the original layout, whole or in part."""
    return any(key.startswith(UNET) for key in keys)


def layout_of(state: Mapping[str, Tensor], path: Path) -> Layout:
    """Which base the weights are, by names and shapes alone; UserError where they are none that we drive."""
    if not is_base(state):
        raise UserError(f"{path} cannot be a base: expected a U-Net under {UNET}*, got {what_is(state)}.")
    unet, odd = unet_to_diffusers(inside(state, UNET))
    config = unet_config(unet)
    _check_kind(config, path)
    encoders = places_of(config)
    names = ("text encoder",) if len(encoders) == 1 else ("first text encoder", "second text encoder")
    places = (("autoencoder", AUTOENCODER), *zip(names, (prefix for _, prefix in encoders), strict=True))
    missing = tuple(part for part, prefix in places if not any(key.startswith(prefix) for key in state))
    known = (UNET, *(prefix for _, prefix in places))
    strange = [key for key in state if not key.startswith((*known, *_SPARE)) and not key.endswith(_SPARE_ENDS)]
    return Layout(config, encoders, missing, (*(f"{UNET}{key}" for key in odd), *strange))


def places_of(unet: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Where the text encoders lie in the file of a base with this U-Net: the kind of each and its names' beginning."""
    if unet.get("addition_embed_type"):
        return _SDXL
    return _SD2 if unet.get("use_linear_projection") else _SD1


def _check_kind(config: Mapping[str, Any], path: Path) -> None:
    """Refuse by its name what has a U-Net of Stable Diffusion, but other inputs than text and latents."""
    if config.get("projection_class_embeddings_input_dim") == 2560:
        raise UserError(f"{path} is the refiner of SDXL, for which there are no ControlNets: expected the SDXL base.")
    channels, latent = config["in_channels"], config["out_channels"]
    if channels not in (latent, 2 * latent + 1):
        kind = _OTHER_INPUTS.get(channels, "a base of another kind")
        raise UserError(
            f"{path} is {kind}: its U-Net reads {channels} channels, expected {latent} (text to image) or "
            f"{2 * latent + 1} (inpainting)."
        )


def check_complete(layout: Layout, path: Path) -> None:
    """UserError that names the parts which a file lacks."""
    if layout.missing:
        parts = " and no ".join(layout.missing)
        raise UserError(
            f"{path} ({layout.in_words}) has no {parts}, so that it cannot make pictures alone: expected the model's "
            "full file, or its diffusers folder."
        )
