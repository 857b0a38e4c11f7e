"""Request -> pictures: the one use case that the command line, the web page, evaluation and previews share.

Picture k draws its noise from its own CPU generator, seeded with its seed, as diffusers does with a list of
generators: it is the same picture, to 1/255, alone or among others.

Shapes: B pictures sampled together, C latent channels, H W pixels, h w latent height and width, N condition channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zeroconv import conditions
from zeroconv.base import BaseModel
from zeroconv.control_request import ControlRequest
from zeroconv.errors import UserError
from zeroconv.image_start import ImageStart
from zeroconv.layer_weights import layer_weights
from zeroconv.picture_input import PictureInput, draw_noise, mask_tensor
from zeroconv.prepare import Prepared, PreparedControl, prepare
from zeroconv.request import Request
from zeroconv.sampling import ControlInput, PredictNoise, guided_noise, sample
from zeroconv.weights import Sidecar

__all__ = ["ControlRequest", "Prepared", "PreparedControl", "Request", "generate", "prepare"]

_PIXELS_AT_ONCE = 1024 * 1024
_PICTURES_AT_ONCE = 16
"""Pictures sampled together: as many as cover a megapixel (four of 512x512), for their memory, and no more than 16,
because a batch gains little beyond and the first picture should not keep one waiting."""


def generate(
    base: BaseModel,
    request: Request | Prepared,
    *,
    batch_size: int | None = None,
    on_step: Callable[[int], object] | None = None,
) -> Iterator[Image.Image]:
    """One RGB picture per seed, in order; UserError for a request this base cannot serve.

    batch_size  pictures sampled together; None: as many as cover a megapixel, at most 16
    on_step     called after each denoising step with the number of pictures it brought forward
    """
    prepared = request if isinstance(request, Prepared) else prepare(base, request)
    seeds, (width, height) = prepared.request.seeds, prepared.size
    together = batch_size or max(1, min(_PICTURES_AT_ONCE, _PIXELS_AT_ONCE // (width * height)))
    predictions, begin = _predictions(base, prepared), _beginning(base, prepared)
    for first in range(0, len(seeds), together):
        pictures = slice(first, first + together)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds[pictures]]
        noise, start, channels = begin(generators)
        latents = noise
        steps = (predictions(pictures, channels), prepared.scheduler, noise, prepared.request.steps, generators)
        for stage in sample(*steps, start=start):
            latents = stage
            if on_step:
                on_step(len(generators))
        yield from _to_images(base.decode(latents), base.dtype)


@torch.no_grad()
def _predictions(base: BaseModel, prepared: Prepared) -> Callable[[slice, Tensor | None], PredictNoise]:
    """The base under guidance and control, for a batch of the pictures; texts are encoded once for all."""
    request, guidance = prepared.request, prepared.guidance
    inputs = [_control_input(base, control) for control in prepared.controls]
    strengths = [control.request.strengths(len(request.seeds)) for control in prepared.controls]
    text = base.encode_text([request.prompt], prepared.size)
    negative = base.encode_negative([request.negative], prepared.size)

    def predictions(pictures: slice, channels: Tensor | None) -> PredictNoise:
        own = [replace(entry, strength=_shared(each[pictures])) for entry, each in zip(inputs, strengths, strict=True)]
        return guided_noise(base, own, text, negative, guidance, channels=channels)

    return predictions


def _beginning(
    base: BaseModel, prepared: Prepared
) -> Callable[[list[torch.Generator]], tuple[Tensor, ImageStart | None, Tensor | None]]:
    """Generators -> noise (B, C, h, w), the picture to begin from, and an inpainting U-Net's further channels."""
    image, denoise = prepared.image, prepared.request.denoise
    if image is None or denoise is None:
        return lambda generators: (draw_noise(base, prepared.size, generators), None, None)
    return PictureInput(base, image, prepared.mask, denoise).begin


def _shared(strengths: tuple[float, ...]) -> float | Tensor:
    """One number where all pictures share it, else (B,)."""
    return strengths[0] if len(set(strengths)) == 1 else torch.tensor(strengths)


def _control_input(base: BaseModel, control: PreparedControl) -> ControlInput:
    """The control as sampling takes it, but for its strength, which each picture may have of its own."""
    asked = control.request
    image = network_input(asked.name, control.condition, control.controlnet.condition_channels, control.sidecar)
    return ControlInput(
        control.controlnet,
        image.to(base.device, base.dtype),
        start=asked.start,
        end=asked.end,
        window=asked.window,
        schedule=asked.schedule,
        weights=layer_weights(asked.weights, control.controlnet),
        mask=None if control.mask is None else mask_tensor(control.mask).to(base.device, base.dtype),
        conditional_only=asked.conditional_only,
    )


def network_input(name: str, condition: Image.Image, channels: int, sidecar: Sidecar) -> Tensor:
    """An image of the condition `name` -> (1, N, H, W) as the ControlNet was trained to read it: in the range its
    sidecar names, else in the condition's own; N = 3 or, of the grey values, 1."""
    if channels not in (1, 3):
        raise UserError(f"the ControlNet takes conditions of {channels} channels; a picture has 1 or 3")
    values = np.asarray(condition.convert("L" if channels == 1 else "RGB"), dtype=np.float32) / 255
    image = torch.from_numpy(values.reshape(condition.height, condition.width, channels)).permute(2, 0, 1)[None]
    if conditions.kind(name).is_drawing and sidecar.polarity == "black on white":
        image = 1 - image
    if sidecar.channel_order == "BGR":
        image = image.flip(1)
    is_unknown = sidecar.condition is None and sidecar.range == Sidecar().range
    black, white = conditions.kind(name).value_range if is_unknown else sidecar.range
    return image * (white - black) + black


def _to_images(images: Tensor, dtype: torch.dtype) -> Iterator[Image.Image]:
    """(B, 3, H, W) in [-1, 1] -> 8-bit RGB pictures."""
    if not images.isfinite().all():
        raise UserError(f"the base computed values that are no numbers in {dtype}; use --dtype float32")
    for image in ((images / 2 + 0.5) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy():
        yield Image.fromarray(image)
