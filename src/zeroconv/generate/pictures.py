"""Request -> pictures: the one use case that the command line, the web page, evaluation and previews share.

Picture k draws its noise from its own CPU generator, seeded with its seed, as diffusers does with a list of
generators: it is the same picture, to 1/255, alone or among others.

Shapes: B pictures sampled together, C latent channels, H W pixels, h w latent height and width, N condition channels.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from zeroconv import conditions
from zeroconv.base import BaseModel
from zeroconv.control import Control, Text
from zeroconv.errors import UserError
from zeroconv.generate.doubts import EffectCheck, announce_retry, find_fault, in_float32
from zeroconv.generate.expected import telling
from zeroconv.generate.low_memory import decoded, lent
from zeroconv.generate.pasting import pasted
from zeroconv.generate.picture_input import PictureInput, draw_noise, mask_tensor
from zeroconv.generate.prepare import prepare
from zeroconv.generate.prepared import OwnImages, Prepared, PreparedControl
from zeroconv.generate.prompt_modes import encode_prompts
from zeroconv.request import Request
from zeroconv.sampling import ControlInput, PredictNoise, Watch, guided_noise, sample
from zeroconv.sampling.image_start import ImageStart
from zeroconv.sampling.influence import Influence
from zeroconv.sampling.layer_weights import layer_weights
from zeroconv.sampling.timing import Moment
from zeroconv.weights import Sidecar

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
    influence: Influence | None = None,
    device: torch.device | None = None,
    on_expected: Callable[[Tensor], object] | None = None,
) -> Iterator[Image.Image]:
    """One RGB picture per seed, in order; UserError for a request this base cannot serve.

    batch_size  pictures sampled together; None: as many as cover a megapixel, at most 16
    on_step     called after each denoising step with the number of pictures it brought forward
    influence   is told what each control adds; `influence_of(prepared)` makes one
    device      where each network is brought while it runs, and not longer; None: all stay where they are
    on_expected is given, at each step before on_step, the latents (B, C, h, w) that the step expects to end with
    """
    prepared = request if isinstance(request, Prepared) else prepare(base, request)
    (width, height), count = prepared.size, len(prepared.request.seeds)
    together = batch_size or max(1, min(_PICTURES_AT_ONCE, _PIXELS_AT_ONCE // (width * height)))
    check = EffectCheck(_acting(prepared, together))
    batch = _batches(prepared, _all_of(check, influence), on_step, on_expected)
    for first in range(0, count, together):
        pictures = slice(first, first + together)
        watching = nullcontext() if influence is None else influence.watching(prepared.base.unet)
        with lent(device, *_sampling_networks(prepared)), watching:
            latents = batch(pictures)
        images = _sound_images(prepared, latents, pictures, device)
        if first == 0:
            check.warn()
        yield from (_with_kept_part(prepared, image) for image in _to_images(images))


def _sampling_networks(prepared: Prepared) -> list[nn.Module]:
    """What runs until the latents are there; a picture to begin from is encoded first."""
    networks = [prepared.base.unet, *(control.controlnet for control in prepared.controls)]
    return [*dict.fromkeys(networks), *([] if prepared.image is None else [prepared.base.vae])]


def _with_kept_part(prepared: Prepared, made: Image.Image) -> Image.Image:
    """What the mask keeps, put back from the picture that is changed, if that is asked for."""
    if prepared.image is None or prepared.mask is None or not prepared.request.paste:
        return made
    return pasted(made, prepared.image, prepared.mask, prepared.request.feather)


def _acting(prepared: Prepared, together: int) -> dict[int, str]:
    """The controls that have a strength in the first batch, which is watched for their effect."""
    controls, count = enumerate(prepared.controls), len(prepared.request.seeds)
    return {index: c.request.name for index, c in controls if any(c.request.strengths(count)[:together])}


def influence_of(prepared: Prepared) -> Influence:
    """What can watch how much each of the request's controls contributes, and where two pull apart."""
    has_embedding = prepared.base.unet.config.get("time_cond_proj_dim") is not None
    names = [control.request.name for control in prepared.controls]
    return Influence(names, is_guided=prepared.guidance != 1 and not has_embedding)


def _all_of(*watches: Watch | None) -> Watch:
    def watch(index: int, control: Control, moment: Moment) -> None:
        for each in watches:
            if each is not None:
                each(index, control, moment)

    return watch


def _batches(
    prepared: Prepared,
    watch: Watch | None = None,
    on_step: Callable[[int], object] | None = None,
    on_expected: Callable[[Tensor], object] | None = None,
) -> Callable[[slice], Tensor]:
    """Which pictures -> their latents (B, C, h, w); what all pictures share is computed once."""
    predictions, begin = _predictions(prepared, watch), _beginning(prepared)

    def batch(pictures: slice) -> Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in prepared.request.seeds[pictures]]
        noise, start, channels = begin(generators)
        latents, predict = noise, predictions(pictures, channels)
        if on_expected is not None:
            predict = telling(predict, prepared.base, on_expected)
        steps = (predict, prepared.scheduler, noise, prepared.steps, generators)
        for stage in sample(*steps, start=start):
            latents = stage
            if on_step:
                on_step(len(generators))
        return latents

    return batch


def _sound_images(prepared: Prepared, latents: Tensor, pictures: slice, device: torch.device | None) -> Tensor:
    """Latents (B, C, h, w) -> pictures (B, 3, H, W) in [-1, 1]; those in which half precision failed are made again in
    float32, which leaves the others as they are."""
    base = prepared.base
    with lent(device, base.vae):
        images = decoded(base, latents)
    fault = find_fault(base, latents, images)
    if fault is None or not announce_retry(base, fault):
        return images
    nets = () if fault.is_decoding else (*_sampling_networks(prepared), *base.text_encoders)
    with in_float32(*dict.fromkeys((base.vae, *nets))):
        if not fault.is_decoding:
            with lent(device, *_sampling_networks(prepared)):
                latents = _batches(prepared)(pictures)
        with lent(device, base.vae):
            again = decoded(base, latents)
        images = torch.where(fault.rows[:, None, None, None].to(images.device), again, images)
        remaining = find_fault(base, latents, images)
        if remaining is not None:
            announce_retry(base, remaining)
    return images


@torch.no_grad()
def _predictions(prepared: Prepared, watch: Watch | None) -> Callable[[slice, Tensor | None], PredictNoise]:
    """The base under guidance and control, for a batch of the pictures; texts are encoded once for all."""
    base, request, guidance = prepared.base, prepared.request, prepared.guidance
    inputs = [_control_input(base, control) for control in prepared.controls]
    strengths = [control.request.strengths(len(request.seeds)) for control in prepared.controls]
    texts = _texts(prepared)

    def predictions(pictures: slice, channels: Tensor | None) -> PredictNoise:
        own = [_of(entry, each, pictures) for entry, each in zip(inputs, strengths, strict=True)]
        prompts, negatives = (text.to(base.device, base.dtype) for text in texts(pictures))
        savings = prepared.level.savings
        return guided_noise(base, own, prompts, negatives, guidance, channels=channels, watch=watch, savings=savings)

    return predictions


def _texts(prepared: Prepared) -> Callable[[slice], tuple[Text, Text]]:
    """The texts of a batch of the pictures; where all share theirs, encoded once."""
    base, request = prepared.base, prepared.request
    if prepared.texts:
        return lambda pictures: _joined(prepared.texts if len(prepared.texts) == 1 else prepared.texts[pictures])

    def rows(text: str | tuple[str, ...], pictures: slice) -> list[str]:
        return [text] if isinstance(text, str) else list(text[pictures])

    def texts(pictures: slice) -> tuple[Text, Text]:
        prompts, negatives = rows(request.prompt, pictures), rows(request.negative, pictures)
        return encode_prompts(base, prompts, negatives, prepared.size, request.prompt_mode)

    if not (isinstance(request.prompt, str) and isinstance(request.negative, str)):
        return texts
    shared = texts(slice(None))
    return lambda pictures: shared


def _joined(texts: tuple[tuple[Text, Text], ...]) -> tuple[Text, Text]:
    prompts, negatives = zip(*texts, strict=True)
    return Text.cat(prompts), Text.cat(negatives)


def _beginning(
    prepared: Prepared,
) -> Callable[[list[torch.Generator]], tuple[Tensor, ImageStart | None, Tensor | None]]:
    """Generators -> noise (B, C, h, w), the picture to begin from, and an inpainting U-Net's further channels."""
    base, image, denoise = prepared.base, prepared.image, prepared.request.denoise
    if image is None or denoise is None:
        return lambda generators: (draw_noise(base, prepared.size, generators), None, None)
    return PictureInput(base, image, prepared.mask, denoise).begin


def _of(entry: ControlInput, strengths: tuple[float, ...], pictures: slice) -> ControlInput:
    """The control of a batch of the pictures: of images and masks the batch's own, where each picture has its own."""
    image = entry.image if len(entry.image) == 1 else entry.image[pictures]
    mask = entry.mask if entry.mask is None or len(entry.mask) == 1 else entry.mask[pictures]
    return replace(entry, image=image, mask=mask, strength=_shared(strengths[pictures]))


def _shared(strengths: tuple[float, ...]) -> float | Tensor:
    """One number where all pictures share it, else (B,)."""
    return strengths[0] if len(set(strengths)) == 1 else torch.tensor(strengths)


def _control_input(base: BaseModel, control: PreparedControl) -> ControlInput:
    """The control as sampling takes it, but for its strength, which each picture may have of its own."""
    asked, channels = control.request, control.controlnet.condition_channels
    own = control.own or (OwnImages(control.condition, control.mask),)
    images = [network_input(asked.name, each.condition, channels, control.sidecar) for each in own]
    masks = [mask_tensor(each.mask) for each in own if each.mask is not None]
    return ControlInput(
        control.controlnet,
        torch.cat(images).to(base.device, base.dtype),
        start=asked.start,
        end=asked.end,
        window=asked.window,
        schedule=asked.schedule,
        weights=layer_weights(asked.weights, control.controlnet),
        mask=torch.cat(masks).to(base.device, base.dtype) if masks else None,
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


def _to_images(images: Tensor) -> Iterator[Image.Image]:
    """(B, 3, H, W) in [-1, 1] -> 8-bit RGB pictures."""
    for image in ((images / 2 + 0.5) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy():
        yield Image.fromarray(image)
